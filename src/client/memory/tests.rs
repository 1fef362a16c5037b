//! What the memory promises: it never moves back, never joins two histories, and keeps the evidence.

use super::*;
use crate::{
    client::sample::{self, Log},
    merkle::CheckpointError,
    merkle::NoteError,
};

/// A memory in a directory of its own.
struct Fresh {
    dir: tempfile::TempDir,
    memory: Memory,
}

fn fresh() -> Fresh {
    let dir = tempfile::tempdir().unwrap();
    let memory = open(&dir);
    Fresh { dir, memory }
}

fn open(dir: &tempfile::TempDir) -> Memory {
    Memory::open(dir.path(), sample::signer().verifier().clone()).unwrap()
}

/// A log that agrees with [`sample::log`] up to `size` records and not beyond.
fn fork(size: u64, at: u64) -> Log {
    let mut log = sample::log(at);
    while log.size() < size {
        log.publish(&sample::draft(), sample::request_id(1000 + log.size()));
    }
    log
}

/// Remembers the tree of `size`, proven from `since`.
fn advance(memory: &Memory, log: &Log, since: u64, size: u64) -> Result<Adoption, Error> {
    let since = (since > 0).then(|| log.seen(since));
    let proof = since.as_ref().map_or(Vec::new(), |since| log.consistency(since.size(), size));
    let seen = memory.check(since.as_ref(), &log.note(size), Some(&proof))?;
    memory.adopt(&Arc::new(seen), since.as_ref())
}

fn fault(result: Result<impl std::fmt::Debug, Error>) -> (Fault, Option<PathBuf>) {
    let error = result.expect_err("a violation");
    let Error::Verification { fault, evidence } = error else { panic!("{error:?}") };
    (fault, evidence)
}

#[test]
fn the_newest_checkpoint_outlives_the_process() {
    let Fresh { dir, memory } = fresh();
    let log = sample::log(9);
    assert_eq!(advance(&memory, &log, 0, 4).unwrap(), Adoption::Done);
    assert_eq!(advance(&memory, &log, 4, 9).unwrap(), Adoption::Done);
    drop(memory);

    let memory = open(&dir);

    assert_eq!(memory.known_size(), 9);
    assert_eq!(memory.known().unwrap().note, log.note(9));
}

#[test]
fn an_older_log_is_caught_and_written_down() {
    let Fresh { memory, dir } = fresh();
    let log = sample::log(9);
    advance(&memory, &log, 0, 9).unwrap();

    let known = memory.known();
    let (fault, evidence) = fault(memory.check(known.as_deref(), &log.note(5), Some(&[])));

    assert_eq!(fault, Fault::Older { size: 5, known: 9 });
    let evidence = evidence.expect("written down");
    assert_eq!(evidence, dir.path().join("fork-5.txt"));
    let text = std::fs::read_to_string(evidence).unwrap();
    assert!(text.contains(&log.note(5)) && text.contains(&log.note(9)), "{text}");
    assert_eq!(memory.known_size(), 9);
}

#[test]
fn two_roots_of_one_size_are_a_fork() {
    let Fresh { memory, dir: _dir } = fresh();
    advance(&memory, &sample::log(9), 0, 9).unwrap();
    let other = fork(9, 4);

    let known = memory.known();
    let (found, evidence) = fault(memory.check(known.as_deref(), &other.note(9), Some(&[])));
    assert_eq!(found, Fault::Fork { size: 9 });
    assert!(evidence.is_some());

    let (found, _) = fault(memory.adopt(&Arc::new(other.seen(9)), None));
    assert_eq!(found, Fault::Fork { size: 9 });
}

#[test]
fn a_larger_log_that_does_not_extend_the_known_one_is_caught() {
    let Fresh { memory, dir: _dir } = fresh();
    let log = sample::log(20);
    advance(&memory, &log, 0, 9).unwrap();
    let other = fork(20, 4);

    let known = memory.known();
    for proof in [other.consistency(9, 20), log.consistency(9, 20), Vec::new()] {
        let result = memory.check(known.as_deref(), &other.note(20), Some(&proof));
        assert!(matches!(fault(result).0, Fault::Inconsistent { from: 9, to: 20, .. }));
    }
    assert_eq!(memory.known_size(), 9);
}

#[test]
fn only_the_logs_own_key_is_believed() {
    let Fresh { memory, dir: _dir } = fresh();
    let log = sample::log(4);
    let forged = log.checkpoint(4).sign(&sample::other_signer()).unwrap();
    let (found, _) = fault(memory.check(None, &forged, None));
    assert_eq!(found, Fault::Checkpoint(CheckpointError::Note(NoteError::NotSigned)));
    assert_eq!(memory.known(), None);
}

/// Two calls begin at size 4. The one that is shown 12 ends before the one that is shown 9.
#[test]
fn an_answer_that_comes_late_needs_a_proof_to_what_is_known_by_then() {
    let Fresh { memory, dir: _dir } = fresh();
    let log = sample::log(12);
    advance(&memory, &log, 0, 4).unwrap();
    assert_eq!(advance(&memory, &log, 4, 12).unwrap(), Adoption::Done);

    let late = advance(&memory, &log, 4, 9).unwrap();

    let Adoption::Unproven(newest) = late else { panic!("believed without a proof") };
    assert_eq!(newest.size(), 12);
    let seen = Arc::new(log.seen(9));
    memory.bridge(&seen, &newest, &log.consistency(9, 12)).unwrap();
    assert_eq!(memory.adopt(&seen, Some(&newest)).unwrap(), Adoption::Done);
    assert_eq!(memory.known_size(), 12);
    // From now on that size is known, and costs no proof.
    assert_eq!(advance(&memory, &log, 4, 9).unwrap(), Adoption::Done);
}

/// Both 9 and 12 extend 4, and yet they are of two logs.
#[test]
fn a_fork_between_two_concurrent_answers_is_caught() {
    let Fresh { memory, dir: _dir } = fresh();
    let (log, other) = (sample::log(12), fork(12, 4));
    advance(&memory, &log, 0, 4).unwrap();
    advance(&memory, &log, 4, 9).unwrap();

    let Adoption::Unproven(newest) = advance(&memory, &other, 4, 12).unwrap() else {
        panic!("believed without a proof")
    };
    let proof = other.consistency(9, 12);
    let (found, evidence) = fault(memory.bridge(&newest, &other.seen(12), &proof));

    assert!(matches!(found, Fault::Inconsistent { from: 9, to: 12, .. }));
    assert!(evidence.is_some());
    assert_eq!(memory.known_size(), 9);
}

#[test]
fn a_second_process_never_moves_the_first_ones_memory_back() {
    let Fresh { memory: first, dir } = fresh();
    let log = sample::log(12);
    advance(&first, &log, 0, 4).unwrap();
    let second = open(&dir);
    advance(&second, &log, 4, 12).unwrap();

    let Adoption::Unproven(newest) = advance(&first, &log, 4, 9).unwrap() else {
        panic!("believed without a proof")
    };
    let seen = Arc::new(log.seen(9));
    first.bridge(&seen, &newest, &log.consistency(9, 12)).unwrap();
    assert_eq!(first.adopt(&seen, Some(&newest)).unwrap(), Adoption::Done);

    assert_eq!(first.known_size(), 12);
    assert_eq!(open(&dir).known_size(), 12);
}

#[test]
fn a_memory_of_another_log_is_not_taken_up() {
    let Fresh { memory, dir } = fresh();
    advance(&memory, &sample::log(4), 0, 4).unwrap();
    let other = sample::other_signer().verifier().clone();
    assert!(matches!(Memory::open(dir.path(), other), Err(Error::Configuration(_))));
}

#[test]
fn a_file_that_a_power_cut_emptied_remembers_nothing() {
    let Fresh { memory, dir } = fresh();
    advance(&memory, &sample::log(4), 0, 4).unwrap();
    std::fs::write(dir.path().join("checkpoint"), "").unwrap();

    let again = open(&dir);

    assert_eq!(again.known_size(), 0);
    assert_eq!(advance(&again, &sample::log(9), 0, 9).unwrap(), Adoption::Done);
}

#[test]
fn the_empty_tree_is_nothing_to_remember() {
    let Fresh { memory, dir: _dir } = fresh();
    let empty = Checkpoint {
        origin: sample::ORIGIN.to_owned(),
        size: 0,
        root: crate::merkle::empty_root(),
    };
    let note = empty.sign(&sample::signer()).unwrap();
    let seen = memory.check(None, &note, Some(&[])).unwrap();
    assert_eq!(memory.adopt(&Arc::new(seen), None).unwrap(), Adoption::Done);
    assert_eq!(memory.known(), None);
}

/// More answers than are held: what was forgotten costs a proof again, and is never guessed at.
#[test]
fn what_was_forgotten_needs_its_proof_again() {
    let Fresh { memory, dir: _dir } = fresh();
    let size = u64::try_from(VERIFIED_MAX).unwrap() + 2;
    let log = sample::log(size);
    for next in 1..=size {
        assert_eq!(advance(&memory, &log, next - 1, next).unwrap(), Adoption::Done);
    }
    let first = memory.adopt(&Arc::new(log.seen(1)), None).unwrap();
    assert!(matches!(first, Adoption::Unproven(newest) if newest.size() == size));
}

/// The log of nine records whose key hands over at the fifth, and goes on.
fn rotated() -> Log {
    let mut log = sample::log(4);
    log.rotate(sample::other_signer());
    while log.size() < 9 {
        log.publish(&sample::draft(), sample::request_id(2000 + log.size()));
    }
    log
}

#[test]
fn a_new_key_is_remembered_with_what_it_signed() {
    let Fresh { dir, memory } = fresh();
    let log = rotated();
    advance(&memory, &log, 0, 4).unwrap();
    let (found, _) = fault(memory.check(None, &log.note(9), None));
    assert_eq!(found, Fault::Checkpoint(CheckpointError::Note(NoteError::NotSigned)));

    memory.follow(log.rotations()).unwrap();
    assert_eq!(advance(&memory, &log, 4, 5).unwrap(), Adoption::Done);
    assert_eq!(advance(&memory, &log, 5, 9).unwrap(), Adoption::Done);

    let again = open(&dir);
    assert_eq!((again.known_size(), again.rotations()), (9, log.rotations()));
    assert_eq!(*again.chain(), log.chain());
}

/// Whoever has the old key can sign whatever they like: nobody believes it who has seen the new one.
#[test]
fn a_key_that_was_replaced_signs_nothing_more() {
    let Fresh { memory, dir: _dir } = fresh();
    let log = rotated();
    memory.follow(log.rotations()).unwrap();
    advance(&memory, &log, 0, 5).unwrap();
    advance(&memory, &log, 5, 9).unwrap();
    let since = memory.known();
    for size in [6, 9, 12] {
        let forged = sample::log(size).note(size);
        let (found, _) = fault(memory.check(since.as_deref(), &forged, None));
        assert_eq!(found, Fault::Checkpoint(CheckpointError::Note(NoteError::NotSigned)));
    }
    // Of its own time, what contradicts the history that is known is caught as ever.
    let (found, evidence) = fault(memory.check(since.as_deref(), &sample::log(3).note(3), None));
    assert_eq!(found, Fault::Older { size: 3, known: 9 });
    assert!(evidence.is_some());
}

#[test]
fn another_key_after_the_one_that_is_known_is_refused() {
    let Fresh { memory, dir: _dir } = fresh();
    memory.follow(rotated().rotations()).unwrap();
    let mut other = sample::log(7);
    other.rotate(sample::seeded(9));
    let (found, _) = fault(memory.follow(other.rotations()));
    assert_eq!(found, Fault::Rotation(RotationError::OtherKey));
    assert_eq!(*memory.chain(), rotated().chain());
}

/// Two processes share an identity: what one has followed, the other reads where it needs it.
#[test]
fn a_key_that_another_process_followed_is_taken_up() {
    let Fresh { memory: first, dir } = fresh();
    let log = rotated();
    advance(&first, &log, 0, 4).unwrap();
    let second = open(&dir);
    second.follow(log.rotations()).unwrap();
    advance(&second, &log, 4, 5).unwrap();
    advance(&second, &log, 5, 9).unwrap();

    // It is shown the tree that hands over, which both keys signed.
    let Adoption::Unproven(newest) = advance(&first, &log, 4, 5).unwrap() else {
        panic!("believed without a proof")
    };

    assert_eq!((newest.size(), first.rotations()), (9, log.rotations()));
}

/// An identity that is given a new key by hand, with the rotations that lead to it, goes on from what it remembers.
#[test]
fn a_key_given_by_hand_goes_on_from_what_is_remembered() {
    let Fresh { memory, dir } = fresh();
    let log = rotated();
    advance(&memory, &log, 0, 4).unwrap();
    let newest = sample::other_signer().verifier().clone();
    assert!(matches!(Memory::open(dir.path(), newest.clone()), Err(Error::Configuration(_))));

    let lines: String = log.rotations().iter().map(Rotation::to_line).collect();
    std::fs::write(dir.path().join(Rotation::FILE), lines).unwrap();

    let memory = Memory::open(dir.path(), newest).unwrap();
    assert_eq!((memory.known_size(), memory.chain().spans().count()), (4, 2));
}

fn knows_handover(log: &Log) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let lines: String = log.rotations().iter().map(Rotation::to_line).collect();
    std::fs::write(dir.path().join(Rotation::FILE), lines).unwrap();
    dir
}

/// The key before signs smaller trees for ever, in whose hands it may be.
#[test]
fn whoever_was_handed_a_rotation_starts_from_its_tree() {
    let log = rotated();
    let dir = knows_handover(&log);
    let memory = open(&dir);
    assert_eq!(memory.known_size(), 5);

    let known = memory.known();
    let (found, _) = fault(memory.check(known.as_deref(), &fork(4, 2).note(4), None));

    assert_eq!(found, Fault::Older { size: 4, known: 5 });
    assert_eq!(advance(&memory, &log, 5, 9).unwrap(), Adoption::Done);
    assert_eq!(open(&dir).known_size(), 9);
}

#[test]
fn nothing_is_adopted_before_the_handover_is_proven_of_what_was_known() {
    let log = rotated();
    let dir = knows_handover(&log);
    std::fs::write(dir.path().join("checkpoint"), log.note(3)).unwrap();
    let memory = open(&dir);
    let (handover, known) = memory.unproven_handover().expect("not shown to extend 3");
    assert_eq!((handover.size(), known.unwrap().size()), (5, 3));
    let forged = fork(4, 3);

    // It extends what is remembered, and is no part of the tree that handed over.
    let adoption = advance(&memory, &forged, 3, 4).unwrap();

    assert_eq!(adoption, Adoption::Unproven(handover));
    assert_eq!(memory.known_size(), 3);
    assert_eq!(advance(&memory, &log, 3, 5).unwrap(), Adoption::Done);
    assert_eq!(memory.unproven_handover(), None);
    assert_eq!(advance(&memory, &log, 5, 9).unwrap(), Adoption::Done);
}

#[test]
fn another_tree_of_the_size_that_handed_over_is_a_fork() {
    let dir = knows_handover(&rotated());
    std::fs::write(dir.path().join("checkpoint"), fork(5, 3).note(5)).unwrap();
    let opened = Memory::open(dir.path(), sample::signer().verifier().clone());
    assert_eq!(fault(opened).0, Fault::Fork { size: 5 });
}
