//! What waits for its turn when its connection is shut is not done any more.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::oneshot;

use super::{
    sample,
    world::{Keyring, World},
};
use crate::domain::{Bar, Barring, Bars, Fingerprint, QueryPurpose, Reason};
use crate::journal::Journal;
use crate::ledger::{
    Rejection, Shut, Way,
    command::{Command, Reading},
    way::Sent,
};
use crate::record::{self, Event};

const CA: Fingerprint = Fingerprint([9; 32]);

/// A connection that one CA vouches for.
#[derive(Debug, Default)]
struct Door {
    is_expelled: AtomicBool,
}

impl Way for Door {
    fn shut(&self, bars: &Bars) -> Option<Shut> {
        let is_expelled = self.is_expelled.load(Ordering::Relaxed).then_some(Shut::Cut);
        bars.authorities.get(&CA).map(|_| Shut::Barred(Bar::Authority)).or(is_expelled)
    }
}

type Answered = oneshot::Receiver<Result<(u64, Arc<crate::ledger::Commit>), Rejection>>;

fn read(over: &Arc<Door>) -> (Sent, Answered) {
    let (answer, answered) = oneshot::channel();
    let reading = Reading::Consult { start: 0, end: 0 };
    let purpose = QueryPurpose::Lawfulness;
    let command = Command::Read { by: sample::officer(0), purpose, reading, answer };
    (Sent { command, way: Some(Arc::<Door>::clone(over)) }, answered)
}

fn events(world: &World) -> Vec<Event> {
    let frames = world.journal.read(0..u64::MAX, usize::MAX).unwrap();
    frames.iter().map(|frame| record::decode(&frame.record).unwrap().event).collect()
}

/// A full lane, the CA revoked in the same batch: only refusals follow its record.
#[test]
fn what_waits_behind_the_end_of_its_ca_is_refused() {
    let keyring = Keyring::create();
    let mut world = World::new(&keyring);
    let door = Arc::<Door>::default();
    let (before, mut is_read) = read(&door);
    let (answer, mut barred) = oneshot::channel();
    let act = Barring::AuthorityRevoked(CA);
    let bar = Command::Bar { by: sample::operator(), act, is_listed: true, answer };
    let (behind, answers): (Vec<_>, Vec<_>) = (0..64).map(|_| read(&door)).unzip();
    let batch = [before, bar.into()].into_iter().chain(behind).collect();

    world.writer.turn(batch).unwrap();

    is_read.try_recv().unwrap().unwrap();
    let index = barred.try_recv().unwrap().unwrap();
    for mut answer in answers {
        let refused = answer.try_recv().unwrap().unwrap_err();
        let is_told = matches!(refused, Rejection::Refused { refusal, .. }
            if refusal.reason == Reason::AuthorityRevoked);
        assert!(is_told, "{refused:?}");
    }
    let after = events(&world).split_off(usize::try_from(index).unwrap() + 1);
    assert!(!after.is_empty() && after.iter().all(|it| matches!(it, Event::Refused(_))));
}

/// Cut for another reason, such as a list of revocations: nothing is done, and nothing recorded.
#[test]
fn what_came_over_a_cut_connection_is_not_done() {
    let keyring = Keyring::create();
    let mut world = World::new(&keyring);
    let door = Arc::<Door>::default();
    let (sent, mut answer) = read(&door);
    // What a start has to record comes first.
    world.writer.turn(Vec::new()).unwrap();
    let count = events(&world).len();
    door.is_expelled.store(true, Ordering::Relaxed);

    world.writer.turn(vec![sent]).unwrap();

    assert!(matches!(answer.try_recv().unwrap(), Err(Rejection::Unavailable(_))));
    assert_eq!(events(&world).len(), count);
}
