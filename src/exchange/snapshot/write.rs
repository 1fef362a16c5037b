//! A state to its bytes.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use super::{
    kept,
    stored::{self, Stored},
};
use crate::domain::{AgencyId, AgreementId, Bars, Timestamp};
use crate::exchange::publish::REMEMBERED_FOR;
use crate::exchange::state::{Alert, Live, Sent, SentAs, State};
use crate::record::CertificateIssued;

/// How many alerts or request ids are put together before they are encoded: there may be millions.
const AT_ONCE: usize = 1024;

/// The place of each name in its list.
struct Places<'a> {
    agencies: BTreeMap<&'a AgencyId, u32>,
    agreements: BTreeMap<&'a AgreementId, u32>,
}

impl State {
    /// Writes what is live at `at`, which is not before its last record. What had ended by then is left out,
    /// as it is by whoever reads it.
    pub fn to_bytes(&self, at: Timestamp) -> Vec<u8> {
        let places = self.places(at);
        let agency = |id: &AgencyId| places.agencies.get(id).copied().unwrap_or(u32::MAX);
        let links: BTreeMap<_, _> = self.links.iter().collect();
        let links = links.into_iter().map(|(id, linked)| stored::Linked {
            agency: agency(id),
            number: linked.number,
            last: linked.last,
        });
        let mut versions: Vec<_> = self
            .agreements
            .values()
            .flatten()
            .map(|version| stored::Version {
                proposed: version.proposed,
                approved_by: version.approved_by.iter().map(agency).collect(),
                withdrawn: version.withdrawn,
            })
            .collect();
        versions.sort_by_key(|version| version.proposed);
        let alive = |index: &u64| self.alerts.get(index).is_some_and(|it| it.facts.expires_at > at);
        let live = self.subscriptions.iter();
        let live = live.filter(|(_, it)| it.subscription.expires_at > at);
        let alerts = self.alerts.iter().filter(|(_, alert)| alert.facts.expires_at > at);
        let known = kept::Stored::of(self, agency, at);
        let mut bytes = Stored {
            size: self.size,
            recorded_at: self.recorded_at.ms(),
            slots: self.slots,
            agencies: places.agencies.keys().map(ToString::to_string).collect(),
            agreements: places.agreements.keys().map(ToString::to_string).collect(),
            links: links.collect(),
            versions,
            subscriptions: live.map(|(index, live)| subscription(*index, live, alive)).collect(),
            alerts: Vec::new(),
            requests: Vec::new(),
            rotations: self.rotations.clone(),
            issued: self.issued().filter(|(_, it)| it.not_after > at).map(issued).collect(),
            bars: stored_bars(&self.bars),
            erased: known.erased,
            due: known.due,
            spent: known.spent,
            orders: known.orders,
            held: known.held,
            halted: known.halted,
            records_from: known.records_from,
            rights: Some(super::rights::write(&self.rights, at)),
        }
        .encode_to_vec();
        let alerts = alerts.map(|(index, alert)| places.alert(*index, alert));
        put(&mut bytes, alerts, |alerts| Stored { alerts, ..Stored::default() });
        let requests = self.stored_requests(agency, at);
        put(&mut bytes, requests, |requests| Stored { requests, ..Stored::default() });
        bytes
    }

    /// Shows the same to a person, and what is counted of it.
    #[cfg(test)]
    pub(crate) fn shown(&self, at: Timestamp) -> String {
        let alive = self.alerts.iter().filter(|(_, alert)| alert.facts.expires_at > at);
        let references: BTreeMap<_, _> = alive.map(|(index, it)| (index, it.references)).collect();
        let stored = Stored::decode(&*self.to_bytes(at)).unwrap();
        format!("{stored:#?}\nreferences {references:?}")
    }

    fn stored_requests(
        &self,
        agency: impl Fn(&AgencyId) -> u32,
        now: Timestamp,
    ) -> impl Iterator<Item = stored::Request> {
        let known = self.request_order.iter();
        let known = known.filter(move |(at, _)| at.after(REMEMBERED_FOR) > now);
        known.filter_map(move |(at, key)| {
            let known = self.requests.get(key)?;
            Some(stored::Request {
                at: at.ms(),
                agency: agency(&key.1),
                id: key.0.as_bytes().to_vec(),
                index: known.index,
                slot: known.slot,
                content: known.content.to_vec(),
            })
        })
    }

    /// Every agency that a record concerned has a link, and so has every publisher and approver.
    fn places(&self, at: Timestamp) -> Places<'_> {
        let agencies: BTreeSet<&AgencyId> = self.links.keys().collect();
        let alive = self.alerts.values().filter(|alert| alert.facts.expires_at > at);
        let agreements: BTreeSet<&AgreementId> = alive.map(|it| &it.facts.agreement).collect();
        Places {
            agencies: agencies.into_iter().zip(0..).collect(),
            agreements: agreements.into_iter().zip(0..).collect(),
        }
    }
}

/// Encodes what there are many of behind the rest: one message behind the other is one with the fields of both.
fn put<T>(
    bytes: &mut Vec<u8>,
    mut all: impl Iterator<Item = T>,
    message: impl Fn(Vec<T>) -> Stored,
) {
    loop {
        let some: Vec<T> = all.by_ref().take(AT_ONCE).collect();
        if some.is_empty() {
            return;
        }
        bytes.extend(message(some).encode_to_vec());
    }
}

fn stored_bars(bars: &Bars) -> Vec<stored::Bar> {
    use stored::Barred;
    let certificates = bars.certificates.iter();
    let certificates = certificates.map(|(it, at)| (*at, Barred::Certificate(it.0.to_vec())));
    let authorities = bars.authorities.iter();
    let authorities = authorities.map(|(it, at)| (*at, Barred::Authority(it.0.to_vec())));
    let revoked = bars.revoked.iter().map(|(it, at)| (*at, Barred::Revoked(it.to_string())));
    let suspended = bars.suspended.iter().map(|(it, at)| (*at, Barred::Suspended(it.to_string())));
    let all = certificates.chain(authorities).chain(revoked).chain(suspended);
    all.map(|(index, barred)| stored::Bar { index, barred: Some(barred) }).collect()
}

fn subscription(index: u64, live: &Live, alive: impl Fn(&u64) -> bool) -> stored::Subscription {
    stored::Subscription {
        index,
        delivered: live.delivered,
        acknowledged: live.acknowledged,
        pending: live.pending.iter().copied().filter(&alive).collect(),
        held: live.held.iter().copied().filter(&alive).collect(),
        sent: live.sent.iter().map(sent).collect(),
    }
}

fn sent(it: &Sent) -> stored::Sent {
    let known = stored::Sent { number: it.number, published: it.published, ..Default::default() };
    match it.what {
        SentAs::Disclosed { index, released, regime_change } => {
            stored::Sent { index, released: released.bits(), regime_change, ..known }
        }
        SentAs::Skipped(reason) => stored::Sent { skipped: reason.number().into(), ..known },
    }
}

impl Places<'_> {
    fn alert(&self, index: u64, alert: &Alert) -> stored::Alert {
        let facts = &alert.facts;
        stored::Alert {
            index,
            slot: alert.slot,
            id: facts.id.as_bytes().to_vec(),
            publisher: self.agencies.get(&facts.publisher).copied().unwrap_or(u32::MAX),
            agreement: self.agreements.get(&facts.agreement).copied().unwrap_or(u32::MAX),
            purpose: facts.purpose.number().into(),
            kind: facts.kind.number().into(),
            categories: facts.categories.iter().map(|it| it.number().into()).collect(),
            fields: facts.fields.bits(),
            certainty: facts.certainty.number().into(),
            assertion: facts.assertion.number().into(),
            time: facts.time.ms(),
            as_of: facts.as_of.ms(),
            expires_at: facts.expires_at.ms(),
            delete_after: facts.delete_after.ms(),
            handling: facts.handling.iter().map(|it| it.number().into()).collect(),
            restricted: facts.restricted,
            on_behalf_of: facts.on_behalf_of.as_ref().map(ToString::to_string),
        }
    }
}

fn issued((index, it): (u64, &CertificateIssued)) -> stored::Issued {
    stored::Issued {
        index,
        seat: it.by.seat.to_string(),
        before: it.by.certificate.0.to_vec(),
        certificate: it.certificate.0.to_vec(),
        not_after: it.not_after.ms(),
    }
}
