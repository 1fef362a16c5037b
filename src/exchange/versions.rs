//! How many versions of agreements one agency may have proposed: all of them are held in memory. What has ended
//! plays no part any more; a little of it is kept to be shown.

use super::state::{State, Version};
use crate::domain::{
    AgencyId, Reason, Refusal, Timestamp,
    agreement::{ENDED_VERSIONS_KEPT, VERSIONS_PER_AGENCY_MAX},
};

impl State {
    /// Checks that an agency may propose one version more.
    pub(super) fn check_versions(&self, agency: &AgencyId, now: Timestamp) -> Result<(), Refusal> {
        let all = self.agreements.values();
        let live = all.flat_map(|versions| {
            let own = versions.iter().enumerate().filter(|(_, it)| it.proposed_by == *agency);
            own.filter(|(place, _)| !has_ended(versions, *place, now))
        });
        if live.count() >= VERSIONS_PER_AGENCY_MAX {
            return Err(Refusal::at(Reason::TooManyProposals, "agreement"));
        }
        Ok(())
    }

    /// Forgets the oldest versions that an agency has proposed and that have ended. Depends on records only,
    /// so that a replay forgets the same.
    pub(super) fn forget_ended(&mut self, agency: &AgencyId, at: Timestamp) {
        let all = self.agreements.values();
        let mut ended: Vec<u64> = all
            .flat_map(|versions| {
                let own = versions.iter().enumerate().filter(|(_, it)| it.proposed_by == *agency);
                own.filter(|(place, _)| has_ended(versions, *place, at))
            })
            .map(|(_, version)| version.proposed)
            .collect();
        ended.sort_unstable();
        let Some(surplus) = ended.len().checked_sub(ENDED_VERSIONS_KEPT) else { return };
        ended.truncate(surplus);
        self.agreements.retain(|_, versions| {
            versions.retain(|it| ended.binary_search(&it.proposed).is_err());
            !versions.is_empty()
        });
    }
}

/// Tells whether a version can never count again: it was withdrawn, a newer one has taken over, or its term is
/// over before everybody had approved. One that was approved and is over stands until it is withdrawn or
/// replaced: it keeps the older ones from counting.
fn has_ended(versions: &[Version], place: usize, at: Timestamp) -> bool {
    let begun = |it: &Version| it.is_approved() && it.agreement.starts <= at;
    let is_replaced = versions.iter().skip(place + 1).any(begun);
    versions.get(place).is_some_and(|it| {
        it.withdrawn || is_replaced || (!it.is_approved() && it.agreement.ends <= at)
    })
}
