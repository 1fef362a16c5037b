//! What the writer is asked to do. Each command carries its own way to answer.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Commit, Generation, Outlet, PublishAnswer, Rejection, retention::RetentionCommand};
use crate::domain::{
    Act, AgencyId, AgreementId, AlertId, AlertRef, Barring, Caller, Draft, Name, Purpose,
    QueryPurpose, Refusal, StaffReference, SubjectToken, Subscription, Timestamp,
};
use crate::exchange::{AgreementStanding, Explained, Inquiry, Standing, SubscriptionStanding};
use crate::record::{Access, CertificateIssued, ProposedAgreement, SnapshotTaken};

/// The way to answer one command.
pub(super) type Answer<T> = oneshot::Sender<Result<T, Rejection>>;

/// A stream: its subscription's index, and a number that no other stream of this broker has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamKey {
    /// Index of the record that created the subscription.
    pub subscription: u64,
    /// The stream's number.
    pub id: u64,
}

/// What a subscriber said on its stream, put together: one turn hears all of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Heard {
    /// All deliveries up to this number are acknowledged.
    pub acknowledged: Option<u64>,
    /// So many more may be sent.
    pub credit: Option<u32>,
    /// It says nothing more, and waits until what it acknowledged is durable.
    pub is_last: bool,
}

/// What opening a stream asks for.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Who.
    pub by: Caller,
    /// Name of the subscription.
    pub name: Name,
    /// Its purpose.
    pub purpose: Purpose,
    /// Deliveries allowed from the start.
    pub credit: u32,
    /// Position to go on from, as bytes; empty = where the broker stands.
    pub resume: bytes::Bytes,
    /// On whose behalf.
    pub on_behalf_of: Option<StaffReference>,
    /// Where released views go.
    pub outlet: Arc<dyn Outlet>,
}

/// The answer to an opening.
#[derive(Clone, Debug)]
pub struct StreamAnswer {
    /// The stream.
    pub key: StreamKey,
    /// Number of the last acknowledged delivery.
    pub acknowledged: u64,
    /// When the subscription ends.
    pub expires_at: Timestamp,
    /// The commit that holds the opening's record.
    pub commit: Arc<Commit>,
}

/// A write of the record of a read.
#[derive(Clone, Debug)]
pub(super) enum Reading {
    /// The log is read.
    Consult { start: u64, end: u64 },
    /// A question is asked of the log; no end = up to the question's own record. An auditor may ask about the links of an
    /// agency.
    Query { start: u64, end: Option<u64>, about: Option<AgencyId> },
    /// An export is sealed.
    Export { size: u64, manifest: [u8; 32] },
}

#[derive(Debug)]
pub(super) enum Command {
    /// An officer opens a person's request, or releases a report.
    Access {
        access: Box<Access>,
        answer: Answer<(u64, Timestamp)>,
    },
    Approve {
        by: Caller,
        id: AgreementId,
        version: String,
        answer: Answer<AgreementStanding>,
    },
    Bar {
        by: Caller,
        act: Barring,
        /// Whether the agency that it is on stands in the broker's table; true where it is on none.
        is_listed: bool,
        answer: Answer<u64>,
    },
    Close {
        stream: StreamKey,
    },
    CreateSubscription {
        by: Caller,
        subscription: Subscription,
        answer: Answer<SubscriptionStanding>,
    },
    Credential(CredentialCommand),
    DeleteSubscription {
        by: Caller,
        connection: u64,
        name: Name,
        answer: Answer<u64>,
    },
    Explain {
        by: Caller,
        inquiry: Box<Inquiry>,
        answer: Answer<Explained>,
    },
    /// What a subscriber says on its stream.
    Hear {
        stream: StreamKey,
        heard: Heard,
        answer: Answer<()>,
    },
    /// Closes a stream, and tells whether more waits than it was sent.
    Leave {
        stream: StreamKey,
        answer: Answer<bool>,
    },
    ListAgreements {
        by: Caller,
        answer: Answer<Vec<AgreementStanding>>,
    },
    ListSubscriptions {
        by: Caller,
        answer: Answer<Vec<SubscriptionStanding>>,
    },
    Open {
        opening: Opening,
        answer: Answer<StreamAnswer>,
    },
    Propose {
        by: Caller,
        proposed: ProposedAgreement,
        answer: Answer<AgreementStanding>,
    },
    Publish {
        by: Caller,
        id: AlertId,
        draft: Box<Draft>,
        /// The alert that it rectifies, as the caller's agency published it.
        rectifies: Option<AlertRef>,
        answer: Answer<PublishAnswer>,
    },
    Read {
        by: Caller,
        purpose: QueryPurpose,
        reading: Reading,
        answer: Answer<(u64, Arc<Commit>)>,
    },
    /// Another generation was found good: it is in force once that is recorded.
    Reload {
        generation: Generation,
        answer: Answer<u64>,
    },
    /// A snapshot was taken: it counts once that is recorded.
    RecordSnapshot(SnapshotTaken),
    Retention(RetentionCommand),
    Rights(Box<super::rights::RightsCommand>),
    Refuse {
        by: Caller,
        act: Act,
        refusal: Refusal,
        answer: Answer<()>,
    },
    ShowAgreement {
        by: Caller,
        id: AgreementId,
        answer: Answer<Vec<AgreementStanding>>,
    },
    Standing {
        answer: Answer<Standing>,
    },
    Withdraw {
        by: Caller,
        id: AgreementId,
        answer: Answer<u64>,
    },
}

/// What is asked about the log's key and certificates.
#[derive(Debug)]
pub(super) enum CredentialCommand {
    /// The certificates that were issued.
    List { answer: Answer<Vec<(u64, CertificateIssued)>> },
    /// A certificate was issued: it counts once that is recorded.
    Record { issued: CertificateIssued, answer: Answer<u64> },
    /// The log's key is to hand over to a new one.
    Rotate { by: Caller, answer: Answer<(u64, Arc<Commit>)> },
}

impl CredentialCommand {
    /// Returns who asks for what.
    fn asked(&self) -> Option<(&Caller, Act)> {
        match self {
            Self::List { .. } => None,
            Self::Record { issued, .. } => Some((&issued.by, Act::RenewCertificate)),
            Self::Rotate { by, .. } => Some((by, Act::RotateKey)),
        }
    }

    /// Answers a command that is not done.
    pub(super) fn reject(self, rejection: &Rejection) {
        match self {
            Self::List { answer } => drop(answer.send(Err(*rejection))),
            Self::Record { answer, .. } => drop(answer.send(Err(*rejection))),
            Self::Rotate { answer, .. } => drop(answer.send(Err(*rejection))),
        }
    }
}

impl Command {
    /// Returns who asks for what; nothing where it is said on a stream, or is the broker's own.
    pub(super) fn asked(&self) -> Option<(&Caller, Act)> {
        Some(match self {
            Self::Access { access, .. } => (access.by(), access.act()),
            Self::Approve { by, .. } => (by, Act::ApproveAgreement),
            Self::Bar { by, .. } => (by, Act::Administer),
            Self::Credential(command) => return command.asked(),
            Self::Retention(command) => return command.asked(),
            Self::CreateSubscription { by, .. } => (by, Act::CreateSubscription),
            Self::DeleteSubscription { by, .. } => (by, Act::DeleteSubscription),
            Self::Explain { by, .. }
            | Self::ListAgreements { by, .. }
            | Self::ListSubscriptions { by, .. }
            | Self::ShowAgreement { by, .. } => (by, Act::ReadGovernance),
            Self::Open { opening, .. } => (&opening.by, Act::OpenStream),
            Self::Propose { by, .. } => (by, Act::ProposeAgreement),
            Self::Publish { by, .. } => (by, Act::Publish),
            Self::Read { by, .. } => (by, Act::ReadLog),
            Self::Rights(command) => return command.asked(),
            Self::Withdraw { by, .. } => (by, Act::WithdrawAgreement),
            Self::Close { .. }
            | Self::Hear { .. }
            | Self::Leave { .. }
            | Self::RecordSnapshot(_)
            | Self::Refuse { .. }
            | Self::Reload { .. }
            | Self::Standing { .. } => return None,
        })
    }

    /// Tells whether it changes anything that lasts: the record of a refusal, an end and a count do not.
    pub(super) const fn has_effect(&self) -> bool {
        !matches!(
            self,
            Self::Close { .. } | Self::Leave { .. } | Self::Refuse { .. } | Self::Standing { .. }
        )
    }

    /// Returns what it counts for in a lane and in a batch: one, or one for each KiB. An alert is bounded
    /// field by field and stays below two.
    pub(super) fn units(&self) -> u32 {
        let bytes = if let Self::Propose { proposed, .. } = self {
            proposed.bytes.len()
        } else if let Self::CreateSubscription { subscription, .. } = self {
            subscription.filter.tokens.len() * size_of::<SubjectToken>()
        } else {
            0
        };
        u32::try_from(bytes / UNIT_BYTES + 1).unwrap_or(u32::MAX)
    }
}

/// What a command may hold and still count as one.
const UNIT_BYTES: usize = 1024;
