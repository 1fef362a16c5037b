//! Opening from a known place: the same journal as after reading all of it, or all of it is read.

use super::*;

/// A journal of some segments, and its bearings at the end of each of its batches.
fn grown(batches: u64) -> (TempDir, Vec<Vec<u8>>) {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    grow_large(&journal, batches);
    let bearings = (1..=batches).map(|size| journal.bearings(size).unwrap()).collect();
    (dir, bearings)
}

fn open_at(dir: &TempDir, size: u64, bearings: &[u8]) -> Option<(Segments, Recovery)> {
    Segments::open_at(dir.path(), &SETTINGS, 0, (size, bearings)).unwrap()
}

#[test]
fn a_journal_opened_at_any_batch_is_the_whole_journal() {
    let (dir, bearings) = grown(25);
    let whole = open(&dir, 25).unwrap().1.bytes;
    let expected: Vec<_> = (0..25).flat_map(|first| large(1, first).frames).collect();
    for (size, said) in (1..).zip(&bearings) {
        let (journal, recovery) = open_at(&dir, size, said).unwrap();
        assert_eq!(recovery.cut, None);
        assert_eq!(all(&journal), expected, "opened at {size}");
        assert_eq!(journal.checkpoint_covering(9).unwrap().size, 10);
        assert_eq!(journal.head().checkpoint, "tree of 25\n");
        assert!(recovery.bytes <= whole && (size <= 10 || recovery.bytes < whole));
        // What is said later is what is said by one that has read everything.
        assert_eq!(journal.bearings(25).unwrap(), bearings[24]);
    }
    let (journal, _) = open_at(&dir, 25, &bearings[24]).unwrap();
    grow_large(&journal, 12);
    drop(journal);
    assert_eq!(open(&dir, 37).unwrap().0.head().size, 37);
}

#[test]
fn bearings_of_another_journal_or_place_lead_nowhere() {
    let (dir, bearings) = grown(25);
    let (other, _) = grown(3);
    assert!(open_at(&other, 25, &bearings[24]).is_none(), "segments are missing");
    for (size, bearings) in [(24, &bearings[24]), (26, &bearings[24]), (11, &bearings[11])] {
        assert!(open_at(&dir, size, bearings).is_none(), "{size}");
    }
    for bearings in [&b""[..], b"\x08", &[0xff; 40]] {
        assert!(open_at(&dir, 25, bearings).is_none());
    }
    let settings = Settings { journal_id: JournalId::from_bytes([6; 16]), ..SETTINGS };
    assert!(Segments::open_at(dir.path(), &settings, 0, (25, &bearings[24])).unwrap().is_none());
    fs::remove_file(segment_path(dir.path(), 10)).unwrap();
    assert!(open_at(&dir, 25, &bearings[24]).is_none(), "a closed segment is gone");
}

/// Nothing may be cut as a torn end that was never looked at.
#[test]
fn without_the_batch_before_it_nothing_is_cut() {
    let (dir, bearings) = grown(5);
    let path = segment_path(dir.path(), 0);
    let sound = fs::read(&path).unwrap();
    let batch = sound.len() / 8;
    for offset in [batch, 2 * batch] {
        let mut bytes = sound.clone();
        bytes[offset] ^= 1;
        fs::write(&path, &bytes).unwrap();
        for (size, bearings) in (1..).zip(&bearings) {
            let opened = Segments::open_at(dir.path(), &SETTINGS, 0, (size, bearings));
            if opened.is_ok_and(|opened| opened.is_none()) {
                assert_eq!(fs::read(&path).unwrap(), bytes, "changed though it did not open");
            }
        }
    }
    // The last batch is torn: known, it is needed; unknown, it is cut.
    let mut bytes = sound.clone();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[last - 5] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(open_at(&dir, 5, &bearings[4]).is_none());
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let (journal, recovery) = open_at(&dir, 3, &bearings[2]).unwrap();
    assert_eq!((journal.head().size, recovery.cut.map(|cut| cut.size)), (4, Some(4)));
}

#[test]
fn a_journal_older_than_its_anchor_is_refused_from_any_place() {
    let (dir, bearings) = grown(5);
    let opened = Segments::open_at(dir.path(), &SETTINGS, 6, (3, &bearings[2]));
    assert!(matches!(opened, Err(OpenError::OlderThanAnchor { have: 5, anchored: 6 })));
}
