//! The real binary, killed while it works. What was acknowledged stays, what was received is recorded, no cursor
//! goes back, and the log that remains verifies from its first entry to its last.
//!
//! `PORTWAY_CRASHES` says how many crashes (5), `PORTWAY_SEED` which chances (1), and `PORTWAY_CUT=strace` that the
//! crash comes at a system call instead of a moment; `tests/campaigns` runs both at length.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod broker;
#[cfg(test)]
mod chance;
#[cfg(test)]
mod check;
#[cfg(test)]
mod house;
#[cfg(test)]
mod load;
#[cfg(test)]
mod notes;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod rounds;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod tear;

/// P2, P3: publishers and followers at work, the process killed at any moment, in recovery too; the promises are
/// checked after every crash, and the whole log several times and at the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promises_outlive_a_kill() {
    rounds::run(&plan::Plan::read()).await;
}

/// A first start that was killed on its way leaves nothing in the way of the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_never_finished_is_begun_again() {
    rounds::begin(&plan::Plan::read()).await;
}
