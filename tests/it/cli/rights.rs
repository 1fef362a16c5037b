//! `portway rights` and `portway notices`.

use crate::stage::{Cli, Role, SUBSCRIPTION, Stage, draft, now};

/// An alert of the police that the council's system has received.
async fn received() -> (Stage, String, Cli) {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let service = stage.connect("police", Role::Service).await;
    let alert = service.publish(draft(now()), None).await.unwrap().alert;
    let system = Cli::of(&stage, "council", Role::Service);
    system.run(["follow", "--subscription", SUBSCRIPTION, "--pull"]).done();
    (stage, alert, system)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_recalls_and_sees_who_has_acknowledged() {
    let (stage, alert, system) = received().await;
    let police = Cli::of(&stage, "police", Role::Officer);

    let restrict = ["rights", "restrict", &alert, "--reason", "ACCURACY_CONTESTED"];
    let text = police.run(restrict).done();
    assert!(text.starts_with("restricted: record "), "{text}");
    assert!(police.run(["rights", "lift", &alert, "--json"]).json()["index"].is_u64());
    let (reason, _) = police
        .run([
            "rights",
            "recall",
            "01920000-0000-7abc-8def-0123456789ab",
            "--reason",
            "WRONG",
            "--json",
        ])
        .failed_json(3);
    assert_eq!(reason, "ALERT_UNKNOWN");
    police.run(["rights", "recall", &alert, "--reason", "WRONG"]).done();

    let told = system.run(["notices", "--json"]).lines();
    let kinds: Vec<_> = told.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    let expected = ["RESTRICTED", "RESTRICTION_LIFTED", "RECALLED"];
    assert_eq!(kinds, expected.map(|it| format!("ALERT_NOTICE_KIND_{it}")));
    let text = system.run(["notices"]).done();
    assert!(text.contains(&format!("3  {alert} of police: RECALLED, WRONG: delete it")), "{text}");
    let acknowledged = system.run(["notices", "--ack", "2", "--max", "0"]);
    assert!(acknowledged.stderr.contains("acknowledged up to 2"), "{acknowledged:?}");
    acknowledged.done();
    let (reason, _) = system.run(["notices", "--ack", "4", "--json"]).failed_json(3);
    assert_eq!(reason, "ACKNOWLEDGED_BEYOND_DELIVERED");

    let all = police.run(["rights", "notices", "--json"]).lines();
    let states: Vec<_> = all.iter().map(|it| it["state"].as_str().unwrap()).collect();
    let expected = ["ACKNOWLEDGED", "ACKNOWLEDGED", "SENT"].map(|it| format!("NOTICE_STATE_{it}"));
    assert_eq!(states, expected);
    let left = police.run(["rights", "notices", "--outstanding", "--alert", &alert]).done();
    assert!(left.ends_with(&format!("RECALLED of {alert} to council: sent\n")), "{left}");
    assert_eq!(left.lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_objection_is_told_listed_and_answered() {
    let (stage, alert, _) = received().await;
    let council = Cli::of(&stage, "council", Role::Officer);
    let object =
        ["rights", "object", &alert, "--publisher", "police", "--kind", "ERASURE", "--json"];
    let objection = council.run(object).json()["index"].as_u64().unwrap();

    let police = Cli::of(&stage, "police", Role::Officer);
    let text = police.run(["rights", "objections", "--open"]).done();
    assert_eq!(text, format!("{objection}  ERASURE to {alert} of police, by council: open\n"));
    let number = objection.to_string();
    let answer =
        ["rights", "answer", &number, "--outcome", "DECLINED", "--ground", "LEGAL_OBLIGATION"];
    police.run(answer).done();
    assert_eq!(police.run(["rights", "objections", "--open"]).done(), "");
    let answered = council.run(["rights", "objections", "--json"]).lines();
    assert_eq!(answered[0]["outcome"], "OBJECTION_OUTCOME_DECLINED");
    let said = council.run(["rights", "object", &alert, "--kind", "ANYTHING"]).failed(2);
    assert!(said.contains("one of PROCESSING, ACCURACY, ERASURE, RESTRICTION"), "{said}");
}
