//! A record from its bytes: at a start, for an officer's question, and at the client.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use super::agreement::agreement_from_stored;
use super::event::{
    CertificateIssued, Disclosed, Event, Governed, LogRestored, ProposedAgreement, Published,
    Record, Refused, Reloaded, SealedFilter, SnapshotTaken, StoredSubscription,
};
use super::{
    access, read,
    retention::{self, Retention},
    rights,
};
use crate::domain::{
    Act, AlertId, AlertType, Assertion, Barring, Caller, Certainty, Facts, Fields, Filter,
    Fingerprint, HandlingCondition, Purpose, QueryPurpose, Reason, ReloadCause, Rule,
    SubjectCategory, Subscription, Timestamp, UnknownCode,
};
use crate::pb::v1::{self as pb, record::Event as Stored};

/// Bytes that are no record of this version.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a record")]
pub struct Malformed;

/// Decodes a record.
///
/// # Errors
///
/// `Malformed` where anything in it is missing or unknown: an old broker cannot guess at a newer log.
pub fn decode(bytes: &[u8]) -> Result<Record, Malformed> {
    let record = pb::Record::decode(bytes).map_err(|_| Malformed)?;
    let links = record.links.iter().map(array).collect::<Result<_, _>>()?;
    let at = Timestamp::from_ms(record.recorded_at_ms);
    Ok(Record { at, links, event: event(record.event.ok_or(Malformed)?)? })
}

#[expect(clippy::too_many_lines, reason = "one arm an event: a table, not a procedure")]
fn event(stored: Stored) -> Result<Event, Malformed> {
    Ok(match stored {
        Stored::Acknowledged(it) => Event::Acknowledged {
            subscription: it.subscription,
            number: it.number,
            agency: parsed(&it.agency)?,
        },
        Stored::AgencyReinstated(it) => Event::Barred {
            by: caller(it.by)?,
            act: Barring::AgencyReinstated(parsed(&it.agency)?),
        },
        Stored::AgencyRevoked(it) => {
            Event::Barred { by: caller(it.by)?, act: Barring::AgencyRevoked(parsed(&it.agency)?) }
        }
        Stored::AgencySuspended(it) => {
            Event::Barred { by: caller(it.by)?, act: Barring::AgencySuspended(parsed(&it.agency)?) }
        }
        Stored::AlertRecalled(it) => Event::Rights(rights::recalled(it)?),
        Stored::AlertRestricted(it) => Event::Rights(rights::restricted(it)?),
        Stored::AgreementApproved(it) => {
            Event::AgreementApproved(governed(it.by, &it.id, it.proposed, &it.parties)?)
        }
        Stored::AgreementProposed(it) => Event::AgreementProposed {
            by: caller(it.by)?,
            proposed: ProposedAgreement {
                agreement: Arc::new(agreement_from_stored(&it.agreement)?),
                bytes: it.agreement,
            },
        },
        Stored::AgreementWithdrawn(it) => {
            Event::AgreementWithdrawn(governed(it.by, &it.id, it.proposed, &it.parties)?)
        }
        Stored::AuthorityRevoked(it) => {
            let key = Fingerprint(array(&it.key)?);
            Event::Barred { by: caller(it.by)?, act: Barring::AuthorityRevoked(key) }
        }
        Stored::BrokerStarted(it) => {
            Event::BrokerStarted { version: it.version, rules: array(&it.rules)? }
        }
        Stored::CertificateIssued(it) => Event::CertificateIssued(issued(it)?),
        Stored::CertificateRevoked(it) => {
            let certificate = Fingerprint(array(&it.certificate)?);
            Event::Barred { by: caller(it.by)?, act: Barring::CertificateRevoked(certificate) }
        }
        Stored::Consulted(it) => Event::Consulted {
            by: caller(it.by)?,
            purpose: code(it.purpose, QueryPurpose::from_number)?,
            start: it.start,
            end: it.end,
            about: optional(&it.agency)?,
        },
        Stored::Disclosed(it) => Event::Disclosed(disclosed(&it)?),
        Stored::Exported(it) => Event::Exported {
            by: caller(it.by)?,
            purpose: code(it.purpose, QueryPurpose::from_number)?,
            size: it.size,
            manifest: array(&it.manifest)?,
        },
        Stored::KeyRotated(it) => {
            Event::KeyRotated { by: caller(it.by)?, old: it.old_vkey, new: it.new_vkey }
        }
        Stored::LogRestored(it) => Event::LogRestored(LogRestored {
            old_root: array(&it.old_root)?,
            origin: it.origin,
            vkey: it.vkey,
            old_origin: it.old_origin,
            old_size: it.old_size,
            lost_checkpoint: it.lost_checkpoint,
        }),
        Stored::LogStarted(it) => Event::LogStarted { origin: it.origin, vkey: it.vkey },
        Stored::NoticeAcknowledged(it) => Event::Rights(rights::acknowledged(&it)?),
        Stored::NoticeSent(it) => Event::Rights(rights::sent(&it)?),
        Stored::NoticesDue(it) => Event::Rights(rights::due(&it)?),
        Stored::NoticesPulled(it) => Event::Rights(rights::pulled(it)?),
        Stored::NumberSkipped(it) => Event::NumberSkipped {
            subscription: it.subscription,
            number: it.number,
            reason: reason(it.reason)?,
            recipient: parsed(&it.recipient)?,
        },
        Stored::ObjectionAnswered(it) => Event::Rights(rights::answered(it)?),
        Stored::ObjectionRecorded(it) => Event::Rights(rights::objection(it)?),
        Stored::Published(it) => Event::Published(published(it)?),
        Stored::Redelivered(it) => Event::Redelivered {
            disclosed: it.disclosed,
            opened: it.opened,
            recipient: parsed(&it.recipient)?,
        },
        Stored::Refused(it) => Event::Refused(refused(it)?),
        Stored::Reloaded(it) => Event::Reloaded(reloaded(it)?),
        Stored::RestrictionLifted(it) => Event::Rights(rights::lifted(it)?),
        Stored::SnapshotTaken(it) => Event::SnapshotTaken(SnapshotTaken {
            size: it.size,
            root: array(&it.root)?,
            digest: array(&it.digest)?,
        }),
        Stored::StreamOpened(it) => Event::StreamOpened {
            by: caller(it.by)?,
            subscription: it.subscription,
            on_behalf_of: optional(&it.on_behalf_of)?,
        },
        Stored::SubscriptionCreated(it) => created(it)?,
        Stored::SubscriptionDeleted(it) => {
            Event::SubscriptionDeleted { by: caller(it.by)?, subscription: it.subscription }
        }
        Stored::Erased(it) => Event::Retention(retention::erased(&it)?),
        Stored::ErasureApproved(it) => {
            let by = caller(it.by)?;
            Event::Retention(Retention::Approved { by, order: it.order })
        }
        Stored::ErasureOrdered(it) => Event::Retention(retention::ordered(it)?),
        Stored::ErasureWithdrawn(it) => {
            let by = caller(it.by)?;
            Event::Retention(Retention::Withdrawn { by, order: it.order })
        }
        Stored::EvidenceHeld(it) => Event::Retention(retention::held(it)?),
        Stored::HoldReleased(it) => {
            let (by, published, held) = (caller(it.by)?, it.published, it.held);
            Event::Retention(Retention::Released { by, published, held })
        }
        Stored::SweepConfirmed(it) => Event::Retention(Retention::Confirmed { by: caller(it.by)? }),
        Stored::RecordsErased(it) => {
            let before = Timestamp::from_ms(it.before_ms);
            Event::Retention(Retention::RecordsErased { up_to: it.up_to, before })
        }
        Stored::SweepHalted(it) => {
            let (ahead_ms, at_start) = (it.ahead_ms, it.at_start);
            Event::Retention(Retention::Halted { ahead_ms, at_start })
        }
        Stored::SubjectRequestOpened(it) => Event::Access(access::opened(it)?),
        Stored::ReportReleased(it) => Event::Access(access::released(it)?),
        Stored::TailCut(it) => Event::TailCut { size: it.size, bytes: it.bytes },
    })
}

fn reloaded(it: pb::Reloaded) -> Result<Reloaded, Malformed> {
    let by = match it.by {
        Some(by) => Some(caller(Some(by))?),
        None => None,
    };
    Ok(Reloaded {
        by,
        cause: code(it.cause, ReloadCause::from_number)?,
        generation: array(&it.generation)?,
        rules: array(&it.rules)?,
    })
}

fn governed(
    by: Option<pb::Actor>,
    id: &str,
    proposed: u64,
    parties: &[String],
) -> Result<Governed, Malformed> {
    Ok(Governed {
        by: caller(by)?,
        id: parsed(id)?,
        proposed,
        parties: parties.iter().map(|it| parsed(it)).collect::<Result<_, _>>()?,
    })
}

fn created(it: pb::SubscriptionCreated) -> Result<Event, Malformed> {
    let sealed = match it.key_slot.checked_sub(1) {
        Some(slot) => Some(SealedFilter { slot, content: array(&it.content)? }),
        None => None,
    };
    let filter = Filter {
        types: codes(&it.types, AlertType::from_number)?,
        areas: it.areas.iter().map(|area| parsed(area)).collect::<Result<_, _>>()?,
        ..Filter::default()
    };
    let subscription = Subscription {
        name: parsed(&it.name)?,
        purpose: code(it.purpose, Purpose::from_number)?,
        filter,
        expires_at: Timestamp::from_ms(it.expires_at_ms),
    };
    let subscription = StoredSubscription { subscription, token_count: it.token_count, sealed };
    Ok(Event::SubscriptionCreated { by: caller(it.by)?, subscription })
}

fn published(it: pb::Published) -> Result<Published, Malformed> {
    let by = caller(it.by)?;
    let facts = Facts {
        id: AlertId::from_bytes(&it.id).map_err(|_| Malformed)?,
        publisher: by.seat.agency().ok_or(Malformed)?.clone(),
        agreement: parsed(&it.agreement_id)?,
        purpose: code(it.purpose, Purpose::from_number)?,
        kind: code(it.r#type, AlertType::from_number)?,
        categories: codes(&it.subject_categories, SubjectCategory::from_number)?,
        fields: Fields::from_bits(it.fields).map_err(|_| Malformed)?,
        certainty: code(it.certainty, Certainty::from_number)?,
        assertion: code(it.assertion, Assertion::from_number)?,
        time: Timestamp::from_ms(it.time_ms),
        as_of: Timestamp::from_ms(it.as_of_ms),
        expires_at: Timestamp::from_ms(it.expires_at_ms),
        delete_after: Timestamp::from_ms(it.delete_after_ms),
        handling: codes(&it.handling_conditions, HandlingCondition::from_number)?,
        restricted: it.restricted,
        on_behalf_of: optional(&it.on_behalf_of)?,
    };
    Ok(Published {
        by,
        facts,
        agreement: it.agreement,
        flows: it.flows,
        slot: it.key_slot.checked_sub(1).ok_or(Malformed)?,
        content: array(&it.content)?,
        rectifies: match &it.rectifies {
            Some(_) => Some(rights::alert(it.rectifies.as_ref())?),
            None => None,
        },
    })
}

fn disclosed(it: &pb::Disclosed) -> Result<Disclosed, Malformed> {
    Ok(Disclosed {
        published: it.published,
        agreement: it.agreement,
        flow: it.flow,
        subscription: it.subscription,
        opened: it.opened,
        number: it.number,
        publisher: parsed(&it.publisher)?,
        recipient: parsed(&it.recipient)?,
        released: Fields::from_bits(it.released).map_err(|_| Malformed)?,
        withheld: Fields::from_bits(it.withheld).map_err(|_| Malformed)?,
        view: array(&it.view)?,
        rules: it
            .rules
            .iter()
            .map(|number| code(*number, Rule::from_number))
            .collect::<Result<_, _>>()?,
        regime_change: it.regime_change,
        delete_after: Timestamp::from_ms(it.delete_after_ms),
    })
}

fn issued(it: pb::CertificateIssued) -> Result<CertificateIssued, Malformed> {
    Ok(CertificateIssued {
        by: caller(it.by)?,
        certificate: Fingerprint(array(&it.certificate)?),
        not_after: Timestamp::from_ms(it.not_after_ms),
    })
}

fn refused(it: pb::Refused) -> Result<Refused, Malformed> {
    let by = match it.by {
        Some(by) => Some(caller(Some(by))?),
        None => None,
    };
    Ok(Refused {
        by,
        act: code(it.act, Act::from_number)?,
        reason: reason(it.reason)?,
        agreement: it.agreement.checked_sub(1),
        published: it.published.checked_sub(1),
        subscription: it.subscription.checked_sub(1),
        suppressed: it.suppressed,
        recipient: optional(&it.recipient)?,
        publisher: optional(&it.publisher)?,
    })
}

fn optional<T: std::str::FromStr>(text: &str) -> Result<Option<T>, Malformed> {
    if text.is_empty() { Ok(None) } else { parsed(text).map(Some) }
}

fn reason(number: u32) -> Result<Reason, Malformed> {
    i32::try_from(number).ok().and_then(|it| Reason::from_number(it).ok()).ok_or(Malformed)
}

pub(super) fn caller(actor: Option<pb::Actor>) -> Result<Caller, Malformed> {
    read::caller(actor).ok_or(Malformed)
}

pub(super) fn code<T>(
    number: i32,
    from_number: fn(i32) -> Result<T, UnknownCode>,
) -> Result<T, Malformed> {
    from_number(number).map_err(|_| Malformed)
}

fn codes<T: Ord>(
    numbers: &[i32],
    from_number: fn(i32) -> Result<T, UnknownCode>,
) -> Result<std::collections::BTreeSet<T>, Malformed> {
    read::codes(numbers, from_number, "").map_err(|_| Malformed)
}

pub(super) fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, Malformed> {
    text.parse().map_err(|_| Malformed)
}

pub(super) fn array(bytes: &Bytes) -> Result<[u8; 32], Malformed> {
    bytes.as_ref().try_into().map_err(|_| Malformed)
}
