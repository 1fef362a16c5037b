//! `portway publish --csv`.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use portway::{client::Connection, record::Event};
use serde_json::Value;

use crate::stage::{Cli, Role, Said, Stage, events};

const MAP: &str = r#"
agency = "police"
times = "REPLAYED"
default_area = "N1"
expiry_days = 7

[contact]
role = "Duty desk"
number = "023 9200 0101"

[columns]
event_id = "id"
occurred_at = "at"
recorded_at = "entered"
surname = "last"
forename = "first"
dob = "born"
event_type = "what"
subject_category = "part"
left_behind = ["notes"]

[defaults]
certainty = "KNOWN"
urgency = "ROUTINE"

[events.NOISE]
type = "ANTISOCIAL_BEHAVIOUR"
purpose = "CRIME_AND_DISORDER"
agreement = "city-asb"
assertion = "FACT"

[events.GOSSIP]
type = "EXPLOITATION"
purpose = "CRIME_AND_DISORDER"
agreement = "city-asb"
assertion = "FACT"
"#;

const HEADER: &str = "id,at,entered,last,first,born,what,part,notes\n";

/// A row of the extract; its kind and its day of birth may be wrong.
fn row(number: usize, kind: &str, born: &str) -> String {
    format!(
        "E{number},2024-01-04T10:00,2024-01-04T11:00,Zzcanary,Abel,{born},{kind},OTHER,\"Zznote,\n2\"\n"
    )
}

fn good(number: usize) -> String {
    row(number, "NOISE", "1982-02-02")
}

/// A broker with an agreement in force, and a desk with a map and a key at the police.
struct Desk {
    stage: Stage,
    police: Cli,
}

impl Desk {
    async fn new() -> Self {
        let stage = Stage::start();
        stage.agree().await;
        fs::write(stage.path("map.toml"), MAP).unwrap();
        let key = stage.home("police", Role::Service).join("token.key");
        write_private(&key, &("0b".repeat(32) + "\n"));
        let police = Cli::of(&stage, "police", Role::Service);
        Self { stage, police }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.stage.path(name)
    }

    fn args(&self, rows: &str, more: &[&str]) -> Vec<PathBuf> {
        let csv = self.path("extract.csv");
        fs::write(&csv, format!("{HEADER}{rows}")).unwrap();
        let mut args = vec!["publish".into(), "--csv".into(), csv, "--map".into()];
        args.push(self.path("map.toml"));
        // What is the name of a file stands in the stage's directory.
        args.extend(more.iter().map(|it| if it.contains('.') { self.path(it) } else { it.into() }));
        args
    }

    fn publish(&self, rows: &str, more: &[&str]) -> Said {
        self.police.run(self.args(rows, more))
    }

    async fn officer(&self) -> Connection {
        self.stage.connect("police", Role::Officer).await
    }

    /// The ids of all published alerts, in order.
    async fn published(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for (_, event) in events(&self.officer().await).await {
            if let Event::Published(it) = event {
                ids.push(it.facts.id.to_string());
            }
        }
        ids
    }
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn alerts(receipts: &[Value]) -> Vec<String> {
    receipts.iter().map(|it| it["alert"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_published_in_order_and_what_is_wrong_is_reported_without_a_cell() {
    let desk = Desk::new().await;
    let rows = [
        good(1),
        row(2, "NOISE", "1982-31-02"),
        good(3),
        row(4, "GOSSIP", "1982-02-02"),
        "E5,short\n".to_owned(),
        good(6),
    ];
    let more = ["--receipts", "receipts.jsonl", "--report", "report.jsonl"];
    let said = desk.publish(&rows.concat(), &more);
    assert_eq!(said.status, 6, "{said:?}");
    assert_eq!(
        said.stderr,
        "6 rows: 3 published, 1 refused, 2 not understood\nportway: 3 rows are not published\n"
    );
    let printed: Vec<Value> =
        said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(printed, lines(&desk.path("receipts.jsonl")));
    assert_eq!(alerts(&printed), desk.published().await);

    let report = lines(&desk.path("report.jsonl"));
    let told = |it: &Value| {
        let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
        (it["line"].as_u64().unwrap(), text("column"), text("reason"), text("message"))
    };
    let told: Vec<_> = report.iter().map(told).collect();
    let of = |line, column: &str, reason: &str, message: String| {
        (line, column.to_owned(), reason.to_owned(), message)
    };
    // Each good row takes two lines. The refusal is known only once the block is sent.
    let places = report.iter().map(|it| (it["column"].as_str(), it["field"].as_str()));
    let places: Vec<_> = places.collect();
    assert_eq!(places, [(Some("born"), None), (None, None), (None, Some("type"))]);
    let decision = report[2]["decision"].as_u64().expect("the index of its record");
    assert_eq!(
        told,
        [
            of(4, "born", "DATE", "not a possible date".to_owned()),
            of(10, "", "RAGGED", "more or fewer cells than the header".to_owned()),
            of(
                8,
                "",
                "TYPE_NOT_AGREED",
                format!("refused: TYPE_NOT_AGREED at type (record {decision})")
            ),
        ]
    );
    let written = fs::read_to_string(desk.path("report.jsonl")).unwrap() + &said.stderr;
    assert!(!written.contains("Zz") && !written.contains("1982"), "{written}");
    let verified =
        desk.police.run(["audit", "verify", desk.path("receipts.jsonl").to_str().unwrap()]);
    assert_eq!(verified.status, 0, "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_tells_whether_all_some_or_nothing_is_published() {
    let desk = Desk::new().await;
    let refused = row(1, "GOSSIP", "1982-02-02");
    let wrong = row(2, "NOISE", "never");
    let status = |rows: &str| desk.publish(rows, &[]).status;
    assert_eq!(status(""), 0, "a day without events");
    assert_eq!(status(&good(3)), 0);
    assert_eq!(status(&refused), 3);
    assert_eq!(status(&wrong), 1);
    assert_eq!(status(&(refused.clone() + &wrong)), 1);
    assert_eq!(status(&(refused.clone() + &good(4))), 6);

    // Without a report it is told on stderr, a line each, before the sum.
    let said = desk.publish(&(refused + &wrong + &good(5)), &["--json"]);
    let told: Vec<Value> =
        said.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reasons: Vec<_> = told[..2].iter().map(|it| it["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["DATE", "TYPE_NOT_AGREED"]);
    assert_eq!((&told[2]["rows"], &told[2]["published"]), (&3.into(), &1.into()));
    assert_eq!((&told[3]["code"], told.len()), (&"PARTLY".into(), 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_a_receipt_are_not_sent_again_and_new_ones_are() {
    let desk = Desk::new().await;
    let kept = ["--receipts", "receipts.jsonl"];
    assert_eq!(desk.publish(&(good(1) + &good(2)), &kept).status, 0);
    let before = desk.published().await;
    assert!(!desk.path("receipts.jsonl.run").exists(), "nothing is open");

    // The next extract overlaps the last one.
    let said = desk.publish(&(good(2) + &good(3)), &kept);
    assert_eq!((said.status, said.stdout.lines().count()), (0, 1), "{said:?}");
    assert_eq!(said.stderr, "2 rows: 1 published, 1 done before\n");
    let after = desk.published().await;
    assert_eq!((&after[..2], after.len()), (&before[..], 3));
    assert_eq!(alerts(&lines(&desk.path("receipts.jsonl"))), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_a_key_or_a_header_that_does_not_fit_is_told_and_nothing_is_sent() {
    let desk = Desk::new().await;
    let size = crate::stage::size(&desk.officer().await).await;
    let with_map = |part: &str, other: &str| {
        assert!(MAP.contains(part), "{part}");
        fs::write(desk.path("map.toml"), MAP.replacen(part, other, 1)).unwrap();
        desk.publish(&good(1), &[]).failed(2)
    };
    for (part, other, named) in [
        ("times", "time", "map.toml: line 3: unknown field `time`"),
        ("\"FACT\"", "\"TRUTH\"", "map.toml: events.NOISE.assertion = \"TRUTH\""),
        ("\"CRIME_AND_DISORDER\"", "\"ANY\"", "purpose = \"ANY\": unknown purpose"),
        ("\"born\"", "\"dob\"", "column dob: column missing"),
        ("\"born\"", "\"dob\"", "column #6: column unknown to the map"),
        ("\"police\"", "\"council\"", "the map is of another agency"),
    ] {
        let message = with_map(part, other);
        assert!(message.contains(named), "{message}");
        assert!(!message.contains("born") && !message.contains("Zz"), "{message}");
    }
    fs::write(desk.path("map.toml"), MAP).unwrap();
    let key = desk.stage.home("police", Role::Service).join("token.key");
    for (content, named) in [(None, "token.key: "), (Some("short"), "not a token key of 64")] {
        fs::remove_file(&key).unwrap_or_default();
        content.into_iter().for_each(|content| write_private(&key, content));
        let message = desk.publish(&good(1), &[]).failed(2);
        assert!(message.contains(named) && !message.contains("short"), "{message}");
    }
    write_private(&key, &"0b".repeat(32));
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let message = desk.publish(&good(1), &[]).failed(2);
    assert!(message.contains("token.key: "), "{message}");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    for (report, receipts) in [
        ("extract.csv", "receipts.jsonl"),
        ("map.toml", "receipts.jsonl"),
        ("receipts.jsonl", "./receipts.jsonl"),
        ("receipts.jsonl.run", "receipts.jsonl"),
    ] {
        let message =
            desk.publish(&good(1), &["--report", report, "--receipts", receipts]).failed(2);
        assert!(message.contains("the report would overwrite it"), "{message}");
    }
    assert_eq!(fs::read_to_string(desk.path("map.toml")).unwrap(), MAP);
    fs::write(desk.path("receipts.csv"), "name,address\n").unwrap();
    let message = desk.publish(&good(1), &["--receipts", "receipts.csv"]).failed(2);
    assert!(message.contains("receipts.csv: line 1: not a receipt"), "{message}");
    for lacking in [
        vec!["publish"],
        vec!["publish", "--csv", "x"],
        vec!["publish", "--map", "x"],
        vec!["publish", "--file", "x", "--map", "y"],
    ] {
        desk.police.run(lacking).failed(2);
    }
    assert_eq!(crate::stage::size(&desk.officer().await).await, size);
}

/// Killed in the middle and begun again until it comes to its end: every row stands in the log once.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_goes_on_and_publishes_every_row_once() {
    let desk = Desk::new().await;
    let rows: Vec<String> = (0..700).map(good).collect();
    let args = desk.args(&rows.concat(), &["--receipts", "receipts.jsonl"]);
    for receipts in [1, 100, 200, 150] {
        desk.police.kill_after(&args, receipts);
        assert!(desk.path("receipts.jsonl.run").exists());
    }
    // And once with a receipt that was not written to its end.
    let kept = fs::read_to_string(desk.path("receipts.jsonl")).unwrap();
    fs::write(desk.path("receipts.jsonl"), kept.get(..kept.len() - 40).unwrap()).unwrap();

    let last = desk.police.run(&args);

    assert_eq!(last.status, 0, "{}", last.stderr);
    assert!(last.stderr.starts_with("an interrupted run is gone on with\n"), "{}", last.stderr);
    let published = desk.published().await;
    assert_eq!(published.len(), 700, "in the log");
    let mut receipts = alerts(&lines(&desk.path("receipts.jsonl")));
    assert_eq!(receipts.len(), 700, "with a receipt");
    receipts.sort_unstable();
    let mut sorted = published;
    sorted.sort_unstable();
    assert_eq!(receipts, sorted);
    assert!(!desk.path("receipts.jsonl.run").exists());
    let again = desk.police.run(&args);
    assert_eq!((again.status, again.stdout.as_str()), (0, ""));
    assert_eq!(again.stderr, "700 rows: 0 published, 700 done before\n");
}
