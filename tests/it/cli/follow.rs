//! `portway follow`.

use std::fs::File;

use crate::stage::{Cli, Role, SUBSCRIPTION, Stage, draft, now};

/// A broker where four alerts wait for the council.
async fn waiting() -> (Stage, Cli) {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.connect("police", Role::Service).await;
    for _ in 0..4 {
        police.publish(draft(now()), None).await.unwrap();
    }
    let council = Cli::of(&stage, "council", Role::Service);
    (stage, council)
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_printed_once_and_what_is_not_acknowledged_comes_again() {
    let (_stage, council) = waiting().await;
    let follow = |args: &[&str]| {
        let all = ["follow", "--subscription", SUBSCRIPTION].iter().chain(args);
        council.run(all.copied()).lines()
    };
    let numbers = |lines: &[serde_json::Value]| -> Vec<u64> {
        lines.iter().map(|it| it["delivery"]["number"].as_u64().unwrap()).collect()
    };
    let unread = follow(&["--count", "2", "--no-ack"]);
    assert_eq!(numbers(&unread), [1, 2]);
    let again = follow(&["--count", "2", "--purpose", "CRIME_AND_DISORDER", "--json"]);
    assert_eq!(numbers(&again), [1, 2]);
    assert_eq!(again[0]["id"], unread[0]["id"]);
    assert_eq!(again[0]["delivery"]["redelivery"], true);
    assert_eq!(again[0]["case_reference"], "A-17");
    assert!(again[0].get("grading").is_none(), "withheld");
    assert_eq!(numbers(&follow(&["--count", "2"])), [3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_the_time_was_over_stays_printed_and_the_end_is_6() {
    let (_stage, council) = waiting().await;
    let follow = ["follow", "--subscription", SUBSCRIPTION, "--count", "9", "--timeout", "3"];
    let said = council.run(follow);
    assert_eq!((said.status, said.stdout.lines().count()), (6, 4), "{said:?}");
    assert!(said.stderr.contains("the time is over"), "{}", said.stderr);
    let quiet = ["follow", "--subscription", SUBSCRIPTION, "--timeout", "1", "--json"];
    let (reason, _) = council.run(quiet).failed_json(6);
    assert_eq!(reason, "PARTLY");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_not_acknowledged_and_comes_again() {
    let (_stage, council) = waiting().await;
    for how in ["--count=2", "--pull"] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let status = council.run_into(["follow", "--subscription", SUBSCRIPTION, how], full);
        assert_eq!(status, 1, "{how}");
    }
    let all = council.run(["follow", "--subscription", SUBSCRIPTION, "--count", "4"]).lines();
    let numbers: Vec<_> = all.iter().map(|it| it["delivery"]["number"].as_u64()).collect();
    assert_eq!(numbers, [1, 2, 3, 4].map(Some));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_not_there_or_for_another_purpose_is_told() {
    let (_stage, council) = waiting().await;
    let (reason, _) = council.run(["follow", "--subscription", "none", "--json"]).failed_json(1);
    assert_eq!(reason, "SUBSCRIPTION_UNKNOWN");
    let other =
        ["follow", "--subscription", SUBSCRIPTION, "--purpose", "HEALTH_AND_CARE", "--json"];
    let (reason, error) = council.run(other).failed_json(3);
    assert_eq!(reason, "PURPOSE_NOT_AGREED");
    assert!(error["decision"].is_u64(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_pulled_printed_and_acknowledged() {
    let (_stage, council) = waiting().await;
    let pull = |args: &[&str]| {
        let all = ["follow", "--subscription", SUBSCRIPTION, "--pull"].iter().chain(args);
        council.run(all.copied())
    };
    let numbers = |lines: &[serde_json::Value]| -> Vec<u64> {
        lines.iter().map(|it| it["delivery"]["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers(&pull(&["--no-ack"]).lines()), [1, 2, 3, 4]);
    let some = pull(&["--count", "3", "--json"]);
    assert!(some.stderr.contains("more may wait"), "{}", some.stderr);
    let some = some.lines();
    assert_eq!(numbers(&some), [1, 2, 3]);
    assert_eq!(
        (&some[0]["delivery"]["redelivery"], &some[0]["area"]),
        (&true.into(), &"N1".into())
    );
    assert_eq!(numbers(&pull(&["--count", "99999"]).lines()), [4]);
    assert_eq!(pull(&[]).lines().len(), 0);
    let message = pull(&["--timeout", "3"]).failed(2);
    assert!(message.contains("--timeout"), "{message}");
}
