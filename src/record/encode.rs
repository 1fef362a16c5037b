//! A record to its bytes.

use bytes::Bytes;
use prost::Message;

use super::event::{
    Disclosed, Event, Governed, Published, Record, Refused, Reloaded, StoredSubscription,
};
use super::{access, read::actor, retention, rights};
use crate::domain::{AgencyId, Barring, Caller};
use crate::pb::v1::{self as pb, record::Event as Stored};

/// Encodes a record. Called once in its life, when it is written.
pub fn encode(record: &Record) -> Bytes {
    pb::Record {
        recorded_at_ms: record.at.ms(),
        links: record.links.iter().map(|link| Bytes::copy_from_slice(link)).collect(),
        event: Some(stored(&record.event)),
    }
    .encode_to_vec()
    .into()
}

#[expect(clippy::too_many_lines, reason = "one arm an event: a table, not a procedure")]
fn stored(event: &Event) -> Stored {
    match event {
        Event::Acknowledged { subscription, number, agency } => {
            Stored::Acknowledged(pb::Acknowledged {
                subscription: *subscription,
                number: *number,
                agency: agency.to_string(),
            })
        }
        Event::AgreementApproved(act) => Stored::AgreementApproved(pb::AgreementApproved {
            by: Some(actor(&act.by)),
            id: act.id.to_string(),
            proposed: act.proposed,
            parties: parties(act),
        }),
        Event::AgreementProposed { by, proposed } => {
            Stored::AgreementProposed(pb::AgreementProposed {
                by: Some(actor(by)),
                agreement: proposed.bytes.clone(),
            })
        }
        Event::AgreementWithdrawn(act) => Stored::AgreementWithdrawn(pb::AgreementWithdrawn {
            by: Some(actor(&act.by)),
            id: act.id.to_string(),
            proposed: act.proposed,
            parties: parties(act),
        }),
        Event::Barred { by, act } => barred(by, act),
        Event::BrokerStarted { version, rules } => Stored::BrokerStarted(pb::BrokerStarted {
            version: version.clone(),
            rules: Bytes::copy_from_slice(rules),
        }),
        Event::CertificateIssued(it) => Stored::CertificateIssued(pb::CertificateIssued {
            by: Some(actor(&it.by)),
            certificate: Bytes::copy_from_slice(&it.certificate.0),
            not_after_ms: it.not_after.ms(),
        }),
        Event::Consulted { by, purpose, start, end, about } => Stored::Consulted(pb::Consulted {
            by: Some(actor(by)),
            purpose: purpose.number().into(),
            start: *start,
            end: *end,
            agency: about.as_ref().map(ToString::to_string).unwrap_or_default(),
        }),
        Event::Disclosed(it) => Stored::Disclosed(disclosed(it)),
        Event::Exported { by, purpose, size, manifest } => Stored::Exported(pb::Exported {
            by: Some(actor(by)),
            purpose: purpose.number().into(),
            size: *size,
            manifest: Bytes::copy_from_slice(manifest),
        }),
        Event::KeyRotated { by, old, new } => Stored::KeyRotated(pb::KeyRotated {
            by: Some(actor(by)),
            old_vkey: old.clone(),
            new_vkey: new.clone(),
        }),
        Event::LogRestored(it) => Stored::LogRestored(pb::LogRestored {
            origin: it.origin.clone(),
            vkey: it.vkey.clone(),
            old_origin: it.old_origin.clone(),
            old_size: it.old_size,
            old_root: Bytes::copy_from_slice(&it.old_root),
            lost_checkpoint: it.lost_checkpoint.clone(),
        }),
        Event::LogStarted { origin, vkey } => {
            Stored::LogStarted(pb::LogStarted { origin: origin.clone(), vkey: vkey.clone() })
        }
        Event::NumberSkipped { subscription, number, reason, recipient } => {
            Stored::NumberSkipped(pb::NumberSkipped {
                subscription: *subscription,
                number: *number,
                reason: reason.number().into(),
                recipient: recipient.to_string(),
            })
        }
        Event::Published(it) => Stored::Published(published(it)),
        Event::Redelivered { disclosed, opened, recipient } => {
            Stored::Redelivered(pb::Redelivered {
                disclosed: *disclosed,
                opened: *opened,
                recipient: recipient.to_string(),
            })
        }
        Event::Refused(it) => Stored::Refused(refused(it)),
        Event::Reloaded(it) => Stored::Reloaded(reloaded(it)),
        Event::Access(it) => access::stored(it),
        Event::Retention(it) => retention::stored(it),
        Event::Rights(it) => rights::stored(it),
        Event::SnapshotTaken(it) => Stored::SnapshotTaken(pb::SnapshotTaken {
            size: it.size,
            root: Bytes::copy_from_slice(&it.root),
            digest: Bytes::copy_from_slice(&it.digest),
        }),
        Event::StreamOpened { by, subscription, on_behalf_of } => {
            Stored::StreamOpened(pb::StreamOpened {
                by: Some(actor(by)),
                subscription: *subscription,
                on_behalf_of: on_behalf_of.as_ref().map(ToString::to_string).unwrap_or_default(),
            })
        }
        Event::SubscriptionCreated { by, subscription } => {
            Stored::SubscriptionCreated(created(by, subscription))
        }
        Event::SubscriptionDeleted { by, subscription } => {
            Stored::SubscriptionDeleted(pb::SubscriptionDeleted {
                by: Some(actor(by)),
                subscription: *subscription,
            })
        }
        Event::TailCut { size, bytes } => {
            Stored::TailCut(pb::TailCut { size: *size, bytes: *bytes })
        }
    }
}

fn parties(act: &Governed) -> Vec<String> {
    act.parties.iter().map(AgencyId::to_string).collect()
}

fn barred(by: &Caller, act: &Barring) -> Stored {
    let by = Some(actor(by));
    match act {
        Barring::AgencyReinstated(agency) => {
            Stored::AgencyReinstated(pb::AgencyReinstated { by, agency: agency.to_string() })
        }
        Barring::AgencyRevoked(agency) => {
            Stored::AgencyRevoked(pb::AgencyRevoked { by, agency: agency.to_string() })
        }
        Barring::AgencySuspended(agency) => {
            Stored::AgencySuspended(pb::AgencySuspended { by, agency: agency.to_string() })
        }
        Barring::AuthorityRevoked(key) => Stored::AuthorityRevoked(pb::AuthorityRevoked {
            by,
            key: Bytes::copy_from_slice(&key.0),
        }),
        Barring::CertificateRevoked(certificate) => {
            Stored::CertificateRevoked(pb::CertificateRevoked {
                by,
                certificate: Bytes::copy_from_slice(&certificate.0),
            })
        }
    }
}

fn reloaded(it: &Reloaded) -> pb::Reloaded {
    pb::Reloaded {
        by: it.by.as_ref().map(actor),
        cause: it.cause.number().into(),
        generation: Bytes::copy_from_slice(&it.generation),
        rules: Bytes::copy_from_slice(&it.rules),
    }
}

fn created(by: &Caller, it: &StoredSubscription) -> pb::SubscriptionCreated {
    let subscription = &it.subscription;
    pb::SubscriptionCreated {
        by: Some(actor(by)),
        name: subscription.name.to_string(),
        purpose: subscription.purpose.number().into(),
        types: subscription.filter.types.iter().map(|it| it.number().into()).collect(),
        areas: subscription.filter.areas.iter().map(ToString::to_string).collect(),
        token_count: it.token_count,
        expires_at_ms: subscription.expires_at.ms(),
        key_slot: it.sealed.map_or(0, |sealed| sealed.slot + 1),
        content: it
            .sealed
            .map(|sealed| Bytes::copy_from_slice(&sealed.content))
            .unwrap_or_default(),
    }
}

fn published(it: &Published) -> pb::Published {
    let facts = &it.facts;
    pb::Published {
        by: Some(actor(&it.by)),
        id: Bytes::copy_from_slice(facts.id.as_bytes()),
        agreement: it.agreement,
        purpose: facts.purpose.number().into(),
        r#type: facts.kind.number().into(),
        subject_categories: facts.categories.iter().map(|it| it.number().into()).collect(),
        fields: facts.fields.bits(),
        certainty: facts.certainty.number().into(),
        assertion: facts.assertion.number().into(),
        time_ms: facts.time.ms(),
        as_of_ms: facts.as_of.ms(),
        expires_at_ms: facts.expires_at.ms(),
        delete_after_ms: facts.delete_after.ms(),
        handling_conditions: facts.handling.iter().map(|it| it.number().into()).collect(),
        restricted: facts.restricted,
        key_slot: it.slot + 1,
        content: Bytes::copy_from_slice(&it.content),
        flows: it.flows.clone(),
        agreement_id: facts.agreement.to_string(),
        on_behalf_of: facts.on_behalf_of.as_ref().map(ToString::to_string).unwrap_or_default(),
        rectifies: it.rectifies.as_ref().map(rights::alert_to_pb),
    }
}

fn disclosed(it: &Disclosed) -> pb::Disclosed {
    pb::Disclosed {
        published: it.published,
        agreement: it.agreement,
        flow: it.flow,
        subscription: it.subscription,
        opened: it.opened,
        number: it.number,
        publisher: it.publisher.to_string(),
        recipient: it.recipient.to_string(),
        released: it.released.bits(),
        withheld: it.withheld.bits(),
        view: Bytes::copy_from_slice(&it.view),
        rules: it.rules.iter().map(|rule| rule.number().into()).collect(),
        regime_change: it.regime_change,
        delete_after_ms: it.delete_after.ms(),
    }
}

fn refused(it: &Refused) -> pb::Refused {
    let next = |index: Option<u64>| index.map_or(0, |index| index + 1);
    let name = |agency: &Option<AgencyId>| agency.as_ref().map(ToString::to_string);
    pb::Refused {
        by: it.by.as_ref().map(actor),
        act: it.act.number().into(),
        reason: it.reason.number().into(),
        agreement: next(it.agreement),
        published: next(it.published),
        subscription: next(it.subscription),
        suppressed: it.suppressed,
        recipient: name(&it.recipient).unwrap_or_default(),
        publisher: name(&it.publisher).unwrap_or_default(),
    }
}
