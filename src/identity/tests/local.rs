//! The local socket.

use std::{fs, os::unix::fs::PermissionsExt};

use tokio::{io::AsyncWriteExt, net::UnixStream};
use tonic::transport::server::Connected;

use super::*;
use crate::{
    domain::Caller,
    identity::{Bounds, LocalAcceptor},
};

#[tokio::test]
async fn who_runs_the_broker_comes_in_though_no_place_is_left() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("operate.sock");
    let bounds = Bounds { open_max: 0, open_per_agency_max: 0 };
    let connections = Arc::new(Connections::new(bounds));
    let (tasks, stop) = (Tasks::new(), CancellationToken::new());
    let acceptor = LocalAcceptor::bind(&path, Arc::clone(&connections)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut incoming = acceptor.accept(&tasks, stop.clone());

    let mut client = UnixStream::connect(&path).await.unwrap();
    let mut stream = guarded(incoming.next()).await.unwrap().unwrap();

    let peer = stream.connect_info();
    assert_eq!(peer.caller, Caller::local());
    assert_eq!(peer.connection.bar(&Bars::default()), None);
    client.write_all(b"hello").await.unwrap();
    let mut said = [0; 5];
    guarded(stream.read_exact(&mut said)).await.unwrap();
    peer.connection.cut();
    let error = guarded(stream.read(&mut said)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);

    stop.cancel();
    guarded(tasks.drained()).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_that_is_served_or_is_none_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("operate.sock");
    let connections = || Arc::new(Connections::new(Bounds { open_max: 1, open_per_agency_max: 1 }));
    let served = LocalAcceptor::bind(&path, connections()).unwrap();
    let error = LocalAcceptor::bind(&path, connections()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    drop(served);

    // A broker that was killed leaves its socket behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    drop(LocalAcceptor::bind(&path, connections()).unwrap());

    fs::write(&path, "a file").unwrap();
    LocalAcceptor::bind(&path, connections()).unwrap_err();
    assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
}

/// Whoever can write in the directory could put another socket in its place.
#[tokio::test]
async fn a_socket_has_a_directory_that_nobody_else_can_write_to() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("operate.sock");
    let connections = || Arc::new(Connections::new(Bounds { open_max: 1, open_per_agency_max: 1 }));
    for (mode, is_own) in [(0o770, false), (0o702, false), (0o1777, true), (0o755, true)] {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        let bound = LocalAcceptor::bind(&path, connections());
        let refused = bound.err().map(|error| error.kind());
        let due = (!is_own).then_some(io::ErrorKind::PermissionDenied);
        assert_eq!(refused, due, "{mode:o}");
    }
}

#[tokio::test]
async fn what_has_taken_the_place_of_a_socket_is_left_there() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("operate.sock");
    let bounds = Bounds { open_max: 1, open_per_agency_max: 1 };
    let acceptor = LocalAcceptor::bind(&path, Arc::new(Connections::new(bounds))).unwrap();
    // Another file first, so that it cannot get the inode of the one that goes.
    fs::write(dir.path().join("other"), "another's").unwrap();
    fs::rename(dir.path().join("other"), &path).unwrap();
    drop(acceptor);
    assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
}
