//! An accepted connection as tonic takes it: bytes through the gate of its `Connection`, and who is
//! at the other end. It never sees a byte before the handshake has named the caller.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::{
    Connection,
    connection::{Entry, Half},
};
use crate::domain::{Caller, Timestamp};

/// Who is at the other end. Handlers find it in the extensions of their request.
#[derive(Clone, Debug)]
pub struct Peer {
    /// As whom it speaks.
    pub caller: Caller,
    /// From where.
    pub address: SocketAddr,
    /// The last moment of its certificate.
    pub not_after: Timestamp,
    /// The connection, to be cut.
    pub connection: Arc<Connection>,
}

impl Peer {
    pub(super) fn of(connection: &Arc<Connection>) -> Self {
        Self {
            caller: connection.caller().clone(),
            address: connection.address(),
            not_after: connection.not_after(),
            connection: Arc::clone(connection),
        }
    }
}

/// What a connection is made of.
pub trait Wire: AsyncRead + AsyncWrite + Unpin {
    /// Has the kernel throw away, once it is closed, what it has not sent yet.
    ///
    /// # Errors
    ///
    /// The system's.
    fn throw_away(&self) -> io::Result<()>;
}

impl Wire for TlsStream<TcpStream> {
    fn throw_away(&self) -> io::Result<()> {
        self.get_ref().0.set_zero_linger()
    }
}

impl Wire for UnixStream {
    /// Nothing is on its way: what was written is with the other end already.
    fn throw_away(&self) -> io::Result<()> {
        Ok(())
    }
}

/// An accepted connection: over TLS, or the local socket's.
#[derive(Debug)]
pub struct PeerStream<S: Wire = TlsStream<TcpStream>> {
    stream: S,
    entry: Entry,
}

impl<S: Wire> PeerStream<S> {
    pub(super) const fn new(stream: S, entry: Entry) -> Self {
        Self { stream, entry }
    }

    /// Returns who is at the other end.
    pub fn peer(&self) -> Peer {
        Peer::of(self.entry.connection())
    }

    /// Makes one call to the stream, through the gate.
    fn pass<T>(
        self: Pin<&mut Self>,
        half: Half,
        context: &mut Context<'_>,
        call: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let Self { stream, entry } = self.get_mut();
        entry.connection().pass(half, context, |context| call(Pin::new(stream), context))
    }
}

impl<S: Wire> Connected for PeerStream<S> {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer()
    }
}

impl<S: Wire> AsyncRead for PeerStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut *this)
            .pass(Half::Read, context, |stream, context| stream.poll_read(context, buffer));
        this.entry.connection().hear(buffer.filled().len() - before);
        polled
    }
}

impl<S: Wire> AsyncWrite for PeerStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pass(Half::Write, context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pass(Half::Write, context, |stream, context| {
            stream.poll_write_vectored(context, slices)
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pass(Half::Write, context, S::poll_flush)
    }

    /// Says goodbye, unless the connection has been cut: then it is over already.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.entry.connection().is_cut() {
            return Poll::Ready(Ok(()));
        }
        self.pass(Half::Write, context, S::poll_shutdown)
    }
}

impl<S: Wire> Drop for PeerStream<S> {
    /// Of a connection that was cut, the kernel throws away what it has not sent yet.
    fn drop(&mut self) {
        if self.entry.connection().is_cut()
            && let Err(error) = self.stream.throw_away()
        {
            tracing::debug!(%error, "linger not set");
        }
    }
}
