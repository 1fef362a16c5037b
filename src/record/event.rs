//! What an entry says, in the domain's words. Indexes are positions in the log, from 0.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};

use super::{access::Access, retention::Retention, rights::RightsEvent};
use crate::domain::{
    Act, AgencyId, Agreement, AgreementId, AlertRef, Barring, Caller, Facts, Fields, Fingerprint,
    QueryPurpose, Reason, RecordKind, ReloadCause, Rule, StaffReference, Subscription, Timestamp,
};

/// One entry: when, what, and the commitments to its agencies' links.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When it was recorded.
    pub at: Timestamp,
    /// One commitment for each agency of [`Event::agencies`], in that order.
    pub links: Vec<[u8; 32]>,
    /// What happened.
    pub event: Event,
}

/// What happened; each is described in `proto/portway/v1/record.proto`.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is described in proto/portway/v1/record.proto")]
pub enum Event {
    Access(Access),
    Acknowledged { subscription: u64, number: u64, agency: AgencyId },
    AgreementApproved(Governed),
    AgreementProposed { by: Caller, proposed: ProposedAgreement },
    AgreementWithdrawn(Governed),
    Barred { by: Caller, act: Barring },
    BrokerStarted { version: String, rules: [u8; 32] },
    CertificateIssued(CertificateIssued),
    Consulted { by: Caller, purpose: QueryPurpose, start: u64, end: u64, about: Option<AgencyId> },
    Disclosed(Disclosed),
    Exported { by: Caller, purpose: QueryPurpose, size: u64, manifest: [u8; 32] },
    KeyRotated { by: Caller, old: String, new: String },
    LogRestored(LogRestored),
    LogStarted { origin: String, vkey: String },
    NumberSkipped { subscription: u64, number: u64, reason: Reason, recipient: AgencyId },
    Published(Published),
    Redelivered { disclosed: u64, opened: u64, recipient: AgencyId },
    Refused(Refused),
    Reloaded(Reloaded),
    Retention(Retention),
    Rights(RightsEvent),
    SnapshotTaken(SnapshotTaken),
    StreamOpened { by: Caller, subscription: u64, on_behalf_of: Option<StaffReference> },
    SubscriptionCreated { by: Caller, subscription: StoredSubscription },
    SubscriptionDeleted { by: Caller, subscription: u64 },
    TailCut { size: u64, bytes: u64 },
}

/// An agreement with the bytes that its version is the hash of.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposedAgreement {
    /// The agreement.
    pub agreement: Arc<Agreement>,
    /// Its bytes, a `portway.v1.Agreement`.
    pub bytes: Bytes,
}

/// An act of an officer on an agreement.
#[derive(Clone, Debug, PartialEq)]
pub struct Governed {
    /// The officer.
    pub by: Caller,
    /// The agreement.
    pub id: AgreementId,
    /// Index of the record that proposed the version.
    pub proposed: u64,
    /// The parties of that version.
    pub parties: Vec<AgencyId>,
}

/// A subscription as its record holds it: without tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSubscription {
    /// The subscription; its filter's tokens are empty unless they were read from the body.
    pub subscription: Subscription,
    /// How many tokens the filter names.
    pub token_count: u32,
    /// The sealed body that names them.
    pub sealed: Option<SealedFilter>,
}

/// Where a filter's tokens are sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SealedFilter {
    /// Slot of the key.
    pub slot: u64,
    /// Commitment to the filter's bytes.
    pub content: [u8; 32],
}

/// An alert was published.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// By whom.
    pub by: Caller,
    /// The alert's facts.
    pub facts: Facts,
    /// Index of the record that proposed the agreement's version in force.
    pub agreement: u64,
    /// Positions of the flows that applied.
    pub flows: Vec<u32>,
    /// Slot of the key of the sealed body.
    pub slot: u64,
    /// Commitment to the draft's bytes.
    pub content: [u8; 32],
    /// The alert whose place it takes.
    pub rectifies: Option<AlertRef>,
}

/// A view was disclosed.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/record.proto")]
pub struct Disclosed {
    pub published: u64,
    pub agreement: u64,
    pub flow: u32,
    pub subscription: u64,
    pub opened: u64,
    pub number: u64,
    pub publisher: AgencyId,
    pub recipient: AgencyId,
    pub released: Fields,
    pub withheld: Fields,
    pub view: [u8; 32],
    pub rules: Arc<[Rule]>,
    pub regime_change: bool,
    pub delete_after: Timestamp,
}

/// Something was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// By whom it was asked; nobody at delivery.
    pub by: Option<Caller>,
    /// What was asked.
    pub act: Act,
    /// Why not.
    pub reason: Reason,
    /// Index of the record that proposed the agreement.
    pub agreement: Option<u64>,
    /// Index of the record that published the alert.
    pub published: Option<u64>,
    /// Index of the record that created the subscription.
    pub subscription: Option<u64>,
    /// How many more identical refusals the record stands for.
    pub suppressed: u32,
    /// The agency that would have received the alert.
    pub recipient: Option<AgencyId>,
    /// The publisher of the alert, at delivery.
    pub publisher: Option<AgencyId>,
}

/// The log goes on from a backup, under another origin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogRestored {
    /// The origin from here on.
    pub origin: String,
    /// The key that signs from here on.
    pub vkey: String,
    /// The origin until then.
    pub old_origin: String,
    /// How many entries were restored: the index of this record.
    pub old_size: u64,
    /// The root of their tree.
    pub old_root: [u8; 32],
    /// The newest checkpoint of the old origin that was known and cannot be reached any more; empty where none was.
    pub lost_checkpoint: String,
}

/// The broker issued a certificate to whoever held the one before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateIssued {
    /// By whom it was asked for, with the certificate before.
    pub by: Caller,
    /// The new certificate.
    pub certificate: Fingerprint,
    /// Its last moment.
    pub not_after: Timestamp,
}

/// A snapshot of the state was made: a start may go on from it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SnapshotTaken {
    /// How many entries it stands for.
    pub size: u64,
    /// Root of the tree of those entries.
    pub root: [u8; 32],
    /// SHA-256 of its file.
    pub digest: [u8; 32],
}

/// A generation of certificates, CAs, CRLs, agency table and rules came into force.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reloaded {
    /// The operator who asked.
    pub by: Option<Caller>,
    /// Why.
    pub cause: ReloadCause,
    /// SHA-256 over the content of its files.
    pub generation: [u8; 32],
    /// SHA-256 of its rules.
    pub rules: [u8; 32],
}

/// The agencies of a record: nearly always one or two, and looked at several times for each.
pub type Agencies<'a> = SmallVec<[&'a AgencyId; 2]>;

impl Event {
    /// Returns the agencies that the record concerns, in the order of its links. Their officers may
    /// read it. A refusal at delivery concerns the publisher alone: that an alert exists may be
    /// what the other side must not learn.
    pub fn agencies(&self) -> Agencies<'_> {
        match self {
            Self::Access(it) => it.by().seat.agency().into_iter().collect(),
            Self::Acknowledged { agency, .. } => smallvec![agency],
            Self::AgreementApproved(act) | Self::AgreementWithdrawn(act) => {
                act.parties.iter().collect()
            }
            Self::AgreementProposed { proposed, .. } => {
                proposed.agreement.parties.iter().map(|party| &party.agency).collect()
            }
            Self::Barred { .. }
            | Self::BrokerStarted { .. }
            | Self::KeyRotated { .. }
            | Self::LogRestored(_)
            | Self::LogStarted { .. }
            | Self::Reloaded(_)
            | Self::SnapshotTaken(_)
            | Self::TailCut { .. } => smallvec![],
            Self::Consulted { by, about, .. } => {
                by.seat.agency().or(about.as_ref()).into_iter().collect()
            }
            Self::CertificateIssued(CertificateIssued { by, .. })
            | Self::Exported { by, .. }
            | Self::StreamOpened { by, .. }
            | Self::SubscriptionCreated { by, .. }
            | Self::SubscriptionDeleted { by, .. } => by.seat.agency().into_iter().collect(),
            Self::Disclosed(disclosed) => smallvec![&disclosed.publisher, &disclosed.recipient],
            Self::NumberSkipped { recipient, .. } | Self::Redelivered { recipient, .. } => {
                smallvec![recipient]
            }
            Self::Published(published) => smallvec![&published.facts.publisher],
            Self::Retention(it) => it.agencies(),
            Self::Rights(event) => event.agencies(),
            Self::Refused(refused) => refused
                .publisher
                .as_ref()
                .or_else(|| refused.by.as_ref().and_then(|by| by.seat.agency()))
                .into_iter()
                .collect(),
        }
    }

    /// Returns what kind of record it is.
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Access(it) => it.kind(),
            Self::Acknowledged { .. } => RecordKind::Acknowledged,
            Self::AgreementApproved(_) => RecordKind::AgreementApproved,
            Self::AgreementProposed { .. } => RecordKind::AgreementProposed,
            Self::AgreementWithdrawn(_) => RecordKind::AgreementWithdrawn,
            Self::Barred { act, .. } => match act {
                Barring::AgencyReinstated(_) => RecordKind::AgencyReinstated,
                Barring::AgencyRevoked(_) => RecordKind::AgencyRevoked,
                Barring::AgencySuspended(_) => RecordKind::AgencySuspended,
                Barring::AuthorityRevoked(_) => RecordKind::AuthorityRevoked,
                Barring::CertificateRevoked(_) => RecordKind::CertificateRevoked,
            },
            Self::BrokerStarted { .. } => RecordKind::BrokerStarted,
            Self::CertificateIssued(_) => RecordKind::CertificateIssued,
            Self::Consulted { .. } => RecordKind::Consulted,
            Self::Disclosed(_) => RecordKind::Disclosed,
            Self::Exported { .. } => RecordKind::Exported,
            Self::KeyRotated { .. } => RecordKind::KeyRotated,
            Self::LogRestored(_) => RecordKind::LogRestored,
            Self::LogStarted { .. } => RecordKind::LogStarted,
            Self::NumberSkipped { .. } => RecordKind::NumberSkipped,
            Self::Published(_) => RecordKind::Published,
            Self::Redelivered { .. } => RecordKind::Redelivered,
            Self::Refused(_) => RecordKind::Refused,
            Self::Reloaded(_) => RecordKind::Reloaded,
            Self::Retention(it) => it.kind(),
            Self::Rights(event) => event.kind(),
            Self::SnapshotTaken(_) => RecordKind::SnapshotTaken,
            Self::StreamOpened { .. } => RecordKind::StreamOpened,
            Self::SubscriptionCreated { .. } => RecordKind::SubscriptionCreated,
            Self::SubscriptionDeleted { .. } => RecordKind::SubscriptionDeleted,
            Self::TailCut { .. } => RecordKind::TailCut,
        }
    }

    /// Returns the slot of the key that the record's body is sealed under.
    pub const fn slot(&self) -> Option<u64> {
        match self {
            Self::Published(published) => Some(published.slot),
            Self::SubscriptionCreated { subscription, .. } => match subscription.sealed {
                Some(sealed) => Some(sealed.slot),
                None => None,
            },
            Self::Access(_)
            | Self::Acknowledged { .. }
            | Self::AgreementApproved(_)
            | Self::AgreementProposed { .. }
            | Self::AgreementWithdrawn(_)
            | Self::Barred { .. }
            | Self::BrokerStarted { .. }
            | Self::CertificateIssued(_)
            | Self::Consulted { .. }
            | Self::Disclosed(_)
            | Self::Exported { .. }
            | Self::KeyRotated { .. }
            | Self::LogRestored(_)
            | Self::LogStarted { .. }
            | Self::NumberSkipped { .. }
            | Self::Redelivered { .. }
            | Self::Refused(_)
            | Self::Reloaded(_)
            | Self::Retention(_)
            | Self::Rights(_)
            | Self::SnapshotTaken(_)
            | Self::StreamOpened { .. }
            | Self::SubscriptionDeleted { .. }
            | Self::TailCut { .. } => None,
        }
    }
}
