//! A provider is replaced: its agreements end, it is revoked, its duty goes over to another, and the log shows that
//! nothing reached it afterwards. The steps are those of docs/operations/certificates.md.

use portway::{adapters, record};

use super::{comes_in, done, operator};
use crate::stage::{
    AGREEMENT, Cli, Role, SUBSCRIPTION, Stage, agreement_toml, draft, now, subscription,
};

/// Housing leaves and fire takes its place: the same flows, under the same id.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_reaches_a_provider_that_was_replaced() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("housing").await;
    let police = stage.connect("police", Role::Service).await;
    police.publish(draft(now()), None).await.unwrap();
    let old = Cli::of(&stage, "housing", Role::Service);
    old.run(["follow", "--subscription", SUBSCRIPTION, "--count", "1"]).done();
    police.publish(draft(now()), None).await.unwrap();

    // The parties that stay agree with the successor; what it replaces ends with the approval of the last.
    let text = agreement_toml(now()).replace("\"housing\"", "\"fire\"");
    let successor = record::agreement_to_pb(&adapters::agreement::parse(&text).unwrap());
    let officer = stage.connect("police", Role::Officer).await;
    let version = officer.propose_agreement(successor).await.unwrap().version;
    for agency in ["police", "council", "fire"] {
        let officer = stage.connect(agency, Role::Officer).await;
        officer.approve_agreement(AGREEMENT, &version).await.unwrap();
    }
    let fire = stage.connect("fire", Role::Service).await;
    fire.create_subscription(subscription(SUBSCRIPTION, now())).await.unwrap();
    let revoked = done(&operator(&stage), &["revoke", "--agency", "housing"]);

    assert!(!comes_in(&stage, "housing", Role::Service).await);
    police.publish(draft(now()), None).await.unwrap();
    let new = Cli::of(&stage, "fire", Role::Service);
    new.run(["follow", "--subscription", SUBSCRIPTION, "--count", "1"]).done();
    let officer = Cli::of(&stage, "police", Role::Officer);
    let disclosed = |agency: &str| {
        let asked =
            ["audit", "query", "--kind", "DISCLOSED", "--agency", agency, "--all", "--json"];
        let said = officer.run(asked).done();
        let indexes = said.lines().filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["record"]["index"].as_str()?.parse().ok()
        });
        indexes.collect::<Vec<u64>>()
    };
    let (before, after) = (disclosed("housing"), disclosed("fire"));
    assert_eq!((before.len(), after.len()), (1, 1));
    assert!(before[0] < revoked && after[0] > revoked);
}
