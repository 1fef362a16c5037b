//! Golden bytes of one entry of each kind, of a draft and of a view: `tests/vectors/record/*.hex`. They
//! were written once. Where one differs the format has changed, and every log that exists with it.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc};

use prost::Message;

use super::protos;
use super::sample::{agency, agreement, at, draft, facts, officer, operator, system, view};
use crate::domain::{
    Act, AlertNotice, AlertRef, Barring, Caller, Draft, ErasureReason, Facts, Field, Filter,
    Fingerprint, Hex, HoldReason, ObjectionGround, ObjectionKind, ObjectionOutcome, QueryPurpose,
    Reason, RecallReason, ReloadCause, RestrictionReason, Rule, StaffReference, Subscription,
};
use crate::record::{
    Access, Answered, CertificateIssued, Disclosed, Erased, Event, Governed, Held, LogRestored,
    NoticeStep, NoticesDue, Ordered, ProposedAgreement, Published, Record, Refused, Released,
    Reloaded, RequestId, Retention, RightsEvent, Sealed, SealedFilter, SnapshotTaken,
    StoredSubscription, agreement_to_pb, decode, draft_bytes, encode, view_bytes,
};

fn of_governance() -> Vec<(&'static str, Event)> {
    let agreement = agreement();
    let bytes = agreement_to_pb(&agreement).encode_to_vec().into();
    let governed = Governed {
        by: officer(),
        id: agreement.id.clone(),
        proposed: 5,
        parties: vec![agency("police"), agency("council")],
    };
    let proposed = ProposedAgreement { agreement: Arc::new(agreement), bytes };
    vec![
        ("agreement_approved", Event::AgreementApproved(governed.clone())),
        ("agreement_proposed", Event::AgreementProposed { by: officer(), proposed }),
        ("agreement_withdrawn", Event::AgreementWithdrawn(governed)),
    ]
}

fn of_the_log() -> Vec<(&'static str, Event)> {
    let purpose = QueryPurpose::Lawfulness;
    let origin = "example.org/portway/log".to_owned();
    let vkey = "example.org/portway/log+00000000+AQ==".to_owned();
    vec![
        ("broker_started", Event::BrokerStarted { version: "0.1.0".to_owned(), rules: [1; 32] }),
        (
            "certificate_issued",
            Event::CertificateIssued(CertificateIssued {
                by: system(),
                certificate: Fingerprint([10; 32]),
                not_after: at().plus_days(90),
            }),
        ),
        ("consulted", Event::Consulted { by: officer(), purpose, start: 0, end: 300, about: None }),
        ("exported", Event::Exported { by: officer(), purpose, size: 300, manifest: [2; 32] }),
        (
            "key_rotated",
            Event::KeyRotated { by: operator(), old: vkey.clone(), new: vkey.replace('0', "1") },
        ),
        (
            "log_restored",
            Event::LogRestored(LogRestored {
                origin: format!("{origin}/2"),
                vkey: vkey.replace("log+", "log/2+"),
                old_origin: origin.clone(),
                old_size: 300,
                old_root: [4; 32],
                lost_checkpoint: format!("{origin}\n301\nroot\n\n\u{2014} {origin} signature\n"),
            }),
        ),
        ("log_started", Event::LogStarted { origin, vkey }),
        (
            "snapshot_taken",
            Event::SnapshotTaken(SnapshotTaken { size: 300, root: [3; 32], digest: [9; 32] }),
        ),
        ("tail_cut", Event::TailCut { size: 300, bytes: 17 }),
    ]
}

fn of_operations() -> Vec<(&'static str, Event)> {
    let barred = |act| Event::Barred { by: Caller::local(), act };
    let housing = || agency("housing");
    let reloaded = Reloaded {
        by: Some(Caller::local()),
        cause: ReloadCause::Request,
        generation: [1; 32],
        rules: [2; 32],
    };
    vec![
        ("agency_reinstated", barred(Barring::AgencyReinstated(housing()))),
        ("agency_revoked", barred(Barring::AgencyRevoked(housing()))),
        ("agency_suspended", barred(Barring::AgencySuspended(housing()))),
        ("authority_revoked", barred(Barring::AuthorityRevoked(Fingerprint([3; 32])))),
        ("certificate_revoked", barred(Barring::CertificateRevoked(Fingerprint([4; 32])))),
        ("reloaded", Event::Reloaded(reloaded)),
    ]
}

fn of_subscriptions() -> Vec<(&'static str, Event)> {
    let subscription = Subscription {
        name: "homes".parse().expect("a name"),
        purpose: draft().purpose,
        filter: Filter {
            types: [draft().kind].into(),
            areas: draft().area.into_iter().collect(),
            ..Filter::default()
        },
        expires_at: at().plus_days(400),
    };
    let sealed = Some(SealedFilter { slot: 0, content: [5; 32] });
    let stored = StoredSubscription { subscription, token_count: 2, sealed };
    let (by, recipient) = (system(), agency("landlord"));
    let acknowledged =
        Event::Acknowledged { subscription: 9, number: 2, agency: recipient.clone() };
    let skipped = Event::NumberSkipped {
        subscription: 9,
        number: 3,
        reason: Reason::Expired,
        recipient: recipient.clone(),
    };
    vec![
        ("acknowledged", acknowledged),
        ("number_skipped", skipped),
        ("redelivered", Event::Redelivered { disclosed: 12, opened: 14, recipient }),
        (
            "stream_opened",
            Event::StreamOpened { by: by.clone(), subscription: 9, on_behalf_of: None },
        ),
        (
            "subscription_created",
            Event::SubscriptionCreated { by: by.clone(), subscription: stored },
        ),
        ("subscription_deleted", Event::SubscriptionDeleted { by, subscription: 9 }),
    ]
}

fn of_alerts() -> Vec<(&'static str, Event)> {
    let published = Published {
        by: system(),
        facts: facts(),
        agreement: 5,
        flows: vec![0, 2],
        slot: 0,
        content: [6; 32],
        rectifies: None,
    };
    let disclosed = Disclosed {
        published: 11,
        agreement: 5,
        flow: 2,
        subscription: 9,
        opened: 10,
        number: 1,
        publisher: agency("police"),
        recipient: agency("landlord"),
        released: [Field::Type, Field::Subject, Field::CaseReference].into_iter().collect(),
        withheld: [Field::Grading].into_iter().collect(),
        view: [7; 32],
        rules: [Rule::AgreementCovers, Rule::LimitsMet].into(),
        regime_change: true,
        delete_after: at().plus_days(90),
    };
    let refused = Refused {
        by: None,
        act: Act::Disclose,
        reason: Reason::VictimFacingSuspect,
        agreement: Some(5),
        published: Some(0),
        subscription: None,
        suppressed: 3,
        recipient: Some(agency("probation")),
        publisher: Some(agency("police")),
    };
    vec![
        ("disclosed", Event::Disclosed(disclosed)),
        ("published", Event::Published(published)),
        ("refused", Event::Refused(refused)),
    ]
}

fn of_retention() -> Vec<(&'static str, Event)> {
    let targets = vec![Sealed { index: 11, slot: 0 }, Sealed { index: 15, slot: 2 }];
    let (by, reason) = (officer(), ErasureReason::Article17);
    let erased = Erased {
        agency: agency("police"),
        order: Some(Ordered { order: 20, approved: 21 }),
        targets: targets.clone(),
        swept: Some((0, Some(at().plus_days(30)))),
    };
    let held = Held {
        by: officer(),
        target: targets[1],
        reason: HoldReason::LegalClaim,
        review_at: at().plus_days(60),
        delete_after: at().plus_days(90),
    };
    let events = [
        ("erased", Retention::Erased(erased)),
        ("erasure_approved", Retention::Approved { by: officer(), order: 20 }),
        ("erasure_ordered", Retention::Ordered { by, reason, targets }),
        ("erasure_withdrawn", Retention::Withdrawn { by: officer(), order: 20 }),
        ("evidence_held", Retention::Held(held)),
        ("hold_released", Retention::Released { by: officer(), published: 15, held: 24 }),
        ("sweep_confirmed", Retention::Confirmed { by: Caller::local() }),
        ("records_erased", Retention::RecordsErased { up_to: 300, before: at() }),
        ("sweep_halted", Retention::Halted { ahead_ms: 90_000, at_start: false }),
    ];
    events.map(|(name, event)| (name, Event::Retention(event))).into()
}

fn of_access() -> Vec<(&'static str, Event)> {
    let request = RequestId([9; 16]);
    let (received_at, due_at) = (at(), at().plus_month());
    let opened = Access::Opened { by: officer(), request, received_at, due_at };
    let released = Released {
        by: officer(),
        request,
        report: [10; 32],
        entries: 7,
        withheld: 2,
        neither: false,
        corrects: None,
    };
    vec![
        ("report_released", Event::Access(Access::Released(released))),
        ("subject_request_opened", Event::Access(opened)),
    ]
}

fn alert_ref() -> AlertRef {
    AlertRef {
        published: 11,
        id: facts().id,
        publisher: agency("police"),
        delete_after: at().plus_days(90),
    }
}

fn of_rights() -> Vec<(&'static str, Event)> {
    let (by, alert) = (officer, alert_ref);
    let step = |notice| NoticeStep {
        due: 20,
        pulled: 21,
        alert: alert(),
        notice,
        recipient: agency("landlord"),
    };
    let due = NoticesDue {
        cause: 19,
        alert: alert(),
        notice: AlertNotice::Rectified(facts().id),
        recipients: vec![agency("landlord"), agency("probation")],
    };
    let answered = Answered {
        by: by(),
        alert: alert(),
        objection: 18,
        recorded_by: agency("landlord"),
        outcome: ObjectionOutcome::PartlyUpheld,
        ground: ObjectionGround::Inaccurate,
    };
    let (reason, kind) = (RecallReason::WrongPerson, ObjectionKind::Accuracy);
    let contested = RestrictionReason::AccuracyContested;
    [
        ("alert_recalled", RightsEvent::AlertRecalled { by: by(), alert: alert(), reason }),
        (
            "alert_restricted",
            RightsEvent::AlertRestricted { by: by(), alert: alert(), reason: contested },
        ),
        (
            "notice_acknowledged",
            RightsEvent::NoticeAcknowledged(step(AlertNotice::Recalled(reason))),
        ),
        ("notice_sent", RightsEvent::NoticeSent(step(AlertNotice::Restricted(contested)))),
        ("notices_due", RightsEvent::NoticesDue(due)),
        ("notices_pulled", RightsEvent::NoticesPulled { by: system() }),
        ("objection_answered", RightsEvent::ObjectionAnswered(answered)),
        ("objection_recorded", RightsEvent::ObjectionRecorded { by: by(), alert: alert(), kind }),
        ("restriction_lifted", RightsEvent::RestrictionLifted { by: by(), alert: alert() }),
    ]
    .map(|(name, event)| (name, Event::Rights(event)))
    .into()
}

fn events() -> Vec<(&'static str, Event)> {
    let of_log = [of_the_log(), of_operations(), of_retention(), of_access()].concat();
    [of_governance(), of_log, of_subscriptions(), of_alerts(), of_rights()].concat()
}

/// Entries with what came to their kinds later: without it they have the bytes above.
fn later() -> Vec<(&'static str, Event)> {
    let on_behalf_of: Option<StaffReference> = Some("PC-4711".parse().expect("a reference"));
    let opened =
        Event::StreamOpened { by: system(), subscription: 9, on_behalf_of: on_behalf_of.clone() };
    let published = Published {
        by: system(),
        facts: Facts { on_behalf_of, ..facts() },
        agreement: 5,
        flows: vec![0, 2],
        slot: 0,
        content: [6; 32],
        rectifies: None,
    };
    let rectifying =
        Published { rectifies: Some(alert_ref()), facts: facts(), ..published.clone() };
    vec![
        ("published_on_behalf_of", Event::Published(published)),
        ("published_rectifying", Event::Published(rectifying)),
        ("stream_opened_on_behalf_of", opened),
    ]
}

fn record(event: &Event) -> Record {
    let links = vec![[8; 32]; event.agencies().len()];
    Record { at: at(), links, event: event.clone() }
}

fn path(name: &str) -> PathBuf {
    let root: PathBuf = env!("CARGO_MANIFEST_DIR").into();
    root.join(format!("tests/vectors/record/{name}.hex"))
}

/// Reads a vector: hex digits, in lines.
fn golden(name: &str) -> String {
    let text = fs::read_to_string(path(name)).unwrap_or_default();
    text.lines().collect()
}

#[test]
fn one_entry_of_each_kind_and_no_other_has_a_vector() {
    let record = protos().get_message_by_name("portway.v1.Record").expect("the message");
    let oneof = record.oneofs().find(|it| it.name() == "event").expect("the event");
    let mut kinds: Vec<_> = oneof.fields().map(|field| field.name().to_owned()).collect();
    kinds.sort();
    let mut named: Vec<_> = events().into_iter().map(|(name, _)| name).collect();
    named.sort_unstable();
    assert_eq!(named, kinds);
}

#[test]
fn the_bytes_of_entries_drafts_and_views_never_change() {
    let mut bytes: BTreeMap<&str, _> = [events(), later()]
        .concat()
        .iter()
        .map(|(name, it)| (*name, encode(&record(it))))
        .collect();
    bytes.insert("alert_draft", draft_bytes(&draft()));
    let rectifying = Draft { rectifies: Some(facts().id), ..draft() };
    bytes.insert("alert_draft_rectifying", draft_bytes(&rectifying));
    bytes.insert("view", view_bytes(&view()));
    let changed: Vec<_> = bytes
        .iter()
        .map(|(name, bytes)| (name, Hex(bytes).to_string()))
        .filter(|(name, hex)| golden(name) != *hex)
        .map(|(name, hex)| format!("tests/vectors/record/{name}.hex {hex}"))
        .collect();
    assert!(changed.is_empty(), "not the bytes of the vectors:\n{}", changed.join("\n"));
}

#[test]
fn the_vectors_read_as_the_entries_they_stand_for() {
    for (name, event) in [events(), later()].concat() {
        let hex = golden(name);
        let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hex"));
        let bytes: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect();
        assert_eq!(decode(&bytes), Ok(record(&event)), "{name}");
    }
}
