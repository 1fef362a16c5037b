//! What a run has to remember so that it can be begun again: the play that makes request ids and content
//! the same, and what was sent. It is on disk before anything is sent, and goes when all is answered.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{BufRead, BufReader, ErrorKind, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Receipts, RunError};
use crate::{
    adapters::csv::{EventKey, Row},
    domain::{AlertId, Timestamp},
};

/// How long one play is used. A broker takes request ids for 24 h, counted from the time within them: what
/// is sent last has to be answered before, on a clock that may differ from ours.
const PLAY_AGE_MAX: Duration = Duration::from_secs(20 * 3600);
/// What the file begins with.
const FORMAT: &str = "portway run 1";
/// The longest line: a few thousand request ids.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// A run over an extract.
#[derive(Debug)]
pub struct Run {
    play: Timestamp,
    /// Sent within this play, and not answered.
    open: HashSet<EventKey>,
    /// Sent within an earlier play, and never answered: whether they are published cannot be asked any more.
    uncertain: HashSet<EventKey>,
    is_resumed: bool,
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    path: PathBuf,
    file: File,
}

impl Run {
    /// Begins a run that is not remembered: interrupted, it cannot be gone on with.
    pub fn unkept(now: Timestamp) -> Self {
        let (open, uncertain) = (HashSet::new(), HashSet::new());
        Self { play: now, open, uncertain, is_resumed: false, kept: None }
    }

    /// Returns where the state of a run stands: beside its receipts.
    pub fn path(receipts: &Path) -> PathBuf {
        let mut path = receipts.as_os_str().to_owned();
        path.push(".run");
        path.into()
    }

    /// Begins a run, or goes on with the one that was interrupted. Its file stands beside the receipts,
    /// whose lock keeps others away from both.
    ///
    /// # Errors
    ///
    /// [`RunError`] where the file cannot be used.
    pub fn begin(receipts_path: &Path, done: &Receipts, now: Timestamp) -> Result<Self, RunError> {
        let path = Self::path(receipts_path);
        let failed = |error| RunError::file(&path, error);
        let mut options = File::options();
        options.create(true).read(true).append(true).mode(0o600);
        let mut file = options.open(&path).map_err(failed)?;
        let mut run = Self::unkept(now);
        let whole = run.read(&path, &file)?;
        file.set_len(if run.is_resumed { whole } else { 0 }).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        run.kept = Some(Kept { path, file });
        run.open.retain(|event| !done.holds(*event));
        run.uncertain.retain(|event| !done.holds(*event));
        if run.is_resumed {
            run.refresh(now)?;
        } else {
            run.keep(&format!("{FORMAT}\nplay {}\n", now.ms()), true)?;
        }
        Ok(run)
    }

    /// Returns the moment that rows are read as of.
    pub const fn play(&self) -> Timestamp {
        self.play
    }

    /// Tells whether an interrupted run is gone on with.
    pub const fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// Tells whether an event was sent too long ago, and never answered.
    pub fn is_uncertain(&self, event: EventKey) -> bool {
        self.uncertain.contains(&event)
    }

    /// Starts a new play once the old one's request ids would soon be too old. What of the old one is not
    /// answered by then becomes uncertain: under a new request id it might be published twice.
    ///
    /// # Errors
    ///
    /// [`RunError::File`].
    pub fn refresh(&mut self, now: Timestamp) -> Result<(), RunError> {
        if now.since(self.play) < PLAY_AGE_MAX {
            return Ok(());
        }
        self.keep(&format!("play {}\n", now.ms()), true)?;
        self.uncertain.extend(self.open.drain());
        self.play = now;
        Ok(())
    }

    /// Notes rows that are about to be sent. Once this is done, it outlives a crash.
    ///
    /// # Errors
    ///
    /// [`RunError::File`]: they must not be sent.
    pub fn send(&mut self, rows: &[Row]) -> Result<(), RunError> {
        let ids: Vec<String> = rows.iter().map(|row| row.request_id.to_string()).collect();
        self.keep(&format!("sent {}\n", ids.join(" ")), true)?;
        self.open.extend(rows.iter().map(|row| row.event));
        Ok(())
    }

    /// Notes that a row has its receipt.
    pub fn published(&mut self, row: &Row) {
        self.open.remove(&row.event);
    }

    /// Notes that a row was refused. It is not published, and a later run asks again.
    ///
    /// # Errors
    ///
    /// [`RunError::File`].
    pub fn refused(&mut self, row: &Row) -> Result<(), RunError> {
        self.open.remove(&row.event);
        // Lost by a power cut it costs an uncertainty, no more.
        self.keep(&format!("refused {}\n", row.request_id), false)
    }

    /// Ends the run: where nothing is left open it is forgotten. Receipts have to be on disk before.
    ///
    /// # Errors
    ///
    /// [`RunError::File`].
    pub fn end(self) -> Result<(), RunError> {
        match self.kept {
            Some(Kept { path, .. }) if self.open.is_empty() && self.uncertain.is_empty() => {
                fs::remove_file(&path).map_err(|error| RunError::file(&path, error))
            }
            _ => Ok(()),
        }
    }

    fn keep(&mut self, lines: &str, is_durable: bool) -> Result<(), RunError> {
        let Some(Kept { path, file }) = &mut self.kept else { return Ok(()) };
        let written = file.write_all(lines.as_bytes());
        let synced = written.and_then(|()| if is_durable { file.sync_data() } else { Ok(()) });
        synced.map_err(|error| RunError::file(path, error))
    }

    /// Reads all whole lines; returns where the last one ends. What a crash left unfinished behind it was
    /// never acted upon.
    fn read(&mut self, path: &Path, file: &File) -> Result<u64, RunError> {
        let mut reader = BufReader::new(file);
        let (mut line, mut whole, mut number) = (String::new(), 0, 0);
        loop {
            line.clear();
            number += 1;
            let count = std::io::Read::take(&mut reader, LINE_BYTES_MAX).read_line(&mut line);
            let count = match count {
                Err(error) if error.kind() == ErrorKind::InvalidData => {
                    return damaged(path, number);
                }
                other => other.map_err(|error| RunError::file(path, error))?,
            };
            if !line.ends_with('\n') {
                return Ok(whole);
            }
            let is_known = if number == 1 { line.trim_end() == FORMAT } else { self.take(&line) };
            if !is_known {
                return damaged(path, number);
            }
            whole += u64::try_from(count).unwrap_or(0);
        }
    }

    fn take(&mut self, line: &str) -> bool {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("play") => {
                let ms = words.next().and_then(|ms| ms.parse().ok());
                self.uncertain.extend(self.open.drain());
                self.play = ms.map_or(self.play, Timestamp::from_ms);
                self.is_resumed = ms.is_some();
                ms.is_some()
            }
            Some("sent") if self.is_resumed => words.all(|id| self.take_id(id, true)),
            Some("refused") if self.is_resumed => words.all(|id| self.take_id(id, false)),
            _ => false,
        }
    }

    fn take_id(&mut self, id: &str, is_open: bool) -> bool {
        let Ok(event) = id.parse::<AlertId>().map(EventKey::within) else { return false };
        if is_open {
            self.open.insert(event)
        } else {
            self.open.remove(&event)
        };
        true
    }
}

fn damaged<T>(path: &Path, line: u64) -> Result<T, RunError> {
    let (path, fault) =
        (path.to_owned(), "not the state of a run; look at it before it is removed");
    Err(RunError::Damaged { path, line, fault })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::adapters::{csv, token::TokenKey};

    const MAP: &str = include_str!("../../../config/adapters/probation.toml");
    const HOUR: Duration = Duration::from_secs(3600);

    fn start() -> Timestamp {
        Timestamp::from_ms(1_790_000_000_000)
    }

    /// Three rows as of a play.
    fn rows(play: Timestamp) -> Vec<Row> {
        let head = "event_id,occurred_at,recorded_at,local_case_ref,surname,forename,dob,\
            event_type,subject_category,indicators,known_or_suspected,urgency";
        let row = "2024-01-04T16:59,2024-01-04T17:36,C-1,Lindqvist,Abel,1982-02-02,BREACH,OTHER,\
            ,KNOWN,ROUTINE";
        let text = format!("{head}\nE1,{row}\nE2,{row}\nE3,{row}\n");
        let map = csv::Map::parse(MAP).unwrap();
        let read = csv::read(text.as_bytes(), &map, &TokenKey::new(&[7; 32]), play);
        read.into_iter().map(Result::unwrap).collect()
    }

    struct Desk {
        dir: TempDir,
    }

    impl Desk {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().unwrap() }
        }

        fn receipts(&self) -> PathBuf {
            self.dir.path().join("receipts.jsonl")
        }

        fn state(&self) -> PathBuf {
            self.dir.path().join("receipts.jsonl.run")
        }

        fn begin(&self, now: Timestamp) -> Result<Run, RunError> {
            let receipts = Receipts::open(&self.receipts()).unwrap();
            Run::begin(&self.receipts(), &receipts, now)
        }

        fn receive(&self, row: &Row) {
            let mut receipts = Receipts::open(&self.receipts()).unwrap();
            receipts.add(&format!("{{\"alert\":\"{}\"}}", row.request_id)).unwrap();
        }
    }

    #[test]
    fn an_interrupted_run_goes_on_with_the_same_request_ids_and_content() {
        let desk = Desk::new();
        let mut run = desk.begin(start()).unwrap();
        assert!(!run.is_resumed());
        let first = rows(run.play());
        run.send(&first).unwrap();
        desk.receive(&first[0]);
        drop(run);

        let run = desk.begin(start().after(HOUR)).unwrap();
        assert!(run.is_resumed());
        assert_eq!(rows(run.play()), first);
        assert!(first.iter().all(|row| !run.is_uncertain(row.event)));
    }

    #[test]
    fn a_day_later_what_was_never_answered_is_uncertain_and_the_rest_is_not() {
        let desk = Desk::new();
        let mut run = desk.begin(start()).unwrap();
        let first = rows(run.play());
        run.send(&first[..1]).unwrap();
        desk.receive(&first[0]);
        run.published(&first[0]);
        run.send(&first[1..2]).unwrap();
        run.refused(&first[1]).unwrap();
        run.send(&first[2..]).unwrap();
        drop(run);

        let later = start().after(24 * HOUR);
        for _ in 0..2 {
            let mut run = desk.begin(later).unwrap();
            assert_eq!(run.play(), later);
            let uncertain = first.iter().map(|row| run.is_uncertain(row.event));
            assert_eq!(uncertain.collect::<Vec<_>>(), [false, false, true]);
            // What is sent now does not change that, and the state stays for a person to look at.
            let second = rows(run.play());
            run.send(&second[1..2]).unwrap();
            run.published(&second[1]);
            run.end().unwrap();
            assert!(desk.state().exists());
        }
        desk.receive(&first[2]);
        assert!(!desk.begin(later).unwrap().is_uncertain(first[2].event), "it has a receipt");
    }

    #[test]
    fn a_long_run_starts_a_new_play_in_time() {
        let desk = Desk::new();
        let mut run = desk.begin(start()).unwrap();
        let first = rows(run.play());
        run.send(&first).unwrap();
        for row in &first {
            run.published(row);
        }
        run.refresh(start().after(19 * HOUR)).unwrap();
        assert_eq!(run.play(), start());
        run.refresh(start().after(20 * HOUR)).unwrap();
        assert_eq!(run.play(), start().after(20 * HOUR));
        assert!(first.iter().all(|row| !run.is_uncertain(row.event)));
        run.end().unwrap();
        assert!(!desk.state().exists());
    }

    #[test]
    fn a_clock_that_was_set_back_changes_nothing() {
        let desk = Desk::new();
        drop(desk.begin(start()).unwrap());
        assert_eq!(desk.begin(start().before(HOUR)).unwrap().play(), start());
    }

    #[test]
    fn a_run_without_anything_open_is_forgotten() {
        let desk = Desk::new();
        let mut run = desk.begin(start()).unwrap();
        let rows = rows(run.play());
        run.send(&rows).unwrap();
        for row in &rows[1..] {
            run.published(row);
        }
        run.refused(&rows[0]).unwrap();
        run.end().unwrap();
        assert!(!desk.state().exists());
    }

    #[test]
    fn a_state_cut_short_by_a_crash_is_read_as_far_as_it_was_acted_upon() {
        let desk = Desk::new();
        let mut run = desk.begin(start()).unwrap();
        let first = rows(run.play());
        run.send(&first[..1]).unwrap();
        drop(run);
        let whole = fs::read_to_string(desk.state()).unwrap();
        for size in 0..whole.len() {
            fs::write(desk.state(), whole.get(..size).unwrap()).unwrap();
            let now = start().after(HOUR);
            let run = desk.begin(now).unwrap();
            let had_play = size >= whole.find("sent").unwrap();
            assert_eq!(run.play() == start(), had_play, "{size}");
        }
    }

    #[test]
    fn a_state_that_is_something_else_is_refused() {
        let desk = Desk::new();
        for (text, line) in [
            ("something\n", 1),
            ("portway run 1\nplay soon\n", 2),
            ("portway run 1\nplay 1790000000000\nsent E1\n", 3),
            ("portway run 1\nplay 1790000000000\nlost 1\n", 3),
        ] {
            fs::write(desk.state(), text).unwrap();
            let error = desk.begin(start()).expect_err(text).to_string();
            assert!(
                error.contains(&format!(".run: line {line}: not the state of a run")),
                "{error}"
            );
        }
    }
}
