//! The chain of one agency's records: each opens its link to the one before, so that none can be left out
//! between two that are shown.

use crate::{
    client::{
        entry::key,
        fault::Fault,
        gaps::{Gaps, Place},
    },
    domain::AgencyId,
    pb::v1 as pb,
    record::{Record, commitment},
};

/// Follows the links of one agency through the records, from the first record of the log on.
#[derive(Debug)]
pub struct Links<'a> {
    agency: Option<&'a AgencyId>,
    last: Place,
    gaps: Gaps,
}

impl<'a> Links<'a> {
    /// Starts before the first record. An operator has no agency, and sees no link.
    pub fn new(agency: Option<&'a AgencyId>) -> Self {
        Self { agency, last: (0, 0), gaps: Gaps::default() }
    }

    /// Verifies that a record that concerns the agency follows the one linked before.
    ///
    /// # Errors
    ///
    /// [`Fault::Link`] where the link is missing, is not the one committed to, or cannot follow the one before.
    pub fn follow(&mut self, shown: &pb::LogRecord, record: &Record) -> Result<(), Fault> {
        self.gaps.hear(shown.index, record);
        let Some(link) = opened(self.agency, shown, record)? else { return Ok(()) };
        if !self.gaps.leads(self.last, (link.number, link.previous)) {
            return Err(Fault::Link { index: shown.index });
        }
        self.last = (link.number, shown.index + 1);
        Ok(())
    }

    /// Verifies, once all records were followed, that those that are missing are ones that were erased.
    ///
    /// # Errors
    ///
    /// [`Fault::Gap`] where a record was left out.
    pub fn end(self) -> Result<(), Fault> {
        self.gaps.check()
    }
}

/// Verifies that the link of a record that concerns the agency is the one that the record commits to.
///
/// # Errors
///
/// [`Fault::Link`] where the link is missing, or not that one.
pub fn opened<'a>(
    agency: Option<&AgencyId>,
    shown: &'a pb::LogRecord,
    record: &Record,
) -> Result<Option<&'a pb::LinkOpening>, Fault> {
    let fault = Fault::Link { index: shown.index };
    let Some(agency) = agency else { return Ok(None) };
    let place = record.event.agencies().into_iter().position(|concerned| concerned == agency);
    let (link, place) = match (&shown.link, place) {
        (None, None) => return Ok(None),
        (Some(link), Some(place)) => (link, place),
        (None, Some(_)) | (Some(_), None) => return Err(fault),
    };
    let nonce = key(&link.nonce)?;
    let commitment = commitment::link(&nonce, agency.as_str(), link.number, link.previous);
    if record.links.get(place) == Some(&commitment) { Ok(Some(link)) } else { Err(fault) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    fn follow(records: &[pb::LogRecord]) -> Result<(), Fault> {
        let agency = sample::police();
        let mut links = Links::new(Some(&agency));
        records.iter().try_for_each(|shown| {
            links.follow(shown, &crate::record::decode(&shown.record).unwrap())
        })?;
        links.end()
    }

    #[test]
    fn a_chain_that_leaves_nothing_out_passes() {
        assert_eq!(follow(&sample::log(6).shown_to_police()), Ok(()));
    }

    #[test]
    fn a_record_left_out_of_the_middle_is_missed() {
        let all = sample::log(6).shown_to_police();
        for left_out in 0..all.len() - 1 {
            if all[left_out].link.is_none() {
                continue;
            }
            let mut some = all.clone();
            some.remove(left_out);
            assert!(matches!(follow(&some), Err(Fault::Gap { .. })), "{left_out}");
        }
    }

    #[test]
    fn a_link_that_is_not_the_one_committed_to_is_a_fault() {
        let all = sample::log(6).shown_to_police();
        let at = all.iter().rposition(|shown| shown.link.is_some()).unwrap();
        let change = |change: fn(&mut pb::LogRecord)| {
            let mut some = all.clone();
            change(&mut some[at]);
            follow(&some)
        };
        let fault = Err(Fault::Link { index: all[at].index });
        assert_eq!(change(|shown| shown.link = None), fault);
        assert_eq!(change(|shown| shown.link.as_mut().unwrap().number += 1), fault);
        assert_eq!(change(|shown| shown.link.as_mut().unwrap().previous += 1), fault);
        assert_eq!(change(|shown| shown.link.as_mut().unwrap().nonce = vec![0; 32].into()), fault);
        assert_eq!(
            change(|shown| shown.link.as_mut().unwrap().nonce = vec![0; 31].into()),
            Err(Fault::Length)
        );
    }
}
