//! What can happen in a step. Each operation carries all that it needs to be read and repeated; `shape`
//! is the seed of whatever it makes.

use super::{kept::jump, random::Random};
use crate::journal::Fault;

/// One thing that happens; a turn of the writer follows.
#[derive(Clone, Debug)]
pub(super) enum Op {
    AdvanceClock {
        ms: u64,
    },
    /// Several commands in one turn.
    Batch(Vec<Ask>),
    /// The process dies once the next erasure is durable, and before its keys are destroyed.
    DieErasing,
    /// Records are erased whole, as if their time were over, or the process dies before they are.
    EraseRecords {
        dies: bool,
        /// After how many ranges of the journal it is no more to be written, where it is.
        stops_after: Option<u64>,
    },
    FaultOnNextCommit(Fault),
    /// The wall clock alone.
    JumpClock {
        ms: u64,
    },
    One(Ask),
    /// From a snapshot where there is one to trust, or by reading everything.
    Restart {
        quick: bool,
    },
    SetBackClock {
        ms: u64,
    },
    Snapshot,
}

/// One thing that somebody asks of the writer.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Acknowledge { stream: u64, up_to: UpTo },
    Act { agency: usize, pick: u64 },
    Approve { agreement: usize, pick: u64 },
    Close { stream: u64 },
    Consult { agency: usize },
    Create { agency: usize, name: usize, shape: u64 },
    Credit { stream: u64, more: u32 },
    Delete { agency: usize, name: usize },
    Keep(Keep),
    List { agency: usize },
    Notices { agency: usize, acknowledges: bool, limit: usize },
    Open { agency: usize, name: usize, credit: u32, resume: Resume },
    Propose { agency: usize, agreement: usize, shape: u64 },
    Publish { agency: usize, agreement: usize, flavour: Flavour, shape: u64 },
    Issue { agency: usize, shape: u64 },
    Rotate { by: Option<usize> },
    Reinstate { agency: usize },
    Suspend { agency: usize },
    Tell { pick: u64 },
    Withdraw { agency: usize, agreement: usize },
}

/// What is asked about what is kept.
#[derive(Clone, Debug)]
pub(super) enum Keep {
    Approve { deputy: bool, pick: u64 },
    Confirm { agency: Option<usize> },
    Hold { agency: usize, pick: u64, days: u64 },
    Order { agency: usize, pick: u64, count: u64 },
    Release { pick: u64 },
    Sweep { pick: u64 },
    SweepFilters,
    Withdraw { pick: u64 },
}

/// How far an acknowledgement goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum UpTo {
    Beyond,
    /// The last that came, and nothing more is said: its answer waits for the record.
    End,
    Last,
    One,
}

/// Where an opening resumes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Resume {
    AtAPosition(u64),
    Forged(u64),
    WhereTheBrokerStands,
}

/// What kind of publish.
#[derive(Clone, Copy, Debug)]
pub(super) enum Flavour {
    AheadId,
    New,
    OldId,
    OtherContent,
    Rectify,
    Repeat,
    Stale,
    WrongPurpose,
    WrongRole,
}

pub(super) const AGENCIES: usize = 4;
pub(super) const AGREEMENTS: usize = 3;
pub(super) const NAMES: usize = 2;

impl Op {
    /// Draws what brings an exchange to life: agreements, approvals, subscriptions.
    pub(super) fn prelude(random: &mut Random) -> Vec<Self> {
        let mut ops = Vec::new();
        for agreement in 0..AGREEMENTS {
            // The third agency is a party of most, and each of the three steps may go wrong.
            ops.push(Ask::Propose { agency: 2, agreement, shape: random.next() });
            for _ in 0..4 {
                ops.push(Ask::Approve { agreement, pick: random.next() });
            }
        }
        for agency in 0..AGENCIES {
            for name in 0..NAMES {
                ops.push(Ask::Create { agency, name, shape: random.next() });
            }
        }
        ops.into_iter().map(Self::One).collect()
    }

    /// Draws an operation; commands are the most frequent.
    pub(super) fn draw(random: &mut Random) -> Self {
        match random.below(103) {
            100 => Self::DieErasing,
            101 => Self::JumpClock { ms: jump(random) },
            102 => Self::One(Ask::Keep(Keep::Confirm { agency: None })),
            0..=7 => Self::AdvanceClock { ms: step(random) },
            8 => Self::SetBackClock { ms: random.below(4000) },
            9 if random.chance(50) => Self::SetBackClock { ms: 600_000 },
            9..=11 => Self::Restart { quick: random.chance(70) },
            12..=15 => Self::FaultOnNextCommit(*random.pick(&[
                Fault::Lose,
                Fault::Survive,
                Fault::Survive,
                Fault::Conflict,
                Fault::Full,
            ])),
            16..=18 => Self::Snapshot,
            19..=45 => {
                let count = 2 + random.below(6);
                Self::Batch((0..count).map(|_| Ask::draw(random)).collect())
            }
            _ => Self::One(Ask::draw(random)),
        }
    }
}

impl Ask {
    fn draw(random: &mut Random) -> Self {
        let agency = random.place(AGENCIES);
        let agreement = random.place(AGREEMENTS);
        let name = random.place(NAMES);
        if random.chance(9) {
            return Self::Keep(Keep::draw(random));
        }
        match random.below(1000) {
            0..=329 => {
                let (flavour, shape) = (flavour(random), random.next());
                Self::Publish { agency, agreement, flavour, shape }
            }
            330..=449 => {
                let credit = *random.pick(&[0, 1, 2, 5, 1000]);
                Self::Open { agency, name, credit, resume: resume(random) }
            }
            450..=569 => {
                let up_to =
                    *random.pick(&[UpTo::Last, UpTo::End, UpTo::One, UpTo::One, UpTo::Beyond]);
                Self::Acknowledge { stream: random.next(), up_to }
            }
            570..=669 => {
                let more = *random.pick(&[1, 1, 2, 3, 8, 0, 1001]);
                Self::Credit { stream: random.next(), more }
            }
            670..=689 => Self::Propose { agency, agreement, shape: random.next() },
            690..=809 => Self::Approve { agreement, pick: random.next() },
            810..=812 => Self::Withdraw { agency, agreement },
            813..=909 => Self::Create { agency, name, shape: random.next() },
            910..=914 => Self::Delete { agency, name },
            915..=944 => Self::Close { stream: random.next() },
            945..=949 => Self::List { agency },
            950..=961 => Self::Act { agency, pick: random.next() },
            962..=967 => Self::Tell { pick: random.next() },
            968..=974 => {
                let (acknowledges, limit) = (random.chance(50), random.place(4));
                Self::Notices { agency, acknowledges, limit }
            }
            975..=978 => Self::Suspend { agency },
            979..=986 => Self::Reinstate { agency },
            987..=989 => Self::Issue { agency, shape: random.next() },
            990..=991 => Self::Rotate { by: Some(agency) },
            992..=994 => Self::Rotate { by: None },
            _ => Self::Consult { agency },
        }
    }
}

impl Keep {
    fn draw(random: &mut Random) -> Self {
        let (agency, pick) = (random.place(AGENCIES), random.next());
        match random.below(20) {
            0..=5 => Self::Order { agency, pick, count: 1 + random.below(4) },
            6..=10 => Self::Approve { deputy: random.chance(80), pick },
            11 => Self::Withdraw { pick },
            12 | 13 => Self::Hold { agency, pick, days: random.below(368) },
            14 | 15 => Self::Release { pick },
            16 | 17 => Self::Sweep { pick },
            18 => Self::SweepFilters,
            _ => Self::Confirm { agency: random.chance(20).then_some(agency) },
        }
    }
}

fn step(random: &mut Random) -> u64 {
    const MINUTE: u64 = 60_000;
    match random.below(20) {
        0..=11 => random.below(2000),
        12..=17 => random.below(40) * MINUTE,
        18 => random.below(30 * 60) * MINUTE,
        _ => random.below(20 * 24 * 60) * MINUTE,
    }
}

fn flavour(random: &mut Random) -> Flavour {
    match random.below(20) {
        0..=11 => Flavour::New,
        12 => Flavour::Rectify,
        13 | 14 => Flavour::Repeat,
        15 => Flavour::OtherContent,
        16 => Flavour::Stale,
        17 => Flavour::WrongPurpose,
        18 => Flavour::WrongRole,
        _ => *random.pick(&[Flavour::OldId, Flavour::AheadId]),
    }
}

fn resume(random: &mut Random) -> Resume {
    match random.below(10) {
        0..=5 => Resume::WhereTheBrokerStands,
        6..=8 => Resume::AtAPosition(random.next()),
        _ => Resume::Forged(random.next()),
    }
}
