//! Lists of revocations from files: followed without a restart, cut who is on them, close their own CA when they
//! are out of date.

use super::{comes_in, following, next_number};
use crate::stage::{Cli, Role, Stage, crl, draft, in_force, now, put};

/// A stage where the council's CA has a list, with nobody on it.
fn stage() -> Stage {
    Stage::start_after(|stage| {
        let list = crl(&stage.path("ca/council"), 1, &[], now().plus_days(30));
        put(&stage.path("ca/council/crl.pem"), &list);
        stage.edit(|text| with_list(&text));
    })
}

/// A configuration that names the council's list.
fn with_list(text: &str) -> String {
    let own = "ca = \"../ca/council/ca.pem\"\n";
    let with_list = format!("{own}crl = \"../ca/council/crl.pem\"\n");
    text.replace(own, &with_list).replace("listen", "cut_within_ms = 400\nlisten")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_followed_and_who_is_on_it_is_cut() {
    let stage = stage();
    stage.agree().await;
    stage.subscribe("council").await;
    let mut follower = following(&stage, "council").await;
    let police = stage.connect("police", Role::Service).await;
    police.publish(draft(now()), None).await.unwrap();
    assert_eq!(next_number(&mut follower).await, 1);

    let (ca, home) = (stage.path("ca/council"), stage.home("council", Role::Service));
    put(&stage.path("ca/council/crl.pem"), &crl(&ca, 2, &[&home], now().plus_days(30)));

    while matches!(follower.next().await, Ok(Some(_))) {}
    assert!(!comes_in(&stage, "council", Role::Service).await);
    assert!(comes_in(&stage, "council", Role::Officer).await);
    // An older list would let it in again.
    put(&stage.path("ca/council/crl.pem"), &crl(&ca, 1, &[], now().plus_days(30)));
    in_force(&stage, |it| it.fault.contains("lower number")).await;
    assert!(!comes_in(&stage, "council", Role::Service).await);
}

/// It keeps its own agency out, and neither a start nor anybody else waits for the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_out_of_date_closes_its_own_agency_only() {
    let mut stage = stage();
    let ca = stage.path("ca/council");
    let past = now().before(std::time::Duration::from_secs(1));
    put(&stage.path("ca/council/crl.pem"), &crl(&ca, 2, &[], past));
    in_force(&stage, |it| it.crls.iter().any(|crl| crl.number == "02")).await;
    assert!(!comes_in(&stage, "council", Role::Service).await);
    assert!(comes_in(&stage, "police", Role::Service).await);
    stage.terminate();
    stage.serve_again();
    assert!(!comes_in(&stage, "council", Role::Service).await);
    assert!(stage.log_lines().contains("CRL_EXPIRED"));

    put(&stage.path("ca/council/crl.pem"), &crl(&ca, 3, &[], now().plus_days(1)));
    in_force(&stage, |it| it.crls.iter().any(|crl| crl.number == "03")).await;
    assert!(comes_in(&stage, "council", Role::Service).await);
}

/// What a running broker refuses, no start takes.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_list_stops_a_start() {
    let mut stage = stage();
    let (ca, file) = (stage.path("ca/council"), stage.path("ca/council/crl.pem"));
    put(&file, &crl(&ca, 9, &[], now().plus_days(30)));
    in_force(&stage, |it| it.crls.iter().any(|crl| crl.number == "09")).await;
    stage.terminate();
    put(&file, &crl(&ca, 8, &[], now().plus_days(30)));
    let config = stage.path("broker/portway.toml");
    let said = Cli::nobody().run(["serve", "--config", config.to_str().unwrap()]);
    assert!(said.failed(2).contains("lower number"));
    put(&file, &crl(&ca, 9, &[], now().plus_days(30)));
    stage.serve_again();
}

/// A list that is taken out of the configuration and brought back is held against the number that it had.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_taken_out_comes_back_no_older() {
    let stage = stage();
    let (ca, file) = (stage.path("ca/council"), stage.path("ca/council/crl.pem"));
    put(&file, &crl(&ca, 7, &[&stage.home("council", Role::Service)], now().plus_days(30)));
    in_force(&stage, |it| it.crls.iter().any(|crl| crl.number == "07")).await;
    let config = stage.path("broker/portway.toml");
    let with = std::fs::read_to_string(&config).unwrap();
    put(&config, &with.replace("crl = \"../ca/council/crl.pem\"\n", ""));
    in_force(&stage, |it| it.crls.is_empty()).await;

    put(&file, &crl(&ca, 6, &[], now().plus_days(30)));
    put(&config, &with);

    in_force(&stage, |it| it.fault.contains("lower number")).await;
    put(&file, &crl(&ca, 7, &[&stage.home("council", Role::Service)], now().plus_days(30)));
    in_force(&stage, |it| it.crls.iter().any(|crl| crl.number == "07")).await;
    assert!(!comes_in(&stage, "council", Role::Service).await);
}

/// P4: a disk without space keeps a list from being recorded, and not from biting.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_bites_though_it_cannot_be_recorded() {
    let mut stage = Stage::set();
    let (ca, file) = (stage.path("ca/council"), stage.path("ca/council/crl.pem"));
    put(&file, &crl(&ca, 1, &[], now().plus_days(30)));
    stage.edit(|text| with_list(&text));
    stage.serve_limited(300 << 10);
    stage.enrol();
    stage.agree().await;
    let police = stage.speak("police", Role::Service).await;
    while police.publish(crate::stage::request(draft(now()))).await.is_ok() {}
    let said = |what: &str| stage.log_lines().matches(what).count();
    let (refused, in_force) = ("generation refused", "generation in force");

    let list = crl(&ca, 3, &[&stage.home("council", Role::Service)], now().plus_days(30));
    put(&file, &list);

    while comes_in(&stage, "council", Role::Service).await {}
    for tries in 1..6 {
        while said(refused) < tries {
            tokio::task::yield_now().await;
        }
        assert!(!comes_in(&stage, "council", Role::Service).await, "after {tries} tries");
        assert!(comes_in(&stage, "council", Role::Officer).await);
    }
    assert_eq!(said(in_force), 0, "it is not recorded yet");
    // Nor does it come back where the list is taken back.
    put(&file, &crl(&ca, 2, &[], now().plus_days(30)));
    while said("lower number") == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!comes_in(&stage, "council", Role::Service).await);
    put(&file, &list);

    stage.lift_limit();
    while said(in_force) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!comes_in(&stage, "council", Role::Service).await);
    stage.terminate();
}
