//! When certificates end: the broker's own, those of the CAs, and those of peers that are connected.

use std::collections::BTreeMap;

use super::family::{Family, Text};
use crate::{
    domain::{AgencyId, Caller, Fingerprint, Seat, Timestamp},
    identity::{Connections, Trust},
};

/// How many certificates of peers are named: those that end first.
const PEERS_MAX: usize = 1000;

pub(super) fn write(text: &mut Text, trust: &Trust, connections: &Connections) {
    let mut samples = text.family(Family::CertificateNotAfter);
    let mut add = |kind, agency: Option<&AgencyId>, fingerprint: Fingerprint, end: Timestamp| {
        let agency = agency.map_or("", AgencyId::as_str);
        let fingerprint = fingerprint.to_string();
        let labels = [("kind", kind), ("agency", agency), ("fingerprint", &fingerprint)];
        samples.add_moment(&labels, end.ms());
    };
    let own = trust.credentials();
    add("server", None, own.fingerprint(), own.not_after());
    for authority in trust.authorities() {
        let kind = if authority.agency.is_some() { "ca" } else { "operators_ca" };
        add(kind, authority.agency.as_ref(), authority.certificate, authority.not_after);
    }
    for ((end, fingerprint), seat) in peers(connections).into_iter().take(PEERS_MAX) {
        let kind = match seat {
            Seat::Auditor { .. } => "auditor",
            Seat::Officer { .. } => "officer",
            Seat::Operator { .. } => "operator",
            Seat::Service { .. } => "service",
        };
        add(kind, seat.agency(), fingerprint, end);
    }
}

/// Each certificate once, however many connections it has. Whoever comes over the local socket has none.
fn peers(connections: &Connections) -> BTreeMap<(Timestamp, Fingerprint), Seat> {
    let open = connections.open().into_iter().filter(|it| *it.caller() != Caller::local());
    open.map(|it| ((it.not_after(), it.caller().certificate), it.caller().seat.clone())).collect()
}
