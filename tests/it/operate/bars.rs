//! Revocation and suspension by operators: at once, on open streams and queued deliveries too, and through a
//! restart.

use std::fs;

use portway::{domain::Reason, record::Event};

use super::{comes_in, disclosures, done, following, next_number, operator};
use crate::stage::{Cli, Role, Stage, draft, events, fingerprint, now};

/// A stage on which the council has received one alert and has a stream open.
async fn stage_with_a_follower() -> (Stage, portway::client::Follower) {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.connect("police", Role::Service).await;
    let mut follower = following(&stage, "council").await;
    police.publish(draft(now()), None).await.unwrap();
    assert_eq!(next_number(&mut follower).await, 1);
    (stage, follower)
}

async fn nothing_comes(stage: &Stage, follower: &mut portway::client::Follower, index: u64) {
    let police = stage.connect("police", Role::Service).await;
    police.publish(draft(now()), None).await.unwrap();
    follower.next().await.expect_err("the connection is cut");
    assert_eq!(disclosures(stage, index).await, (1, 0));
    for _ in 0..3 {
        assert!(!comes_in(stage, "council", Role::Service).await);
    }
}

/// P4: one certificate, and none of the agency's others.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_cut_and_does_not_come_back() {
    let (mut stage, mut follower) = stage_with_a_follower().await;
    let stolen = fingerprint(&stage.home("council", Role::Service)).to_string();
    let index = done(&operator(&stage), &["revoke", "--certificate", &stolen]);
    nothing_comes(&stage, &mut follower, index).await;
    assert!(comes_in(&stage, "council", Role::Officer).await);
    assert!(stage.log_lines().contains("CERTIFICATE_REVOKED"));
    // Again it is the same record.
    assert_eq!(done(&operator(&stage), &["revoke", "--certificate", &stolen]), index);

    stage.terminate();
    stage.serve_again();
    assert!(!comes_in(&stage, "council", Role::Service).await);
    assert!(comes_in(&stage, "council", Role::Officer).await);
}

/// P4, P3: what waits for a suspended agency goes on waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_agency_comes_back_to_all_that_waited() {
    let (mut stage, mut follower) = stage_with_a_follower().await;
    let index = done(&operator(&stage), &["suspend", "--agency", "council"]);
    nothing_comes(&stage, &mut follower, index).await;
    assert!(!comes_in(&stage, "council", Role::Officer).await);
    stage.kill();
    stage.serve_again();
    assert!(!comes_in(&stage, "council", Role::Service).await);

    done(&operator(&stage), &["reinstate", "--agency", "council"]);

    let mut follower = following(&stage, "council").await;
    assert_eq!(next_number(&mut follower).await, 1);
    assert_eq!(next_number(&mut follower).await, 2);
    let said = operator(&stage).run(["operate", "reinstate", "--agency", "council", "--json"]);
    assert_eq!(said.failed_json(3).0, Reason::AgencyNotSuspended.code());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_agency_leaves_nothing_behind() {
    let (mut stage, mut follower) = stage_with_a_follower().await;
    let index = done(&operator(&stage), &["revoke", "--agency", "council"]);
    nothing_comes(&stage, &mut follower, index).await;
    let status = stage.connect("", Role::Operator).await.status().await.unwrap();
    assert_eq!((status.subscriptions, status.agencies_revoked), (0, vec!["council".to_owned()]));
    for command in ["reinstate", "suspend"] {
        operator(&stage).run(["operate", command, "--agency", "council"]).failed(3);
    }
    stage.terminate();
    stage.serve_again();
    assert!(!comes_in(&stage, "council", Role::Officer).await);
    assert_eq!(stage.connect("", Role::Operator).await.status().await.unwrap().subscriptions, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_ca_vouches_for_nobody() {
    let (stage, mut follower) = stage_with_a_follower().await;
    let ca = stage.path("ca/council/ca.pem");
    let index = done(&operator(&stage), &["revoke", "--ca", ca.to_str().unwrap()]);
    nothing_comes(&stage, &mut follower, index).await;
    assert!(!comes_in(&stage, "council", Role::Officer).await);
    // Another CA of the agency is not meant, whatever its name.
    let other = fs::read_to_string(stage.path("ca/housing/ca.pem")).unwrap();
    assert!(!other.is_empty() && comes_in(&stage, "housing", Role::Service).await);
}

/// Every act stands in the log, open to every officer, with who did it.
#[tokio::test(flavor = "multi_thread")]
async fn every_act_is_on_record_by_whom() {
    let stage = Stage::start();
    let suspended = done(&operator(&stage), &["suspend", "--agency", "housing"]);
    let reinstated = done(&operator(&stage), &["reinstate", "--agency", "housing"]);
    let own = fingerprint(&stage.home("", Role::Operator));
    for agency in ["police", "housing"] {
        let officer = stage.connect(agency, Role::Officer).await;
        let acts: Vec<(u64, String)> = events(&officer)
            .await
            .into_iter()
            .filter_map(|(index, event)| {
                let Event::Barred { by, .. } = event else { return None };
                assert_eq!(by.certificate, own);
                Some((index, by.seat.to_string()))
            })
            .collect();
        let by = "operator/ops-1".to_owned();
        assert_eq!(acts, [(suspended, by.clone()), (reinstated, by)]);
    }
    let said = Cli::of(&stage, "police", Role::Officer)
        .run(["audit", "query", "--kind", "AGENCY_SUSPENDED"])
        .done();
    assert!(said.contains("housing by operator/ops-1"), "{said}");
}
