//! Random changes to honest exports and proofs: each has to be found out, and nothing that is honest may be
//! complained of. A short run is part of the tests; `tests/campaigns/mutations.sh` runs the whole.
//!
//! `PORTWAY_MUTATIONS`, `PORTWAY_OMISSIONS` and `PORTWAY_UNMUTATED` say how many, `PORTWAY_SEED` which.

use std::{collections::BTreeMap, fs};

use super::{
    Trust, What,
    tests::{Written, trust, write_of},
    verify,
};
use crate::client::{Complete as Proof, sample};

/// Entries of the log that is exported.
const SIZE: u64 = 300;

/// Returns what the environment says, or how many the short run has.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration to be told by")]
fn count(name: &str, short: u64) -> u64 {
    std::env::var(name).map_or(short, |text| text.parse().expect("a number"))
}

/// Says what a run came to, where whoever runs a campaign sees it.
#[expect(clippy::print_stdout, reason = "the figures of a campaign")]
fn say(what: std::fmt::Arguments<'_>) {
    println!("{what}");
}

/// A generator that repeats by its seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        Self(count("PORTWAY_SEED", 5))
    }

    /// Returns a number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let below = (word ^ (word >> 31)) % u64::try_from(bound).unwrap();
        usize::try_from(below).unwrap()
    }

    fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// What somebody does to an export.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Mutation {
    /// Turns one bit of one file over.
    Flip,
    /// Cuts a file short.
    Truncate,
    /// Lets two lines, or two stretches of bytes, change places.
    Reorder,
    /// Has a line, or a stretch of bytes, there twice.
    Duplicate,
    /// Lets two files of the tree change places.
    Swap,
    /// Takes a file away.
    Remove,
    /// Leaves a linked record out, and seals what is left with the log's own key.
    Omit,
    /// Leaves a record and its opening out, and seals what is left with the log's own key.
    OmitBoth,
    /// Shows an older export to one who knows a newer checkpoint.
    RollBack,
    /// Shows an export of another history to one who knows an older checkpoint.
    Rewrite,
}

const ALL: [Mutation; 10] = [
    Mutation::Flip,
    Mutation::Truncate,
    Mutation::Reorder,
    Mutation::Duplicate,
    Mutation::Swap,
    Mutation::Remove,
    Mutation::Omit,
    Mutation::OmitBoth,
    Mutation::RollBack,
    Mutation::Rewrite,
];

/// An export, its files as they are, and what is known beside it.
struct Victim {
    written: Written,
    files: BTreeMap<String, Vec<u8>>,
    log: sample::Log,
    /// Another log of the same length, with the same key, and its checkpoints.
    other: sample::Log,
}

impl Victim {
    fn new() -> Self {
        let log = sample::log(SIZE);
        let written = write_of(&log);
        let read = |path: String| (path.clone(), fs::read(written.dir.join(path)).unwrap());
        let files = written.paths().into_iter().chain(["manifest".to_owned()]).map(read).collect();
        let mut other = sample::log(10);
        other.publish(&sample::draft(), sample::request_id(9_999));
        while other.size() < SIZE {
            other.publish(&sample::draft(), sample::request_id(10_000 + other.size()));
        }
        Self { written, files, log, other }
    }

    /// Puts a file back as it was.
    fn mend(&self, path: &str) {
        fs::write(self.written.dir.join(path), &self.files[path]).unwrap();
    }

    fn check(&self, since: Option<&str>) -> Result<(), What> {
        verify(&self.written.dir, &trust(), since).map(drop).map_err(|finding| finding.what)
    }

    /// Does it, and tells whether it was found out; the export is as it was afterwards.
    fn suffer(&self, mutation: Mutation, dice: &mut Dice) -> Result<(), What> {
        let paths: Vec<&String> = self.files.keys().collect();
        let path = dice.one(&paths).as_str();
        match mutation {
            Mutation::Flip | Mutation::Truncate | Mutation::Reorder | Mutation::Duplicate => {
                let old = &self.files[path];
                let new = loop {
                    let new = changed(old, mutation, dice);
                    if new != *old {
                        break new;
                    }
                };
                fs::write(self.written.dir.join(path), new).unwrap();
                let found = self.check(None);
                self.mend(path);
                found
            }
            Mutation::Swap => self.swap(dice),
            Mutation::Remove => {
                fs::remove_file(self.written.dir.join(path)).unwrap();
                let found = self.check(None);
                self.mend(path);
                found
            }
            Mutation::Omit | Mutation::OmitBoth => self.omit(mutation, dice),
            Mutation::RollBack => {
                let ahead = u64::try_from(1 + dice.below(50)).unwrap();
                self.check(Some(&sample::log(SIZE + ahead).note(SIZE + ahead)))
            }
            Mutation::Rewrite => {
                // The two logs part at the eleventh entry.
                let size = u64::try_from(11 + dice.below(280)).unwrap();
                self.check(Some(&self.other.note(size)))
            }
        }
    }

    fn swap(&self, dice: &mut Dice) -> Result<(), What> {
        let tree: Vec<&String> = self.files.keys().filter(|it| it.starts_with("tile/")).collect();
        let (one, other) = loop {
            let pair = (*dice.one(&tree), *dice.one(&tree));
            if self.files[pair.0] != self.files[pair.1] {
                break pair;
            }
        };
        fs::write(self.written.dir.join(one), &self.files[other]).unwrap();
        fs::write(self.written.dir.join(other), &self.files[one]).unwrap();
        let found = self.check(None);
        self.mend(one);
        self.mend(other);
        found
    }

    fn omit(&self, mutation: Mutation, dice: &mut Dice) -> Result<(), What> {
        let linked = self.log.shown_to_police().len() - 1;
        // The first record concerns nobody, and its line has no opening.
        let opening = dice.below(linked);
        self.written.change_lines("records.jsonl", |lines| drop(lines.remove(opening + 1)));
        if mutation == Mutation::OmitBoth {
            self.written.change_lines("links.jsonl", |lines| drop(lines.remove(opening)));
        }
        self.written.seal_anew();
        let found = self.check(None);
        for path in ["records.jsonl", "links.jsonl", "manifest"] {
            self.mend(path);
        }
        found
    }
}

fn changed(old: &[u8], mutation: Mutation, dice: &mut Dice) -> Vec<u8> {
    let mut new = old.to_vec();
    let parts = |old: &[u8]| -> Vec<Vec<u8>> {
        if old.contains(&b'\n') {
            old.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
        } else {
            old.chunks(32).map(<[u8]>::to_vec).collect()
        }
    };
    match mutation {
        Mutation::Flip => new[dice.below(old.len())] ^= 1 << dice.below(8),
        Mutation::Truncate => new.truncate(dice.below(old.len())),
        Mutation::Reorder => {
            let mut parts = parts(old);
            let (one, other) = (dice.below(parts.len()), dice.below(parts.len()));
            parts.swap(one, other);
            new = parts.concat();
            if parts.len() == 1 {
                new.reverse();
            }
        }
        Mutation::Duplicate
        | Mutation::Swap
        | Mutation::Remove
        | Mutation::Omit
        | Mutation::OmitBoth
        | Mutation::RollBack
        | Mutation::Rewrite => {
            let mut parts = parts(old);
            let again = dice.one(&parts).clone();
            parts.insert(dice.below(parts.len() + 1), again);
            new = parts.concat();
        }
    }
    new
}

#[test]
fn every_mutation_of_an_export_is_caught() {
    let victim = Victim::new();
    let mut dice = Dice::new();
    let mut caught: BTreeMap<Mutation, u64> = BTreeMap::new();
    for round in 0..count("PORTWAY_MUTATIONS", 300) {
        let mutation = ALL[usize::try_from(round).unwrap() % ALL.len()];
        let found = victim.suffer(mutation, &mut dice);
        assert!(found.is_err(), "round {round}: {mutation:?} was not found out");
        *caught.entry(mutation).or_default() += 1;
    }
    victim.check(None).expect("all put right again");
    assert_eq!(caught.len(), ALL.len());
    say(format_args!("caught: {caught:?}"));
}

#[test]
fn nothing_honest_is_complained_of() {
    let mut dice = Dice::new();
    let unmutated = count("PORTWAY_UNMUTATED", 40);
    for round in 0..unmutated {
        let size = u64::try_from(1 + dice.below(120)).unwrap();
        let log = sample::log(size);
        let since = u64::try_from(1 + dice.below(usize::try_from(size).unwrap())).unwrap();
        let written = write_of(&log);
        let verified = verify(&written.dir, &trust(), Some(&log.note(since)));
        assert!(verified.is_ok(), "round {round}: {verified:?}");
    }
    say(format_args!("honest exports that passed: {unmutated}"));
}

/// Each record that can be left out of an answer, at its beginning, in its middle and at its end.
#[test]
fn every_omission_from_a_completeness_answer_is_detected() {
    let mut dice = Dice::new();
    let omissions = count("PORTWAY_OMISSIONS", 300);
    let mut done = 0;
    while done < omissions {
        let size = 2 + dice.below(100);
        let mut log = sample::log(u64::try_from(size).unwrap());
        let agency = if dice.below(2) == 0 { sample::police() } else { sample::council() };
        let start = dice.below(size);
        let end = start + dice.below(size - start + 1);
        let [start, end] = [start, end].map(|it| u64::try_from(it).unwrap());
        let end = (dice.below(3) > 0).then_some(end);
        let honest: Proof = log.complete(&agency, (start, end));
        let chain = log.chain();
        honest.verify(&chain).expect("honest");
        for left_out in 0..honest.records.len() {
            let mut fewer = honest.clone();
            fewer.records.remove(left_out);
            let found = fewer.verify(&chain);
            assert!(found.is_err(), "{agency} from {start} to {end:?}: without {left_out}");
            done += 1;
        }
    }
    say(format_args!("omissions detected: {done}"));
}

/// A key that is not the log's vouches for nothing, however good the rest is.
#[test]
fn another_key_verifies_no_export() {
    let victim = Victim::new();
    let stranger = Trust::key(sample::other_signer().verifier().clone());
    assert!(verify(&victim.written.dir, &stranger, None).is_err());
}
