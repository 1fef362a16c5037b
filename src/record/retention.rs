//! What records say of erasure and of evidence holds: whose content, by whom and why, never the content.

use smallvec::smallvec;

use super::decode::{Malformed, caller, code, parsed};
use super::event::Agencies;
use super::read::actor;
use crate::domain::{AgencyId, Caller, ErasureReason, HoldReason, RecordKind, Timestamp};
use crate::pb::v1::{self as pb, record::Event as Stored};

/// For how many days at least records are kept before they are erased whole.
pub const RECORDS_DAYS_MIN: u64 = 31;

/// What happens to what is kept; each is described in `proto/portway/v1/record.proto`.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is described in proto/portway/v1/record.proto")]
pub enum Retention {
    Ordered { by: Caller, reason: ErasureReason, targets: Vec<Sealed> },
    Approved { by: Caller, order: u64 },
    Withdrawn { by: Caller, order: u64 },
    Erased(Erased),
    Held(Held),
    Released { by: Caller, published: u64, held: u64 },
    Halted { ahead_ms: u64, at_start: bool },
    Confirmed { by: Caller },
    RecordsErased { up_to: u64, before: Timestamp },
}

/// A record with a sealed body, and the slot of its key.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Sealed {
    /// Index of the record.
    pub index: u64,
    /// Slot of the key.
    pub slot: u64,
}

/// Content was erased.
#[derive(Clone, Debug, PartialEq)]
pub struct Erased {
    /// Whose it was.
    pub agency: AgencyId,
    /// The order and its approval; nothing where its time was over.
    pub order: Option<Ordered>,
    /// What is erased.
    pub targets: Vec<Sealed>,
    /// The block that has been gone through, and when the next of its alerts is due.
    pub swept: Option<(u64, Option<Timestamp>)>,
}

/// An order and its approval, by the indexes of their records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ordered {
    /// The order.
    pub order: u64,
    /// The approval.
    pub approved: u64,
}

/// An alert is held as evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The officer.
    pub by: Caller,
    /// What is held.
    pub target: Sealed,
    /// Why.
    pub reason: HoldReason,
    /// When somebody has to look at it again.
    pub review_at: Timestamp,
    /// When it would have to be deleted.
    pub delete_after: Timestamp,
}

impl Retention {
    /// Returns the agency that the record concerns, if any.
    pub(super) fn agencies(&self) -> Agencies<'_> {
        match self {
            Self::Erased(erased) => smallvec![&erased.agency],
            Self::Ordered { by, .. }
            | Self::Approved { by, .. }
            | Self::Withdrawn { by, .. }
            | Self::Held(Held { by, .. })
            | Self::Released { by, .. } => by.seat.agency().into_iter().collect(),
            Self::Halted { .. } | Self::Confirmed { .. } | Self::RecordsErased { .. } => {
                smallvec![]
            }
        }
    }

    /// Returns what kind of record it is.
    pub(super) const fn kind(&self) -> RecordKind {
        match self {
            Self::Ordered { .. } => RecordKind::ErasureOrdered,
            Self::Approved { .. } => RecordKind::ErasureApproved,
            Self::Withdrawn { .. } => RecordKind::ErasureWithdrawn,
            Self::Erased(_) => RecordKind::Erased,
            Self::Held(_) => RecordKind::EvidenceHeld,
            Self::Released { .. } => RecordKind::HoldReleased,
            Self::Halted { .. } => RecordKind::SweepHalted,
            Self::Confirmed { .. } => RecordKind::SweepConfirmed,
            Self::RecordsErased { .. } => RecordKind::RecordsErased,
        }
    }

    /// Returns who did it; nobody where the broker did.
    pub const fn by(&self) -> Option<&Caller> {
        match self {
            Self::Ordered { by, .. }
            | Self::Approved { by, .. }
            | Self::Withdrawn { by, .. }
            | Self::Held(Held { by, .. })
            | Self::Released { by, .. }
            | Self::Confirmed { by } => Some(by),
            Self::Erased(_) | Self::Halted { .. } | Self::RecordsErased { .. } => None,
        }
    }
}

pub(super) fn stored(event: &Retention) -> Stored {
    match event {
        Retention::Ordered { by, reason, targets } => Stored::ErasureOrdered(pb::ErasureOrdered {
            by: Some(actor(by)),
            reason: reason.number().into(),
            published: indexes(targets),
            key_slots: slots(targets),
        }),
        Retention::Approved { by, order } => {
            Stored::ErasureApproved(pb::ErasureApproved { by: Some(actor(by)), order: *order })
        }
        Retention::Withdrawn { by, order } => {
            Stored::ErasureWithdrawn(pb::ErasureWithdrawn { by: Some(actor(by)), order: *order })
        }
        Retention::Erased(it) => Stored::Erased(pb::Erased {
            agency: it.agency.to_string(),
            order: it.order.map_or(0, |it| it.order + 1),
            approved: it.order.map_or(0, |it| it.approved + 1),
            records: indexes(&it.targets),
            key_slots: slots(&it.targets),
            swept: it.swept.map(|(block, next)| pb::SweptBlock {
                block,
                next_ms: next.map_or(0, Timestamp::ms),
            }),
        }),
        Retention::Held(it) => Stored::EvidenceHeld(pb::EvidenceHeld {
            by: Some(actor(&it.by)),
            published: it.target.index,
            key_slot: it.target.slot,
            reason: it.reason.number().into(),
            review_at_ms: it.review_at.ms(),
            delete_after_ms: it.delete_after.ms(),
        }),
        Retention::Released { by, published, held } => Stored::HoldReleased(pb::HoldReleased {
            by: Some(actor(by)),
            published: *published,
            held: *held,
        }),
        Retention::Halted { ahead_ms, at_start } => {
            Stored::SweepHalted(pb::SweepHalted { ahead_ms: *ahead_ms, at_start: *at_start })
        }
        Retention::Confirmed { by } => {
            Stored::SweepConfirmed(pb::SweepConfirmed { by: Some(actor(by)) })
        }
        Retention::RecordsErased { up_to, before } => {
            Stored::RecordsErased(pb::RecordsErased { up_to: *up_to, before_ms: before.ms() })
        }
    }
}

fn indexes(targets: &[Sealed]) -> Vec<u64> {
    targets.iter().map(|it| it.index).collect()
}

fn slots(targets: &[Sealed]) -> Vec<u64> {
    targets.iter().map(|it| it.slot).collect()
}

/// Reads the two lists that stand for what is erased: as long as each other, and rising.
fn targets(indexes: &[u64], slots: &[u64]) -> Result<Vec<Sealed>, Malformed> {
    if indexes.len() != slots.len() || !indexes.is_sorted_by(|one, next| one < next) {
        return Err(Malformed);
    }
    let pairs = indexes.iter().zip(slots);
    Ok(pairs.map(|(index, slot)| Sealed { index: *index, slot: *slot }).collect())
}

pub(super) fn ordered(it: pb::ErasureOrdered) -> Result<Retention, Malformed> {
    Ok(Retention::Ordered {
        by: caller(it.by)?,
        reason: code(it.reason, ErasureReason::from_number)?,
        targets: targets(&it.published, &it.key_slots)?,
    })
}

pub(super) fn erased(it: &pb::Erased) -> Result<Retention, Malformed> {
    let order = match (it.order.checked_sub(1), it.approved.checked_sub(1)) {
        (Some(order), Some(approved)) => Some(Ordered { order, approved }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(Malformed),
    };
    let next = |ms: u64| Some(ms).filter(|ms| *ms > 0).map(Timestamp::from_ms);
    Ok(Retention::Erased(Erased {
        agency: parsed(&it.agency)?,
        order,
        targets: targets(&it.records, &it.key_slots)?,
        swept: it.swept.as_ref().map(|it| (it.block, next(it.next_ms))),
    }))
}

pub(super) fn held(it: pb::EvidenceHeld) -> Result<Retention, Malformed> {
    Ok(Retention::Held(Held {
        by: caller(it.by)?,
        target: Sealed { index: it.published, slot: it.key_slot },
        reason: code(it.reason, HoldReason::from_number)?,
        review_at: Timestamp::from_ms(it.review_at_ms),
        delete_after: Timestamp::from_ms(it.delete_after_ms),
    }))
}
