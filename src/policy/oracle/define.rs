//! May this agreement be defined at all? The statutory limits of each of its passages; the shape is
//! looked at where the rules' own side has it looked at, because no rule decides it.

use std::collections::BTreeSet;

use super::limits::{Load, Passage};
use crate::domain::{Agreement, Reason, Refusal, Timestamp};
use crate::policy::shape;

/// Checks an agreement as it is proposed.
///
/// # Errors
///
/// The first fault: a bound of its shape, or a statutory limit that one of its passages breaks at `now`.
pub(in crate::policy) fn define(agreement: &Agreement, now: Timestamp) -> Result<(), Refusal> {
    shape::check(agreement, now)?;
    let mut passages = BTreeSet::new();
    for flow in &agreement.flows {
        shape::check_flow(flow)?;
        let sender = shape::party(agreement, &flow.from, "from")?;
        for to in &flow.to {
            let recipient = shape::party(agreement, to, "to")?;
            if recipient.agency == sender.agency || !passages.insert((&flow.from, to, flow.purpose))
            {
                return Err(Refusal::at(Reason::OutOfBounds, "to"));
            }
            Passage { agreement, flow, sender, recipient }.check(Load::of_flow(flow), now)?;
        }
    }
    Ok(())
}
