//! The certificate check of one handshake: asks the trust, and keeps what it found for the acceptor.
//! A caller that the acceptor admits is one that this check found; nobody parses a certificate later.

use std::sync::{Arc, OnceLock};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::{Rejection, Trust, credentials::fingerprint, provider, trust::Voucher};
use crate::domain::{Bars, Caller, Fingerprint};

/// What a check found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// The certificate that was presented.
    pub(super) certificate: Fingerprint,
    /// Whom it speaks for, or why for nobody. Counts only once the handshake has ended well: before
    /// that the peer has not shown that it holds the key.
    pub(super) outcome: Result<Voucher, Rejection>,
    /// What was presented, the certificate first.
    pub(super) chain: Vec<CertificateDer<'static>>,
}

/// The check of one handshake.
#[derive(Debug)]
pub(super) struct Check {
    trust: Arc<Trust>,
    bars: Arc<Bars>,
    provider: Arc<CryptoProvider>,
    finding: OnceLock<Finding>,
}

impl Check {
    pub(super) fn new(trust: Arc<Trust>, bars: Arc<Bars>) -> Self {
        Self { trust, bars, provider: provider(), finding: OnceLock::new() }
    }

    /// Returns what was found; nothing where no certificate was presented.
    pub(super) fn finding(&self) -> Option<&Finding> {
        self.finding.get()
    }
}

impl ClientCertVerifier for Check {
    /// Names no CA: who takes part is not for everyone to read in a handshake.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let certificate = fingerprint(end_entity);
        let vouched = self.trust.vouch(end_entity, intermediates, (now, &self.bars));
        let outcome = vouched.and_then(|voucher| {
            let caller = Caller { seat: voucher.leaf.seat.clone(), certificate };
            self.bars.against(&caller).map_or(Ok(voucher), |bar| Err(bar.into()))
        });
        let chain = [end_entity].into_iter().chain(intermediates);
        let chain = chain.map(|it| it.clone().into_owned()).collect();
        let found = Finding { certificate, outcome, chain };
        match &self.finding.get_or_init(|| found).outcome {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(rejection) => Err(rejection.alert().into()),
        }
    }

    /// Never asked: the server speaks TLS 1.3 only.
    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
