//! Whose commands wait together.

use crate::domain::{AgencyId, Caller, Seat};

/// Whose commands wait together. There are as many as the agencies table allows, four for each agency.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(in crate::ledger) enum Lane {
    /// What auditors ask.
    Auditors,
    /// Publications that come in bulk and wait for their place.
    Bulk(AgencyId),
    /// What officers ask: their own systems cannot keep them from withdrawing an agreement.
    Officers(AgencyId),
    /// What operators ask.
    Operators,
    /// What systems ask.
    Services(AgencyId),
    /// What is said on open streams: publications do not keep acknowledgements waiting.
    Streams(AgencyId),
}

impl Lane {
    /// Returns the lane of what a caller asks.
    pub(in crate::ledger) fn of(by: &Caller) -> Self {
        match &by.seat {
            Seat::Auditor { .. } => Self::Auditors,
            Seat::Officer { agency, .. } => Self::Officers(agency.clone()),
            Seat::Operator { .. } => Self::Operators,
            Seat::Service { agency, .. } => Self::Services(agency.clone()),
        }
    }

    /// Returns the lane of what a caller hands in by bulk.
    pub(in crate::ledger) fn of_bulk(by: &Caller) -> Self {
        by.seat.agency().map_or(Self::Operators, |agency| Self::Bulk(agency.clone()))
    }

    /// Returns the lane of what a caller says on a stream.
    pub(in crate::ledger) fn of_stream(by: &Caller) -> Self {
        by.seat.agency().map_or(Self::Operators, |agency| Self::Streams(agency.clone()))
    }
}
