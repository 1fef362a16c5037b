//! Spawns tasks with a name, says when one ends that should not have, and waits for all of them.
//! It never restarts a task: a task that panicked left its state behind, and a bug to look into.

use std::thread;

use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The tasks of one server. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
}

impl Tasks {
    /// Makes a set without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Spawns a task that may end when its work is done. A panic is logged under `name`.
    pub fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(watched(name, work));
    }

    /// The same, on the threads of another runtime.
    pub fn spawn_on(
        &self,
        runtime: &Handle,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        self.tracker.spawn_on(watched(name, work), runtime);
    }

    /// Spawns a task that has to run until `stop` fires. An earlier end is logged under `name`.
    pub fn keep(
        &self,
        name: &'static str,
        stop: CancellationToken,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        self.spawn(name, async move {
            work.await;
            if !stop.is_cancelled() {
                tracing::error!(task = name, "task ended before it was told to");
            }
        });
    }

    /// Returns how many tasks run.
    pub fn count(&self) -> usize {
        self.tracker.len()
    }

    /// Waits until every task has ended. Whoever calls it has told them to end.
    pub async fn drained(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

async fn watched(name: &'static str, work: impl Future<Output = ()>) {
    let _watch = PanicWatch { name };
    work.await;
}

/// Lives as long as the task: dropped by an unwinding thread, the task panicked.
struct PanicWatch {
    name: &'static str,
}

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!(task = self.name, "task panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_contained_and_counted_out() {
        let tasks = Tasks::new();
        let stop = CancellationToken::new();
        tasks.spawn("fails", async { panic!("as arranged") });
        tasks.keep("runs", stop.clone(), stop.clone().cancelled_owned());
        assert_eq!(tasks.count(), 2);

        stop.cancel();
        tasks.drained().await;

        assert_eq!(tasks.count(), 0);
    }
}
