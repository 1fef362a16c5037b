//! The thread on which hands are shaken. A handshake is cryptography that any stranger can ask for: here it takes
//! the turns of one thread, and never those of the threads that calls run on. Connections that come out of it go on
//! where they were accepted.

use std::{io, thread};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The thread. Dropped, it ends, and whatever runs on it with it.
#[derive(Debug)]
pub(super) struct Desk {
    handle: Handle,
    _open: DropGuard,
}

impl Desk {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system's, where there is no thread to be had.
    pub(super) fn open() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let (handle, closed) = (runtime.handle().clone(), CancellationToken::new());
        let open = closed.clone().drop_guard();
        let name = "portway-handshakes".to_owned();
        thread::Builder::new().name(name).spawn(move || runtime.block_on(closed.cancelled()))?;
        Ok(Self { handle, _open: open })
    }

    /// Returns where to spawn.
    pub(super) const fn handle(&self) -> &Handle {
        &self.handle
    }
}
