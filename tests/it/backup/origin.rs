//! A log that lost entries goes on under another origin: nobody who remembers the old one is led to believe that it is
//! the same, and nobody's agreements and subscriptions are lost.

use std::fs;

use portway::{
    client::{Error, Fault, Identity, Incoming, PullOptions, Pulled},
    domain::Name,
    record::{Event, LogRestored},
};

use super::{backup, house, number, restore, text};
use crate::stage::{Cli, PURPOSE, Role, SUBSCRIPTION, Stage, copy_dir, draft, events, now, size};

/// A log with two alerts, of which a backup was made, and then three more.
async fn outgrown() -> (Stage, u64) {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    publish(&stage, 2).await;
    let backed_up = number(&backup(&stage, "backup").json(), "size");
    publish(&stage, 3).await;
    (stage, backed_up)
}

async fn publish(stage: &Stage, count: usize) {
    let police = stage.connect("police", Role::Service).await;
    for _ in 0..count {
        police.publish(draft(now()), None).await.unwrap();
    }
}

async fn pulled(stage: &Stage) -> Pulled {
    let council = stage.connect("council", Role::Service).await;
    let name: Name = SUBSCRIPTION.parse().unwrap();
    let pulled = council.pull(&name, PURPOSE, PullOptions::default()).await.unwrap();
    let acknowledge =
        PullOptions { max: 0, resume: pulled.position.clone(), ..PullOptions::default() };
    council.pull(&name, PURPOSE, acknowledge).await.unwrap();
    pulled
}

fn deliveries(pulled: &Pulled) -> usize {
    pulled.incoming.iter().filter(|it| matches!(it, Incoming::Delivery(_))).count()
}

/// What an operator hands over by the way of enrolment.
fn enrol(stage: &Stage, house: &str, homes: &[(&str, Role)]) {
    for (agency, role) in homes {
        let to = stage.home(agency, *role).join("log.vkey");
        fs::copy(stage.path(house).join("keys/log.vkey"), to).unwrap();
    }
}

const EVERYBODY: [(&str, Role); 6] = [
    ("police", Role::Service),
    ("police", Role::Officer),
    ("council", Role::Service),
    ("council", Role::Officer),
    ("housing", Role::Officer),
    ("", Role::Operator),
];

async fn restored_record(stage: &Stage) -> (u64, LogRestored) {
    let officer = stage.connect("police", Role::Officer).await;
    let found = events(&officer).await.into_iter().filter_map(|(index, event)| {
        if let Event::LogRestored(it) = event { Some((index, it)) } else { None }
    });
    found.last().expect("the record of the restoration")
}

/// An export made now verifies by the key that was handed over.
fn export(stage: &Stage, to: &str) {
    let officer = Cli::of(stage, "police", Role::Officer);
    let dir = stage.path(to);
    officer.run(["audit", "export", text(&dir), "--purpose", "LAWFULNESS"]).done();
    let vkey = stage.home("police", Role::Officer).join("log.vkey");
    Cli::nobody().run(["audit", "verify", text(&dir), "--vkey", text(&vkey)]).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_entries_goes_on_under_another_origin() {
    let (mut stage, backed_up) = outgrown().await;
    assert_eq!(deliveries(&pulled(&stage).await), 5);
    let rotate = Cli::of(&stage, "", Role::Operator).run(["keys", "rotate"]);
    rotate.done();
    // From here on the other key alone signs, and whoever asks has to follow it.
    publish(&stage, 1).await;
    let seen = stage.connect("council", Role::Service).await.checkpoint().await.unwrap();
    stage.terminate();

    // Under its own origin it is not started.
    house(&stage, "plain");
    let said = restore(&stage, ("backup", "plain"), "broker/anchor", &[]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.stderr.contains("restore with --new-origin"), "{said:?}");
    let said = Cli::nobody().run(["serve", "--config", text(&stage.path("plain/portway.toml"))]);
    assert!(said.failed(1).contains("anchor says that it held"));

    // Under another it is.
    house(&stage, "anew");
    let anchor = stage.path("broker/anchor");
    let done = restore(&stage, ("backup", "anew"), "broker/anchor", &["--new-origin"]).json();
    assert_eq!(
        (number(&done, "size"), &done["origin"]),
        (backed_up, &"portway.test/portway/main/2".into())
    );
    let anchored = fs::read_to_string(anchor.join("anchor")).unwrap();
    let names = |dir: &str| {
        let entries = fs::read_dir(stage.path(dir)).unwrap();
        let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("log-signing")).collect::<Vec<_>>()
    };
    assert_eq!(names("anew/keys").len(), 1, "the old origin's key is gone");
    assert!(!names("anew/keys").contains(&"log-signing.sealed".to_owned()));
    stage.serve_in("anew");

    // Whoever was enrolled with the old key believes nothing, and is told why; nothing changes what it remembers.
    for (agency, role) in EVERYBODY {
        let error = stage.connect(agency, role).await.status().await.expect_err("the old key");
        let Error::Verification { fault, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*fault, Fault::Restored { generation: 2 }, "{error}");
    }
    let said = Cli::of(&stage, "police", Role::Officer).run(["status"]).failed(4);
    assert!(said.contains("restored from a backup") && said.contains("new log.vkey"), "{said}");
    let home = stage.home("council", Role::Service);
    assert_eq!(Identity::load(&home).unwrap().memory().known().unwrap().note, seen.note);

    // Newly enrolled, it goes on, and remembers the two apart.
    enrol(&stage, "anew", &EVERYBODY);
    assert_eq!(Identity::load(&home).unwrap().memory().known_size(), 0);
    assert!(
        home.join("checkpoint.origin-1").exists() && home.join("log.rotations.origin-1").exists()
    );
    let (index, record) = restored_record(&stage).await;
    assert_eq!((index, record.old_size), (backed_up, backed_up));
    assert_eq!(record.old_origin, "portway.test/portway/main");
    assert!(anchored.contains(record.lost_checkpoint.as_str()), "it names what is lost");
    // What the council took after the backup was made is delivered again: nobody knows of it here.
    assert_eq!(deliveries(&pulled(&stage).await), 2);
    publish(&stage, 1).await;
    assert_eq!(deliveries(&pulled(&stage).await), 1, "agreement and subscription go on");
    export(&stage, "export-2");
    let keys = Cli::of(&stage, "", Role::Operator).run(["keys", "rotate", "--json"]).json();
    assert!(keys["vkey"].as_str().unwrap().starts_with("portway.test/portway/main/2+"), "{keys}");
    export(&stage, "export-rotated");

    goes_on_once_more(stage, backed_up).await;
}

async fn goes_on_once_more(mut stage: Stage, backed_up: u64) {
    // It starts again as any log does, and can be lost and go on once more.
    stage.terminate();
    stage.serve_in("anew");
    assert!(size(&stage.connect("police", Role::Officer).await).await > backed_up);
    backup_of(&stage, "anew", "second");
    publish(&stage, 1).await;
    stage.kill();
    house(&stage, "again");
    let done = restore(&stage, ("second", "again"), "anew/anchor", &["--new-origin"]).json();
    assert_eq!(done["origin"], "portway.test/portway/main/3", "{done}");
    stage.serve_in("again");
    let error = stage.connect("council", Role::Service).await.status().await.expect_err("old");
    let Error::Verification { fault, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*fault, Fault::Restored { generation: 3 });
    enrol(&stage, "again", &EVERYBODY);
    assert_eq!(restored_record(&stage).await.1.old_origin, "portway.test/portway/main/2");
    export(&stage, "export-3");
    stage.terminate();
}

/// Whoever kept a checkpoint of the old origin can hold it against the log that goes on: what was restored extends it,
/// and what was lost is said to be.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_the_old_origin_is_held_against_the_log_that_goes_on() {
    let mut stage = Stage::start();
    stage.agree().await;
    let newest = async |stage: &Stage| {
        let council = stage.connect("council", Role::Service).await;
        council.checkpoint().await.unwrap().note.clone()
    };
    let early = newest(&stage).await;
    Cli::of(&stage, "", Role::Operator).run(["keys", "rotate"]).done();
    publish(&stage, 2).await;
    let backed_up = backup(&stage, "backup").json();
    let held = backed_up["checkpoint"].as_str().unwrap().to_owned();
    publish(&stage, 1).await;
    let lost = newest(&stage).await;
    stage.terminate();
    house(&stage, "anew");
    restore(&stage, ("backup", "anew"), "broker/anchor", &["--new-origin"]).json();
    stage.serve_in("anew");
    enrol(&stage, "anew", &[("police", Role::Officer)]);
    export(&stage, "export");

    let since = |note: &str| {
        let (older, dir) = (stage.path("older"), stage.path("export"));
        fs::write(&older, note).unwrap();
        let vkey = stage.path("anew/keys/log.vkey");
        let args = ["audit", "verify", text(&dir), "--vkey", text(&vkey), "--since", text(&older)];
        Cli::nobody().run(args)
    };
    for note in [&early, &held] {
        since(note).done();
    }
    let said = since(&lost).failed(4);
    let size = number(&backed_up, "size");
    assert!(
        said.contains(&format!("restored from a backup of its first {size} entries")),
        "{said}"
    );
    // Not signed by the key whose time it was, or of another log.
    let root = held.lines().nth(2).unwrap();
    let other = early.lines().nth(2).unwrap();
    since(&held.replace(root, other)).failed(4);
    since(&held.replace("portway/main", "portway/other")).failed(4);
}

/// Backs up the log of another house.
fn backup_of(stage: &Stage, house: &str, name: &str) {
    fs::create_dir_all(stage.path(name)).unwrap();
    let [to, keys] = ["journal", "keys"].map(|it| stage.path(name).join(it));
    let config = stage.path(house).join("portway.toml");
    let args = ["backup", "--config", text(&config), "--to", text(&to), "--keys-to", text(&keys)];
    Cli::nobody().run(args).done();
}

/// A broker that was rolled back stops once it is shown its own signature on a tree that it lacks, and what it was
/// shown is what the restored log says is lost.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_has_shown_is_named_as_lost() {
    let (mut stage, backed_up) = outgrown().await;
    let seen = stage.connect("council", Role::Service).await.checkpoint().await.unwrap();
    stage.terminate();
    // An anchor as old as the backup: nobody here knows of anything newer.
    house(&stage, "first");
    let nothing = restore(
        &stage,
        ("backup", "first"),
        "broker/anchor",
        &["--new-origin", "--checkpoint", "nowhere"],
    );
    assert!(nothing.failed(1).contains("nowhere"));
    fs::write(stage.path("shown"), &seen.note).unwrap();
    fs::write(stage.path("forged"), seen.note.replacen('\n', "x\n", 1)).unwrap();
    let shown = stage.path("shown");
    let with = |path: &str, house: &str| {
        let path = stage.path(path);
        let args = ["--new-origin", "--checkpoint", text(&path)];
        restore(&stage, ("backup", house), "broker/anchor", &args)
    };
    assert!(with("forged", "first").failed(1).contains("not a checkpoint of this log"));
    copy_dir(&stage.path("broker/anchor"), &stage.path("first/anchor"));
    fs::copy(&shown, stage.path("first/anchor/forked")).unwrap();

    // The mark of the fork is in the way of a plain restore, and is answered by the other.
    let plain = restore(&stage, ("backup", "first"), "first/anchor", &[]).failed(1);
    assert!(plain.contains("holds a checkpoint that this log signed and lacks"), "{plain}");
    restore(&stage, ("backup", "first"), "first/anchor", &["--new-origin"]).json();
    assert!(!stage.path("first/anchor/forked").exists());
    assert!(stage.path("first/anchor/forked.answered").exists());
    assert!(stage.path("first/anchor/anchor.replaced").exists());
    stage.serve_in("first");
    enrol(&stage, "first", &EVERYBODY);
    let (index, record) = restored_record(&stage).await;
    assert_eq!(index, backed_up);
    assert_eq!(record.lost_checkpoint, seen.note);
    stage.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_origin_is_taken_only_where_something_is_lost() {
    let mut stage = Stage::start();
    stage.agree().await;
    let size = number(&backup(&stage, "backup").json(), "size");
    stage.kill();
    house(&stage, "house");
    let said = restore(&stage, ("backup", "house"), "broker/anchor", &["--new-origin"]).failed(1);
    assert!(said.contains("nothing is known to be lost"), "{said}");
    // Without an anchor nobody knows, and it has to be said.
    let [from, keys] = ["journal", "keys"].map(|it| stage.path("backup").join(it));
    let config = stage.path("house/portway.toml");
    let args =
        ["restore", "--from", text(&from), "--keys-from", text(&keys), "--config", text(&config)];
    let run = |more: &[&str]| Cli::nobody().run(args.iter().chain(more));
    assert!(run(&[]).failed(2).contains("--anchor"));
    assert!(run(&["--anchor-lost"]).failed(2).contains("--new-origin"));
    run(&["--anchor-lost", "--new-origin"]).done();
    stage.serve_in("house");
    enrol(&stage, "house", &EVERYBODY);
    let (index, record) = restored_record(&stage).await;
    assert_eq!((index, record.lost_checkpoint.as_str()), (size, ""));
    stage.terminate();
}
