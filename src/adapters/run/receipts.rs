//! The file that receipts are kept in: one JSON document a line, added to and never overwritten. It is also
//! the record of what is done.

use std::{
    collections::HashSet,
    fs::{File, TryLockError},
    io::{BufRead, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::RunError;
use crate::{adapters::csv::EventKey, domain::AlertId};

/// The receipts of this and earlier runs.
#[derive(Debug)]
pub struct Receipts {
    path: PathBuf,
    /// Locked for as long as it is open: two runs at once would publish twice.
    file: File,
    done: HashSet<EventKey>,
}

impl Receipts {
    /// Opens the file, makes it if there is none, and reads which events it has receipts of. The beginning
    /// of a receipt that a crash left at its end is cut off; a whole one that lacks its line end gets it.
    ///
    /// # Errors
    ///
    /// [`RunError`] where the file cannot be used, is used by another run, or holds something else.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let failed = |error| RunError::file(path, error);
        let options = File::options().create(true).read(true).append(true).open(path);
        let mut file = options.map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => RunError::Locked { path: path.to_owned() },
            TryLockError::Error(error) => failed(error),
        })?;
        let mut receipts = Self { path: path.to_owned(), file, done: HashSet::new() };
        let whole = receipts.read()?;
        file = receipts.file;
        file.set_len(whole.bytes).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        if whole.lacks_its_end {
            file.write_all(b"\n").map_err(failed)?;
        }
        Ok(Self { file, ..receipts })
    }

    /// Tells whether there is a receipt of an event.
    pub fn holds(&self, event: EventKey) -> bool {
        self.done.contains(&event)
    }

    /// Adds a receipt, which is one line of JSON without its end.
    ///
    /// # Errors
    ///
    /// [`RunError::File`].
    pub fn add(&mut self, receipt: &str) -> Result<(), RunError> {
        // In one piece, so that nothing but a crash leaves a part of it.
        let line = format!("{receipt}\n");
        self.file.write_all(line.as_bytes()).map_err(|error| RunError::file(&self.path, error))
    }

    /// Waits until all of it is on disk.
    ///
    /// # Errors
    ///
    /// [`RunError::File`].
    pub fn sync(&self) -> Result<(), RunError> {
        self.file.sync_all().map_err(|error| RunError::file(&self.path, error))
    }

    /// Reads all receipts.
    fn read(&mut self) -> Result<Whole, RunError> {
        let mut reader = BufReader::new(&self.file);
        let (mut line, mut bytes, mut number) = (String::new(), 0, 0);
        loop {
            line.clear();
            number += 1;
            let count = reader.read_line(&mut line);
            let count = count.map_err(|error| RunError::file(&self.path, error))?;
            let lacks_its_end = !line.ends_with('\n');
            match event(&line) {
                // A receipt that is there counts, or its event would be published again.
                Some(event) => drop(self.done.insert(event)),
                None if lacks_its_end && is_begun(&line) => {
                    return Ok(Whole { bytes, lacks_its_end: false });
                }
                None => {
                    let (path, fault) = (self.path.clone(), "not a receipt");
                    return Err(RunError::Damaged { path, line: number, fault });
                }
            }
            bytes += u64::try_from(count).unwrap_or(0);
            if lacks_its_end {
                return Ok(Whole { bytes, lacks_its_end });
            }
        }
    }
}

/// The part of the file that holds whole receipts.
struct Whole {
    bytes: u64,
    /// The last one lacks its line end.
    lacks_its_end: bool,
}

/// Tells whether a line without an end is the beginning of a receipt, or nothing at all: whatever else it is,
/// it is not ours to cut.
fn is_begun(line: &str) -> bool {
    const BEGIN: &str = "{\"alert\":\"";
    line.starts_with(BEGIN) || BEGIN.starts_with(line)
}

/// Returns the event that a receipt is of.
fn event(line: &str) -> Option<EventKey> {
    #[derive(Deserialize)]
    struct Receipt {
        alert: String,
    }
    let receipt: Receipt = serde_json::from_str(line).ok()?;
    receipt.alert.parse::<AlertId>().ok().map(EventKey::within)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::Timestamp;

    fn key(number: u8) -> EventKey {
        EventKey::of(&"police".parse().unwrap(), None, &format!("E{number}").parse().unwrap())
    }

    fn line(number: u8) -> String {
        let id = key(number).at(Timestamp::from_ms(1_790_000_000_000)).unwrap();
        format!("{{\"alert\":\"{id}\",\"index\":\"7\"}}")
    }

    #[test]
    fn what_was_added_is_held_by_the_next_run() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("receipts.jsonl");
        let mut receipts = Receipts::open(&path).unwrap();
        receipts.add(&line(1)).unwrap();
        receipts.add(&line(2)).unwrap();
        receipts.sync().unwrap();
        drop(receipts);
        let receipts = Receipts::open(&path).unwrap();
        assert!(receipts.holds(key(1)) && receipts.holds(key(2)) && !receipts.holds(key(3)));
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_line_that_a_crash_left_unfinished_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("receipts.jsonl");
        for unfinished in [line(2).get(..20).unwrap(), line(2).trim_end_matches('}'), "{"] {
            fs::write(&path, format!("{}\n{unfinished}", line(1))).unwrap();
            let mut receipts = Receipts::open(&path).unwrap();
            assert!(receipts.holds(key(1)) && !receipts.holds(key(2)));
            receipts.add(&line(3)).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text, format!("{}\n{}\n", line(1), line(3)));
        }
    }

    #[test]
    fn a_whole_receipt_counts_though_it_lacks_its_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("receipts.jsonl");
        fs::write(&path, format!("{}\n{}", line(1), line(2))).unwrap();
        let mut receipts = Receipts::open(&path).unwrap();
        assert!(receipts.holds(key(1)) && receipts.holds(key(2)));
        receipts.add(&line(3)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, [line(1), line(2), line(3)].join("\n") + "\n");
    }

    #[test]
    fn another_file_is_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("receipts.jsonl");
        let within = format!("{}\nname,address\n{}\n", line(1), line(2));
        for (text, number) in [(within.as_str(), 2), ("{\"agreement\":\"city-asb\"}", 1), ("\n", 1)]
        {
            fs::write(&path, text).unwrap();
            let error = Receipts::open(&path).expect_err("no receipts").to_string();
            let said = format!("receipts.jsonl: line {number}: not a receipt");
            assert!(error.ends_with(&said), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn two_runs_at_once_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("receipts.jsonl");
        let first = Receipts::open(&path).unwrap();
        assert!(matches!(Receipts::open(&path), Err(RunError::Locked { .. })));
        drop(first);
        Receipts::open(&path).unwrap();
    }
}
