//! The officers: one of the first party proposes, one of every party approves.

use super::{DemoError, stage::Stage};
use crate::domain::Agreement;
use crate::record;

/// Brings every agreement into force; returns how many are.
pub(super) async fn agree(stage: &Stage, agreements: &[Agreement]) -> Result<usize, DemoError> {
    let mut in_force = 0;
    for agreement in agreements {
        let officers = agreement.parties.iter().filter_map(|it| stage.officers.get(&it.agency));
        let mut newest = None;
        for (place, officer) in officers.enumerate() {
            if place == 0 {
                let proposed = officer.propose_agreement(record::agreement_to_pb(agreement));
                newest = Some(proposed.await?);
            }
            if let Some(status) = &newest {
                let version = status.version.clone();
                let approved = officer.approve_agreement(agreement.id.as_str(), &version);
                newest = Some(approved.await?);
            }
        }
        in_force += usize::from(newest.is_some_and(|status| status.in_force));
    }
    Ok(in_force)
}
