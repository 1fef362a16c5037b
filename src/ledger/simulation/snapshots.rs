//! A start from a snapshot of any batch is a replay of everything: the same state, the same proofs.

use std::{collections::BTreeSet, sync::Arc};

use super::world::World;
use crate::journal::{Journal, JournalId, Memory, SnapshotFiles};
use crate::ledger::{
    replay::{Base, Pace, Replay},
    snapshot::{self, Parts},
    tree::Tree,
};

/// Tries every so many batches, each snapshot gone on to from the one before it.
const STRIDE: usize = 60;

pub(super) fn a_start_from_any_batch_is_a_full_replay(world: &World, seed: u64) {
    let journal: Arc<dyn Journal> = Arc::new(Memory::clone(&world.journal));
    let (secrets, now) = (&world.writer.secrets, world.writer.now);
    let tree = Tree::new(Arc::clone(&journal));
    let whole = Replay::new(&journal, secrets, &tree, now).unwrap();
    let whole = whole.run(Base::default(), &Pace::FULL).unwrap();
    let expected = whole.state.shown(now);
    let dir = tempfile::tempdir().unwrap();
    let files = SnapshotFiles::new(dir.path(), JournalId::from_bytes([9; 16]));
    let until = |size| Replay::until((&journal, secrets, &tree), size).unwrap();
    let ends = ends(journal.as_ref());
    // A run in which little was written has fewer.
    let first = usize::try_from(seed).unwrap() % STRIDE.min(ends.len());
    let mut known = None;
    // Of records that are gone, only a later one tells that they may be.
    let told = ends.into_iter().filter(|size| *size > world.audit.kept.records_erased);
    let told: Vec<u64> = told.collect();
    let some = told.iter().copied().skip(first).step_by(STRIDE);
    let some = some.chain(told.last().copied()).collect::<BTreeSet<u64>>();
    for size in some {
        let taken = snapshot::take(until(size), known.as_ref(), &files, &Pace::FULL).unwrap();
        known = Some(taken);
        let parts = Parts::from_bytes(files.read(size).unwrap().content).unwrap();
        let direct = until(size).run(Base::default(), &Pace::FULL).unwrap().state;
        assert!(parts.state == direct.to_bytes(direct.recorded_at()), "by the way it was taken");

        let (tiles, leaves) = parts.tree().unwrap();
        let restored = Tree::restored(Arc::clone(&journal), &tiles, &leaves);
        let replay = Replay::new(&journal, secrets, &restored, now).unwrap();
        let base = snapshot::restore(&replay, &parts, size).unwrap();
        let again = replay.run(base, &Pace::FULL).unwrap();
        assert_eq!(again.state.shown(now), expected, "from {size}");
        assert_eq!(again.commit, whole.commit);
        assert_eq!(again.chain, whole.chain);
        assert!(again.state.issued().eq(whole.state.issued()));
        let end = whole.commit.size;
        for index in [0, size - 1, end - 1] {
            assert_eq!(restored.inclusion(index, end), tree.inclusion(index, end));
        }
        assert_eq!(restored.consistency(size, end), tree.consistency(size, end));
    }
    assert!(known.is_some(), "not one was tried");
}

/// The sizes at which a batch ends.
fn ends(journal: &dyn Journal) -> Vec<u64> {
    let mut ends = vec![journal.checkpoint_covering(0).unwrap().size];
    while let Ok(head) = journal.checkpoint_covering(*ends.last().unwrap()) {
        ends.push(head.size);
    }
    ends
}
