//! What is not whole, not of the same log, or not in its place is refused, and nothing of it can be started.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{backup, house, restore, text, verify};
use crate::stage::{Cli, Role, Stage, copy_dir, draft, now};

/// How many bits are flipped.
const FLIPS: usize = 60;

async fn backed_up() -> Stage {
    let mut stage = Stage::start();
    stage.agree().await;
    let police = stage.connect("police", Role::Service).await;
    for _ in 0..5 {
        police.publish(draft(now()), None).await.unwrap();
    }
    stage.terminate();
    backup(&stage, "backup").json();
    stage
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.file_name().is_some_and(|name| name != "lock") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Numbers without a pattern, the same in every run (Knuth's MMIX).
fn scattered() -> impl Iterator<Item = usize> {
    std::iter::successors(Some(7_u64), |it| {
        Some(it.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|it| usize::try_from(it >> 33).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_anywhere_is_refused_and_its_file_named() {
    let stage = backed_up().await;
    let files = files(&stage.path("backup"));
    let mut numbers = scattered();
    for flip in 0..FLIPS {
        let path = &files[flip % files.len()];
        let sound = fs::read(path).unwrap();
        let mut harmed = sound.clone();
        let bit = numbers.next().unwrap() % (sound.len() * 8);
        harmed[bit / 8] ^= 1 << (bit % 8);
        fs::write(path, harmed).unwrap();

        let said = verify(&stage, "backup").failed(1);

        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(said.contains(name), "bit {bit} of {name}: {said}");
        fs::write(path, sound).unwrap();
    }
    house(&stage, "house");
    let segment = files.iter().find(|it| text(it).contains(".seg.")).unwrap();
    let sound = fs::read(segment).unwrap();
    fs::write(segment, &sound[..sound.len() - 1]).unwrap();
    let said = restore(&stage, ("backup", "house"), "broker/anchor", &[]).failed(1);
    assert!(said.contains(segment.file_name().unwrap().to_str().unwrap()), "{said}");
    assert!(!stage.path("house/keys/id").exists());
    fs::write(segment, sound).unwrap();
    restore(&stage, ("backup", "house"), "broker/anchor", &[]).json();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_belong_together_is_refused() {
    let stage = backed_up().await;
    let other = backed_up().await;
    house(&stage, "house");
    let refused =
        |backup: &str, anchor: &str| restore(&stage, (backup, "house"), anchor, &[]).failed(1);
    // Another log's keys, no keys, the journal's backup in their place.
    copy_dir(&stage.path("backup/journal"), &stage.path("mixed/journal"));
    assert!(refused("mixed", "broker/anchor").contains("does not exist"));
    copy_dir(&other.path("backup/keys"), &stage.path("mixed/keys"));
    assert!(refused("mixed", "broker/anchor").contains("another journal"));
    fs::remove_dir_all(stage.path("mixed/keys")).unwrap();
    copy_dir(&stage.path("backup/journal"), &stage.path("mixed/keys"));
    assert!(refused("mixed", "broker/anchor").contains("its keys are wanted here"));
    // Another log's anchor, and none.
    copy_dir(&other.path("broker/anchor"), &stage.path("strange"));
    assert!(refused("backup", "strange").contains("another journal"));
    assert!(refused("backup", "nowhere").contains("does not exist"));
    // Another master key, and none.
    let master = stage.path("house/keys/master.key");
    fs::copy(other.path("broker/keys/master.key"), &master).unwrap();
    assert!(refused("backup", "broker/anchor").contains("master key is not the one"));
    fs::remove_file(&master).unwrap();
    assert!(refused("backup", "broker/anchor").contains("the master key is in no backup"));
    fs::copy(stage.path("broker/keys/master.key"), &master).unwrap();
    // A place that is taken, and a backup of another log's.
    fs::write(stage.path("house/keys/mine"), "").unwrap();
    assert!(refused("backup", "broker/anchor").contains("only goes into empty directories"));
    fs::remove_file(stage.path("house/keys/mine")).unwrap();
    copy_dir(&other.path("backup"), &stage.path("strangers"));
    let said = backup(&stage, "strangers").failed(1);
    assert!(said.contains("a backup of another journal"), "{said}");

    restore(&stage, ("backup", "house"), "broker/anchor", &[]).json();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_journal_are_never_backed_up_to_one_place() {
    let stage = backed_up().await;
    let config = stage.path("broker/portway.toml");
    let run = |to: &str, keys: &str| {
        let (to, keys) = (stage.path(to), stage.path(keys));
        let args =
            ["backup", "--config", text(&config), "--to", text(&to), "--keys-to", text(&keys)];
        Cli::nobody().run(args).failed(1)
    };
    for (to, keys) in [
        ("one", "one"),
        ("one", "one/two"),
        ("one/two", "one"),
        ("broker/journal/backup", "two"),
        ("one", "broker/keys/backup"),
        ("one", "broker/anchor/../keys"),
    ] {
        let said = run(to, keys);
        assert!(said.contains("a place of their own"), "{to} {keys}: {said}");
    }
    let everything = files(&stage.path("backup"));
    let master = fs::read_to_string(stage.path("broker/keys/master.key")).unwrap();
    for path in everything {
        let content = fs::read(&path).unwrap();
        assert!(!content.windows(64).any(|it| it == &master.as_bytes()[..64]), "{path:?}");
    }
}

/// A restore that was killed leaves nothing that a broker would start on, and what fails cleans up behind itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_half_restored_is_never_started() {
    let mut stage = backed_up().await;
    house(&stage, "house");
    let [from, keys] = ["backup/journal", "backup/keys"].map(|it| stage.path(it));
    let (config, anchor) = (stage.path("house/portway.toml"), stage.path("broker/anchor"));
    // A full disk, as a limit on the size of files gives it.
    let limited = Command::new("prlimit")
        .args(["--fsize=40000", env!("CARGO_BIN_EXE_portway"), "restore"])
        .args(["--from", text(&from), "--keys-from", text(&keys)])
        .args(["--config", text(&config), "--anchor", text(&anchor)])
        .output()
        .unwrap();
    assert_eq!(limited.status.code(), Some(1), "{limited:?}");
    let said = String::from_utf8_lossy(&limited.stderr);
    assert!(said.contains("house") && said.contains("too large"), "{said}");
    assert!(files(&stage.path("house/journal")).is_empty());
    assert_eq!(files(&stage.path("house/keys")), [stage.path("house/keys/master.key")]);

    restore(&stage, ("backup", "house"), "broker/anchor", &[]).json();
    fs::write(stage.path("house/journal/restoring"), "").unwrap();
    let serve = ["serve", "--config", text(&config)];
    let said = Cli::nobody().run(serve).failed(1);
    assert!(said.contains("was not finished"), "{said}");
    fs::remove_file(stage.path("house/journal/restoring")).unwrap();
    stage.serve_in("house");
    stage.terminate();
}
