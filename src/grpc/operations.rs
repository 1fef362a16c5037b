//! `Operations`: how the broker stands, and what operators do to it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use tonic::{Request, Response};

use super::{Answer, Broker, Taken, certificates, convert, status};
use crate::domain::{Act, AgencyId, Barring, Caller, Reason, Refusal, Seat, Timestamp};
use crate::identity::{CrlStanding, GenerationStanding, Rejection};
use crate::ledger::Ledger;
use crate::pb::v1::{self as pb, operations_server::Operations};
use crate::pki::Renewed;
use crate::record::{self, CertificateIssued};
use crate::witness::Standing;

/// Serves `portway.v1.Operations`.
#[derive(Clone, Debug)]
pub struct OperationsService(pub Broker);

#[tonic::async_trait]
impl Operations for OperationsService {
    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Answer<pb::GetStatusResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let origin = ledger.origin();
        let for_anybody = pb::GetStatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            caller: convert::spiffe(&origin, &by),
            origin,
            checkpoint: ledger.newest().checkpoint.clone(),
            started_at: Some(record::timestamp_to_pb(self.0.started_at)),
            ..pb::GetStatusResponse::default()
        };
        if !matches!(by.seat, Seat::Operator { .. }) {
            return Ok(Response::new(for_anybody));
        }
        let standing = ledger.standing(&by).await.map_err(status::of)?;
        let bars = Arc::clone(&ledger.bars().borrow());
        Ok(Response::new(pb::GetStatusResponse {
            connections: count(self.0.connections.count()),
            streams: standing.streams,
            handshakes_refused: self.refused(),
            agreements_in_force: standing.agreements_in_force,
            agreements_witnessed: standing.agreements_witnessed,
            subscriptions: standing.subscriptions,
            live_alerts: standing.live_alerts,
            generation: Some(generation(self.0.generations.standing())),
            agencies_suspended: names(&bars.suspended),
            agencies_revoked: names(&bars.revoked),
            certificates_revoked: count(bars.certificates.len()),
            authorities_revoked: count(bars.authorities.len()),
            sweep_halted: standing.halted.map_or(0, |index| index + 1),
            records_erased_below: standing.records_from,
            witnesses: self.0.witnesses.standing().into_iter().map(witness).collect(),
            ..for_anybody
        }))
    }

    async fn rotate_log_key(
        &self,
        request: Request<pb::RotateLogKeyRequest>,
    ) -> Answer<pb::RotateLogKeyResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let (index, commit) = ledger.rotate_key(by).await.map_err(status::of)?;
        let checkpoint = commit.checkpoint.clone();
        Ok(Response::new(pb::RotateLogKeyResponse { index, checkpoint }))
    }

    async fn renew_certificate(
        &self,
        request: Request<pb::RenewCertificateRequest>,
    ) -> Answer<pb::RenewCertificateResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let broker = &self.0;
        let asked = request.into_inner().request;
        let now = broker.clock.now();
        if let Some(answer) = broker.renewals.of(&by.seat, &asked, now) {
            return Ok(Response::new(answer));
        }
        let issuers = Arc::clone(&broker.issuers.borrow());
        let signed = issuers.renew(&by.seat, &asked, now);
        let renewed = broker.checked(&by, Act::RenewCertificate, signed).await?;
        let Renewed { pem, certificate, not_after } = renewed;
        let seat = by.seat.clone();
        let issued = CertificateIssued { by, certificate, not_after };
        let index = ledger.record_certificate(issued).await.map_err(status::of)?;
        let answer = pb::RenewCertificateResponse {
            certificate: pem,
            not_after: Some(record::timestamp_to_pb(not_after)),
            index,
        };
        broker.renewals.keep((seat, &asked), (now, not_after), &answer);
        Ok(Response::new(answer))
    }

    async fn list_certificates(
        &self,
        request: Request<pb::ListCertificatesRequest>,
    ) -> Answer<pb::ListCertificatesResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let read = certificates::readable(&by.seat);
        self.0.checked(&by, Act::ReadCertificates, read).await?;
        let issued = ledger.certificates(&by).await.map_err(status::of)?;
        let certificates = certificates::list(&by.seat, self.0.certificates.list(), issued);
        Ok(Response::new(pb::ListCertificatesResponse { certificates }))
    }

    async fn reload(&self, request: Request<pb::ReloadRequest>) -> Answer<pb::ReloadResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let by = self.0.checked(&by, Act::Administer, operator(&by)).await?;
        let taken = self.0.reloading.ask(by.clone()).await.ok_or_else(status::stopping)?;
        let Taken { index, digest, cut } = match taken {
            Ok(taken) => taken,
            Err(fault) => {
                let refusal = Reason::GenerationRefused.into();
                let refused = ledger.refuse(by, Act::Administer, refusal).await;
                return Err(status::with_message(refused, &fault));
            }
        };
        Ok(Response::new(pb::ReloadResponse {
            index,
            generation: digest.to_vec().into(),
            connections_cut: count(cut),
        }))
    }

    async fn revoke_certificate(
        &self,
        request: Request<pb::RevokeCertificateRequest>,
    ) -> Answer<pb::RevokeCertificateResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let certificate = convert::fingerprint(&request.get_ref().certificate, "certificate");
        let act = certificate.map(Barring::CertificateRevoked);
        let (index, connections_cut) = self.bar((by, ledger), act).await?;
        Ok(Response::new(pb::RevokeCertificateResponse { index, connections_cut }))
    }

    async fn revoke_authority(
        &self,
        request: Request<pb::RevokeAuthorityRequest>,
    ) -> Answer<pb::RevokeAuthorityResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let key = convert::fingerprint(&request.get_ref().key, "key");
        let (index, connections_cut) =
            self.bar((by, ledger), key.map(Barring::AuthorityRevoked)).await?;
        Ok(Response::new(pb::RevokeAuthorityResponse { index, connections_cut }))
    }

    async fn revoke_agency(
        &self,
        request: Request<pb::RevokeAgencyRequest>,
    ) -> Answer<pb::RevokeAgencyResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let act = agency(&request.get_ref().agency).map(Barring::AgencyRevoked);
        let (index, connections_cut) = self.bar((by, ledger), act).await?;
        Ok(Response::new(pb::RevokeAgencyResponse { index, connections_cut }))
    }

    async fn suspend_agency(
        &self,
        request: Request<pb::SuspendAgencyRequest>,
    ) -> Answer<pb::SuspendAgencyResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let act = agency(&request.get_ref().agency).map(Barring::AgencySuspended);
        let (index, connections_cut) = self.bar((by, ledger), act).await?;
        Ok(Response::new(pb::SuspendAgencyResponse { index, connections_cut }))
    }

    async fn reinstate_agency(
        &self,
        request: Request<pb::ReinstateAgencyRequest>,
    ) -> Answer<pb::ReinstateAgencyResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let act = agency(&request.get_ref().agency).map(Barring::AgencyReinstated);
        let (index, _) = self.bar((by, ledger), act).await?;
        Ok(Response::new(pb::ReinstateAgencyResponse { index }))
    }

    async fn confirm_clock(
        &self,
        request: Request<pb::ConfirmClockRequest>,
    ) -> Answer<pb::ConfirmClockResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let index = ledger.confirm_clock(by).await.map_err(status::of)?;
        Ok(Response::new(pb::ConfirmClockResponse { index }))
    }
}

impl OperationsService {
    /// Does an act, cuts whoever it bars, and returns the index of its record with how many were cut.
    async fn bar(
        &self,
        (by, ledger): (Caller, Ledger),
        act: Result<Barring, Refusal>,
    ) -> Result<(u64, u64), tonic::Status> {
        let act = operator(&by).and(act);
        let act = self.0.checked(&by, Act::Administer, act).await?;
        let is_listed = self.is_listed(&act);
        let index = ledger.bar(by, act, is_listed).await.map_err(status::of)?;
        let bars = Arc::clone(&self.0.ledger.bars().borrow());
        // P4: it is answered once nothing of theirs is handed to a socket any more.
        Ok((index, count(self.0.connections.cut_barred(&bars))))
    }

    /// Tells whether the agency that an act is on stands in the table; the ledger knows those that have left it.
    fn is_listed(&self, act: &Barring) -> bool {
        match act {
            Barring::AgencyReinstated(agency)
            | Barring::AgencyRevoked(agency)
            | Barring::AgencySuspended(agency) => self.0.trust.borrow().knows(agency),
            Barring::AuthorityRevoked(_) | Barring::CertificateRevoked(_) => true,
        }
    }

    fn refused(&self) -> HashMap<String, u64> {
        let counted = Rejection::ALL
            .into_iter()
            .map(|reason| (reason.to_string(), self.0.rejections.count(reason)));
        counted.filter(|(_, count)| *count > 0).collect()
    }
}

fn agency(text: &str) -> Result<AgencyId, Refusal> {
    record::parsed(text, Reason::Malformed, "agency")
}

fn operator(by: &Caller) -> Result<Caller, Refusal> {
    if matches!(by.seat, Seat::Operator { .. }) {
        Ok(by.clone())
    } else {
        Err(Reason::WrongRole.into())
    }
}

fn generation(standing: GenerationStanding) -> pb::Generation {
    let crl = |crl: CrlStanding| pb::Crl {
        file: crl.path.display().to_string(),
        issuer: crl.issuer.0.to_vec().into(),
        number: crl.number,
        next_update: Some(record::timestamp_to_pb(crl.next_update)),
    };
    pb::Generation {
        digest: standing.digest.to_vec().into(),
        since: Some(record::timestamp_to_pb(standing.since)),
        taken: standing.taken,
        refused: standing.refused,
        fault: standing.fault.unwrap_or_default(),
        server_not_after: Some(record::timestamp_to_pb(standing.server_not_after)),
        crls: standing.crls.into_iter().map(crl).collect(),
    }
}

fn witness(standing: Standing) -> pb::WitnessStatus {
    let moment = |seconds: u64| Timestamp::from_ms(seconds.saturating_mul(1000));
    let cosigned = standing.cosigned;
    let at = cosigned.as_ref().map(|it| record::timestamp_to_pb(moment(it.seconds)));
    pb::WitnessStatus {
        name: standing.name,
        size: cosigned.map_or(0, |it| it.size),
        cosigned_at: at,
        behind_since: standing.behind_since.map(record::timestamp_to_pb),
        fault: standing.fault.map(|it| it.code().to_owned()).unwrap_or_default(),
    }
}

fn names(agencies: &BTreeMap<AgencyId, u64>) -> Vec<String> {
    agencies.keys().map(ToString::to_string).collect()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
