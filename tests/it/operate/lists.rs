//! Lists of revocations from files: followed without a restart, cut who is on them, close their own CA when they
//! are out of date.

use super::{comes_in, following, next_number};
use crate::stage::{Cli, Role, Stage, crl, draft, in_force, now, put};

/// A stage where the council's CA has a list, with nobody on it.
fn stage() -> Stage {
    Stage::start_after(|stage| {
        let list = crl(&stage.path("ca/council"), 1, &[], now().plus_days(30));
        put(&stage.path("ca/council/crl.pem"), &list);
        stage.edit(|text| {
            let own = "ca = \"../ca/council/ca.pem\"\n";
            let with_list = format!("{own}crl = \"../ca/council/crl.pem\"\n");
            text.replace(own, &with_list).replace("listen", "cut_within_ms = 400\nlisten")
        });
    })
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
