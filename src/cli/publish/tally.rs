//! How many rows went which way, and what that makes of the command's end.

use std::fmt;

use serde_json::{Value, json};

use crate::cli::output::{Exit, Failure};

/// How many rows went which way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) published: u64,
    pub(super) refused: u64,
    /// Not understood.
    pub(super) faults: u64,
    /// There was a receipt already.
    pub(super) done_before: u64,
    pub(super) uncertain: u64,
}

impl Tally {
    /// Makes the command's end of how the work ended.
    pub(super) fn finish(self, done: Result<(), Failure>) -> Result<(), Failure> {
        let (published, not_published) = (self.published, self.faults + self.uncertain);
        match done {
            Err(failure) if published > 0 && failure.exit == Exit::Unreachable => {
                let message = format!("{published} published, then: {}", failure.message);
                Err(Failure { exit: Exit::Partly, message, ..failure })
            }
            // By then the command line was right, and something was sent.
            Err(failure) if failure.exit == Exit::Usage => Err(Failure::failed(failure.message)),
            Err(failure) => Err(failure),
            Ok(()) if self.refused + not_published == 0 => Ok(()),
            Ok(()) if published + self.done_before > 0 => {
                let rest = self.refused + not_published;
                Err(Failure::new(Exit::Partly, format_args!("{rest} rows are not published")))
            }
            Ok(()) if not_published == 0 => {
                Err(Failure::new(Exit::Refused, format_args!("all {} refused", self.refused)))
            }
            Ok(()) => Err(Failure::failed("no row is published")),
        }
    }

    /// Writes it for programs.
    pub(super) fn document(self) -> Value {
        json!({
            "rows": self.rows,
            "published": self.published,
            "refused": self.refused,
            "not_understood": self.faults,
            "done_before": self.done_before,
            "uncertain": self.uncertain,
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows: {} published", self.rows, self.published)?;
        for (count, what) in [
            (self.refused, "refused"),
            (self.faults, "not understood"),
            (self.done_before, "done before"),
            (self.uncertain, "uncertain"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_tells_what_is_left_undone() {
        let exit = |tally: Tally| tally.finish(Ok(())).err().map(|failure| failure.exit);
        let none = Tally::default();
        assert_eq!(exit(none), None);
        assert_eq!(exit(Tally { published: 2, done_before: 1, ..none }), None);
        assert_eq!(exit(Tally { refused: 2, ..none }), Some(Exit::Refused));
        assert_eq!(exit(Tally { faults: 2, ..none }), Some(Exit::Failed));
        assert_eq!(exit(Tally { faults: 1, refused: 1, ..none }), Some(Exit::Failed));
        assert_eq!(exit(Tally { refused: 1, done_before: 1, ..none }), Some(Exit::Partly));
        for rest in [
            Tally { refused: 1, ..none },
            Tally { faults: 1, ..none },
            Tally { uncertain: 1, ..none },
        ] {
            assert_eq!(exit(Tally { published: 1, ..rest }), Some(Exit::Partly));
        }
    }

    #[test]
    fn a_connection_that_was_lost_in_the_middle_leaves_it_partly_done() {
        let lost = || Err(Failure::new(Exit::Unreachable, "lost"));
        let exit = |published| {
            let tally = Tally { published, ..Tally::default() };
            tally.finish(lost()).expect_err("lost").exit
        };
        assert_eq!((exit(0), exit(3)), (Exit::Unreachable, Exit::Partly));
    }

    #[test]
    fn what_went_wrong_underway_is_no_fault_of_the_command_line() {
        let full = || Err(Failure::usage("receipts.jsonl: no space left"));
        let failure = Tally { published: 3, ..Tally::default() }.finish(full()).expect_err("full");
        assert_eq!((failure.exit, failure.reason.as_str()), (Exit::Failed, "FAILED"));
    }
}
