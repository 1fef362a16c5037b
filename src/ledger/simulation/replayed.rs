//! The state read anew from the journal is the live state in everything that can be asked.

use std::sync::Arc;

use super::{op::AGENCIES, sample, world::World};
use crate::exchange::{Standing, State, SubscriptionStanding};
use crate::journal::{Journal, Memory};
use crate::ledger::{
    replay::{Base, Pace, Replay},
    tree::Tree,
};
use crate::merkle::leaf_hash;

pub(super) fn replay_is_the_live_state(world: &World) {
    let journal: Arc<dyn Journal> = Arc::new(Memory::clone(&world.journal));
    let tree = Tree::new(Arc::clone(&journal));
    let writer = &world.writer;
    let replay = Replay::new(&journal, &writer.secrets, &tree, writer.now).unwrap();
    let replayed = replay.run(Base::default(), &Pace::FULL).unwrap();
    let (live, again) = (&writer.state, &replayed.state);
    same(&live.shown(writer.now), &again.shown(writer.now));
    assert_eq!(live.size(), again.size());
    assert_eq!(live.recorded_at(), again.recorded_at());
    assert_eq!(live.slots(), again.slots());
    assert!(live.issued().eq(again.issued()));
    assert_eq!(replayed.chain.as_ref(), Some(writer.secrets.signing.chain().unwrap().as_ref()));
    let without_streams = |state: &State| Standing { streams: 0, ..state.standing(writer.now) };
    assert_eq!(without_streams(live), without_streams(again));
    for number in 0..AGENCIES {
        let agency = sample::agency(number);
        assert_eq!(live.link(&agency), again.link(&agency));
        let closed = |state: &State| -> Vec<String> {
            let own = state.subscriptions_of(&agency).into_iter();
            own.map(|it| format!("{:?}", SubscriptionStanding { open: false, ..it })).collect()
        };
        assert_eq!(closed(live), closed(again));
        let agreements = |state: &State| format!("{:?}", state.agreements_of(&agency, writer.now));
        assert_eq!(agreements(live), agreements(again));
    }
    for request in &world.requests {
        let agency = request.by.seat.agency().unwrap();
        let slot = |state: &State| state.remembered_slot(agency, request.id);
        assert_eq!(slot(live), slot(again), "a request is remembered by one and not the other");
    }
    acknowledged_publishes_stand(world);
    what_records_refer_to_stands(world);
}

/// The whole of two states is too long to be read: says where they part.
fn same(live: &str, again: &str) {
    let pairs = live.lines().zip(again.lines()).enumerate();
    let apart = pairs.into_iter().find(|(_, (live, again))| live != again);
    if let Some((line, (live_line, again_line))) = apart {
        let around: Vec<&str> = again.lines().skip(line.saturating_sub(20)).take(25).collect();
        let around = around.join("\n");
        panic!("line {line}: live {live_line}, read anew {again_line}; there\n{around}");
    }
    assert_eq!(live.len(), again.len(), "one of the two goes on");
}

/// Whoever reads a record that is not erased finds what it refers to, and what a stream that is open now will.
fn what_records_refer_to_stands(world: &World) {
    let frames = world.journal.read(0..u64::MAX, usize::MAX).unwrap();
    let stands = |index: u64| !frames[usize::try_from(index).unwrap()].is_erased();
    for (index, frame) in frames.iter().enumerate().filter(|(_, frame)| !frame.is_erased()) {
        let references = crate::record::decode(&frame.record).unwrap().event.references();
        let gone = references.into_iter().find(|it| !stands(*it));
        assert_eq!(gone, None, "record {index} refers to one that was erased");
    }
    for opened in world.writer.state.opened() {
        assert!(stands(opened), "a stream is open whose record {opened} was erased");
    }
}

/// P3: what was acknowledged stands for ever; nothing that was read before has changed.
fn acknowledged_publishes_stand(world: &World) {
    let frames = world.journal.read(0..u64::MAX, usize::MAX).unwrap();
    assert_eq!(frames.len(), world.audit.leaves.len());
    for (frame, leaf) in frames.iter().zip(&world.audit.leaves) {
        assert_eq!(frame.leaf, *leaf);
    }
    let mut hashes = frames.iter().map(|frame| leaf_hash(&frame.leaf));
    for (index, leaf) in world.told.values() {
        let place = usize::try_from(*index).unwrap();
        assert_eq!(frames[place].leaf, *leaf, "P3: an acknowledged publish is gone");
    }
    assert!(hashes.len() == 0 || hashes.next().is_some());
}
