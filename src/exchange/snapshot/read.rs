//! A state from its bytes and from the records that tell the rest of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use prost::Message;

use super::{kept, stored};
use crate::domain::{
    AgencyId, AgreementId, AlertId, AlertType, Assertion, Barring, Caller, Certainty, Facts,
    Fields, Fingerprint, HandlingCondition, Purpose, Reason, Seat, SubjectCategory, Timestamp,
    UnknownCode,
};
use crate::exchange::{
    apply::Content,
    state::{Alert, Linked, Remembered, Sent, SentAs, State},
};
use crate::record::{CertificateIssued, Event, Record};

/// Bytes, or a record, that no state of this version was written with.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a state")]
pub struct NotAState;

/// A state that waits for the records that it was written without.
#[derive(Debug)]
pub struct Restoring {
    state: State,
    now: Timestamp,
    agencies: Vec<AgencyId>,
    versions: BTreeMap<u64, stored::Version>,
    subscriptions: BTreeMap<u64, stored::Subscription>,
}

impl Restoring {
    /// Begins to restore a state. What has ended by `now` is left out, as a replay at that time does.
    ///
    /// # Errors
    ///
    /// [`NotAState`] where anything is missing or unknown.
    pub fn from_bytes(bytes: &[u8], now: Timestamp) -> Result<Self, NotAState> {
        let stored = stored::Stored::decode(bytes).map_err(|_| NotAState)?;
        let agencies: Vec<AgencyId> =
            stored.agencies.iter().map(|it| parsed(it)).collect::<Result<_, _>>()?;
        let agreements: Vec<AgreementId> =
            stored.agreements.iter().map(|it| parsed(it)).collect::<Result<_, _>>()?;
        let mut state = State {
            size: stored.size,
            recorded_at: Timestamp::from_ms(stored.recorded_at),
            slots: stored.slots,
            rotations: stored.rotations.clone(),
            ..State::default()
        };
        state.kept = kept::read(&stored, &agencies)?;
        for it in &stored.links {
            let linked = Linked { number: it.number, last: it.last };
            state.links.insert(at(&agencies, it.agency)?, linked);
        }
        for it in stored.alerts {
            let facts = facts(&it, at(&agencies, it.publisher)?, at(&agreements, it.agreement)?)?;
            if facts.expires_at > now {
                state.ends.insert((facts.expires_at, it.index));
                let alert = Alert { facts: Arc::new(facts), slot: it.slot, references: 0 };
                state.alerts.insert(it.index, alert);
            }
        }
        state.rights = super::rights::read(stored.rights.unwrap_or_default())?;
        for it in stored.bars {
            let act = barring(it.barred.ok_or(NotAState)?)?;
            state.bars.apply(&act, it.index);
        }
        for it in stored.requests {
            let id = AlertId::from_bytes(&it.id).map_err(|_| NotAState)?;
            let key = (id, at(&agencies, it.agency)?);
            let content = it.content.try_into().map_err(|_| NotAState)?;
            let known = Remembered { index: it.index, slot: it.slot, content };
            state.requests.insert(key.clone(), known);
            state.request_order.push_back((Timestamp::from_ms(it.at), key));
        }
        for it in &stored.issued {
            state.issued.insert(it.index, issued(it)?);
        }
        let versions = stored.versions.into_iter().map(|it| (it.proposed, it)).collect();
        let subscriptions = stored.subscriptions.into_iter().map(|it| (it.index, it)).collect();
        Ok(Self { state, now, agencies, versions, subscriptions })
    }

    /// Returns how many records the state has applied.
    pub const fn size(&self) -> u64 {
        self.state.size
    }

    /// Lists the records that it waits for.
    pub fn needs(&self) -> BTreeSet<u64> {
        self.versions.keys().chain(self.subscriptions.keys()).copied().collect()
    }

    /// Takes one of the records in, in their order, with what its body holds.
    ///
    /// # Errors
    ///
    /// [`NotAState`] where it is not a record that the state was written without.
    pub fn supply(
        &mut self,
        index: u64,
        record: &Record,
        content: Content<'_>,
    ) -> Result<(), NotAState> {
        match &record.event {
            Event::AgreementProposed { by, proposed } => {
                let stored = self.versions.remove(&index).ok_or(NotAState)?;
                let agency = by.seat.agency().ok_or(NotAState)?;
                self.state.apply_proposed(index, agency, proposed);
                let versions = self.state.agreements.get_mut(&proposed.agreement.id);
                let version = versions.and_then(|it| it.last_mut()).ok_or(NotAState)?;
                version.withdrawn = stored.withdrawn;
                for agency in stored.approved_by {
                    version.approved_by.insert(at(&self.agencies, agency)?);
                }
                Ok(())
            }
            Event::SubscriptionCreated { by, subscription } => {
                let stored = self.subscriptions.remove(&index).ok_or(NotAState)?;
                let agency = by.seat.agency().ok_or(NotAState)?;
                self.state.apply_created(index, agency, subscription, content);
                self.stand(index, stored)
            }
            Event::Acknowledged { .. }
            | Event::AgreementApproved(_)
            | Event::AgreementWithdrawn(_)
            | Event::Barred { .. }
            | Event::BrokerStarted { .. }
            | Event::CertificateIssued(_)
            | Event::Consulted { .. }
            | Event::Disclosed(_)
            | Event::Exported { .. }
            | Event::KeyRotated { .. }
            | Event::LogRestored(_)
            | Event::LogStarted { .. }
            | Event::NumberSkipped { .. }
            | Event::Published(_)
            | Event::Redelivered { .. }
            | Event::Refused(_)
            | Event::Reloaded(_)
            | Event::Access(_)
            | Event::Retention(_)
            | Event::Rights(_)
            | Event::SnapshotTaken(_)
            | Event::StreamOpened { .. }
            | Event::SubscriptionDeleted { .. }
            | Event::TailCut { .. } => Err(NotAState),
        }
    }

    /// Returns the state.
    ///
    /// # Errors
    ///
    /// [`NotAState`] where a record is still missing.
    pub fn finish(mut self) -> Result<State, NotAState> {
        if !self.needs().is_empty() {
            return Err(NotAState);
        }
        self.state.prune(self.now);
        Ok(self.state)
    }

    /// Puts a subscription where it stood, and counts what it holds.
    fn stand(&mut self, index: u64, stored: stored::Subscription) -> Result<(), NotAState> {
        let live = self.state.subscriptions.get_mut(&index).ok_or(NotAState)?;
        live.delivered = stored.delivered;
        live.acknowledged = stored.acknowledged;
        live.sent = stored.sent.iter().map(sent).collect::<Result<_, _>>()?;
        let alerts = &mut self.state.alerts;
        live.pending = stored.pending.into_iter().filter(|it| alerts.contains_key(it)).collect();
        live.held = stored.held.into_iter().filter(|it| alerts.contains_key(it)).collect();
        let sent = live.sent.iter().map(|it| it.published);
        for published in live.pending.iter().chain(&live.held).copied().chain(sent) {
            if let Some(alert) = alerts.get_mut(&published) {
                alert.references += 1;
            }
        }
        Ok(())
    }
}

fn barring(it: stored::Barred) -> Result<Barring, NotAState> {
    let key = |bytes: Vec<u8>| bytes.try_into().map(Fingerprint).map_err(|_| NotAState);
    Ok(match it {
        stored::Barred::Certificate(bytes) => Barring::CertificateRevoked(key(bytes)?),
        stored::Barred::Authority(bytes) => Barring::AuthorityRevoked(key(bytes)?),
        stored::Barred::Revoked(agency) => Barring::AgencyRevoked(parsed(&agency)?),
        stored::Barred::Suspended(agency) => Barring::AgencySuspended(parsed(&agency)?),
    })
}

fn sent(it: &stored::Sent) -> Result<Sent, NotAState> {
    let what = if it.skipped == 0 {
        SentAs::Disclosed {
            index: it.index,
            released: Fields::from_bits(it.released).map_err(|_| NotAState)?,
            regime_change: it.regime_change,
        }
    } else {
        SentAs::Skipped(code(it.skipped, Reason::from_number)?)
    };
    Ok(Sent { number: it.number, published: it.published, what })
}

fn issued(it: &stored::Issued) -> Result<CertificateIssued, NotAState> {
    let fingerprint = |bytes: &[u8]| bytes.try_into().map(Fingerprint).map_err(|_| NotAState);
    let seat = Seat::parse(&it.seat).ok_or(NotAState)?;
    Ok(CertificateIssued {
        by: Caller { seat, certificate: fingerprint(&it.before)? },
        certificate: fingerprint(&it.certificate)?,
        not_after: Timestamp::from_ms(it.not_after),
    })
}

fn facts(
    it: &stored::Alert,
    publisher: AgencyId,
    agreement: AgreementId,
) -> Result<Facts, NotAState> {
    Ok(Facts {
        id: AlertId::from_bytes(&it.id).map_err(|_| NotAState)?,
        publisher,
        agreement,
        purpose: code(it.purpose, Purpose::from_number)?,
        kind: code(it.kind, AlertType::from_number)?,
        categories: codes(&it.categories, SubjectCategory::from_number)?,
        fields: Fields::from_bits(it.fields).map_err(|_| NotAState)?,
        certainty: code(it.certainty, Certainty::from_number)?,
        assertion: code(it.assertion, Assertion::from_number)?,
        time: Timestamp::from_ms(it.time),
        as_of: Timestamp::from_ms(it.as_of),
        expires_at: Timestamp::from_ms(it.expires_at),
        delete_after: Timestamp::from_ms(it.delete_after),
        handling: codes(&it.handling, HandlingCondition::from_number)?,
        restricted: it.restricted,
        on_behalf_of: it.on_behalf_of.as_deref().map(parsed).transpose()?,
    })
}

pub(super) fn at<T: Clone>(list: &[T], place: u32) -> Result<T, NotAState> {
    usize::try_from(place).ok().and_then(|place| list.get(place)).cloned().ok_or(NotAState)
}

fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, NotAState> {
    text.parse().map_err(|_| NotAState)
}

pub(super) fn code<T>(
    number: i32,
    from_number: fn(i32) -> Result<T, UnknownCode>,
) -> Result<T, NotAState> {
    from_number(number).map_err(|_| NotAState)
}

fn codes<T: Ord>(
    numbers: &[i32],
    from_number: fn(i32) -> Result<T, UnknownCode>,
) -> Result<BTreeSet<T>, NotAState> {
    numbers.iter().map(|number| code(*number, from_number)).collect()
}
