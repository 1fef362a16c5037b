//! How often, and how, the broker is killed: read from the environment.

use std::{env, str::FromStr};

/// System calls at which a power cut is told from the next: those that change a disk, and what lies between.
const CALLS: [&str; 6] = ["pwrite64", "fdatasync", "fsync", "rename", "write", "openat"];

/// A campaign.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) crashes: u64,
    pub(crate) seed: u64,
    by_call: bool,
}

/// A system call that kills the thread's process as it enters it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) call: &'static str,
    /// Which of a thread's calls, from 1.
    pub(crate) when: u64,
}

impl Cut {
    /// Tells whether a batch has been written by then and not synced: nothing else syncs data alone.
    pub(crate) fn is_before_sync(&self) -> bool {
        self.call == "fdatasync"
    }
}

impl Plan {
    pub(crate) fn read() -> Self {
        Self {
            crashes: number("PORTWAY_CRASHES").unwrap_or(5),
            seed: number("PORTWAY_SEED").unwrap_or(1),
            by_call: variable("PORTWAY_CUT").is_some_and(|cut| cut == "strace"),
        }
    }

    /// Returns where the crash of a round comes; none where it comes at a moment.
    pub(crate) fn cut(&self, round: u64) -> Option<Cut> {
        let kinds = CALLS.len() as u64;
        let place = usize::try_from(round % kinds).unwrap();
        self.by_call.then(|| Cut { call: CALLS[place], when: round / kinds + 1 })
    }

    /// Tells after which rounds the whole log is audited: ten times in all, and at the end.
    pub(crate) const fn audits(&self, round: u64) -> bool {
        round.is_multiple_of(self.crashes.div_ceil(10))
    }
}

fn number<T: FromStr>(name: &str) -> Option<T> {
    variable(name).map(|text| text.parse().ok().unwrap_or_else(|| panic!("{name}: not a number")))
}

#[expect(clippy::disallowed_methods, reason = "a campaign is longer than the gate's own run")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}
