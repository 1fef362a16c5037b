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
    net::TcpStream,
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

/// An accepted connection.
#[derive(Debug)]
pub struct PeerStream {
    stream: TlsStream<TcpStream>,
    entry: Entry,
}

impl PeerStream {
    pub(super) const fn new(stream: TlsStream<TcpStream>, entry: Entry) -> Self {
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
        call: impl FnOnce(Pin<&mut TlsStream<TcpStream>>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let Self { stream, entry } = self.get_mut();
        entry.connection().pass(half, context, |context| call(Pin::new(stream), context))
    }
}

impl Connected for PeerStream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer()
    }
}

impl AsyncRead for PeerStream {
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

impl AsyncWrite for PeerStream {
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
        self.pass(Half::Write, context, TlsStream::poll_flush)
    }

    /// Says goodbye, unless the connection has been cut: then it is over already.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.entry.connection().is_cut() {
            return Poll::Ready(Ok(()));
        }
        self.pass(Half::Write, context, TlsStream::poll_shutdown)
    }
}

impl Drop for PeerStream {
    /// Of a connection that was cut, the kernel throws away what it has not sent yet.
    fn drop(&mut self) {
        if self.entry.connection().is_cut()
            && let Err(error) = self.stream.get_ref().0.set_zero_linger()
        {
            tracing::debug!(%error, "linger not set");
        }
    }
}
