//! Gaps in an agency's chain of links that are no omissions: records that the log says it erased whole, at the end
//! of its retention.

use super::fault::Fault;
use crate::record::{Event, RECORDS_DAYS_MIN, Record, Retention};

/// A place in a chain: the number of a record among the agency's, and its index plus 1; both 0 before the first.
pub(super) type Place = (u64, u64);

/// What is missing from a chain, until the record that explains it is found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gaps {
    /// Records below this index may have been erased.
    up_to: u64,
    /// The index plus 1 of the last record that is missing, and the number of the first one missing before it.
    missing: Option<(u64, u64)>,
}

impl Gaps {
    /// Hears a verified record of the log, at its index: one kind of them tells that others were erased. A broker may
    /// write what it likes there: it excuses nothing that was recorded behind it, or younger than any log erases.
    pub(super) fn hear(&mut self, index: u64, record: &Record) {
        if let Event::Retention(Retention::RecordsErased { up_to, before }) = record.event
            && up_to <= index
            && before.plus_days(RECORDS_DAYS_MIN) <= record.at
        {
            self.up_to = self.up_to.max(up_to);
        }
    }

    /// Tells whether the place that a link opens, its number and the index plus 1 of the record before it, can come
    /// after the last one: at once, or behind records that are missing, which [`check`](Self::check) asks about.
    pub(super) fn leads(&mut self, last: Place, (number, previous): Place) -> bool {
        // Numbers are as the broker says: one may be the last there is.
        let Some(due) = last.0.checked_add(1) else { return false };
        if (number, previous) == (due, last.1) {
            return true;
        }
        // As many records at least were between the two as there are numbers.
        let between = number.checked_sub(due).filter(|count| *count > 0);
        let is_wide =
            between.zip(previous.checked_sub(last.1)).is_some_and(|(count, room)| room >= count);
        if is_wide && self.missing.is_none_or(|(known, _)| known < previous) {
            self.missing = Some((previous, due));
        }
        is_wide
    }

    /// Takes over what others have heard.
    pub(super) fn take(&mut self, others: Self) {
        self.up_to = self.up_to.max(others.up_to);
    }

    /// Returns the index from which on nothing can be missing.
    pub(super) const fn up_to(&self) -> u64 {
        self.up_to
    }

    /// Verifies that every record that is missing is one that was erased.
    ///
    /// # Errors
    ///
    /// [`Fault::Gap`] with the number of one that was not.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.missing {
            Some((previous, number)) if previous > self.up_to => Err(Fault::Gap { number }),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    fn erased(up_to: u64) -> Record {
        let event = Event::Retention(Retention::RecordsErased { up_to, before: Timestamp::EPOCH });
        Record { at: Timestamp::EPOCH.plus_days(RECORDS_DAYS_MIN), links: Vec::new(), event }
    }

    #[test]
    fn a_gap_is_none_where_the_log_says_that_it_erased_what_is_missing() {
        let mut gaps = Gaps::default();
        assert!(gaps.leads((0, 0), (1, 0)) && gaps.leads((1, 5), (2, 5)));
        assert_eq!(gaps.check(), Ok(()));
        // Numbers 3 and 4 are missing; the last of them stood at 9.
        assert!(gaps.leads((2, 7), (5, 10)));
        assert_eq!(gaps.check(), Err(Fault::Gap { number: 3 }));
        gaps.hear(20, &erased(9));
        assert_eq!(gaps.check(), Err(Fault::Gap { number: 3 }), "the one at 9 was not erased");
        gaps.hear(21, &erased(10));
        gaps.hear(22, &erased(4));
        assert_eq!(gaps.check(), Ok(()));
    }

    /// One record of a broker that lies would otherwise excuse all that it hides from then on, or what is of yesterday.
    #[test]
    fn nothing_behind_the_record_and_nothing_young_is_excused() {
        for (index, up_to, days) in [(20, 21, 31), (20, u64::MAX, 31), (20, 10, 30), (20, 10, 0)] {
            let mut gaps = Gaps::default();
            assert!(gaps.leads((2, 7), (5, 10)));
            let at = Timestamp::EPOCH.plus_days(days);
            gaps.hear(index, &Record { at, ..erased(up_to) });
            assert_eq!(gaps.check(), Err(Fault::Gap { number: 3 }), "{index} {up_to} {days}");
            assert_eq!(gaps.up_to(), 0);
        }
    }

    #[test]
    fn what_cannot_be_is_no_gap() {
        for next in [(2, 7), (3, 6), (2, 8), (4, 7), (5, 8), (1, 9)] {
            assert!(!Gaps::default().leads((2, 7), next), "{next:?}");
        }
        assert!(Gaps::default().leads((2, 7), (4, 8)));
    }
}
