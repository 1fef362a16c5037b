//! Whoever trusts one of a log's keys comes to the same chain, and to no other: whatever is changed, left out or
//! put elsewhere in a rotation, and whoever signs, nothing else is believed.

use bytes::Bytes;
use proptest::prelude::*;
use ring::signature::Ed25519KeyPair;

use super::sample::{at, operator};
use crate::merkle::{
    Chain, ChainError, Checkpoint, CheckpointError, Hash, MemoryTree, NoteError, Signer, inclusion,
    leaf_hash, root,
};
use crate::pb::v1 as pb;
use crate::record::{Event, Record, Rotation, RotationError, commitment, encode};

const ORIGIN: &str = "example.org/portway/log";

/// A log of which only the rotations matter.
#[derive(Debug)]
struct Log {
    signers: Vec<Signer>,
    tree: MemoryTree,
    /// Sizes of the trees that hand over, and what their last entries are.
    handed_over: Vec<(u64, Bytes)>,
}

fn signer(seed: u8) -> Signer {
    Signer::new(ORIGIN, Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()).unwrap()
}

const SALT: [u8; 32] = [9; 32];

impl Log {
    /// Makes a log that has as many entries before each rotation, and behind the last, as `gaps` says.
    fn new(gaps: &[u64]) -> Self {
        let mut log =
            Self { signers: vec![signer(0)], tree: MemoryTree::new(), handed_over: Vec::new() };
        for (number, gap) in (1..).zip(gaps) {
            for _ in 0..*gap {
                log.tree.append(leaf_hash(&log.tree.size().to_be_bytes()));
            }
            if number == gaps.len() {
                break;
            }
            let next = signer(u8::try_from(number).unwrap());
            let (old, new) = (log.signers.last().unwrap().vkey(), next.vkey());
            let event = Event::KeyRotated { by: operator(), old, new };
            let record = encode(&Record { at: at(), links: Vec::new(), event });
            log.tree.append(leaf_hash(&commitment::record(&SALT, &record)));
            log.signers.push(next);
            log.handed_over.push((log.tree.size(), record));
        }
        log
    }

    fn sign(&self, size: u64, keys: &[usize]) -> String {
        let root = root(&self.tree, size).unwrap();
        let signers: Vec<&Signer> = keys.iter().map(|key| &self.signers[*key]).collect();
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root };
        checkpoint.signed(&signers).unwrap().to_string()
    }

    fn rotations(&self) -> Vec<Rotation> {
        let rotation = |(place, (size, record)): (usize, &(u64, Bytes))| Rotation {
            index: size - 1,
            record: record.clone(),
            salt: SALT,
            inclusion: inclusion(&self.tree, size - 1, *size).unwrap(),
            checkpoint: self.sign(*size, &[place, place + 1]),
        };
        self.handed_over.iter().enumerate().map(rotation).collect()
    }

    fn chain(&self, trusted: usize) -> Result<Chain, RotationError> {
        Rotation::chain(self.signers[trusted].verifier(), &self.rotations())
    }

    /// The keys that have to have signed a tree.
    fn due(&self, size: u64) -> Vec<usize> {
        let sizes: Vec<u64> = self.handed_over.iter().map(|(size, _)| *size).collect();
        let first = sizes.iter().filter(|last| **last < size).count();
        let hands_over = sizes.get(first) == Some(&size);
        if hands_over { vec![first, first + 1] } else { vec![first] }
    }
}

fn gaps() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(1_u64..20, 2..6)
}

proptest! {
    /// From the oldest key, the newest, or any other: the chain is the same, and opens what was signed in time.
    #[test]
    fn every_key_leads_to_the_same_chain(gaps in gaps()) {
        let log = Log::new(&gaps);
        let chain = log.chain(0).unwrap();
        for trusted in 0..log.signers.len() {
            prop_assert_eq!(log.chain(trusted), Ok(chain.clone()));
        }
        for size in 1..=log.tree.size() {
            let opened = chain.open(&log.sign(size, &log.due(size))).unwrap();
            prop_assert_eq!((opened.size, opened.root), (size, root(&log.tree, size).unwrap()));
        }
        let spans: Vec<_> = chain.spans().map(|span| (span.key.clone(), span.last)).collect();
        let sizes = log.handed_over.iter().map(|(size, _)| Some(*size)).chain([None]);
        let due: Vec<_> = log.signers.iter().map(|it| it.verifier().clone()).zip(sizes).collect();
        prop_assert_eq!(spans, due);
    }

    /// A key that is signed with out of its time, before it was handed over to or after it handed over, shows
    /// nothing: a key that is stolen once it was replaced is of no use.
    #[test]
    fn a_key_is_believed_in_its_time_only(gaps in gaps(), size in any::<u64>(), key in any::<usize>()) {
        let log = Log::new(&gaps);
        let chain = log.chain(0).unwrap();
        let size = 1 + size % log.tree.size();
        let key = key % log.signers.len();
        let due = log.due(size);
        let alone = chain.open(&log.sign(size, &[key]));
        if due == [key] {
            prop_assert!(alone.is_ok());
        } else {
            prop_assert_eq!(alone, Err(CheckpointError::Note(NoteError::NotSigned)));
        }
        // A signature more is passed over, whosoever it is.
        let mut all: Vec<usize> = (0..log.signers.len()).collect();
        all.rotate_left(key);
        prop_assert!(chain.open(&log.sign(size, &all)).is_ok());
    }

    /// Whatever is changed in a rotation, it shows nothing any more.
    #[test]
    fn nothing_in_a_rotation_can_be_changed(
        gaps in gaps(),
        which in any::<usize>(),
        place in any::<usize>(),
        bit in 0_u8..8,
    ) {
        let log = Log::new(&gaps);
        let honest = log.rotations();
        let which = which % honest.len();
        let with = |change: &dyn Fn(&mut Rotation)| {
            let mut rotations = honest.clone();
            change(&mut rotations[which]);
            Rotation::chain(log.signers[0].verifier(), &rotations)
        };
        let flip = |bytes: &mut [u8]| {
            let place = place % bytes.len();
            bytes[place] ^= 1 << bit;
        };
        prop_assert!(with(&|it| flip(&mut it.salt)).is_err());
        let record = with(&|it| {
            let mut bytes = it.record.to_vec();
            flip(&mut bytes);
            it.record = bytes.into();
        });
        prop_assert!(record.is_err());
        prop_assert_eq!(with(&|it| it.index += 1), Err(RotationError::Size));
        prop_assert!(with(&|it| it.inclusion.push(leaf_hash(b"more"))).is_err());
        let hash = with(&|it| {
            let other = Hash::from_bytes([7; 32]);
            match it.inclusion.first_mut() {
                Some(first) => *first = other,
                None => it.inclusion.push(other),
            }
        });
        prop_assert!(hash.is_err());
        for keys in [&[which][..], &[which + 1], &[]] {
            let size = honest[which].size();
            // Without any signature it is no note at all.
            let note = if keys.is_empty() { String::new() } else { log.sign(size, keys) };
            let unsigned = with(&|it| it.checkpoint.clone_from(&note));
            prop_assert!(matches!(unsigned, Err(RotationError::Chain(ChainError::Checkpoint(_)))));
        }
        let later = log.sign(log.tree.size(), &[which, which + 1]);
        prop_assert_eq!(with(&|it| it.checkpoint.clone_from(&later)), Err(RotationError::Size));
    }

    /// None can be left out between two others, come twice or in another order.
    #[test]
    fn rotations_follow_each_other(gaps in prop::collection::vec(1_u64..20, 4..7), place in any::<usize>()) {
        let log = Log::new(&gaps);
        let honest = log.rotations();
        let newest = log.signers.last().unwrap().verifier();
        let place = place % (honest.len() - 1);
        let with = |change: &dyn Fn(&mut Vec<Rotation>)| {
            let mut rotations = honest.clone();
            change(&mut rotations);
            Rotation::chain(newest, &rotations)
        };
        prop_assert_eq!(with(&|it| it.swap(place, place + 1)), Err(RotationError::OtherKey));
        prop_assert_eq!(with(&|it| it.insert(place, it[place].clone())), Err(RotationError::OtherKey));
        let middle = 1 + place % (honest.len() - 2);
        prop_assert_eq!(with(&|it| drop(it.remove(middle))), Err(RotationError::OtherKey));
        // Without the last, the newest key is not among them.
        prop_assert_eq!(with(&|it| drop(it.pop())), Err(RotationError::OtherKey));
        // Without the first, the rest still holds together: the newest key vouches for it.
        prop_assert!(with(&|it| drop(it.remove(0))).is_ok());
    }

    /// What is written is read again, and nothing else is read.
    #[test]
    fn lines_and_messages_read_back(gaps in gaps()) {
        let rotations = Log::new(&gaps).rotations();
        let text: String = rotations.iter().map(Rotation::to_line).collect();
        prop_assert_eq!(Rotation::from_lines(&text), Ok(rotations.clone()));
        let cut = Rotation::from_lines(text.trim_end_matches("\"}\n"));
        prop_assert_eq!(cut, Err(RotationError::Form));
        for rotation in rotations {
            prop_assert_eq!(Rotation::from_pb(&rotation.to_pb()), Ok(rotation));
        }
    }
}

/// A client holds many before it verifies the first: a broker cannot have it hold more than true ones take.
#[test]
fn a_message_larger_than_any_rotation_is_not_read() {
    let rotation = Log::new(&[3, 4]).rotations().remove(0).to_pb();
    let changes: [fn(&mut pb::KeyRotation); 3] = [
        |it| it.record = vec![0; (4 << 10) + 1].into(),
        |it| it.checkpoint = "-".repeat((16 << 10) + 1),
        |it| it.inclusion = vec![Bytes::from_static(&[0; 32]); 65],
    ];
    for change in changes {
        let mut larger = rotation.clone();
        change(&mut larger);
        assert_eq!(Rotation::from_pb(&larger), Err(RotationError::Form));
    }
}

/// A log never goes back to a key that it had, and takes none of another name.
#[test]
fn a_key_follows_once_and_under_the_logs_name() {
    let log = Log::new(&[3, 4, 5]);
    let chain = log.chain(0).unwrap();
    let back = log.signers[0].verifier().clone();
    let note = log.sign(log.tree.size(), &[2, 0]);
    assert_eq!(chain.followed_by(back, &note).err(), Some(ChainError::KnownKey));

    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let other = Signer::new("example.org/portway/other", pair).unwrap();
    let refused = chain.followed_by(other.verifier().clone(), &note).err();
    assert_eq!(refused, Some(ChainError::OtherLog));

    let next = Log { signers: vec![signer(2), signer(8)], ..log };
    let (early, size) = (signer(8).verifier().clone(), next.handed_over[1].0);
    let refused = chain.followed_by(early.clone(), &next.sign(size, &[0, 1])).err();
    assert_eq!(refused, Some(ChainError::Order));
    assert!(chain.followed_by(early, &next.sign(size + 1, &[0, 1])).is_ok());
}
