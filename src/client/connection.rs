//! One connection to a broker, and the one way in which a checkpoint is taken from it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Uri, uri::Authority};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::{
    Error, Identity,
    entry::hashes,
    keys,
    memory::{Adoption, Seen},
};

/// How long TCP and TLS together may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an open connection is asked whether it lives.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// The largest answer taken, in bytes: a page of records that each hold a large agreement.
pub(super) const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A connection to a broker as one identity. Cheap to clone; clones share it. It is made anew by
/// itself after it was lost.
#[derive(Clone, Debug)]
pub struct Connection {
    channel: Channel,
    identity: Identity,
}

impl Connection {
    /// Connects to `target`, which is `HOST:PORT`.
    ///
    /// In TLS 1.3 a broker that turns the certificate away says so after the handshake, so that it may
    /// show only at the first call.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] where `target` is not of that form, [`Error::Unreachable`] where no
    /// connection to a broker that `ca.pem` vouches for could be made.
    pub async fn connect(target: &str, identity: Identity) -> Result<Self, Error> {
        let malformed = || Error::configuration("broker address: not of the form HOST:PORT");
        let authority: Authority = target.parse().map_err(|_| malformed())?;
        let port = authority.port_u16().ok_or_else(malformed)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| malformed())?;
        let speaker = identity.clone();
        let connector = service_fn(move |_: Uri| {
            // Each time anew: the certificate may have been renewed since.
            let (host, name, tls) = (host.clone(), name.clone(), speaker.tls());
            async move { connect_tls(&host, port, name, tls).await.map(TokioIo::new) }
        });
        let channel = Endpoint::from_shared(format!("https://{authority}"))
            .map_err(|_| malformed())?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .connect_with_connector(connector)
            .await?;
        Ok(Self { channel, identity })
    }

    /// Speaks over a channel that was made elsewhere.
    #[cfg(test)]
    pub(super) const fn over(channel: Channel, identity: Identity) -> Self {
        Self { channel, identity }
    }

    /// Returns as whom the connection speaks.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the channel, for those who speak the generated stubs over it. What comes back that way is verified by
    /// nobody.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Returns the newest checkpoint that is remembered now: what the next answer has to extend.
    pub(super) fn known(&self) -> Option<Arc<Seen>> {
        self.identity.memory().known()
    }

    /// Verifies a checkpoint that an answer brought, and remembers it.
    ///
    /// `since` is what was known when the call began, and `consistency` the answer's proof from there;
    /// none where the call brings no proof. Calls may end in another order than they began: where the
    /// proof at hand does not reach what is remembered by now, the missing one is asked for.
    pub(super) async fn settle(
        &self,
        since: Option<&Seen>,
        note: &str,
        consistency: Option<&[Bytes]>,
    ) -> Result<Arc<Seen>, Error> {
        let memory = self.identity.memory();
        let proof = consistency.map(hashes).transpose()?;
        let seen = match memory.check(since, note, proof.as_deref()) {
            Err(error) if keys::is_unknown_key(&error) => {
                if !self.follow_keys().await? {
                    return Err(error);
                }
                memory.check(since, note, proof.as_deref())?
            }
            checked => checked?,
        };
        let seen = Arc::new(seen);
        let proven = since.filter(|_| proof.is_some()).cloned().map(Arc::new);
        self.join(&seen, proven).await?;
        Ok(seen)
    }

    /// Remembers a checkpoint that was checked. `proven` is one with which it was shown to lie on one history;
    /// what is missing to what is remembered by now is asked for.
    pub(super) async fn join(
        &self,
        seen: &Arc<Seen>,
        mut proven: Option<Arc<Seen>>,
    ) -> Result<(), Error> {
        let memory = self.identity.memory();
        loop {
            // First of all what the keys hand over in, which no answer may leave out.
            if let Some((handover, known)) = memory.unproven_handover()
                && handover.checkpoint != seen.checkpoint
            {
                if let Some(known) = &known {
                    self.prove(known, &handover).await?;
                }
                memory.adopt(&handover, known.as_deref())?;
            }
            let other = match memory.adopt(seen, proven.as_deref())? {
                Adoption::Done => return Ok(()),
                Adoption::Unproven(other) => other,
            };
            self.prove(seen, &other).await?;
            proven = Some(other);
        }
    }

    /// Has it proven that two checkpoints lie on one history.
    pub(super) async fn prove(&self, one: &Seen, other: &Seen) -> Result<(), Error> {
        let (older, newer) = if one.size() < other.size() { (one, other) } else { (other, one) };
        let proof = if older.size() == newer.size() {
            Vec::new()
        } else {
            self.prove_consistency(older.size(), newer.size()).await?
        };
        self.identity.memory().bridge(older, newer, &proof)
    }
}

async fn connect_tls(
    host: &str,
    port: u16,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let connect = async {
        let tcp = TcpStream::connect((host, port)).await?;
        tcp.set_nodelay(true)?;
        TlsConnector::from(tls).connect(name, tcp).await
    };
    let stream = time::timeout(CONNECT_TIMEOUT, connect).await??;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        Ok(stream)
    } else {
        Err(std::io::Error::other("the other side does not speak HTTP/2"))
    }
}
