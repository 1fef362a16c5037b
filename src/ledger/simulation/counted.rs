//! Refusals that are only counted stand in no record: a batch that is lost must not lose them.

use tokio::sync::oneshot;

use super::{
    sample,
    world::{Keyring, World},
};
use crate::domain::{Act, Reason, Timestamp};
use crate::journal::{Fault, Journal};
use crate::ledger::command::Command;
use crate::record::{self, Event};

fn refuse(world: &mut World, count: usize) {
    let refusal = || {
        let (answer, _) = oneshot::channel();
        let refusal = Reason::Malformed.into();
        Command::Refuse { by: sample::service(0), act: Act::Publish, refusal, answer }
    };
    world.writer.turn((0..count).map(|_| refusal().into()).collect()).unwrap();
}

/// Returns how many refusals the records stand for.
fn recorded(world: &World) -> u32 {
    let frames = world.journal.read(0..u64::MAX, usize::MAX).unwrap();
    let events = frames.iter().map(|frame| record::decode(&frame.record).unwrap().event);
    let refused = events.filter_map(|event| {
        if let Event::Refused(refused) = event { Some(1 + refused.suppressed) } else { None }
    });
    refused.sum()
}

#[test]
fn what_was_counted_outlives_a_lost_batch() {
    for fault in [Fault::Lose, Fault::Full, Fault::Survive, Fault::Conflict] {
        let keyring = Keyring::create();
        let mut world = World::new(&keyring);
        refuse(&mut world, 13);
        assert_eq!(recorded(&world), 10, "the others are counted");
        // The batch that would record what was counted is lost.
        world.set_clock(Timestamp::from_ms(world.now().ms() + 1500));
        world.journal.on_next_commit(fault);
        refuse(&mut world, 0);
        world.set_clock(Timestamp::from_ms(world.now().ms() + 1500));
        refuse(&mut world, 0);
        assert_eq!(recorded(&world), 13, "after {fault:?}");
    }
}
