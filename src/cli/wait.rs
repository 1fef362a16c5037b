//! Threads for a command that talks to somebody: it is waited for here, and nowhere else.

use std::{future::Future, num::NonZero, thread};

use super::output::Failure;

type Done = Result<(), Failure>;

/// Runs a command that talks to a broker.
pub(super) fn wait(work: impl Future<Output = Done>) -> Done {
    wait_with(cores(), work)
}

/// Runs the broker. The ledger's writer is busy whenever the broker is: on a core that it shares with one of these
/// threads more, they spend a good part of their time on waking each other. Two there are always: one alone would have
/// every stream wait while it proves a page of records.
pub(super) fn wait_serving(work: impl Future<Output = Done>) -> Done {
    wait_with(cores().saturating_sub(1).max(2), work)
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

fn wait_with(threads: usize, work: impl Future<Output = Done>) -> Done {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(Failure::failed)?
        .block_on(work)
}
