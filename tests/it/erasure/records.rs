//! Whole records at the end of the log's retention: written by the ledger under a clock of the year before last, erased by
//! a broker of today. What is left proves all that it did before.

use std::{fs, path::Path, sync::Arc};

use portway::{
    config::Settings,
    domain::{AlertId, Caller, Fingerprint, Seat, Timestamp},
    ledger::{self, Ledger, PublishAnswer},
    record::{self, ProposedAgreement, draft_from_pb},
};
use prost::Message;
use uuid::Builder;

use super::terms::Hands;
use crate::backup::{backup, house, restore};
use crate::stage::{AGREEMENT, Cli, Role, Stage, agreement, draft, now};

/// How many days ago the log was written.
const AGO: u64 = 400;

fn caller(seat: &str, certificate: u8) -> Caller {
    Caller { seat: Seat::parse(seat).unwrap(), certificate: Fingerprint([certificate; 32]) }
}

fn officer(agency: &str) -> Caller {
    caller(&format!("agency/{agency}/officer/ig-1"), 1)
}

async fn agree(ledger: &Ledger, at: Timestamp) {
    let agreed = agreement(at);
    let bytes = agreed.encode_to_vec().into();
    let agreement = record::agreement_from_pb(&agreed).unwrap().into();
    let proposed = ProposedAgreement { agreement, bytes };
    let proposed = ledger.propose(officer("police"), proposed).await.unwrap();
    for party in ["police", "council", "housing"] {
        let (id, version) = (AGREEMENT.parse().unwrap(), proposed.version.to_string());
        ledger.approve(officer(party), id, version).await.unwrap();
    }
}

fn segments(dir: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|it| it.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "seg"));
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Publishes until the journal has a segment behind the first one.
async fn write(broker: &Path, at: Timestamp) -> Vec<PublishAnswer> {
    let mut settings = Settings::read(&broker.join("portway.toml")).unwrap().ledger;
    settings.segment_bytes = 1 << 20;
    let mut start = ledger::open(&settings, Arc::new(Hands::at(at))).unwrap();
    agree(&start.ledger, at).await;
    let mut published = Vec::new();
    for number in 0_u64.. {
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&number.to_be_bytes());
        let id = Builder::from_unix_timestamp_millis(at.ms(), &tail).into_uuid();
        let id = AlertId::from_bytes(id.as_bytes()).unwrap();
        let alert = draft_from_pb(&draft(at)).unwrap();
        let by = caller("agency/police/service/rms", 2);
        published.push(start.ledger.publish(by, id, (alert, None)).await.unwrap());
        if number.is_multiple_of(100) && segments(&broker.join("journal")).len() > 1 {
            break;
        }
    }
    start.ledger.stop();
    start.running.ended().await.unwrap();
    published
}

fn holds(dir: &Path, record: &[u8]) -> bool {
    segments(dir).iter().any(|it| it.windows(record.len()).any(|window| window == record))
}

/// What the old log holds, and a broker of today on it that keeps records for 200 days.
async fn stage() -> (Stage, Vec<PublishAnswer>) {
    let mut stage = Stage::set();
    stage.edit(|text| format!("{text}[retention]\nsweep_seconds = 1\nrecords_days = 200\n"));
    let broker = stage.path("broker");
    let published =
        write(&broker, now().before(std::time::Duration::from_secs(AGO * 86_400))).await;
    stage.serve_again();
    stage.enrol();
    (stage, published)
}

/// P5: once their time in the log is over, records are erased whole, and only then; not before an operator has
/// confirmed the clock. Everything that is asked afterwards is answered as far as there are records, and proven.
#[tokio::test(flavor = "multi_thread")]
async fn p5_records_are_erased_at_the_end_of_the_logs_retention() {
    let (mut stage, published) = stage().await;
    let journal = stage.path("broker/journal");
    let (first, last) = (&published[0], &published[published.len() - 1]);
    let police = Cli::of(&stage, "police", Role::Officer);
    let erased = |index: u64| police.run(["audit", "show", &index.to_string(), "--json"]);
    police.run(["audit", "show", &first.receipt.index().to_string()]).done();
    let before = stage.path("before");
    police.run(["audit", "export", before.to_str().unwrap()]).done();
    backup(&stage, "backup").json();
    let copies = stage.path("backup/journal/files");
    assert!(holds_in(&copies, &first.record));

    assert!(holds(&journal, &first.record), "P5: nobody has confirmed the clock");

    let operator = Cli::of(&stage, "", Role::Operator);
    operator.run(["operate", "confirm-clock"]).done();
    while !stage.log_lines().contains("records are erased whole") {
        operator.run(["status"]).done();
    }
    assert!(!holds(&journal, &first.record), "P5: the record is still there");
    assert!(holds(&journal, &last.record), "P5: a record of the segment that grew was erased");
    let refused = erased(first.receipt.index());
    assert!(refused.stderr.contains("RECORD_ERASED"), "{refused:?}");
    police.run(["audit", "show", &last.receipt.index().to_string()]).done();

    let status = operator.run(["status"]).done();
    assert!(status.contains("are erased where nothing needs them"), "{status}");
    proves_what_is_left(&stage, &published, "running");
    stage.terminate();
    stage.serve_again_with(&["--check", "full"]);
    proves_what_is_left(&stage, &published, "restarted");
    stage.terminate();
    let again =
        Cli::nobody().run(["views", "rebuild", "--config", config(&stage).to_str().unwrap()]);
    again.done();
    stage.serve_again();
    proves_what_is_left(&stage, &published, "rebuilt");
    stage.terminate();

    // The backup of before is carried on: a segment that was written anew takes the place of its copy.
    backup(&stage, "backup").json();
    assert!(!holds_in(&copies, &first.record), "P5: the backup still has it");
    house(&stage, "house");
    restore(&stage, ("backup", "house"), "broker/anchor", &[]).json();
    assert_eq!(segments(&stage.path("house/journal")).len(), segments(&journal).len());
    stage.serve_in("house");
    stage.enrol();
    let police = Cli::of(&stage, "police", Role::Officer);
    let refused = police.run(["audit", "show", &first.receipt.index().to_string()]);
    assert!(refused.stderr.contains("RECORD_ERASED"), "{refused:?}");
    police.run(["audit", "show", &last.receipt.index().to_string()]).done();
}

fn holds_in(dir: &Path, record: &[u8]) -> bool {
    let files = fs::read_dir(dir).unwrap().map(|it| fs::read(it.unwrap().path()).unwrap());
    files.into_iter().any(|it| it.windows(record.len()).any(|window| window == record))
}

fn config(stage: &Stage) -> std::path::PathBuf {
    stage.path("broker/portway.toml")
}

/// An export, a proof of completeness and a backup hold together; the leaves are those that were told.
fn proves_what_is_left(stage: &Stage, published: &[PublishAnswer], name: &str) {
    let police = Cli::of(stage, "police", Role::Officer);
    let vkey = stage.path("broker/keys/log.vkey");
    let verify = |path: &Path| {
        let (path, vkey) = (path.to_str().unwrap(), vkey.to_str().unwrap());
        police.run(["audit", "verify", path, "--vkey", vkey, "--json"]).json()
    };
    let export = stage.path(name);
    police.run(["audit", "export", export.to_str().unwrap()]).done();
    let verified = verify(&export);
    let start = verified["complete"][0]["start"].as_u64().unwrap();
    assert!(start > published[0].receipt.index(), "{verified}");
    assert!(start <= published[published.len() - 1].receipt.index(), "{verified}");
    let lines = fs::read_to_string(export.join("records.jsonl")).unwrap();
    assert!(lines.contains("records_erased") || lines.contains("recordsErased"), "{name}");
    let proof = stage.path(&format!("{name}.jsonl"));
    police.run(["audit", "prove", "--complete", "--out", proof.to_str().unwrap()]).done();
    assert_eq!(verify(&proof)["complete"][0]["start"], start);

    let (to, keys) = (stage.path(&format!("{name}-backup")), stage.path(&format!("{name}-keys")));
    let of = config(stage);
    let [to, keys, of] = [&to, &keys, &of].map(|path| path.to_str().unwrap().to_owned());
    Cli::nobody().run(["backup", "--config", &of, "--to", &to, "--keys-to", &keys]).done();
    Cli::nobody().run(["restore", "--verify", "--from", &to]).done();
}
