//! A client that checks nothing and sends anything: TLS by hand, and the generated stubs.

use std::{fs, io, path::Path, sync::Arc};

use hyper_util::rt::TokioIo;
use portway::pb::v1::{
    self as pb, agreements_client::AgreementsClient, audit_client::AuditClient,
    exchange_client::ExchangeClient, log_client::LogClient, operations_client::OperationsClient,
    publish_many_response::Outcome, retention_client::RetentionClient, rights_client::RightsClient,
    subscribe_request::Message as Ask, subscriptions_client::SubscriptionsClient,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::TLS13,
};
use tokio::{io::AsyncReadExt, net::TcpStream, sync::mpsc};
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Status, Streaming,
    transport::{Channel, Endpoint},
};
use tower::service_fn;

/// How many bytes of a stream a broker may send ahead of the reader.
pub(crate) const WINDOW: u32 = 65_535;

/// What a client shows at the door.
#[derive(Clone, Debug)]
pub(crate) struct Door(Arc<ClientConfig>);

impl Door {
    /// Shows the certificate of an identity directory.
    pub(crate) fn of(home: &Path) -> Self {
        let chain = CertificateDer::pem_file_iter(home.join("cert.pem")).unwrap();
        let chain = chain.map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(home.join("key.pem")).unwrap();
        Self::with(home, |config| config.with_client_auth_cert(chain, key).unwrap())
    }

    /// Trusts the broker as `home` does, and shows nothing.
    pub(crate) fn without_certificate(home: &Path) -> Self {
        Self::with(home, Known::with_no_client_auth)
    }

    /// Returns what TLS is spoken by.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }

    fn with(home: &Path, finish: impl FnOnce(Known) -> ClientConfig) -> Self {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(&fs::read(home.join("ca.pem")).unwrap()).unwrap();
        roots.add(ca).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = finish(config);
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self(Arc::new(config))
    }

    /// Shakes hands, and waits for the first byte that a broker sends to those it lets in.
    pub(crate) async fn knock(&self, address: &str) -> io::Result<u8> {
        let tcp = TcpStream::connect(address).await?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::clone(&self.0)).connect(name, tcp).await?.read_u8().await
    }

    /// Connects. In TLS 1.3 a certificate that is turned away may show only at the first call.
    pub(crate) async fn channel(&self, address: &str) -> Result<Channel, tonic::transport::Error> {
        let (tls, target) = (Arc::clone(&self.0), address.to_owned());
        let connector = service_fn(move |_: http::Uri| {
            let (tls, target) = (Arc::clone(&tls), target.clone());
            async move {
                let tcp = TcpStream::connect(target).await?;
                tcp.set_nodelay(true)?;
                let name = ServerName::try_from("127.0.0.1").unwrap();
                TlsConnector::from(tls).connect(name, tcp).await.map(TokioIo::new)
            }
        });
        let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
        endpoint.initial_stream_window_size(WINDOW).connect_with_connector(connector).await
    }
}

type Known = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

/// Somebody who speaks by the generated stubs.
#[derive(Clone, Debug)]
pub(crate) struct Speaker {
    pub(crate) channel: Channel,
}

impl Speaker {
    pub(crate) fn agreements(&self) -> AgreementsClient<Channel> {
        AgreementsClient::new(self.channel.clone())
    }

    pub(crate) fn audit(&self) -> AuditClient<Channel> {
        AuditClient::new(self.channel.clone())
    }

    pub(crate) fn exchange(&self) -> ExchangeClient<Channel> {
        ExchangeClient::new(self.channel.clone())
    }

    pub(crate) fn log(&self) -> LogClient<Channel> {
        LogClient::new(self.channel.clone())
    }

    pub(crate) fn operations(&self) -> OperationsClient<Channel> {
        OperationsClient::new(self.channel.clone())
    }

    pub(crate) fn retention(&self) -> RetentionClient<Channel> {
        RetentionClient::new(self.channel.clone())
    }

    pub(crate) fn rights(&self) -> RightsClient<Channel> {
        RightsClient::new(self.channel.clone())
    }

    pub(crate) fn subscriptions(&self) -> SubscriptionsClient<Channel> {
        SubscriptionsClient::new(self.channel.clone())
    }

    pub(crate) async fn publish(&self, request: pb::PublishRequest) -> Result<pb::Receipt, Status> {
        let answer = self.exchange().publish(request).await?.into_inner();
        Ok(answer.receipt.expect("a receipt"))
    }

    /// Publishes many, and returns their outcomes and how the stream ended.
    pub(crate) async fn publish_many(
        &self,
        alerts: Vec<pb::PublishManyRequest>,
    ) -> (Vec<Outcome>, Result<(), Status>) {
        let asked = self.exchange().publish_many(tokio_stream::iter(alerts)).await;
        let mut answers = match asked {
            Ok(answers) => answers.into_inner(),
            Err(status) => return (Vec::new(), Err(status)),
        };
        let mut outcomes = Vec::new();
        loop {
            match answers.message().await {
                Ok(Some(answer)) => outcomes.push(answer.outcome.expect("an outcome")),
                Ok(None) => return (outcomes, Ok(())),
                Err(status) => return (outcomes, Err(status)),
            }
        }
    }

    /// Pulls, and returns as soon as the broker begins to answer: of what follows no more than [`WINDOW`] bytes
    /// leave the broker until it is read.
    pub(crate) async fn pull_unread(
        &self,
        request: pb::PullRequest,
    ) -> Streaming<pb::PullResponse> {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/portway.v1.Exchange/Pull");
        let codec = tonic_prost::ProstCodec::<pb::PullRequest, pb::PullResponse>::default();
        let answer = grpc.server_streaming(tonic::Request::new(request), path, codec).await;
        answer.unwrap().into_inner()
    }

    /// Begins a stream with a first message.
    pub(crate) async fn stream(&self, first: Option<Ask>) -> Result<Talk, Status> {
        let (asks, queue) = mpsc::channel(16);
        let talk = Talking(asks);
        talk.say(first).await;
        let answers = self.exchange().subscribe(ReceiverStream::new(queue)).await?.into_inner();
        Ok(Talk { asks: talk, answers })
    }
}

/// A stream that somebody talks on.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) asks: Talking,
    pub(crate) answers: Streaming<pb::SubscribeResponse>,
}

/// The speaking end of a stream.
#[derive(Debug)]
pub(crate) struct Talking(mpsc::Sender<pb::SubscribeRequest>);

impl Talking {
    pub(crate) async fn say(&self, message: Option<Ask>) {
        self.0.send(pb::SubscribeRequest { message }).await.unwrap();
    }
}

impl Talk {
    /// Returns the next delivery, whatever comes before it.
    pub(crate) async fn delivery(&mut self) -> pb::Delivery {
        use pb::subscribe_response::Message;
        loop {
            match self.answers.message().await.unwrap().expect("a stream that goes on").message {
                Some(Message::Delivery(delivery)) => return delivery,
                Some(Message::Opened(_) | Message::Heartbeat(_)) => {}
                other => panic!("no delivery: {other:?}"),
            }
        }
    }

    /// Returns the status that ends the stream.
    pub(crate) async fn end(&mut self) -> Status {
        loop {
            match self.answers.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended without a status"),
                Err(status) => return status,
            }
        }
    }
}
