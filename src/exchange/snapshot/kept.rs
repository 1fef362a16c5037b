//! What is known of content that is kept, to its bytes and back.

use std::collections::BTreeMap;

use super::{
    read::{NotAState, at, code},
    stored::{Held, Order, Spent, Stored as Parts},
};
use crate::domain::{AgencyId, Caller, ErasureReason, Fingerprint, HoldReason, Seat, Timestamp};
use crate::exchange::kept::{self, Kept};
use crate::exchange::state::State;
use crate::record::Sealed;

/// The part of a stored state that tells of it.
pub(super) struct Stored {
    pub(super) erased: Vec<u64>,
    pub(super) due: Vec<u64>,
    pub(super) spent: Vec<Spent>,
    pub(super) orders: Vec<Order>,
    pub(super) held: Vec<Held>,
    pub(super) halted: u64,
    pub(super) records_from: u64,
}

impl Stored {
    /// Takes it from a state, whose subscriptions that have ended by `now` are left out of it.
    pub(super) fn of(state: &State, agency: impl Fn(&AgencyId) -> u32, now: Timestamp) -> Self {
        let kept = &state.kept;
        let ended = state.subscriptions.iter();
        let ended = ended.filter(|(_, it)| it.subscription.expires_at <= now);
        let ended = ended.filter_map(|(index, it)| {
            let slot = it.slot.filter(|slot| !kept.is_erased(*slot))?;
            Some((*index, (agency(&it.agency), slot)))
        });
        let known = kept.spent.iter().map(|(index, (of, slot))| (*index, (agency(of), *slot)));
        let spent: BTreeMap<_, _> = known.chain(ended).collect();
        let spent = spent.into_iter();
        Self {
            erased: kept.erased.ranges().flat_map(|it| [it.start, it.end]).collect(),
            due: kept.due.iter().flat_map(|(block, due)| [*block, due.ms()]).collect(),
            spent: spent.map(|(index, (agency, slot))| Spent { index, agency, slot }).collect(),
            orders: kept.orders.iter().map(|(index, it)| order(*index, it)).collect(),
            held: kept.held.iter().map(|(at, it)| held(*at, agency(&it.agency), it)).collect(),
            halted: kept.halted.map_or(0, |index| index + 1),
            records_from: kept.records_from,
        }
    }
}

fn order(index: u64, it: &kept::Order) -> Order {
    Order {
        index,
        seat: it.by.seat.to_string(),
        certificate: it.by.certificate.0.to_vec(),
        reason: it.reason.number().into(),
        targets: it.targets.iter().flat_map(|it| [it.index, it.slot]).collect(),
        approved: it.approved.map_or(0, |index| index + 1),
    }
}

fn held(published: u64, agency: u32, it: &kept::Hold) -> Held {
    Held {
        published,
        index: it.index,
        agency,
        slot: it.slot,
        reason: it.reason.number().into(),
        review_at: it.review_at.ms(),
        delete_after: it.delete_after.ms(),
    }
}

/// Reads it back.
///
/// # Errors
///
/// [`NotAState`] where anything is missing or unknown.
pub(super) fn read(stored: &Parts, agencies: &[AgencyId]) -> Result<Kept, NotAState> {
    let mut kept = Kept::default();
    for [start, end] in pairs(&stored.erased)? {
        kept.erased.insert_range(*start..*end);
    }
    for [block, due] in pairs(&stored.due)? {
        kept.due.insert(*block, Timestamp::from_ms(*due));
    }
    for it in &stored.spent {
        kept.spent.insert(it.index, (at(agencies, it.agency)?, it.slot));
    }
    for it in &stored.orders {
        kept.orders.insert(it.index, order_of(it)?);
    }
    for it in &stored.held {
        let hold = kept::Hold {
            index: it.index,
            agency: at(agencies, it.agency)?,
            slot: it.slot,
            reason: code(it.reason, HoldReason::from_number)?,
            review_at: Timestamp::from_ms(it.review_at),
            delete_after: Timestamp::from_ms(it.delete_after),
        };
        kept.held.insert(it.published, hold);
    }
    kept.halted = stored.halted.checked_sub(1);
    kept.records_from = stored.records_from;
    Ok(kept)
}

fn order_of(it: &Order) -> Result<kept::Order, NotAState> {
    let certificate = it.certificate.as_slice().try_into().map_err(|_| NotAState)?;
    let seat = Seat::parse(&it.seat).ok_or(NotAState)?;
    let targets = pairs(&it.targets)?.iter();
    Ok(kept::Order {
        by: Caller { seat, certificate: Fingerprint(certificate) },
        reason: code(it.reason, ErasureReason::from_number)?,
        targets: targets.map(|[index, slot]| Sealed { index: *index, slot: *slot }).collect(),
        approved: it.approved.checked_sub(1),
    })
}

fn pairs(numbers: &[u64]) -> Result<&[[u64; 2]], NotAState> {
    let (pairs, rest) = numbers.as_chunks::<2>();
    if rest.is_empty() { Ok(pairs) } else { Err(NotAState) }
}
