//! Random entries of every kind.

use std::sync::Arc;

use proptest::{collection::vec, option, prelude::*};
use prost::Message;

use crate::domain::{
    Act, AlertNotice, AlertRef, AlertType, Assertion, Barring, Certainty, ErasureReason, Facts,
    Filter, Fingerprint, HandlingCondition, HoldReason, ObjectionGround, ObjectionKind,
    ObjectionOutcome, Purpose, QueryPurpose, Reason, RecallReason, ReloadCause, RestrictionReason,
    Rule, SubjectCategory, Subscription,
    random::{
        agency, agreement, alert_id, area, caller, fields, moment, name, named, one, some, staff,
    },
};
use crate::record::{
    Access, Answered, CertificateIssued, Disclosed, Erased, Event, Governed, Held, LogRestored,
    NoticeStep, NoticesDue, Ordered, ProposedAgreement, Published, Record, Refused, Released,
    Reloaded, RequestId, Retention, RightsEvent, Sealed, SealedFilter, SnapshotTaken,
    StoredSubscription, agreement_to_pb,
};

/// An index or a slot: stored plus 1 in places, so the very last number cannot be one.
fn index() -> impl Strategy<Value = u64> {
    0..u64::MAX
}

fn hash() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

/// Any record.
pub(super) fn record() -> impl Strategy<Value = Record> {
    (moment(), vec(hash(), 0..4), event()).prop_map(|(at, links, event)| Record {
        at,
        links,
        event,
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        acts_on_the_log().boxed(),
        acts_of_operators().boxed(),
        acts_of_governance().boxed(),
        acts_of_retention().boxed(),
        acts_of_access().boxed(),
        acts_on_subscriptions().boxed(),
        alerts().boxed(),
        rights().prop_map(Event::Rights).boxed(),
    ]
}

fn acts_on_the_log() -> impl Strategy<Value = Event> {
    let log = ("[ -~]{1,40}", "[ -~]{1,80}")
        .prop_map(|(origin, vkey)| Event::LogStarted { origin, vkey });
    let broker = ("[0-9.]{1,12}", hash())
        .prop_map(|(version, rules)| Event::BrokerStarted { version, rules });
    let cut = any::<(u64, u64)>().prop_map(|(size, bytes)| Event::TailCut { size, bytes });
    let consulted = (caller(), one(QueryPurpose::ALL), any::<(u64, u64)>(), option::of(agency()))
        .prop_map(|(by, purpose, (start, end), about)| Event::Consulted {
            by,
            purpose,
            start,
            end,
            about,
        });
    let exported = (caller(), one(QueryPurpose::ALL), any::<u64>(), hash())
        .prop_map(|(by, purpose, size, manifest)| Event::Exported { by, purpose, size, manifest });
    let snapshot = (any::<u64>(), hash(), hash()).prop_map(|(size, root, digest)| {
        Event::SnapshotTaken(SnapshotTaken { size, root, digest })
    });
    let rotated = (caller(), "[ -~]{1,80}", "[ -~]{1,80}")
        .prop_map(|(by, old, new)| Event::KeyRotated { by, old, new });
    let issued = (caller(), hash(), moment()).prop_map(|(by, certificate, not_after)| {
        let certificate = Fingerprint(certificate);
        Event::CertificateIssued(CertificateIssued { by, certificate, not_after })
    });
    let texts = ("[ -~]{1,40}", "[ -~]{1,80}", "[ -~]{1,40}", "[ -~]{0,80}");
    let restored = (texts, any::<u64>(), hash()).prop_map(|(texts, old_size, old_root)| {
        let (origin, vkey, old_origin, lost_checkpoint) = texts;
        Event::LogRestored(LogRestored {
            origin,
            vkey,
            old_origin,
            old_size,
            old_root,
            lost_checkpoint,
        })
    });
    prop_oneof![log, broker, cut, consulted, exported, snapshot, rotated, issued, restored]
}

fn acts_of_operators() -> impl Strategy<Value = Event> {
    let act = prop_oneof![
        agency().prop_map(Barring::AgencyReinstated),
        agency().prop_map(Barring::AgencyRevoked),
        agency().prop_map(Barring::AgencySuspended),
        hash().prop_map(|key| Barring::AuthorityRevoked(Fingerprint(key))),
        hash().prop_map(|it| Barring::CertificateRevoked(Fingerprint(it))),
    ];
    let barred = (caller(), act).prop_map(|(by, act)| Event::Barred { by, act });
    let reloaded = (option::of(caller()), one(ReloadCause::ALL), hash(), hash()).prop_map(
        |(by, cause, generation, rules)| Event::Reloaded(Reloaded { by, cause, generation, rules }),
    );
    prop_oneof![barred, reloaded]
}

fn targets() -> impl Strategy<Value = Vec<Sealed>> {
    proptest::collection::btree_map(any::<u64>(), any::<u64>(), 0..5).prop_map(|targets| {
        targets.into_iter().map(|(index, slot)| Sealed { index, slot }).collect()
    })
}

fn acts_of_access() -> impl Strategy<Value = Event> {
    let opened = (caller(), any::<[u8; 16]>(), moment(), moment());
    let released =
        (caller(), any::<[u8; 16]>(), hash(), any::<(u32, u32, bool)>(), option::of(1_u64..));
    prop_oneof![
        opened.prop_map(|(by, request, received_at, due_at)| {
            Access::Opened { by, request: RequestId(request), received_at, due_at }
        }),
        released.prop_map(|(by, request, report, (entries, withheld, neither), corrects)| {
            let request = RequestId(request);
            Access::Released(Released { by, request, report, entries, withheld, neither, corrects })
        }),
    ]
    .prop_map(Event::Access)
}

fn acts_of_retention() -> impl Strategy<Value = Event> {
    let ordered = (caller(), one(ErasureReason::ALL), targets())
        .prop_map(|(by, reason, targets)| Retention::Ordered { by, reason, targets });
    let order =
        option::of((index(), index()).prop_map(|(order, approved)| Ordered { order, approved }));
    let swept = option::of((any::<u64>(), option::of(moment())));
    let erased = (agency(), order, targets(), swept).prop_map(|(agency, order, targets, swept)| {
        // The very first moment stands for none.
        let swept = swept.map(|(block, next)| (block, next.filter(|it| it.ms() > 0)));
        Retention::Erased(Erased { agency, order, targets, swept })
    });
    let held = (caller(), (any::<u64>(), any::<u64>()), one(HoldReason::ALL), moment(), moment());
    let held = held.prop_map(|(by, (index, slot), reason, review_at, delete_after)| {
        let target = Sealed { index, slot };
        Retention::Held(Held { by, target, reason, review_at, delete_after })
    });
    let two = (caller(), any::<(u64, u64)>());
    prop_oneof![
        ordered,
        erased,
        held,
        two.prop_map(|(by, (published, held))| Retention::Released { by, published, held }),
        (caller(), any::<u64>()).prop_map(|(by, order)| Retention::Approved { by, order }),
        (caller(), any::<u64>()).prop_map(|(by, order)| Retention::Withdrawn { by, order }),
        caller().prop_map(|by| Retention::Confirmed { by }),
        any::<(u64, bool)>()
            .prop_map(|(ahead_ms, at_start)| Retention::Halted { ahead_ms, at_start }),
    ]
    .prop_map(Event::Retention)
}

fn governed() -> impl Strategy<Value = Governed> {
    (caller(), named("[a-z][a-z0-9-]{2,63}"), any::<u64>(), vec(agency(), 0..4))
        .prop_map(|(by, id, proposed, parties)| Governed { by, id, proposed, parties })
}

fn acts_of_governance() -> impl Strategy<Value = Event> {
    let proposed = (caller(), agreement()).prop_map(|(by, agreement)| {
        let bytes = agreement_to_pb(&agreement).encode_to_vec().into();
        let agreement = Arc::new(agreement);
        Event::AgreementProposed { by, proposed: ProposedAgreement { agreement, bytes } }
    });
    prop_oneof![
        proposed,
        governed().prop_map(Event::AgreementApproved),
        governed().prop_map(Event::AgreementWithdrawn),
    ]
}

fn stored_subscription() -> impl Strategy<Value = StoredSubscription> {
    let areas = proptest::collection::btree_set(area(), 0..5);
    let filter = (some(AlertType::ALL, 0), areas).prop_map(|(types, areas)| Filter {
        types,
        areas,
        ..Filter::default()
    });
    let sealed = option::of((index(), hash()))
        .prop_map(|it| it.map(|(slot, content)| SealedFilter { slot, content }));
    (name(), one(Purpose::ALL), filter, moment(), any::<u32>(), sealed).prop_map(
        |(name, purpose, filter, expires_at, token_count, sealed)| StoredSubscription {
            subscription: Subscription { name, purpose, filter, expires_at },
            token_count,
            sealed,
        },
    )
}

fn acts_on_subscriptions() -> impl Strategy<Value = Event> {
    let created = (caller(), stored_subscription())
        .prop_map(|(by, subscription)| Event::SubscriptionCreated { by, subscription });
    let deleted = (caller(), any::<u64>())
        .prop_map(|(by, subscription)| Event::SubscriptionDeleted { by, subscription });
    let opened = (caller(), any::<u64>(), option::of(staff())).prop_map(
        |(by, subscription, on_behalf_of)| Event::StreamOpened { by, subscription, on_behalf_of },
    );
    let acknowledged =
        (any::<u64>(), any::<u64>(), agency()).prop_map(|(subscription, number, agency)| {
            Event::Acknowledged { subscription, number, agency }
        });
    let redelivered =
        (any::<u64>(), any::<u64>(), agency()).prop_map(|(disclosed, opened, recipient)| {
            Event::Redelivered { disclosed, opened, recipient }
        });
    let skipped = (any::<u64>(), any::<u64>(), one(Reason::ALL), agency()).prop_map(
        |(subscription, number, reason, recipient)| Event::NumberSkipped {
            subscription,
            number,
            reason,
            recipient,
        },
    );
    prop_oneof![created, deleted, opened, acknowledged, redelivered, skipped]
}

fn alerts() -> impl Strategy<Value = Event> {
    prop_oneof![
        published().prop_map(Event::Published),
        disclosed().prop_map(Event::Disclosed),
        refused().prop_map(Event::Refused),
    ]
}

fn published() -> impl Strategy<Value = Published> {
    let by = caller().prop_filter("an operator publishes nothing", |it| it.seat.agency().is_some());
    let codes = (
        one(Purpose::ALL),
        one(AlertType::ALL),
        some(SubjectCategory::ALL, 1),
        fields(),
        one(Certainty::ALL),
        one(Assertion::ALL),
        some(HandlingCondition::ALL, 0),
    );
    let times = [moment().boxed(), moment().boxed(), moment().boxed(), moment().boxed()];
    let ids = (alert_id(), named("[a-z][a-z0-9-]{2,63}"), any::<bool>(), option::of(staff()));
    let rest = (any::<u64>(), vec(any::<u32>(), 0..4), index(), hash(), option::of(alert_ref()));
    (by, ids, codes, times, rest).prop_map(|(by, ids, codes, times, rest)| {
        let (id, agreement, restricted, on_behalf_of) = ids;
        let (purpose, kind, categories, fields, certainty, assertion, handling) = codes;
        let [time, as_of, expires_at, delete_after] = times;
        let publisher = by.seat.agency().expect("filtered").clone();
        let facts = Facts {
            id,
            publisher,
            agreement,
            purpose,
            kind,
            categories,
            fields,
            certainty,
            assertion,
            time,
            as_of,
            expires_at,
            delete_after,
            handling,
            restricted,
            on_behalf_of,
        };
        let (agreement, flows, slot, content, rectifies) = rest;
        Published { by, facts, agreement, flows, slot, content, rectifies }
    })
}

fn disclosed() -> impl Strategy<Value = Disclosed> {
    let places = (any::<[u64; 5]>(), any::<u32>());
    let parties = (agency(), agency());
    let what = (fields(), fields(), hash(), vec(one(Rule::ALL), 0..6), any::<bool>(), moment());
    (places, parties, what).prop_map(|(places, (publisher, recipient), what)| {
        let ([published, agreement, subscription, opened, number], flow) = places;
        let (released, withheld, view, rules, regime_change, delete_after) = what;
        Disclosed {
            published,
            agreement,
            flow,
            subscription,
            opened,
            number,
            publisher,
            recipient,
            released,
            withheld,
            view,
            rules: rules.into(),
            regime_change,
            delete_after,
        }
    })
}

fn alert_ref() -> impl Strategy<Value = AlertRef> {
    (any::<u64>(), alert_id(), agency(), moment()).prop_map(
        |(published, id, publisher, delete_after)| AlertRef {
            published,
            id,
            publisher,
            delete_after,
        },
    )
}

fn notice() -> impl Strategy<Value = AlertNotice> {
    prop_oneof![
        Just(AlertNotice::Delete),
        one(RecallReason::ALL).prop_map(AlertNotice::Recalled),
        alert_id().prop_map(AlertNotice::Rectified),
        one(RestrictionReason::ALL).prop_map(AlertNotice::Restricted),
        Just(AlertNotice::RestrictionLifted),
    ]
}

fn rights() -> impl Strategy<Value = RightsEvent> {
    let step = || {
        (any::<u64>(), any::<u64>(), alert_ref(), notice(), agency()).prop_map(
            |(due, pulled, alert, notice, recipient)| NoticeStep {
                due,
                pulled,
                alert,
                notice,
                recipient,
            },
        )
    };
    let due = (any::<u64>(), alert_ref(), notice(), vec(agency(), 0..4)).prop_map(
        |(cause, alert, notice, recipients)| {
            RightsEvent::NoticesDue(NoticesDue { cause, alert, notice, recipients })
        },
    );
    let recalled = (caller(), alert_ref(), one(RecallReason::ALL))
        .prop_map(|(by, alert, reason)| RightsEvent::AlertRecalled { by, alert, reason });
    let restricted = (caller(), alert_ref(), one(RestrictionReason::ALL))
        .prop_map(|(by, alert, reason)| RightsEvent::AlertRestricted { by, alert, reason });
    let objected = (caller(), alert_ref(), one(ObjectionKind::ALL))
        .prop_map(|(by, alert, kind)| RightsEvent::ObjectionRecorded { by, alert, kind });
    let found = (one(ObjectionOutcome::ALL), one(ObjectionGround::ALL));
    let answered = (caller(), alert_ref(), any::<u64>(), agency(), found).prop_map(
        |(by, alert, objection, recorded_by, (outcome, ground))| {
            let answered = Answered { by, alert, objection, recorded_by, outcome, ground };
            RightsEvent::ObjectionAnswered(answered)
        },
    );
    prop_oneof![
        step().prop_map(RightsEvent::NoticeAcknowledged),
        step().prop_map(RightsEvent::NoticeSent),
        due,
        recalled,
        restricted,
        objected,
        answered,
        caller().prop_map(|by| RightsEvent::NoticesPulled { by }),
        (caller(), alert_ref())
            .prop_map(|(by, alert)| RightsEvent::RestrictionLifted { by, alert }),
    ]
}

fn refused() -> impl Strategy<Value = Refused> {
    let place = || option::of(index());
    let people = (option::of(caller()), option::of(agency()), option::of(agency()));
    let why = (one(Act::ALL), one(Reason::ALL), any::<u32>());
    (people, why, (place(), place(), place())).prop_map(|(people, why, places)| {
        let (by, recipient, publisher) = people;
        let (act, reason, suppressed) = why;
        let (agreement, alert, subscription) = places;
        Refused {
            by,
            act,
            reason,
            agreement,
            published: alert,
            subscription,
            suppressed,
            recipient,
            publisher,
        }
    })
}
