//! Who is let in, who is not, and what is counted.

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa};
use rustls::{ClientConnection, version::TLS13};
use tokio::io::AsyncWriteExt;

use super::*;

const RMS: &str = "spiffe://exchange.example/agency/police/service/rms";

#[tokio::test]
async fn each_seat_is_admitted_as_what_its_certificate_says() {
    let mut exchange = Exchange::open();
    let officer = "spiffe://exchange.example/agency/council/officer/ig-1";
    let operator = "spiffe://exchange.example/operator/ops";
    let between = exchange.police.intermediate("Police CA 1").intermediate("Police CA 2");
    let certificates = [
        (exchange.service(), "agency/police/service/rms"),
        (exchange.council.issue(&mint::client(&[officer])), "agency/council/officer/ig-1"),
        (exchange.operators.issue(&mint::client(&[operator])), "operator/ops"),
        (between.issue(&mint::client(&[RMS])), "agency/police/service/rms"),
    ];
    for (identity, seat) in certificates {
        let (client, stream) = exchange.admit(&identity).await;
        let peer = stream.peer();
        assert_eq!(peer.caller.seat.to_string(), seat);
        assert_eq!(peer.address, client.get_ref().0.local_addr().unwrap());
        assert_eq!(peer.not_after, mint::today().plus_days(90).after(Duration::from_millis(999)));
        assert_eq!(exchange.connections.count(), 1);
        drop(stream);
        assert_eq!(exchange.connections.count(), 0);
    }
    for reason in Rejection::ALL {
        assert_eq!(exchange.rejections.count(reason), 0, "{reason}");
    }
}

#[tokio::test]
async fn nobody_is_anonymous() {
    assert_eq!(Exchange::open().refused(None).await, Rejection::NoCertificate);
}

/// Each name that is not exactly one SPIFFE id of this exchange, under the right CA.
#[tokio::test]
async fn a_name_that_is_not_one_seat_is_refused() {
    let officer = "spiffe://exchange.example/agency/police/officer/ig-1";
    let cases: [(&[&str], Rejection); 8] = [
        (&[], Rejection::SanMissing),
        (&[RMS, officer], Rejection::SanAmbiguous),
        (&[RMS, RMS], Rejection::SanAmbiguous),
        (&["spiffe://exchange.example/agency/polic%65/service/rms"], Rejection::SanEscaped),
        (&["spiffe://exchange.example/agency/police/admin/rms"], Rejection::SanMalformed),
        (&["https://exchange.example/agency/police/service/rms"], Rejection::SanMalformed),
        (&["spiffe://other.example/agency/police/service/rms"], Rejection::WrongTrustDomain),
        (&["spiffe://exchange.example/agency/schools/service/rms"], Rejection::AgencyUnknown),
    ];
    for (uris, reason) in cases {
        let exchange = Exchange::open();
        let identity = exchange.police.issue(&mint::client(uris));
        assert_eq!(exchange.refused(Some(&identity)).await, reason, "{uris:?}");
        assert_eq!(exchange.connections.count(), 0);
    }
}

#[tokio::test]
async fn a_ca_speaks_only_for_its_own() {
    let operator = "spiffe://exchange.example/operator/ops";
    for (uri, pick) in [
        (RMS, (|exchange| &exchange.council) as fn(&Exchange) -> &Ca),
        (RMS, |exchange| &exchange.operators),
        (operator, |exchange| &exchange.police),
    ] {
        let exchange = Exchange::open();
        let identity = pick(&exchange).issue(&mint::client(&[uri]));
        assert_eq!(exchange.refused(Some(&identity)).await, Rejection::CaNotEntitled, "{uri}");
    }
}

/// A stranger's CA, one that only has the name of a known one, and the server's own.
#[tokio::test]
async fn a_ca_outside_the_table_speaks_for_nobody() {
    for name in ["Stranger CA", "Police CA"] {
        let exchange = Exchange::open();
        let identity = Ca::root(name).issue(&mint::client(&[RMS]));
        assert_eq!(exchange.refused(Some(&identity)).await, Rejection::UnknownCa, "{name}");
    }
    let exchange = Exchange::open();
    let identity = exchange.server.issue(&mint::client(&[RMS]));
    assert_eq!(exchange.refused(Some(&identity)).await, Rejection::UnknownCa);
}

/// A stranger learns nothing from the answer: an agency that is not there looks like one that is.
#[tokio::test]
async fn a_stranger_cannot_ask_which_agencies_there_are() {
    for uri in [RMS, "spiffe://exchange.example/agency/schools/service/rms", "not a uri"] {
        let exchange = Exchange::open();
        let identity = Ca::root("Stranger CA").issue(&mint::client(&[uri]));
        assert_eq!(exchange.refused(Some(&identity)).await, Rejection::UnknownCa, "{uri}");
    }
}

#[tokio::test]
async fn a_certificate_counts_only_in_its_time() {
    for (from, reason) in [
        (mint::today().before(Duration::from_secs(91 * 86_400)), Rejection::Expired),
        (mint::today().plus_days(2), Rejection::NotYetValid),
    ] {
        let exchange = Exchange::open();
        let identity = exchange.police.issue(&mint::client_from(from, &[RMS]));
        assert_eq!(exchange.refused(Some(&identity)).await, reason);
    }
}

/// A CA's own certificate, a server's, one for any use, and one for no use in particular.
#[tokio::test]
async fn a_certificate_that_is_not_a_clients_is_refused() {
    let with = |change: fn(&mut CertificateParams)| {
        let mut params = mint::client(&[RMS]);
        change(&mut params);
        params
    };
    for (params, reason) in [
        (
            with(|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))),
            Rejection::CaCertificate,
        ),
        (
            with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            Rejection::NotForClients,
        ),
        (
            with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]),
            Rejection::NotForClients,
        ),
        (with(|params| params.extended_key_usages.clear()), Rejection::NotForClients),
        (
            with(|params| params.key_usages = vec![rcgen::KeyUsagePurpose::KeyEncipherment]),
            Rejection::NotForSigning,
        ),
        (mint::server(), Rejection::NotForClients),
    ] {
        let exchange = Exchange::open();
        let identity = exchange.police.issue(&params);
        assert_eq!(exchange.refused(Some(&identity)).await, reason);
    }
}

/// The certificate is another's, public as certificates are; the key is not.
#[tokio::test]
async fn a_certificate_without_its_key_is_worth_nothing() {
    let exchange = Exchange::open();
    let mut config = exchange.client_config(Some(&exchange.service()));
    let chain = exchange.service().chain;
    let own = PrivateKeyDer::from_pem_slice(exchange.service().key.as_bytes()).unwrap();
    let key = provider().key_provider.load_private_key(own).unwrap();
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>();
    let pair = rustls::sign::CertifiedKey::new(chain.unwrap(), key);
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(pair));
    let mut client = exchange.dial_as(config).await.unwrap();
    assert_eq!(guarded(client.read(&mut [0; 64])).await.unwrap_or(0), 0);
    assert_eq!(exchange.reason().await, Rejection::HandshakeFailed);
}

#[tokio::test]
async fn only_http2_is_spoken() {
    for protocols in [vec![], vec![b"http/1.1".to_vec()]] {
        let exchange = Exchange::open();
        let mut config = exchange.client_config(Some(&exchange.service()));
        config.alpn_protocols = protocols;
        if let Ok(mut client) = exchange.dial_as(config).await {
            assert_eq!(guarded(client.read(&mut [0; 64])).await.unwrap_or(0), 0);
        }
        assert_eq!(exchange.reason().await, Rejection::HandshakeFailed);
    }
}

/// RFC 8446 appendix D.2: the answer to a client without TLS 1.3 is the alert `protocol_version`.
#[tokio::test]
async fn tls_1_2_is_refused() {
    let exchange = Exchange::open();
    let mut socket = TcpStream::connect(exchange.address).await.unwrap();
    socket.write_all(&client_hello_1_2()).await.unwrap();
    let mut answer = Vec::new();
    guarded(socket.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 70]);
    assert_eq!(exchange.reason().await, Rejection::HandshakeFailed);
}

/// A hello as RFC 5246 §7.4.1.2 has it: ECDHE with ECDSA and AES-GCM, and no `supported_versions`.
fn client_hello_1_2() -> Vec<u8> {
    let groups = [0, 10, 0, 4, 0, 2, 0, 23];
    let signatures = [0, 13, 0, 4, 0, 2, 4, 3];
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 16]);
    body.extend(groups);
    body.extend(signatures);
    let length = u8::try_from(body.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(body);
    record
}

#[tokio::test]
async fn what_is_not_tls_is_refused() {
    let exchange = Exchange::open();
    let mut socket = TcpStream::connect(exchange.address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    guarded(socket.read_to_end(&mut Vec::new())).await.unwrap_or(0);
    assert_eq!(exchange.reason().await, Rejection::HandshakeFailed);
}

#[tokio::test]
async fn a_silent_client_is_dropped() {
    let exchange =
        Exchange::open_with(|settings| settings.handshake_timeout = Duration::from_millis(20));
    let mut silent = TcpStream::connect(exchange.address).await.unwrap();
    reset(&mut silent).await;
    assert_eq!(exchange.reason().await, Rejection::HandshakeTimeout);
}

#[tokio::test]
async fn a_silent_client_holds_up_nobody() {
    let mut exchange = Exchange::open_with(|settings| settings.handshakes_max = 2);
    let silent = TcpStream::connect(exchange.address).await.unwrap();
    let service = exchange.service();
    for _ in 0..3 {
        exchange.admit(&service).await;
    }
    drop(silent);
    assert_eq!(exchange.reason().await, Rejection::HandshakeFailed);
}

/// Those that say nothing, and those that say hello and then nothing: beyond so many of each, the one that has
/// waited longest makes room, and whoever shakes hands gets in all the while.
#[tokio::test]
async fn handshakes_are_bounded_and_the_oldest_makes_room() {
    let mut exchange = Exchange::open_with(|settings| settings.handshakes_max = 2);
    let service = exchange.service();
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpStream::connect(exchange.address).await.unwrap());
        exchange.admit(&service).await;
    }
    for (at, socket) in silent.iter_mut().enumerate() {
        // Eight have places, and the last that was admitted had one of them for a moment.
        if at < 9 {
            reset(socket).await;
        } else {
            let waits = socket.try_read(&mut [0]).unwrap_err();
            assert_eq!(waits.kind(), io::ErrorKind::WouldBlock, "{at}");
        }
    }

    let config = Arc::new(exchange.client_config(None));
    let mut stalled = Vec::new();
    for _ in 0..5 {
        let config = Arc::clone(&config);
        let mut client = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
        let mut socket = TcpStream::connect(exchange.address).await.unwrap();
        send(&mut client, &mut socket).await;
        // The broker has answered the hello, and now waits for a certificate that does not come.
        assert!(guarded(socket.read(&mut [0; 8192])).await.unwrap() > 0);
        stalled.push(socket);
        exchange.admit(&service).await;
    }
    for socket in &mut stalled[..4] {
        reset(socket).await;
    }
    // A peer may see it a moment before it is counted.
    guarded(async {
        while exchange.rejections.count(Rejection::HandshakeEvicted) < 13 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(exchange.connections.count(), 0);
}

/// Expects that a connection has been thrown out, and not said goodbye to.
async fn reset(socket: &mut TcpStream) {
    let end = guarded(socket.read_to_end(&mut Vec::new())).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

/// A hello that comes byte by byte, and never whole, has no longer than one that does not come.
#[tokio::test]
async fn a_hello_that_drips_is_dropped() {
    let exchange =
        Exchange::open_with(|settings| settings.handshake_timeout = Duration::from_millis(50));
    let config = Arc::new(exchange.client_config(None));
    let mut client = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    let mut socket = TcpStream::connect(exchange.address).await.unwrap();
    for byte in &hello[..hello.len() - 1] {
        // It goes on until the other end is gone.
        if socket.write_all(&[*byte]).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(exchange.reason().await, Rejection::HandshakeTimeout);
}

/// Garbage of every length, ends in the middle of a hello, and floods of it: no more than a refusal each.
#[tokio::test]
async fn garbage_is_refused_and_hurts_nobody() {
    let mut exchange = Exchange::open();
    let service = exchange.service();
    let config = Arc::new(exchange.client_config(None));
    let mut client = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    for length in (0..hello.len()).step_by(7) {
        let mut part = TcpStream::connect(exchange.address).await.unwrap();
        part.write_all(&hello[..length]).await.unwrap();
        drop(part);
        let mut garbage = TcpStream::connect(exchange.address).await.unwrap();
        let bytes: Vec<u8> = hello.iter().map(|byte| byte.wrapping_mul(31) ^ 0x5a).collect();
        // The other end may have had enough already.
        drop(garbage.write_all(&bytes[..length]).await);
        drop(garbage);
    }
    exchange.admit(&service).await;
    assert_eq!(exchange.reason().await, Rejection::HandshakeFailed);
}

/// A peer with a good certificate that then says nothing, or never all of how HTTP/2 begins, keeps no place.
#[tokio::test]
async fn an_admitted_peer_that_says_nothing_is_cut() {
    let mut exchange =
        Exchange::open_with(|settings| settings.handshake_timeout = Duration::from_millis(200));
    let service = exchange.service();
    for said in [&b""[..], b"PRI * HTTP/2.0"] {
        let (mut client, mut stream) = exchange.admit(&service).await;
        client.write_all(said).await.unwrap();
        let cut = async {
            loop {
                if let Err(error) = stream.read(&mut [0; 64]).await {
                    return error.kind();
                }
            }
        };
        assert_eq!(guarded(cut).await, io::ErrorKind::ConnectionAborted);
    }
    assert_eq!(exchange.reason().await, Rejection::ConnectionSilent);

    let (mut client, mut stream) = exchange.admit(&service).await;
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    guarded(stream.read_exact(&mut [0; 24])).await.unwrap();
    assert!(exchange.connections.cut_silent(Duration::ZERO).is_empty());
    assert!(!stream.peer().connection.is_cut());
}

#[tokio::test]
async fn open_connections_are_bounded() {
    let mut exchange = Exchange::open_with(|settings| settings.bounds.open_max = 1);
    let service = exchange.service();
    let first = exchange.admit(&service).await;
    assert_eq!(exchange.refused(Some(&service)).await, Rejection::TooMany);
    drop(first);
    exchange.admit(&service).await;
}

#[tokio::test]
async fn one_agency_cannot_keep_the_others_out() {
    let mut exchange = Exchange::open_with(|settings| settings.bounds.open_per_agency_max = 1);
    let service = exchange.service();
    let other = "spiffe://exchange.example/agency/council/service/crm";
    let other = exchange.council.issue(&mint::client(&[other]));
    let _police = exchange.admit(&service).await;
    assert_eq!(exchange.refused(Some(&service)).await, Rejection::TooMany);
    exchange.admit(&other).await;
}

/// A resumed session would skip the check, so none can be.
#[tokio::test]
async fn no_session_can_be_resumed() {
    let mut exchange = Exchange::open();
    let service = exchange.service();
    let (mut client, mut stream) = exchange.admit(&service).await;
    stream.write_all(b"x").await.unwrap();
    stream.flush().await.unwrap();
    guarded(client.read_exact(&mut [0])).await.unwrap();
    assert_eq!(client.get_ref().1.tls13_tickets_received(), 0);
    assert_eq!(client.get_ref().1.protocol_version(), Some(TLS13.version));
}

/// P4: the trust is replaced between a peer's hello and its certificate. Whoever replaced it has gone
/// through the list already: the peer appears there only where the newest trust lets it in too.
#[tokio::test]
async fn a_handshake_begun_under_old_trust_is_held_against_the_newest() {
    for is_known in [true, false] {
        let mut exchange = Exchange::open();
        if !is_known {
            let other = Ca::root("Police CA 2");
            let bundle = mint::write(exchange.dir.path(), "other.pem", &other.pem);
            exchange.sources.agencies.insert("police".parse().unwrap(), from(bundle));
        }
        shake_hands_while_the_trust_is_replaced(&exchange).await;
        if is_known {
            guarded(exchange.incoming.next()).await.unwrap().unwrap();
        } else {
            assert_eq!(exchange.reason().await, Rejection::UnknownCa);
            assert_eq!(exchange.connections.count(), 0);
        }
    }
}

async fn shake_hands_while_the_trust_is_replaced(exchange: &Exchange) {
    let config = Arc::new(exchange.client_config(Some(&exchange.service())));
    let mut client = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let mut socket = TcpStream::connect(exchange.address).await.unwrap();
    send(&mut client, &mut socket).await;
    guarded(socket.readable()).await.unwrap();

    let newer = Trust::load(&exchange.sources, mint::today()).unwrap();
    exchange.trust.send_replace(Arc::new(newer));

    let mut answer = Vec::new();
    while client.is_handshaking() {
        answer.clear();
        guarded(socket.read_buf(&mut answer)).await.unwrap();
        let mut unread = answer.as_slice();
        while !unread.is_empty() {
            client.read_tls(&mut unread).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    send(&mut client, &mut socket).await;
}

async fn send(client: &mut ClientConnection, socket: &mut TcpStream) {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    socket.write_all(&bytes).await.unwrap();
}

/// An agency that joins is let in under the next generation, without a new socket.
#[tokio::test]
async fn the_newest_trust_decides() {
    let mut exchange = Exchange::open();
    let schools = Ca::root("Schools CA");
    let uri = "spiffe://exchange.example/agency/schools/service/sis";
    let identity = schools.issue(&mint::client(&[uri]));
    assert_eq!(exchange.refused(Some(&identity)).await, Rejection::UnknownCa);

    let bundle = mint::write(exchange.dir.path(), "schools.pem", &schools.pem);
    exchange.sources.agencies.insert("schools".parse().unwrap(), from(bundle));
    let newer = Trust::load(&exchange.sources, mint::today()).unwrap();
    exchange.trust.send_replace(Arc::new(newer));

    exchange.admit(&identity).await;
}

#[tokio::test]
async fn it_stops_when_told_and_leaves_no_task() {
    let mut exchange = Exchange::open();
    let _silent = TcpStream::connect(exchange.address).await.unwrap();
    let service = exchange.service();
    let (_client, stream) = exchange.admit(&service).await;
    exchange.stop.cancel();
    assert!(guarded(exchange.incoming.next()).await.is_none());
    guarded(exchange.tasks.drained()).await;
    assert!(!stream.peer().connection.is_cut(), "a connection goes on until its owner ends it");
}
