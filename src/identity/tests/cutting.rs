//! P4: after a cut nothing leaves, and both sides learn of it.

use std::sync::atomic::AtomicBool;

use tokio::{
    io::AsyncWriteExt,
    sync::mpsc,
    task::{JoinSet, yield_now},
};
use tonic::transport::Server;

use super::*;

/// A writer on another thread says with each byte whether `cut` had returned when it began. Not one
/// write that began afterwards may succeed, and no such byte may arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_cut_no_byte_leaves() {
    let mut exchange = Exchange::open();
    let service = exchange.service();
    for _ in 0..20 {
        let (mut client, mut stream) = exchange.admit(&service).await;
        let connection = stream.peer().connection;
        let is_over = Arc::new(AtomicBool::new(false));
        let seen_by_writer = Arc::clone(&is_over);
        let writer = tokio::task::spawn_blocking(move || {
            tokio::runtime::Handle::current().block_on(async move {
                loop {
                    let over = seen_by_writer.load(Ordering::SeqCst);
                    match stream.write(&[u8::from(over); 1024]).await {
                        Ok(_) => assert!(!over, "written after the cut"),
                        Err(error) => return error.kind(),
                    }
                }
            })
        });
        let mut arrived = [0; 4096];
        guarded(client.read(&mut arrived)).await.unwrap();

        connection.cut();
        is_over.store(true, Ordering::SeqCst);

        assert_eq!(guarded(writer).await.unwrap(), io::ErrorKind::ConnectionAborted);
        while let Ok(1..) = guarded(client.read(&mut arrived)).await {
            assert!(!arrived.contains(&1), "arrived after the cut");
        }
        assert!(connection.is_cut());
    }
    assert_eq!(exchange.connections.count(), 0);
}

/// What TLS has encrypted but the socket has not taken yet stays where it is.
#[tokio::test]
async fn what_is_buffered_above_the_socket_is_dropped() {
    let mut exchange = Exchange::open();
    let service = exchange.service();
    let (mut client, mut stream) = exchange.admit(&service).await;
    // The client does not read: write until neither socket nor TLS takes any more.
    let mut written = 0;
    while let Some(count) = poll_once(stream.write(&[0; 16 * 1024])).await {
        written += count.unwrap();
    }
    stream.peer().connection.cut();

    let aborted = io::ErrorKind::ConnectionAborted;
    assert_eq!(guarded(stream.write(b"x")).await.unwrap_err().kind(), aborted);
    assert_eq!(guarded(stream.flush()).await.unwrap_err().kind(), aborted);
    assert_eq!(guarded(stream.read(&mut [0])).await.unwrap_err().kind(), aborted);
    guarded(stream.shutdown()).await.unwrap();
    drop(stream);

    let mut arrived = Vec::new();
    let end = guarded(client.read_to_end(&mut arrived)).await;
    // A reset: the kernel has thrown away what it had not sent.
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!(arrived.len() < written, "{} of {written} bytes", arrived.len());
}

/// Polls a future once; nothing where it has to wait.
async fn poll_once<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = std::future::ready(()) => None,
    }
}

#[tokio::test]
async fn a_cut_wakes_whoever_waits() {
    let mut exchange = Exchange::open();
    let service = exchange.service();
    let (_client, stream) = exchange.admit(&service).await;
    let connection = stream.peer().connection;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (waits, mut waiting) = mpsc::channel(2);
    let writer_waits = waits.clone();
    let mut both = JoinSet::new();
    both.spawn(async move {
        let mut reading = std::pin::pin!(reader.read_u8());
        assert!(poll_once(&mut reading).await.is_none());
        waits.send(()).await.unwrap();
        reading.await.unwrap_err().kind()
    });
    both.spawn(async move {
        let full = [0; 16 * 1024];
        while poll_once(writer.write(&full)).await.is_some() {}
        writer_waits.send(()).await.unwrap();
        writer.write(&full).await.unwrap_err().kind()
    });
    for _ in 0..2 {
        guarded(waiting.recv()).await.unwrap();
    }

    connection.cut();

    while let Some(error) = guarded(both.join_next()).await {
        assert_eq!(error.unwrap(), io::ErrorKind::ConnectionAborted);
    }
}

#[tokio::test]
async fn connections_are_cut_by_agency_by_caller_and_by_certificate() {
    let mut exchange = Exchange::open();
    let uri = "spiffe://exchange.example/agency/police/service/custody";
    let council = "spiffe://exchange.example/agency/council/service/crm";
    let (rms, renewed) = (exchange.service(), exchange.service());
    let custody = exchange.police.issue(&mint::client(&[uri]));
    let council = exchange.council.issue(&mint::client(&[council]));
    let mut open = Vec::new();
    for identity in [&rms, &renewed, &custody, &council] {
        open.push(exchange.admit(identity).await);
    }
    let peers: Vec<_> = open.iter().map(|(_, stream)| stream.peer()).collect();
    let cut = || peers.iter().map(|peer| peer.connection.is_cut()).collect::<Vec<_>>();
    let connections = &exchange.connections;

    let stolen = peers[0].caller.certificate;
    assert_eq!(connections.cut_where(|live| live.caller().certificate == stolen), 1);
    assert_eq!(cut(), [true, false, false, false]);
    let seat = &peers[1].caller.seat;
    assert_eq!(connections.cut_where(|live| live.caller().seat == *seat), 2);
    assert_eq!(cut(), [true, true, false, false]);
    let agency = seat.agency();
    assert_eq!(connections.cut_where(|live| live.caller().seat.agency() == agency), 3);
    assert_eq!(cut(), [true, true, true, false]);
}

/// The clock, not a timer: the connection goes when the day has come, and not before.
#[tokio::test]
async fn a_connection_ends_with_its_certificate() {
    let mut exchange = Exchange::open();
    let service = exchange.service();
    let (_client, mut stream) = exchange.admit(&service).await;
    let peer = stream.peer();
    assert_eq!(exchange.connections.cut_expired(peer.not_after), 0);

    exchange.clock.0.store(peer.not_after.ms() + 1, Ordering::SeqCst);

    let error = guarded(stream.read(&mut [0])).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    assert!(peer.connection.is_cut());
}

/// The server above lets go of a cut connection, though neither side has anything to say.
#[tokio::test]
async fn a_cut_connection_is_closed_by_the_server_above() {
    let exchange = Exchange::open();
    let mut client = exchange.dial(Some(&exchange.service())).await.unwrap();
    let (_reporter, health) = tonic_health::server::health_reporter();
    let stop = exchange.stop.clone().cancelled_owned();
    let serving =
        Server::builder().add_service(health).serve_with_incoming_shutdown(exchange.incoming, stop);
    let talking = async {
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        client.read_exact(&mut [0; 9]).await.unwrap();
        for live in exchange.connections.open() {
            live.cut();
        }
        while let Ok(1..) = client.read(&mut [0; 64]).await {}
        while exchange.connections.count() > 0 {
            yield_now().await;
        }
        exchange.stop.cancel();
    };
    let (served, ()) = guarded(Box::pin(async { tokio::join!(serving, talking) })).await;
    served.unwrap();
}

/// P4: whoever hangs up before it is found out has its commands waiting still: they are not done either.
#[tokio::test]
async fn what_a_connection_left_behind_is_not_done_once_it_would_not_be_let_in() {
    let mut exchange = Exchange::open();
    let service = exchange.service();
    let (client, stream) = exchange.admit(&service).await;
    // A command that waits in the writer's lane holds the connection that it came over.
    let held = stream.peer().connection;
    drop((client, stream));
    assert_eq!(exchange.connections.count(), 0);
    assert!(!held.is_expelled());

    exchange.connections.cut_where(|_| true);

    assert!(held.is_expelled());
}
