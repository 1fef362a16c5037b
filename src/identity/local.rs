//! The local socket: who runs the broker, or root, needs no certificate there. The kernel says who is at the other
//! end; whoever else asks is closed without a word.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::{UnixListener as StdListener, UnixStream as StdStream},
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::process::geteuid;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc,
    time,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{Connections, PeerStream, connection::Admission};
use crate::{
    domain::{Caller, Timestamp},
    tasks::Tasks,
};

/// A bound local socket.
#[derive(Debug)]
pub struct LocalAcceptor {
    listener: UnixListener,
    path: PathBuf,
    /// The socket's own: whatever else stands at the path by the end is left there.
    inode: (u64, u64),
    /// Whoever runs the broker.
    uid: u32,
    connections: Arc<Connections>,
}

impl LocalAcceptor {
    /// Binds the socket, readable and writable by its owner only. One that nobody listens on any more is
    /// replaced. Call it within a runtime.
    ///
    /// # Errors
    ///
    /// The system's, where it cannot be bound, another broker listens there, or it is no socket.
    pub fn bind(path: &Path, connections: Arc<Connections>) -> io::Result<Self> {
        let uid = geteuid().as_raw();
        own_directory(path, uid)?;
        if let Ok(found) = fs::symlink_metadata(path) {
            // Only a socket on which the kernel knows of nobody is a dead broker's.
            let is_dead = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
            let is_stale =
                found.file_type().is_socket() && StdStream::connect(path).is_err_and(is_dead);
            if !is_stale {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            fs::remove_file(path)?;
        }
        let listener = StdListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        let inode = inode(path)?;
        let listener = UnixListener::from_std(listener)?;
        Ok(Self { listener, path: path.to_owned(), inode, uid, connections })
    }

    /// Accepts until `stop` fires; then the stream ends and the socket is gone.
    pub fn accept(
        self,
        tasks: &Tasks,
        stop: CancellationToken,
    ) -> ReceiverStream<io::Result<LocalStream>> {
        let (admitted, incoming) = mpsc::channel(1);
        let run = stop.clone().run_until_cancelled_owned(async move {
            loop {
                match self.listener.accept().await {
                    Ok((socket, _)) => {
                        if let Some(stream) = self.admit(socket)
                            && admitted.send(Ok(stream)).await.is_err()
                        {
                            return;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "accept failed on the local socket");
                        time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        });
        tasks.keep("identity-local", stop, async move {
            run.await;
        });
        ReceiverStream::new(incoming)
    }

    fn admit(&self, socket: UnixStream) -> Option<LocalStream> {
        let uid = socket.peer_cred().ok()?.uid();
        if uid != self.uid && uid != ROOT {
            tracing::warn!(uid, "local connection refused: another user");
            return None;
        }
        tracing::info!(uid, "local connection");
        let admission = Admission {
            caller: Caller::local(),
            chain: Vec::new(),
            not_after: FOREVER,
            authorities: Vec::new(),
            until: FOREVER,
        };
        let entry = self.connections.admit(admission, NOWHERE).ok()?;
        Some(LocalStream::new(socket, entry))
    }
}

impl Drop for LocalAcceptor {
    fn drop(&mut self) {
        let is_ours = inode(&self.path).is_ok_and(|inode| inode == self.inode);
        if !is_ours || fs::remove_file(&self.path).is_err() {
            tracing::debug!("the local socket was gone");
        }
    }
}

/// Whoever can write in its directory can put another socket, or a link, in the place of this one.
fn own_directory(path: &Path, uid: u32) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = fs::metadata(parent.unwrap_or(Path::new(".")))?;
    let is_own = [uid, ROOT].contains(&directory.uid());
    let is_sticky = directory.mode() & 0o1000 != 0;
    if is_own && (is_sticky || directory.mode() & 0o022 == 0) {
        return Ok(());
    }
    let why = "others can write in its directory: give the socket one of its own, with mode 0700";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const ROOT: u32 = 0;
const FOREVER: Timestamp = Timestamp::from_ms(u64::MAX);
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A connection over the local socket.
pub type LocalStream = PeerStream<UnixStream>;
