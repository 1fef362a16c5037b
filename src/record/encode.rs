//! A record to its bytes.

use bytes::Bytes;
use prost::Message;

use super::event::{
    Disclosed, Event, Governed, Published, Record, Refused, Reloaded, StoredSubscription,
};
use super::{
    access,
    read::actor,
    retention, rights,
    wire::{self, Wire},
};
use crate::domain::{AgencyId, Barring, Caller};
use crate::pb::v1::{self as pb, record::Event as Stored};

/// The numbers of the events that are written by hand, as `record.proto` has them.
const PUBLISHED: u32 = 40;
const DISCLOSED: u32 = 41;

/// Encodes a record. Called once in its life, when it is written.
pub fn encode(record: &Record) -> Bytes {
    match stored(&record.event) {
        Written::Generated(event) => pb::Record {
            recorded_at_ms: record.at.ms(),
            links: record.links.iter().map(|link| Bytes::copy_from_slice(link)).collect(),
            event: Some(*event),
        }
        .encode_to_vec()
        .into(),
        Written::Published(it) => wire::record(record, PUBLISHED, |wire| published(it, wire)),
        Written::Disclosed(it) => wire::record(record, DISCLOSED, |wire| disclosed(it, wire)),
    }
}

/// How an event is written.
enum Written<'a> {
    Generated(Box<Stored>),
    Published(&'a Published),
    Disclosed(&'a Disclosed),
}

#[expect(clippy::too_many_lines, reason = "one arm an event: a table, not a procedure")]
fn stored(event: &Event) -> Written<'_> {
    Written::Generated(Box::new(match event {
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
        Event::Disclosed(it) => return Written::Disclosed(it),
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
        Event::Published(it) => return Written::Published(it),
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
    }))
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

fn published(it: &Published, wire: &mut Wire) {
    let facts = &it.facts;
    wire.actor(1, &it.by);
    wire.bytes(2, facts.id.as_bytes());
    wire.number(3, it.agreement);
    wire.number(4, facts.purpose.number());
    wire.number(5, facts.kind.number());
    wire.numbers(6, facts.categories.iter().map(|it| it.number()));
    wire.number(7, facts.fields.bits());
    wire.number(8, facts.certainty.number());
    wire.number(9, facts.assertion.number());
    wire.number(10, facts.time.ms());
    wire.number(11, facts.as_of.ms());
    wire.number(12, facts.expires_at.ms());
    wire.number(13, facts.delete_after.ms());
    wire.numbers(14, facts.handling.iter().map(|it| it.number()));
    wire.number(15, facts.restricted);
    wire.number(16, it.slot + 1);
    wire.bytes(17, &it.content);
    wire.numbers(18, it.flows.iter().copied());
    wire.text(19, facts.agreement.as_str());
    wire.text(20, facts.on_behalf_of.as_ref().map_or("", |it| it.as_str()));
    if let Some(alert) = &it.rectifies {
        wire.alert(21, alert);
    }
}

fn disclosed(it: &Disclosed, wire: &mut Wire) {
    wire.number(1, it.published);
    wire.number(2, it.agreement);
    wire.number(3, it.flow);
    wire.number(4, it.subscription);
    wire.number(5, it.opened);
    wire.number(6, it.number);
    wire.text(7, it.publisher.as_str());
    wire.text(8, it.recipient.as_str());
    wire.number(9, it.released.bits());
    wire.number(10, it.withheld.bits());
    wire.bytes(11, &it.view);
    wire.numbers(12, it.rules.iter().map(|rule| rule.number()));
    wire.number(13, it.regime_change);
    wire.number(14, it.delete_after.ms());
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
