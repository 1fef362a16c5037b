//! Another generation, by every way to ask for one, under open streams; and one that is no good.

use std::fs;

use portway::{
    client::{Follower, Incoming},
    domain::ReloadCause,
    record::Event,
};

use super::{done, following, next_number, operator};
use crate::stage::{Cli, Role, Stage, copy_dir, draft, events, in_force, now, put};

/// The council follows, the certificate of the broker is replaced, and nobody notices.
#[tokio::test(flavor = "multi_thread")]
async fn the_brokers_certificate_is_replaced_under_an_open_stream() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.connect("police", Role::Service).await;
    let mut follower = following(&stage, "council").await;
    police.publish(draft(now()), None).await.unwrap();
    assert_eq!(next_number(&mut follower).await, 1);
    let before = stage.generation().await;

    stage.renew_server();
    let index = done(&operator(&stage), &["reload"]);

    let after = stage.generation().await;
    assert_ne!(after.digest, before.digest);
    assert!(after.taken > before.taken);
    police.publish(draft(now()), None).await.unwrap();
    assert_eq!(next_number(&mut follower).await, 2);
    let officer = stage.connect("police", Role::Officer).await;
    let recorded = events(&officer).await.into_iter().find(|(at, _)| *at == index);
    let Some((_, Event::Reloaded(reloaded))) = recorded else { panic!("{recorded:?}") };
    assert_eq!(reloaded.by.unwrap().seat.to_string(), "operator/ops-1");
    assert_eq!(reloaded.cause, ReloadCause::Request);
    assert_eq!(reloaded.generation.as_slice(), &after.digest[..]);
}

/// SIGHUP, and a file that is replaced: each is recorded as what it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_and_a_changed_file_are_followed() {
    let stage = Stage::start();
    stage.hang_up();
    in_force(&stage, |it| it.taken == 2).await;
    // The stranger's CA comes to speak for the school as well.
    let school = stage.path("ca/school/ca.pem");
    let both = [school.clone(), stage.path("ca/unknown/ca.pem")];
    put(&school, &both.map(|path| fs::read_to_string(path).unwrap()).concat());
    in_force(&stage, |it| it.taken == 3).await;

    let officer = stage.connect("police", Role::Officer).await;
    let causes: Vec<ReloadCause> = events(&officer)
        .await
        .into_iter()
        .filter_map(|(_, event)| if let Event::Reloaded(it) = event { Some(it) } else { None })
        .inspect(|reloaded| assert_eq!(reloaded.by, None))
        .map(|reloaded| reloaded.cause)
        .collect();
    assert_eq!(causes, [ReloadCause::Signal, ReloadCause::Files]);
}

/// A stage whose rules stand in a directory.
fn with_rules() -> Stage {
    Stage::start_after(|stage| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        copy_dir(&root.join("config/policy"), &stage.path("broker/rules"));
        stage.edit(|text| format!("{text}[policy]\ndir = \"rules\"\n"));
    })
}

/// What is refused is refused whole, is told with file and fault, and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_generation_is_refused_whole() {
    let stage = with_rules();
    let good = stage.generation().await;
    let bundle = stage.path("ca/fire/ca.pem");
    let rules = stage.path("broker/rules/children.cedar");
    let certificate = stage.path("broker/server/cert.pem");
    let config = stage.path("broker/portway.toml");
    for (path, content, fault) in [
        (&certificate, fs::read_to_string(&bundle).unwrap(), "do not belong together"),
        (&bundle, "-----BEGIN CERTIFICATE-----\nMIIB".to_owned(), "no certificate in PEM form"),
        (&rules, "forbid (".to_owned(), "rules: children.cedar: "),
        (&config, "[server]\nlisten = 3\n".to_owned(), "portway.toml"),
    ] {
        let before = fs::read_to_string(path).unwrap();
        put(path, &content);
        let said = operator(&stage).run(["operate", "reload", "--json"]);
        let (reason, error) = said.failed_json(3);
        assert_eq!(reason, "GENERATION_REFUSED");
        assert!(error["message"].as_str().unwrap().contains(fault), "{error}");
        let stands = stage.generation().await;
        assert_eq!((&stands.digest, stands.taken), (&good.digest, good.taken));
        assert!(stands.refused > 0 && stands.fault.contains(fault), "{stands:?}");
        put(path, &before);
        in_force(&stage, |it| it.fault.is_empty()).await;
    }
    assert!(stage.log_lines().contains("generation refused"));
    // All of them came in by the last good one.
    assert_eq!(stage.generation().await.digest, good.digest);
}

/// P4: what was given under other rules may be what these forbid. Streams that hold something are cut, and come back
/// to a decision of now; the others go on.
#[tokio::test(flavor = "multi_thread")]
async fn other_rules_cut_the_streams_that_hold_something() {
    let stage = with_rules();
    stage.agree().await;
    for agency in ["council", "housing"] {
        stage.subscribe(agency).await;
    }
    let police = stage.connect("police", Role::Service).await;
    let (mut council, mut housing) =
        (following(&stage, "council").await, following(&stage, "housing").await);
    police.publish(draft(now()), None).await.unwrap();
    assert_eq!(next_number(&mut council).await, 1);
    acknowledge_one(&stage, &mut housing).await;

    let path = stage.path("broker/rules/children.cedar");
    let text = fs::read_to_string(&path).unwrap();
    put(&path, &text.replace("Field::\"CONTACT\"", "Field::\"AS_OF\""));
    let index = done(&operator(&stage), &["reload"]);

    council.next().await.expect_err("it held something");
    police.publish(draft(now()), None).await.unwrap();
    assert_eq!(next_number(&mut housing).await, 2);
    let mut council = following(&stage, "council").await;
    assert_eq!((next_number(&mut council).await, next_number(&mut council).await), (1, 2));
    let officer = stage.connect("police", Role::Officer).await;
    let mut before = None;
    for (at, event) in events(&officer).await {
        if let Event::BrokerStarted { rules, .. } = event {
            before = Some(rules);
        } else if let Event::Reloaded(reloaded) = event
            && at == index
        {
            assert_ne!(Some(reloaded.rules), before, "the rules are others");
            return;
        }
    }
    panic!("no record of the reload");
}

/// Takes a delivery and waits until its acknowledgement has arrived.
async fn acknowledge_one(stage: &Stage, follower: &mut Follower) {
    let Some(Incoming::Delivery(delivered)) = follower.next().await.unwrap() else {
        panic!("no delivery")
    };
    follower.acknowledge(&delivered.position).await.unwrap();
    let housing = stage.connect("housing", Role::Service).await;
    while housing.list_subscriptions().await.unwrap()[0].acknowledged < delivered.number {}
}

/// A rule that does not decide the examples as they say is refused with all the rest.
#[tokio::test(flavor = "multi_thread")]
async fn rules_that_fail_their_examples_are_refused() {
    let stage = with_rules();
    let path = stage.path("broker/rules/examples.toml");
    let text = fs::read_to_string(&path).unwrap();
    put(&path, &text.replacen("answer = \"PERMITTED\"", "answer = \"STALE\"", 1));
    let said = operator(&stage).run(["operate", "reload", "--json"]);
    let (reason, error) = said.failed_json(3);
    assert_eq!(reason, "GENERATION_REFUSED");
    assert!(error["message"].as_str().unwrap().contains("rules: examples.toml"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_reload() {
    let stage = Stage::start();
    let officer = Cli::of(&stage, "police", Role::Officer);
    let (reason, _) = officer.run(["operate", "reload", "--json"]).failed_json(3);
    assert_eq!(reason, "WRONG_ROLE");
    assert_eq!(stage.generation().await.taken, 1);
}
