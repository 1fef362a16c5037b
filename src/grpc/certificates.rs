//! Certificates in use and issued, laid together for whoever may see them.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::domain::{Fingerprint, Reason, Refusal, Seat};
use crate::identity::Seen;
use crate::pb::v1 as pb;
use crate::record::{self, CertificateIssued};

/// Decides whether a seat may see certificates: operators, and officers those of their agency.
pub(super) fn readable(seat: &Seat) -> Result<(), Refusal> {
    match seat {
        Seat::Officer { .. } | Seat::Operator { .. } => Ok(()),
        Seat::Auditor { .. } | Seat::Service { .. } => Err(Reason::WrongRole.into()),
    }
}

/// Lists what `by` may see, in order of name and end.
pub(super) fn list(
    by: &Seat,
    seen: Vec<Seen>,
    issued: Vec<(u64, CertificateIssued)>,
) -> Vec<pb::CertificateStatus> {
    let may_see = |seat: &Seat| by.agency().is_none_or(|agency| seat.agency() == Some(agency));
    let mut all: BTreeMap<Fingerprint, pb::CertificateStatus> = BTreeMap::new();
    for (index, it) in issued.into_iter().filter(|(_, it)| may_see(&it.by.seat)) {
        let status = pb::CertificateStatus {
            id: it.by.seat.to_string(),
            certificate: Bytes::copy_from_slice(&it.certificate.0),
            not_after: Some(record::timestamp_to_pb(it.not_after)),
            issued: index + 1,
            ..pb::CertificateStatus::default()
        };
        all.insert(it.certificate, status);
    }
    for it in seen.into_iter().filter(|it| may_see(&it.caller.seat)) {
        let status = all.entry(it.caller.certificate).or_insert_with(|| pb::CertificateStatus {
            id: it.caller.seat.to_string(),
            certificate: Bytes::copy_from_slice(&it.caller.certificate.0),
            not_after: Some(record::timestamp_to_pb(it.not_after)),
            ..pb::CertificateStatus::default()
        });
        status.last_seen = Some(record::timestamp_to_pb(it.last_seen));
        status.connections = it.connections;
    }
    let mut list: Vec<_> = all.into_values().collect();
    let end =
        |it: &pb::CertificateStatus| it.not_after.as_ref().map(|end| (end.seconds, end.nanos));
    list.sort_by(|a, b| (&a.id, end(a)).cmp(&(&b.id, end(b))));
    list
}
