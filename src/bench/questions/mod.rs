//! How long officers wait for answers: questions over a log with a history, asked of a broker of its own over mutual
//! TLS and verified as a client does, beside what reading the whole log would take.

mod ask;
mod report;

use std::{fs, path::Path};

use tokio::time::Instant;

use super::{BenchError, child::Server, history::Cast, latency::Latencies};
use crate::{
    config::Settings,
    ledger::{Reader, Stood},
    views::Views,
};
use ask::{Asker, Kind};
pub use report::Answered;

/// How often each question is asked. Whoever makes one has checked the bounds.
#[derive(Clone, Copy, Debug)]
pub struct Questions {
    /// Of a broker that has answered others before.
    pub warm: u32,
    /// Of one that has just started, with nothing of its files in memory.
    pub cold: u32,
}

/// Measures on what `history::write` has left in `dir`: the index is made anew, the whole log is read once, and then
/// questions are asked. `say` is told of each step.
///
/// # Errors
///
/// [`BenchError`] where something could not be measured, or an answer is not proven.
pub async fn run(
    dir: &Path,
    questions: Questions,
    say: impl Fn(&str),
) -> Result<Answered, BenchError> {
    let cast = Cast::new(dir)?;
    let settings = Settings::read(&cast.config())?;
    say("the index is made anew");
    let work = move || measure_files(&settings);
    let mut answered = tokio::task::spawn_blocking(work).await.map_err(BenchError::task)??;
    let mut asker = Asker::new(&cast, answered.begins, answered.ends)?;
    for _ in 0..questions.cold {
        say("a broker starts with nothing in memory");
        answered.is_cold = forget_files();
        let broker = start(&cast)?;
        let connections = asker.connect(&broker.address).await?;
        for kind in Kind::ALL {
            let taken = asker.ask(&connections, kind).await?;
            answered.cold.entry(kind).or_default().push(taken.nanoseconds);
        }
    }
    say("questions are asked");
    let broker = start(&cast)?;
    let connections = asker.connect(&broker.address).await?;
    for round in 0..questions.warm + WARMING {
        for kind in Kind::ALL {
            let taken = asker.ask(&connections, kind).await?;
            if round >= WARMING {
                answered.warm.entry(kind).or_default().push(taken.nanoseconds);
                *answered.records.entry(kind).or_default() += taken.records;
            }
        }
    }
    answered.memory_most_kib = broker.usage()?.memory_most_kib;
    Ok(answered)
}

/// How many rounds are asked before one counts.
const WARMING: u32 = 3;

fn start(cast: &Cast) -> Result<Server, BenchError> {
    let config = cast.config().display().to_string();
    Server::start(&["serve", "--log-level", "warn", "--config", &config])
}

/// Makes the index anew, and reads every record once, as a question without an index would.
fn measure_files(settings: &Settings) -> Result<Answered, BenchError> {
    let reader = Reader::open(&settings.ledger)?;
    let views = Views::anew(&settings.views_dir, reader.clone()).map_err(BenchError::task)?;
    let begun = Instant::now();
    views.catch_up(&|| false).map_err(BenchError::task)?;
    views.flush();
    let rebuilt_s = begun.elapsed().as_secs_f64();
    let standing = views.standing();
    let mut answered = Answered {
        size: standing.size,
        indexed: standing.indexed,
        index_bytes: standing.bytes,
        rebuilt_s,
        ..Answered::default()
    };
    let begun = Instant::now();
    let (mut next, mut begins) = (0, None);
    while next < standing.size {
        let stood = reader.read(next..standing.size)?;
        let Some(last) = stood.last() else {
            return Err(BenchError::Wrong("the log ends before its end"));
        };
        next = last.index() + 1;
        let mut times = stood.into_iter().filter_map(Stood::entry).map(|entry| entry.record.at);
        if let Some(first) = times.next() {
            begins = begins.or(Some(first));
            answered.ends = times.next_back().unwrap_or(first);
        }
    }
    answered.begins = begins.unwrap_or(answered.ends);
    answered.scanned_s = begun.elapsed().as_secs_f64();
    Ok(answered)
}

/// Has the kernel drop the clean pages that it holds of files (proc(5)); false where this process may not ask for it.
fn forget_files() -> bool {
    fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

/// Latencies of one kind of question.
type Taken = std::collections::BTreeMap<Kind, Latencies>;
