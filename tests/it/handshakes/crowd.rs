//! A crowd of strangers: connections that are opened and never get on. Each kind stops at another place.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustls::{ClientConnection, pki_types::ServerName};
use tokio::time::Instant;

use crate::stage::{Door, Role, Stage};

/// Where a stranger stops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Says nothing.
    Silent,
    /// Sends the first half of a hello.
    Half,
    /// Sends a hello, has it answered, and says nothing more.
    Stalled,
    /// Sends what is no TLS, and goes.
    Garbage,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Silent, Self::Half, Self::Stalled, Self::Garbage];
}

/// A stranger who knows what a hello looks like.
#[derive(Clone, Debug)]
pub(super) struct Stranger {
    address: String,
    hello: Vec<u8>,
}

impl Stranger {
    pub(super) fn at(stage: &Stage) -> Self {
        let config = Door::without_certificate(&stage.home("police", Role::Service));
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut client = ClientConnection::new(config.config(), name).unwrap();
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();
        Self { address: stage.address.clone(), hello }
    }

    /// Connects, and gets as far as its kind does.
    pub(super) fn come(&self, kind: Kind) -> std::io::Result<TcpStream> {
        let mut socket = TcpStream::connect(&self.address)?;
        match kind {
            Kind::Silent => {}
            Kind::Half => socket.write_all(&self.hello[..self.hello.len() / 2])?,
            Kind::Stalled => socket.write_all(&self.hello)?,
            Kind::Garbage => socket.write_all(b"GET / HTTP/1.1\r\nHost: portway\r\n\r\n")?,
        }
        Ok(socket)
    }
}

/// Waits until the other end has thrown a stranger out.
pub(super) fn thrown_out(mut socket: TcpStream) {
    let end = socket.read_to_end(&mut Vec::new()).expect_err("no goodbye");
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
}

/// Strangers that keep so many connections open, and come again whenever one is thrown out.
#[derive(Debug)]
pub(super) struct Crowd {
    leave: Arc<AtomicBool>,
    came: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Crowd {
    /// Gathers `size` connections of one kind, or of all in turn, as many a second as are said.
    pub(super) fn gather(
        stranger: Stranger,
        kinds: Vec<Kind>,
        size: usize,
        per_second: u64,
    ) -> Self {
        let (leave, came) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (told, counted) = (Arc::clone(&leave), Arc::clone(&came));
        let thread = thread::spawn(move || {
            let mut open: Vec<Option<TcpStream>> = (0..size).map(|_| None).collect();
            let (begun, mut count) = (Instant::now(), 0_u64);
            let mut kinds = kinds.into_iter().cycle();
            for at in (0..size).cycle() {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                if open[at].as_ref().is_some_and(is_open) {
                    continue;
                }
                let due = begun + Duration::from_nanos(1_000_000_000 / per_second * count);
                thread::park_timeout(due.saturating_duration_since(Instant::now()));
                count += 1;
                open[at] = stranger.come(kinds.next().unwrap()).ok();
                if let Some(socket) = &open[at] {
                    socket.set_nonblocking(true).unwrap();
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Self { leave, came, thread }
    }

    /// Returns how many have come.
    pub(super) fn came(&self) -> u64 {
        self.came.load(Ordering::Relaxed)
    }

    /// Has all of them leave.
    pub(super) fn leave(self) {
        self.leave.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().unwrap();
    }
}

fn is_open(mut socket: &TcpStream) -> bool {
    match socket.read(&mut [0; 4096]) {
        Ok(0) => false,
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}
