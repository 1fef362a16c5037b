//! What the verification promises: an honest export passes, and no change to it goes unnoticed, whoever
//! made it: somebody without the log's key, or a broker that signs what it likes.

use std::{fs, path::PathBuf};

use super::*;
use crate::{
    client::{
        Fault,
        audit::Seal,
        export::{self, Export, Manifest, sha256},
        json,
        sample::{self, Log},
    },
    merkle::{CheckpointError, NoteError, tiles},
    record::RotationError,
};

const SIZE: u64 = 300;

pub(super) fn trust() -> Trust {
    Trust::key(sample::signer().verifier().clone())
}

/// An export in a directory of its own.
pub(super) struct Written {
    _root: tempfile::TempDir,
    pub(super) dir: PathBuf,
}

impl Written {
    pub(super) fn verify(&self) -> Result<Verified, Finding> {
        verify(&self.dir, &trust(), None)
    }

    fn since(&self, note: &str) -> Result<Verified, Finding> {
        verify(&self.dir, &trust(), Some(note))
    }

    fn manifest(&self) -> (String, Manifest) {
        Manifest::parse(&fs::read_to_string(self.dir.join(Manifest::PATH)).unwrap()).unwrap()
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.manifest().1.files.into_keys().collect()
    }

    /// Changes a file and nothing else.
    fn change(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.dir.join(path);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
    }

    /// Changes the lines of a file and nothing else.
    pub(super) fn change_lines(&self, path: &str, change: impl FnOnce(&mut Vec<String>)) {
        self.change(path, |bytes| {
            let text = String::from_utf8(std::mem::take(bytes)).unwrap();
            let mut lines: Vec<_> = text.split_inclusive('\n').map(str::to_owned).collect();
            change(&mut lines);
            *bytes = lines.concat().into_bytes();
        });
    }

    /// Makes the manifest fit the files, and seals it as only the holder of the log's key could.
    pub(super) fn seal_anew(&self) {
        let (note, mut manifest) = self.manifest();
        let old = Seal::open(&note, &Chain::new(sample::signer().verifier().clone())).unwrap();
        manifest.files.retain(|path, _| self.dir.join(path).exists());
        for (path, digest) in &mut manifest.files {
            *digest = sha256(&fs::read(self.dir.join(path)).unwrap());
        }
        let seal = Seal { manifest: sha256(manifest.list().as_bytes()), ..old };
        let note = sample::sign(&sample::signer(), &seal.text(sample::ORIGIN));
        fs::write(self.dir.join(Manifest::PATH), manifest.sealed(&note)).unwrap();
    }
}

fn export_of(log: &Log) -> Export {
    let links = [sample::police()].map(|it| (it.clone(), log.clone().chained(&it, log.size())));
    let mut export = Export {
        seen: log.seen(log.size()),
        links: links.into(),
        log: log.chain().into(),
        rotations: log.rotations(),
        entries: log.entries(),
        records: std::collections::BTreeMap::new(),
    };
    log.shown_to_police().into_iter().for_each(|shown| export.insert(shown).unwrap());
    export
}

fn write(export: &Export) -> Written {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("export");
    let seal = async |size, manifest| {
        let seal = Seal { size, record: size + 1, manifest };
        Ok(sample::sign(&sample::signer(), &seal.text(sample::ORIGIN)))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(export::write(&dir, export, seal)).unwrap();
    Written { _root: root, dir }
}

/// Writes an honest export of a log for the police.
pub(super) fn write_of(log: &Log) -> Written {
    write(&export_of(log))
}

fn written() -> Written {
    write_of(&sample::log(SIZE))
}

#[test]
fn an_honest_export_passes() {
    let written = written();
    let verified = written.verify().expect("honest");
    assert_eq!((verified.size, verified.records), (SIZE, 201));
    assert_eq!(verified.origin, sample::ORIGIN);
    assert!(verified.key_was_given);

    let claimed = verify(&written.dir, &Trust::default(), None).expect("honest");
    assert!(!claimed.key_was_given);

    let records =
        verify(&written.dir.join("records.jsonl"), &Trust::default(), None).expect("honest");
    assert_eq!(records, claimed);
}

#[test]
fn an_export_is_laid_out_as_the_contract_says() {
    let written = written();
    let paths = [
        "README.txt",
        "checkpoint",
        "links.jsonl",
        "log.vkeys",
        "records.jsonl",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    ];
    assert_eq!(written.paths(), paths);
    let vkeys = fs::read_to_string(written.dir.join("log.vkeys")).unwrap();
    assert_eq!(vkeys, format!("{} 1 {SIZE}\n", sample::signer().vkey()));
    assert_eq!(fs::read(written.dir.join("tile/entries/001.p/44")).unwrap().len(), 44 * 34);
}

#[test]
fn an_export_of_a_small_log_passes() {
    for size in [1, 2, 256, 257] {
        assert_eq!(write(&export_of(&sample::log(size))).verify().map(|it| it.size), Ok(size));
    }
}

#[test]
fn a_directory_in_use_is_left_alone() {
    let written = written();
    let export = export_of(&sample::log(4));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let seal = async |_, _| Ok(String::new());
    runtime.block_on(export::write(&written.dir, &export, seal)).expect_err("it is in use");
    written.verify().expect("untouched");
}

/// One bit of every byte that is looked at, in every file. Every one of them has to be noticed.
#[test]
fn a_flipped_bit_anywhere_is_caught() {
    let written = write(&export_of(&sample::log(12)));
    for path in written.paths().into_iter().chain([Manifest::PATH.to_owned()]) {
        let length = fs::read(written.dir.join(&path)).unwrap().len();
        // Small files byte by byte, the others in steps that meet every position of their rows.
        let step = if length < 1500 { 1 } else { 7 };
        for at in (0..length).step_by(step) {
            written.change(&path, |bytes| bytes[at] ^= 1 << (at % 8));
            let finding = written.verify().expect_err(&format!("{path} byte {at}"));
            let about = if path == Manifest::PATH { "" } else { path.as_str() };
            assert!(finding.at.contains(about), "{path} byte {at}: {finding}");
            written.change(&path, |bytes| bytes[at] ^= 1 << (at % 8));
        }
    }
    written.verify().expect("all put right again");
}

#[test]
fn a_missing_or_extra_file_is_named() {
    for path in written().paths() {
        let written = written();
        fs::remove_file(written.dir.join(&path)).unwrap();
        let finding = written.verify().expect_err(&path);
        assert_eq!(finding, Finding::new(path.clone(), What::Absent));

        // Whoever holds the key can name fewer files, but not pass them off as an export.
        if path != "log.vkeys" {
            written.seal_anew();
            let finding = written.verify().expect_err(&path);
            assert_eq!(finding, Finding::new(path, What::Absent));
        }
    }
    for path in ["more", "tile/0/002", "tile/entries/001.p/45"] {
        let written = written();
        let file = written.dir.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
        assert_eq!(written.verify(), Err(Finding::new(path, What::Extra)));
    }
}

#[test]
fn a_changed_file_under_a_new_seal_is_caught_by_what_it_says() {
    let changed = |path: &str, change: fn(&mut Vec<u8>)| {
        let written = written();
        written.change(path, change);
        written.seal_anew();
        written.verify().expect_err(path)
    };
    let flip: fn(&mut Vec<u8>) = |bytes| bytes[40] ^= 1;

    assert!(matches!(changed("checkpoint", flip).what, What::Checkpoint(_)));
    for tile in ["tile/0/000", "tile/0/001.p/44"] {
        assert!(matches!(changed(tile, flip).what, What::Tile(_)), "{tile}");
    }
    assert!(matches!(changed("tile/1/000.p/1", |bytes| bytes[4] ^= 1).what, What::Tile(_)));
    for bundle in ["tile/entries/000", "tile/entries/001.p/44"] {
        assert!(matches!(changed(bundle, flip).what, What::Bundle(_)), "{bundle}");
        assert!(matches!(changed(bundle, |bytes| bytes.push(0)).what, What::Bundle(_)), "{bundle}");
    }
    assert_eq!(changed("log.vkeys", |bytes| bytes.push(b'\n')).what, What::UntrustedKey);
    assert_eq!(changed("records.jsonl", flip).at, "records.jsonl line 1");
}

/// Whoever holds the key seals the export of another key: the trusted one is what counts.
#[test]
fn another_key_is_not_trusted() {
    let written = written();
    let finding =
        verify(&written.dir, &Trust::key(sample::other_signer().verifier().clone()), None);
    assert_eq!(finding, Err(Finding::new(Manifest::PATH, What::Seal)));

    written.change("log.vkeys", |bytes| {
        *bytes = format!("{} 1 {SIZE}\n", sample::other_signer().vkey()).into_bytes();
    });
    written.seal_anew();
    assert_eq!(written.verify().map_err(|it| it.what), Err(What::UntrustedKey));
}

#[test]
fn records_that_are_changed_repeated_or_out_of_order_are_named() {
    let lines = |change: fn(&mut Vec<String>)| {
        let written = written();
        written.change_lines("records.jsonl", change);
        written.seal_anew();
        written.verify().expect_err("changed records")
    };
    let at = |line: u64, what| Finding::new(format!("records.jsonl line {line}"), what);

    let repeated = lines(|lines| lines.insert(5, lines[4].clone()));
    assert_eq!(repeated, at(6, What::Order { index: 5 }));
    let swapped = lines(|lines| lines.swap(3, 4));
    assert_eq!(swapped, at(5, What::Order { index: 4 }));
    let first = lines(|lines| lines.swap(0, 1));
    assert_eq!(first, at(2, What::Order { index: 0 }));
    // The first record under the index of the second, and the other way round.
    let moved = lines(|lines| {
        lines[1] = lines[1].replace("\"index\":1,", "\"index\":2,");
        lines.remove(2);
    });
    assert_eq!(moved, at(2, What::Leaf { index: 2 }));
    let beyond = lines(|lines| {
        let last = lines.last_mut().unwrap();
        *last = last.replace("\"index\":299,", "\"index\":300,");
        *last = last.replace("\"index\":298,", "\"index\":300,");
    });
    assert_eq!(beyond.what, What::Leaf { index: 300 });
    let malformed = What::Form("not the line of a record");
    assert_eq!(lines(|lines| lines[2].truncate(40)).what, malformed);
    assert_eq!(lines(|lines| lines.push("\n".to_owned())).what, malformed);
    let telling = lines(|lines| {
        lines[1] =
            lines[1].replace("\"police\"", "\"fire\"").replace("agency/police", "agency/fire");
    });
    assert_eq!(telling, at(2, malformed.clone()));
    let key =
        lines(|lines| lines[1] = lines[1].replace("\"view\":{", "\"view\":{\"surname\":\"x\","));
    assert_eq!(key, at(2, malformed));
}

#[test]
fn a_seal_of_something_else_is_caught() {
    let sealed = |change: fn(&mut Seal)| {
        let written = written();
        let (note, manifest) = written.manifest();
        let mut seal = Seal::open(&note, &Chain::new(sample::signer().verifier().clone())).unwrap();
        change(&mut seal);
        let note = sample::sign(&sample::signer(), &seal.text(sample::ORIGIN));
        fs::write(written.dir.join(Manifest::PATH), manifest.sealed(&note)).unwrap();
        written.verify()
    };
    let fault = Err(Finding::new(Manifest::PATH, What::Seal));
    assert_eq!(sealed(|seal| seal.size = 299), fault);
    assert_eq!(sealed(|seal| seal.record = 299), fault);
    assert_eq!(sealed(|seal| seal.manifest[0] ^= 1), fault);
    sealed(|seal| seal.record = 300).expect("the record of the export follows what it covers");
}

#[test]
fn an_older_checkpoint_has_to_be_extended() {
    let written = written();
    let log = sample::log(400);
    for size in [1, 255, 256, 299, SIZE] {
        written.since(&log.note(size)).expect("extended");
    }

    let rolled_back = written.since(&log.note(400)).map_err(|finding| finding.what);
    assert_eq!(rolled_back, Err(What::RolledBack { size: SIZE, since: 400 }));

    let mut other = sample::log(100);
    other.publish(&sample::draft(), sample::request_id(1000));
    let rewritten = written.since(&other.note(101)).map_err(|finding| finding.what);
    assert_eq!(rewritten, Err(What::Rewritten { since: 101 }));

    let forged = log.checkpoint(100).sign(&sample::other_signer()).unwrap();
    assert!(matches!(written.since(&forged).map_err(|it| it.what), Err(What::Checkpoint(_))));
}

/// A link may show one file to the verifier and another to the next reader.
#[test]
fn a_link_is_no_file() {
    let written = written();
    let path = written.dir.join("checkpoint");
    let elsewhere = written.dir.parent().unwrap().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    assert_eq!(written.verify(), Err(Finding::new("checkpoint", What::Extra)));
}

#[test]
fn a_tree_of_other_entries_is_not_the_checkpoints() {
    let mut export = export_of(&sample::log(SIZE));
    export.entries[17][0] ^= 1;
    let finding = write(&export).verify().expect_err("another tree");
    assert!(
        matches!(
            finding.what,
            What::Tile(
                tiles::TileError::Altered(_)
                    | tiles::TileError::Unvouched(_)
                    | tiles::TileError::Root
            )
        ),
        "{finding}"
    );
}

#[test]
fn kept_papers_are_verified_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("receipts.jsonl");
    let log = sample::log(12);
    let shown = crate::pb::v1::ShowRecordResponse {
        record: Some(log.shown_at(2)),
        inclusion: log.inclusion(2, 12),
        checkpoint: log.note(12),
    };
    let receipts = [log.receipt(1), log.receipt(4)].map(|it| json::to_text(&it).unwrap());
    let text = format!("{}\n{}\n{}\n", receipts[0], json::to_text(&shown).unwrap(), receipts[1]);
    let check = |text: &str, since: Option<&str>| {
        fs::write(&path, text).unwrap();
        verify(&path, &trust(), since)
    };

    let verified = check(&text, Some(&log.note(12))).expect("honest");
    assert_eq!((verified.size, verified.records), (12, 3));

    let mut other = sample::log(11);
    other.publish(&sample::draft(), sample::request_id(1000));
    let forked = check(&text, Some(&other.note(12))).map_err(|finding| finding.what);
    assert_eq!(forked, Err(What::Fault(Fault::Fork { size: 12 })));
    assert!(check("", None).is_err());
    assert!(check("{}", None).is_err());
    let third =
        check(&text.replace("\"index\":\"4\"", "\"index\":\"5\""), None).expect_err("moved");
    assert!(third.at.ends_with("document 3"), "{third}");
    let without_key = verify(&path, &Trust::default(), None).map_err(|finding| finding.what);
    assert_eq!(without_key, Err(What::NoKey));
}

/// The keys of [`rotated`]: they hand over at 100 and 200 entries.
fn keys() -> [Verifier; 3] {
    [sample::signer(), sample::other_signer(), sample::seeded(9)].map(|it| it.verifier().clone())
}

fn rotated() -> Log {
    let mut log = sample::log(99);
    for next in [sample::other_signer(), sample::seeded(9)] {
        log.rotate(next);
        for number in 0..99 {
            log.publish(&sample::draft(), sample::request_id(log.size() * 1000 + number));
        }
    }
    log
}

/// Writes and seals an export of a log whose newest key is that of seed 9.
fn written_rotated(export: &Export) -> Written {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("export");
    let seal = async |size, manifest| {
        let seal = Seal { size, record: size + 1, manifest };
        Ok(sample::sign(&sample::seeded(9), &seal.text(sample::ORIGIN)))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(export::write(&dir, export, seal)).unwrap();
    Written { _root: root, dir }
}

#[test]
fn an_export_over_rotations_verifies_from_any_of_the_keys() {
    let log = rotated();
    let written = written_rotated(&export_of(&log));
    let [oldest, middle, newest] = keys();
    let listed = fs::read_to_string(written.dir.join("log.vkeys")).unwrap();
    assert_eq!(listed, format!("{oldest} 1 100\n{middle} 100 200\n{newest} 200 299\n"));
    for key in keys() {
        for since in [1, 99, 100, 101, 200, 299] {
            let verified = verify(&written.dir, &Trust::key(key.clone()), Some(&log.note(since)));
            assert_eq!(verified.map(|it| it.size), Ok(299));
        }
    }
    let stranger = Trust::key(sample::seeded(10).verifier().clone());
    let fault = Err(Finding::new(Rotation::FILE, What::Rotation(RotationError::OtherKey)));
    assert_eq!(verify(&written.dir, &stranger, None), fault);
    // An older checkpoint that the oldest key signed after its time.
    let forged = sample::log(150).note(150);
    let refused = verify(&written.dir, &Trust::key(oldest), Some(&forged)).map_err(|it| it.what);
    assert_eq!(refused, Err(What::Checkpoint(CheckpointError::Note(NoteError::NotSigned))));
}

/// The rotations stand in the manifest; whoever can seal it anew still cannot make one.
#[test]
fn rotations_of_an_export_are_held_against_its_tree() {
    let log = rotated();
    let oldest = Trust::key(keys()[0].clone());
    let mut export = export_of(&log);
    export.rotations.pop();
    let fewer = written_rotated(&export);
    assert_eq!(verify(&fewer.dir, &oldest, None).map_err(|it| it.at), Err("manifest".to_owned()));

    // A tree of another history handed over, to the same keys.
    let mut other = sample::log(98);
    other.publish(&sample::draft(), sample::request_id(7));
    other.rotate(sample::other_signer());
    let mut export = export_of(&log);
    export.rotations[0] = other.rotations().remove(0);
    let forked = written_rotated(&export);
    let rewritten = Err(Finding::new(Rotation::FILE, What::Rewritten { since: 100 }));
    assert_eq!(verify(&forked.dir, &oldest, None), rewritten);
    // Who has followed the key has no need of the tree to tell.
    let known = Trust { rotations: log.rotations(), ..oldest };
    let fault = Err(Finding::new(Rotation::FILE, What::Rotation(RotationError::OtherKey)));
    assert_eq!(verify(&forked.dir, &known, None), fault);
    assert!(verify(&written_rotated(&export_of(&log)).dir, &known, None).is_ok());
}

/// Whoever stole the key before could have made it since: that no newer key has a part in it is said.
#[test]
fn an_export_from_before_a_known_rotation_says_so() {
    let log = rotated();
    let [oldest, ..] = keys();
    let known = Trust { rotations: log.rotations(), ..Trust::key(oldest.clone()) };
    let before = sample::log(50);
    let written = write(&export_of(&before));
    let says = |trust: &Trust, since: Option<&str>| {
        verify(&written.dir, trust, since).map(|it| it.before_rotation)
    };
    assert_eq!(says(&Trust::key(oldest), None), Ok(false));
    assert_eq!(says(&known, None), Ok(true));
    assert_eq!(says(&known, Some(&before.note(49))), Ok(true));
    // That very tree was kept from its own time.
    assert_eq!(says(&known, Some(&before.note(50))), Ok(false));
    let whole = verify(&written_rotated(&export_of(&log)).dir, &known, None);
    assert_eq!(whole.map(|it| it.before_rotation), Ok(false));
}

#[test]
fn receipts_of_several_keys_are_verified_one_by_one() {
    let log = rotated();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("receipts.jsonl");
    let mut receipts = String::new();
    for (index, size) in [(1, 50), (1, 100), (150, 170), (250, 299)] {
        let inclusion = log.inclusion(index, size);
        let receipt =
            crate::pb::v1::Receipt { checkpoint: log.note(size), inclusion, ..log.receipt(index) };
        receipts += &(json::to_text(&receipt).unwrap() + "\n");
    }
    fs::write(&path, receipts).unwrap();
    let check = |key: &Verifier, rotations: &[Rotation]| {
        verify(&path, &Trust { rotations: rotations.to_vec(), ..Trust::key(key.clone()) }, None)
    };

    for key in keys() {
        assert_eq!(check(&key, &log.rotations()).map(|it| (it.size, it.records)), Ok((299, 4)));
    }
    let [oldest, ..] = keys();
    let unknown = check(&oldest, &[]).expect_err("signed by keys that are not known");
    assert!(unknown.at.ends_with("document 3"), "{unknown}");
}
