//! `Audit`.

use portway::{
    domain::{Act, Reason},
    pb::v1 as pb,
};
use tonic::{Code, Status};

use crate::stage::{Due, Role, SUBSCRIPTION, Speaker, Stage, size};

const fn due(code: Code, reason: Reason) -> Due {
    Due { code, reason, act: Act::ReadLog }
}

const WRONG_ROLE: Due = due(Code::PermissionDenied, Reason::WrongRole);
const NO_PURPOSE: Due = due(Code::InvalidArgument, Reason::MissingField);
const BEYOND: Due = due(Code::NotFound, Reason::BeyondTheLog);
const LAWFULNESS: i32 = pb::QueryPurpose::Lawfulness as i32;

/// Those who may not read the log.
const OTHERS: [(&str, Role); 2] = [("police", Role::Service), ("", Role::Operator)];

async fn show(speaker: &Speaker, index: u64, purpose: i32) -> Status {
    let request = pb::ShowRecordRequest { index, purpose };
    speaker.audit().show_record(request).await.expect_err("refused")
}

async fn export(speaker: &Speaker, (start, end): (u64, u64), purpose: i32) -> Status {
    let request = pb::ExportRecordsRequest { start, end, purpose };
    speaker.audit().export_records(request).await.expect_err("refused")
}

async fn seal(speaker: &Speaker, size: u64, manifest: usize, purpose: i32) -> Status {
    let manifest = vec![1; manifest].into();
    let request = pb::SealExportRequest { size, manifest, purpose };
    speaker.audit().seal_export(request).await.expect_err("refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_show_record_to_all_but_officers_with_a_purpose() {
    let stage = Stage::start();
    for (agency, role) in OTHERS {
        let speaker = stage.speak(agency, role).await;
        WRONG_ROLE.check(&stage, "police", &show(&speaker, 0, LAWFULNESS).await).await;
    }
    let officer = stage.speak("police", Role::Officer).await;
    NO_PURPOSE.check(&stage, "police", &show(&officer, 0, 0).await).await;
    let unknown = due(Code::InvalidArgument, Reason::UnknownCode);
    unknown.check(&stage, "police", &show(&officer, 0, 999).await).await;
}

/// Whether the record is another agency's or does not exist cannot be told apart.
#[tokio::test(flavor = "multi_thread")]
async fn refuses_show_record_of_another_agency_like_one_that_does_not_exist() {
    let stage = Stage::start();
    stage.agree().await;
    let index = stage.subscribe("council").await.index;
    let officer = stage.speak("police", Role::Officer).await;
    let unknown = due(Code::NotFound, Reason::RecordUnknown);
    let mut said = Vec::new();
    for index in [index, 1 << 40, u64::MAX] {
        let status = show(&officer, index, LAWFULNESS).await;
        unknown.check(&stage, "police", &status).await;
        said.push((status.code(), status.message().to_owned()));
    }
    assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:?}");
    let council = stage.connect("council", Role::Officer).await;
    let own = council.show_record(index, portway::domain::QueryPurpose::Lawfulness).await;
    let record = own.unwrap().record.unwrap().record;
    assert!(record.windows(SUBSCRIPTION.len()).any(|it| it == SUBSCRIPTION.as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_export_records_to_all_but_officers_with_a_purpose() {
    let stage = Stage::start();
    for (agency, role) in OTHERS {
        let speaker = stage.speak(agency, role).await;
        WRONG_ROLE.check(&stage, "police", &export(&speaker, (0, 0), LAWFULNESS).await).await;
    }
    let officer = stage.speak("police", Role::Officer).await;
    NO_PURPOSE.check(&stage, "police", &export(&officer, (0, 0), 0).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_export_records_of_a_range_that_is_not_in_the_log() {
    let stage = Stage::start();
    let officer = stage.speak("police", Role::Officer).await;
    for range in [(0, 1 << 40), (2, 1), (u64::MAX, u64::MAX), (1 << 40, 0)] {
        BEYOND.check(&stage, "police", &export(&officer, range, LAWFULNESS).await).await;
    }
}

async fn prove(speaker: &Speaker, request: pb::ProveCompleteRequest) -> Status {
    speaker.audit().prove_complete(request).await.expect_err("refused")
}

fn complete() -> pb::ProveCompleteRequest {
    pb::ProveCompleteRequest { purpose: LAWFULNESS, ..pb::ProveCompleteRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_prove_complete_to_all_but_officers_with_a_purpose() {
    let stage = Stage::start();
    for (agency, role) in OTHERS {
        let speaker = stage.speak(agency, role).await;
        WRONG_ROLE.check(&stage, "police", &prove(&speaker, complete()).await).await;
    }
    let officer = stage.speak("police", Role::Officer).await;
    let no_purpose = pb::ProveCompleteRequest { purpose: 0, ..complete() };
    NO_PURPOSE.check(&stage, "police", &prove(&officer, no_purpose).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_prove_complete_of_a_range_that_is_not_in_the_log() {
    let stage = Stage::start();
    let officer = stage.speak("police", Role::Officer).await;
    for (start, end) in [(0, Some(1 << 40)), (2, Some(1)), (u64::MAX, None), (1 << 40, None)] {
        let request = pb::ProveCompleteRequest { start, end, ..complete() };
        BEYOND.check(&stage, "police", &prove(&officer, request).await).await;
    }
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let bounds = due(Code::InvalidArgument, Reason::OutOfBounds);
    for request in [
        pb::ProveCompleteRequest { from: at(2), to: at(2), ..complete() },
        pb::ProveCompleteRequest { to: at(1 << 40), ..complete() },
        pb::ProveCompleteRequest { from: at(2), start: 1, ..complete() },
        pb::ProveCompleteRequest { to: at(2), end: Some(1), ..complete() },
    ] {
        bounds.check(&stage, "police", &prove(&officer, request).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_seal_export_to_all_but_officers_with_a_purpose() {
    let stage = Stage::start();
    for (agency, role) in OTHERS {
        let speaker = stage.speak(agency, role).await;
        WRONG_ROLE.check(&stage, "police", &seal(&speaker, 1, 32, LAWFULNESS).await).await;
    }
    let officer = stage.speak("police", Role::Officer).await;
    NO_PURPOSE.check(&stage, "police", &seal(&officer, 1, 32, 0).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_seal_export_of_what_cannot_be_sealed() {
    let stage = Stage::start();
    let officer = stage.speak("police", Role::Officer).await;
    let beyond = size(&stage.connect("police", Role::Officer).await).await + 1000;
    BEYOND.check(&stage, "police", &seal(&officer, beyond, 32, LAWFULNESS).await).await;
    let malformed = due(Code::InvalidArgument, Reason::Malformed);
    for length in [0, 31, 33] {
        malformed.check(&stage, "police", &seal(&officer, 1, length, LAWFULNESS).await).await;
    }
}

/// A question that is good, to be spoilt.
fn question() -> pb::QueryRequest {
    pb::QueryRequest { purpose: LAWFULNESS, page_size: 10, ..pb::QueryRequest::default() }
}

async fn query(speaker: &Speaker, request: pb::QueryRequest) -> Status {
    speaker.audit().query(request).await.expect_err("refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_query_to_all_but_officers_with_a_purpose() {
    let stage = Stage::start();
    for (agency, role) in OTHERS {
        let speaker = stage.speak(agency, role).await;
        WRONG_ROLE.check(&stage, "police", &query(&speaker, question()).await).await;
    }
    let officer = stage.speak("police", Role::Officer).await;
    let no_purpose = pb::QueryRequest { purpose: 0, ..question() };
    NO_PURPOSE.check(&stage, "police", &query(&officer, no_purpose).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_query_for_what_cannot_be_asked() {
    let stage = Stage::start();
    let officer = stage.speak("police", Role::Officer).await;
    let bounds = due(Code::InvalidArgument, Reason::OutOfBounds);
    for page_size in [0, 1001, u32::MAX] {
        let request = pb::QueryRequest { page_size, ..question() };
        bounds.check(&stage, "police", &query(&officer, request).await).await;
    }
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let token =
        |kind, epoch, length| Some(pb::SubjectToken { kind, epoch, value: vec![1; length].into() });
    let filter = pb::RecordFilter::default;
    for (filter, reason) in [
        (pb::RecordFilter { from: at(2), to: at(2), ..filter() }, Reason::OutOfBounds),
        (pb::RecordFilter { from: at(-1), ..filter() }, Reason::OutOfBounds),
        (pb::RecordFilter { agency: "*".to_owned(), ..filter() }, Reason::Malformed),
        (pb::RecordFilter { purpose: Some(0), ..filter() }, Reason::MissingField),
        (pb::RecordFilter { purpose: Some(999), ..filter() }, Reason::UnknownCode),
        (pb::RecordFilter { kind: Some(0), ..filter() }, Reason::MissingField),
        (pb::RecordFilter { kind: Some(12345), ..filter() }, Reason::UnknownCode),
        (pb::RecordFilter { alert: "1".to_owned(), ..filter() }, Reason::Malformed),
        (pb::RecordFilter { agreement: "%".to_owned(), ..filter() }, Reason::Malformed),
        (pb::RecordFilter { reason: "BAD_LUCK".to_owned(), ..filter() }, Reason::UnknownCode),
        (pb::RecordFilter { subject: token(2, 0, 32), ..filter() }, Reason::Malformed),
        (pb::RecordFilter { subject: token(2, 1, 31), ..filter() }, Reason::Malformed),
        (pb::RecordFilter { subject: token(0, 1, 32), ..filter() }, Reason::MissingField),
        (pb::RecordFilter { certificate: vec![1; 31].into(), ..filter() }, Reason::Malformed),
        (pb::RecordFilter { direction: Some(0), ..filter() }, Reason::MissingField),
        (pb::RecordFilter { direction: Some(3), ..filter() }, Reason::UnknownCode),
        (pb::RecordFilter { outcome: Some(0), ..filter() }, Reason::MissingField),
        (pb::RecordFilter { outcome: Some(5), ..filter() }, Reason::UnknownCode),
    ] {
        let request = pb::QueryRequest { filter: Some(filter), ..question() };
        let due = due(Code::InvalidArgument, reason);
        due.check(&stage, "police", &query(&officer, request).await).await;
    }
}

/// DPA 2018 s.62(4): logs are used for four purposes, and analytics is none of them. Whoever tries is on record.
#[tokio::test(flavor = "multi_thread")]
async fn analytics_of_the_log_is_refused_with_the_reason() {
    let stage = Stage::start();
    let officer = stage.speak("police", Role::Officer).await;
    let auditor = stage.speak("", Role::Auditor).await;
    let purpose = pb::QueryPurpose::Analytics.into();
    let analytics = due(Code::PermissionDenied, Reason::AnalyticsNotAPurpose);
    for speaker in [&officer, &auditor] {
        for status in [
            query(speaker, pb::QueryRequest { purpose, ..question() }).await,
            show(speaker, 0, purpose).await,
            export(speaker, (0, 0), purpose).await,
            seal(speaker, 1, 32, purpose).await,
        ] {
            analytics.check(&stage, "police", &status).await;
        }
    }
    let request = pb::ProveCompleteRequest { purpose, ..complete() };
    analytics.check(&stage, "police", &prove(&officer, request).await).await;
}

/// A page token goes on with the same question of the same agency, and with nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn refuses_query_with_a_page_token_that_is_forged_or_of_another_question() {
    let stage = Stage::start();
    stage.agree().await;
    let officer = stage.speak("police", Role::Officer).await;
    let first = pb::QueryRequest { page_size: 1, ..question() };
    let page = officer.audit().query(first.clone()).await.unwrap().into_inner();
    let token = page.next_page_token.to_vec();
    assert!(!token.is_empty());
    let forged = due(Code::InvalidArgument, Reason::PageTokenForged);
    let with = |token: Vec<u8>| pb::QueryRequest { page_token: token.into(), ..first.clone() };
    for place in [0, 15, 16, 20, 32, token.len() - 1] {
        let mut bad = token.clone();
        bad[place] ^= 1;
        forged.check(&stage, "police", &query(&officer, with(bad)).await).await;
    }
    for bad in [vec![1], token[..token.len() - 1].to_vec(), [&token[..], &[0]].concat()] {
        forged.check(&stage, "police", &query(&officer, with(bad)).await).await;
    }
    let filter = pb::RecordFilter { agency: "council".to_owned(), ..pb::RecordFilter::default() };
    let other = pb::QueryRequest { filter: Some(filter), ..with(token.clone()) };
    forged.check(&stage, "police", &query(&officer, other).await).await;
    let council = stage.speak("council", Role::Officer).await;
    forged.check(&stage, "council", &query(&council, with(token.clone())).await).await;
    officer.audit().query(with(token)).await.expect("its own question goes on");
}
