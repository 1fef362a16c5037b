//! Forks and rollbacks, one after the other, against a witness that is killed in between: each of them is refused.
//! `tests/campaigns/witness.sh` runs a thousand.

use base64::{Engine, engine::general_purpose::STANDARD};
use portway::merkle::{Checkpoint, Hash, MemoryTree, Nodes, Signer, consistency, leaf_hash, root};
use ring::{rand::SystemRandom, signature::Ed25519KeyPair};

use crate::stage::Witness;

const ORIGIN: &str = "portway.test/portway/forks";
/// How many forks and rollbacks are tried, where nothing else is said.
const TRIES: u64 = 60;

/// A log that says whatever it likes.
struct Log {
    signer: Signer,
    leaves: Vec<Hash>,
    chance: u64,
}

impl Log {
    fn new(chance: u64) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let signer = Signer::from_pkcs8(ORIGIN, pkcs8.as_ref()).unwrap();
        Self { signer, leaves: Vec::new(), chance }
    }

    /// A number below the bound (`SplitMix64`).
    fn below(&mut self, bound: u64) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    fn grow(&mut self) {
        for _ in 0..=self.below(4) {
            self.leaves.push(leaf_hash(self.size().to_string().as_bytes()));
        }
    }

    /// The same log with other leaves from a place on, and of another size.
    fn forked(&mut self, at: u64, size: u64) -> MemoryTree {
        let other = self.below(u64::MAX);
        let leaf = |index: u64| {
            let own = usize::try_from(index).ok().and_then(|index| self.leaves.get(index));
            let own = own.filter(|_| index < at).copied();
            own.unwrap_or_else(|| leaf_hash(format!("{index} {other}").as_bytes()))
        };
        (0..size).map(leaf).collect()
    }

    fn tree(&self) -> MemoryTree {
        self.leaves.iter().copied().collect()
    }

    fn body(&self, tree: &MemoryTree, old: u64, size: u64) -> String {
        let root = root(tree, size).unwrap();
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root };
        let checkpoint = checkpoint.sign(&self.signer).unwrap();
        let proof = if old == 0 || old > size {
            Vec::new()
        } else {
            consistency(tree as &dyn Nodes, old, size).unwrap()
        };
        let proof: String = proof.iter().map(|hash| STANDARD.encode(hash) + "\n").collect();
        format!("old {old}\n{proof}\n{checkpoint}")
    }

    /// What the log asks to be cosigned against what it has shown before: `kind` says in which way.
    fn attack(&mut self, kind: u64) -> String {
        let last = self.size();
        let at = self.below(last);
        match kind {
            // A fork below the last tree: as large, larger, or as if nothing had been cosigned yet.
            0 => self.forked_body(at, last, last),
            1 => {
                let size = last + 1 + self.below(9);
                self.forked_body(at, last, size)
            }
            2 => self.forked_body(at, 0, last + 1),
            // Back to a tree of its own past, or to a fork of it, by any old size.
            3 => {
                let (old, size) = (self.below(last + 1), self.below(last));
                self.body(&self.tree(), old, size.max(1).min(last - 1).max(1))
            }
            4 => {
                let old = self.below(last);
                self.forked_body(at, old, old + 1)
            }
            // The honest tree's root with the proof of another.
            _ => {
                let fork = self.forked(at, last + 2);
                let forked = self.body(&fork, last, last + 2);
                let other = self.forked(last, last + 2);
                let honest = self.body(&other, last, last + 2);
                let (head, _) = forked.split_once("\n\n").unwrap();
                let (_, checkpoint) = honest.split_once("\n\n").unwrap();
                let same = honest.starts_with(head);
                if same {
                    self.forked_body(at, last, last)
                } else {
                    format!("{head}\n\n{checkpoint}")
                }
            }
        }
    }

    fn forked_body(&mut self, at: u64, old: u64, size: u64) -> String {
        let tree = self.forked(at, size);
        self.body(&tree, old, size)
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the campaign tells its seed and its count")]
fn every_fork_and_every_rollback_is_refused() {
    let said = |name: &str| std::env::var_os(name)?.to_str()?.parse::<u64>().ok();
    let tries = said("PORTWAY_FORKS").unwrap_or(TRIES);
    let seed = said("PORTWAY_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("PORTWAY_SEED={seed}");
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::new(seed);
    log.grow();
    log.grow();
    let mut witness = Witness::of(&dir.path().join("observer"), "observer", &log.signer.vkey());
    let mut cosigned = 0;
    let mut refused = [0_u64; 6];
    for number in 0..tries {
        let size = log.size();
        let answer = witness.add_checkpoint(&log.body(&log.tree(), cosigned, size));
        assert_eq!(answer.status, 200, "honest, from {cosigned} to {size}: {answer:?}");
        cosigned = size;
        if number % 20 == 7 {
            witness.restart();
        }
        let kind = number % 6;
        let answer = witness.add_checkpoint(&log.attack(kind));
        assert!(matches!(answer.status, 400 | 409 | 422), "try {number}: {answer:?}");
        refused[usize::try_from(kind).unwrap()] += 1;
        log.grow();
    }
    println!(
        "{} forks and rollbacks, by kind {refused:?}: all refused",
        refused.iter().sum::<u64>()
    );
}
