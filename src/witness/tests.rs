//! What a witness must never do, whatever it is asked and whenever it dies: cosign two trees of which neither extends
//! the other.

use std::{fs, sync::Arc};

use proptest::prelude::*;
use ring::signature::Ed25519KeyPair;

use super::{
    KEY_FILE, KnownLog, Refused, Settings, Witness, WitnessError, home::HomeError,
    request::Submission,
};
use crate::{
    domain::SystemClock,
    merkle::{Checkpoint, Hash, MemoryTree, Note, Signer, consistency, leaf_hash, root},
};

const ORIGIN: &str = "example.org/portway/log";

/// A log that a test holds, and its forks: leaves from the fork on are others.
struct Log {
    tree: MemoryTree,
    signer: Signer,
}

impl Log {
    fn new(size: u64) -> Self {
        Self::forked(size, u64::MAX, 0)
    }

    fn forked(size: u64, at: u64, other: u8) -> Self {
        let leaf = |index: u64| {
            let salt = if index >= at { other } else { 0 };
            leaf_hash(format!("{index} {salt}").as_bytes())
        };
        let mut tree = MemoryTree::new();
        (0..size).for_each(|index| tree.append(leaf(index)));
        Self { tree, signer: signer(1) }
    }

    fn root(&self, size: u64) -> Hash {
        root(&self.tree, size).unwrap()
    }

    fn checkpoint(&self, size: u64) -> String {
        let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root: self.root(size) };
        checkpoint.sign(&self.signer).unwrap()
    }

    fn ask(&self, old: u64, size: u64) -> Vec<u8> {
        let proof = if old == 0 || old > size {
            Vec::new()
        } else {
            consistency(&self.tree, old, size).unwrap()
        };
        Submission { old, proof, checkpoint: self.checkpoint(size) }.body().into_bytes()
    }
}

fn signer(seed: u8) -> Signer {
    Signer::new(ORIGIN, Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()).unwrap()
}

fn settings(dir: &std::path::Path) -> Settings {
    Settings {
        name: "witness.example.org".to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        dir: dir.join("witness"),
        logs: vec![KnownLog { key: signer(1).verifier().clone(), rotations: None }],
    }
}

fn open(dir: &std::path::Path) -> Result<Witness, WitnessError> {
    Witness::open(&settings(dir), Arc::new(SystemClock))
}

fn status(answer: &Result<String, Refused>) -> u16 {
    match answer {
        Ok(_) => 200,
        Err(Refused::Malformed) => 400,
        Err(Refused::NotSigned) => 403,
        Err(Refused::UnknownLog) => 404,
        Err(Refused::Conflict { .. }) => 409,
        Err(Refused::BadProof) => 422,
        Err(Refused::Memory(_)) => 500,
    }
}

#[test]
fn what_is_cosigned_is_what_was_shown() {
    let dir = tempfile::tempdir().unwrap();
    let (log, witness) = (Log::new(20), open(dir.path()).unwrap());
    for (old, size) in [(0, 1), (1, 7), (7, 7), (7, 20)] {
        let line = witness.add_checkpoint(&log.ask(old, size)).unwrap();
        let (note, _) = witness.key().cosigned(&log.checkpoint(size), &line).unwrap();
        assert_eq!(Checkpoint::open(&note.to_string(), log.signer.verifier()).unwrap().size, size);
    }
}

/// In the order of C2SP tlog-witness.
#[test]
fn each_refusal_has_its_status() {
    let dir = tempfile::tempdir().unwrap();
    let (log, witness) = (Log::new(20), open(dir.path()).unwrap());
    let at = |body: &[u8]| status(&witness.add_checkpoint(body));
    assert_eq!(at(b"old 0\n\nno note"), 400);
    assert_eq!(at(&log.ask(21, 20)), 400);
    let mut other = Log::new(20);
    other.signer = signer(2);
    assert_eq!(at(&other.ask(0, 20)), 403);
    let unknown =
        Signer::new("example.org/other", Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap());
    let checkpoint = Checkpoint { origin: "example.org/other".into(), size: 1, root: log.root(1) };
    let checkpoint = checkpoint.sign(&unknown.unwrap()).unwrap();
    let body = Submission { old: 0, proof: Vec::new(), checkpoint }.body();
    assert_eq!(at(body.as_bytes()), 404);
    assert_eq!(at(&log.ask(3, 20)), 409, "nothing was cosigned yet");
    let proven = Submission { old: 0, proof: vec![log.root(1)], checkpoint: log.checkpoint(9) };
    assert_eq!(at(proven.body().as_bytes()), 422, "from nothing there is no proof");
    assert_eq!(at(&log.ask(0, 9)), 200);
    let answer = witness.add_checkpoint(&log.ask(5, 20));
    assert!(matches!(answer, Err(Refused::Conflict { size: 9 })), "{answer:?}");
    assert_eq!(at(&log.ask(5, 7)), 409, "back");
    let fork = Log::forked(20, 4, 1);
    assert_eq!(at(&fork.ask(9, 9)), 409, "another root at that size");
    assert_eq!(at(&fork.ask(9, 20)), 422);
    let unproven = Submission { old: 9, proof: Vec::new(), checkpoint: log.checkpoint(20) };
    assert_eq!(at(unproven.body().as_bytes()), 422);
    assert_eq!(at(&log.ask(9, 20)), 200);
}

#[test]
fn two_trees_of_one_size_are_kept_as_proof() {
    let dir = tempfile::tempdir().unwrap();
    let (log, witness) = (Log::new(9), open(dir.path()).unwrap());
    let fork = Log::forked(9, 3, 1);
    witness.add_checkpoint(&log.ask(0, 9)).unwrap();
    for _ in 0..3 {
        assert_eq!(status(&witness.add_checkpoint(&fork.ask(9, 9))), 409);
    }
    let forks: Vec<_> = fs::read_dir(dir.path().join("witness/forks")).unwrap().collect();
    assert_eq!(forks.len(), 1, "the same pair is kept once");
    let kept = fs::read_to_string(dir.path().join("witness/forks/1")).unwrap();
    assert!(kept.contains(&log.checkpoint(9)) && kept.contains(&fork.checkpoint(9)), "{kept}");
}

#[test]
fn a_restart_forgets_nothing_and_keeps_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let (log, fork) = (Log::new(20), Log::forked(20, 4, 1));
    let witness = open(dir.path()).unwrap();
    let vkey = witness.key().to_string();
    witness.add_checkpoint(&log.ask(0, 9)).unwrap();
    assert!(matches!(open(dir.path()), Err(WitnessError::Home(HomeError::Locked { .. }))));
    drop(witness);
    let witness = open(dir.path()).unwrap();
    assert_eq!(witness.key().to_string(), vkey);
    assert_eq!(status(&witness.add_checkpoint(&fork.ask(0, 20))), 409);
    assert_eq!(status(&witness.add_checkpoint(&fork.ask(9, 20))), 422);
    witness.add_checkpoint(&log.ask(9, 20)).unwrap();
    let written = fs::read_to_string(dir.path().join("witness/witness.vkey")).unwrap();
    assert_eq!(written.trim_end(), vkey);
}

/// The key without its memory would cosign what it has refused.
#[test]
fn a_memory_that_is_lost_or_damaged_is_not_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::new(9);
    open(dir.path()).unwrap().add_checkpoint(&log.ask(0, 9)).unwrap();
    let path = dir.path().join("witness/cosigned");
    let sound = fs::read(&path).unwrap();
    for place in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(open(dir.path()).is_err(), "byte {place}");
        fs::write(&path, &sound[..place]).unwrap();
        assert!(open(dir.path()).is_err(), "{place} bytes");
    }
    fs::remove_file(&path).unwrap();
    assert!(open(dir.path()).is_err());
    // A first start that died before the key was made begins again.
    fs::remove_file(dir.path().join("witness").join(KEY_FILE)).unwrap();
    open(dir.path()).unwrap();
}

/// Once a write fails, what is on disk is not known, and nothing more is cosigned.
#[test]
fn nothing_is_cosigned_that_was_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let (log, witness) = (Log::new(20), open(dir.path()).unwrap());
    witness.add_checkpoint(&log.ask(0, 9)).unwrap();
    // The next content cannot be written where a directory has its name.
    let blocked = dir.path().join("witness/cosigned.tmp");
    fs::create_dir(&blocked).unwrap();
    assert_eq!(status(&witness.add_checkpoint(&log.ask(9, 20))), 500);
    fs::remove_dir(&blocked).unwrap();
    assert_eq!(status(&witness.add_checkpoint(&log.ask(9, 20))), 500);
    drop(witness);
    let witness = open(dir.path()).unwrap();
    assert_eq!(status(&witness.add_checkpoint(&log.ask(9, 20))), 200);
}

/// Requests at once: whatever order they take, what was cosigned lies on one history.
#[test]
fn forks_shown_at_once_are_cosigned_on_one_side_only() {
    for round in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let witness = open(dir.path()).unwrap();
        let sides = [Log::new(16), Log::forked(16, 8, 1), Log::forked(16, 8, 2)];
        witness.add_checkpoint(&sides[0].ask(0, 8)).unwrap();
        let cosigned: Vec<usize> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..sides.len() * 2)
                .map(|number| {
                    let (witness, side) = (&witness, (number + round) % sides.len());
                    let body = sides[side].ask(8, 9 + number as u64 % 7);
                    scope.spawn(move || witness.add_checkpoint(&body).ok().map(|_| side))
                })
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(cosigned.len(), 1, "the first takes the size from all others: {cosigned:?}");
    }
}

#[derive(Clone, Debug)]
enum Act {
    /// Shows a tree of one side, from a size that may be right.
    Show {
        side: usize,
        old: u64,
        size: u64,
    },
    /// Shows it from the size that the witness has.
    Extend {
        side: usize,
        size: u64,
    },
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..3usize, 0..24u64, 0..24u64).prop_map(|(side, old, size)| Act::Show { side, old, size }),
        4 => (0..3usize, 0..24u64).prop_map(|(side, size)| Act::Extend { side, size }),
        1 => Just(Act::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever a log shows, on whichever of its sides, with restarts between: the trees that carry a cosignature all
    /// lie on one history, and never get smaller.
    #[test]
    fn cosigned_trees_lie_on_one_history(acts in prop::collection::vec(act(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let sides = [Log::new(24), Log::forked(24, 6, 1), Log::forked(24, 14, 2)];
        let mut witness = Some(open(dir.path()).unwrap());
        let mut last: (u64, Option<Hash>) = (0, None);
        for act in acts {
            let (side, old, size) = match act {
                Act::Restart => {
                    drop(witness.take());
                    witness = Some(open(dir.path()).unwrap());
                    continue;
                }
                Act::Show { side, old, size } => (side, old, size),
                Act::Extend { side, size } => (side, last.0, size),
            };
            let log = &sides[side];
            let answer = witness.as_ref().unwrap().add_checkpoint(&log.ask(old, size));
            let is_on_it = last.1.is_none_or(|root| log.root(last.0) == root);
            let extends = is_on_it && old == last.0 && size >= last.0;
            prop_assert_eq!(answer.is_ok(), extends, "{:?} after {:?}: {:?}", (side, old, size), last, answer);
            if let Ok(line) = answer {
                let note = format!("{}{line}", log.checkpoint(size));
                prop_assert!(witness.as_ref().unwrap().key().verify(&Note::parse(&note).unwrap()).is_ok());
                last = (size, Some(log.root(size)));
            }
        }
    }
}
