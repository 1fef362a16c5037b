//! What is live: agreements, subscriptions with their cursors, alerts that may still be delivered,
//! remembered request ids, and each agency's running number.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use super::{interest::Interest, kept::Kept, refuse::Limiter, rights::Book};
use crate::domain::{
    AgencyId, Agreement, AgreementId, AlertId, Bars, DeliveryCondition, Facts, Fields, Filter,
    Name, Purpose, Reason, Refusal, Seat, Subscription, Timestamp,
};
use crate::policy::{self, Decider, Rules};
use crate::record::CertificateIssued;

/// How many certificates one seat may have been issued that have not ended.
const ISSUED_MAX: usize = 16;

/// The state of the exchange after some number of records.
#[derive(Debug, Default)]
pub struct State {
    pub(super) size: u64,
    pub(super) recorded_at: Timestamp,
    pub(super) agreements: BTreeMap<AgreementId, Vec<Version>>,
    pub(super) subscriptions: BTreeMap<u64, Live>,
    pub(super) names: HashMap<(AgencyId, Name), u64>,
    pub(super) interest: Interest,
    pub(super) alerts: BTreeMap<u64, Alert>,
    /// When alerts end: those that have not ended yet. One that has may still stand in `alerts`,
    /// because somebody holds it unacknowledged.
    pub(super) ends: BTreeSet<(Timestamp, u64)>,
    /// When subscriptions end.
    pub(super) terms: BTreeSet<(Timestamp, u64)>,
    /// Subscriptions whose open stream may have something to send.
    pub(super) ready: BTreeSet<u64>,
    /// Ids rise with time, so that the newest are beside each other; a table that doubles would hold up everybody.
    pub(super) requests: BTreeMap<RequestKey, Remembered>,
    pub(super) request_order: VecDeque<(Timestamp, RequestKey)>,
    pub(super) links: HashMap<AgencyId, Linked>,
    pub(super) slots: u64,
    /// The records after which another key of the log signs: rotations, and restorations under another origin.
    pub(super) rotations: Vec<u64>,
    /// Certificates that were issued and have not ended, by their record's index.
    pub(super) issued: BTreeMap<u64, CertificateIssued>,
    pub(super) limiter: Limiter,
    pub(super) decider: Decider,
    pub(super) bars: Bars,
    pub(super) kept: Kept,
    pub(super) rights: Book,
}

/// A version of an agreement.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) agreement: Arc<Agreement>,
    pub(super) hash: Arc<str>,
    pub(super) proposed: u64,
    pub(super) proposed_by: AgencyId,
    pub(super) approved_by: BTreeSet<AgencyId>,
    pub(super) withdrawn: bool,
}

impl Version {
    pub(super) fn for_policy(&self) -> policy::Version<'_> {
        policy::Version { index: self.proposed, agreement: &self.agreement }
    }

    pub(super) fn is_approved(&self) -> bool {
        // Only parties approve, and no two parties are one agency.
        !self.withdrawn && self.approved_by.len() == self.agreement.parties.len()
    }
}

/// A subscription and where it stands.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) agency: AgencyId,
    /// Slot of the key that its tokens are sealed under, where it has any.
    pub(super) slot: Option<u64>,
    pub(super) subscription: Subscription,
    pub(super) token_count: u32,
    /// Published alerts that matched and are not disclosed yet, in order.
    pub(super) pending: VecDeque<u64>,
    /// Alerts that matched and were held back because they are restricted: they wait again once that is lifted.
    pub(super) held: BTreeSet<u64>,
    /// Numbers given and not acknowledged, in order.
    pub(super) sent: VecDeque<Sent>,
    pub(super) delivered: u64,
    pub(super) acknowledged: u64,
    pub(super) session: Option<Session>,
}

/// A number that was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) published: u64,
    pub(super) what: SentAs,
}

/// What a number stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum SentAs {
    Disclosed { index: u64, released: Fields, regime_change: bool },
    Skipped(Reason),
}

/// An open stream. It is not in the log: after a restart there is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub(super) id: u64,
    pub(super) opened: u64,
    pub(super) credit: u32,
    /// The next number to send; at most `delivered + 1`.
    pub(super) next: u64,
}

/// An alert that may still be delivered.
#[derive(Debug)]
pub(super) struct Alert {
    pub(super) facts: Arc<Facts>,
    pub(super) slot: u64,
    /// In how many `pending`, `held` and `sent` lists it stands.
    pub(super) references: u32,
}

/// A request id, and whose it is.
pub(super) type RequestKey = (AlertId, AgencyId);

/// A publish that is remembered, so that a repeat gets the same answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remembered {
    pub(super) index: u64,
    pub(super) slot: u64,
    pub(super) content: [u8; 32],
}

/// An agency's running number and the index of its last record, plus 1.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Linked {
    pub(super) number: u64,
    pub(super) last: u64,
}

/// How a version of an agreement stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VersionState {
    /// Approved by every party.
    Approved,
    /// Waiting for approvals.
    Proposed,
    /// Replaced by a newer version.
    Superseded,
    /// Withdrawn.
    Withdrawn,
}

/// A version of an agreement, for those who ask.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/agreements.proto")]
pub struct AgreementStanding {
    pub agreement: Arc<Agreement>,
    pub version: Arc<str>,
    pub state: VersionState,
    pub in_force: bool,
    pub approved_by: BTreeSet<AgencyId>,
    pub index: u64,
}

/// A subscription, for those who ask. Its tokens are left out.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/subscriptions.proto")]
pub struct SubscriptionStanding {
    pub subscription: Subscription,
    pub token_count: u32,
    pub delivered: u64,
    pub acknowledged: u64,
    pub open: bool,
    pub index: u64,
}

/// Counts, for the operator.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/operations.proto")]
pub struct Standing {
    pub streams: u64,
    pub agreements_in_force: u64,
    pub agreements_witnessed: u64,
    pub subscriptions: u64,
    pub live_alerts: u64,
    pub halted: Option<u64>,
    /// Records below this index are erased where nothing needs them.
    pub records_from: u64,
}

impl State {
    /// Decides by these rules from now on; before that, by the built-in ones.
    pub fn decide_by(&mut self, rules: Arc<Rules>) {
        self.decider = Decider::new(rules);
    }

    /// Returns the rules that it decides by; none where not even the built-in ones could be loaded.
    pub fn rules(&self) -> Option<Arc<Rules>> {
        self.decider.rules_in_use()
    }

    /// Returns who may not take part.
    pub const fn bars(&self) -> &Bars {
        &self.bars
    }

    /// Returns how many records it has applied.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Returns when the last record was recorded.
    pub const fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// Returns the indexes of the records that tell of a new key of the log.
    pub fn rotations(&self) -> &[u64] {
        &self.rotations
    }

    /// Lists the certificates that were issued and have not ended, with their records' indexes.
    pub fn issued(&self) -> impl Iterator<Item = (u64, &CertificateIssued)> {
        self.issued.iter().map(|(index, it)| (*index, it))
    }

    /// Decides whether one more certificate may be issued to a seat.
    ///
    /// # Errors
    ///
    /// `TOO_MANY_CERTIFICATES` where as many as may be have not ended.
    pub fn may_be_issued(&self, seat: &Seat) -> Result<(), Refusal> {
        let own = self.issued.values().filter(|it| it.by.seat == *seat).count();
        if own < ISSUED_MAX { Ok(()) } else { Err(Reason::TooManyCertificates.into()) }
    }

    /// Returns the first key slot that no record has used.
    pub const fn slots(&self) -> u64 {
        self.slots
    }

    /// Returns the running number of the agency's next record and the index of its last, plus 1.
    pub fn link(&self, agency: &AgencyId) -> (u64, u64) {
        let linked = self.links.get(agency).copied().unwrap_or_default();
        (linked.number + 1, linked.last)
    }

    /// Returns the index of the record that created the agency's subscription of that name.
    pub fn subscription(&self, agency: &AgencyId, name: &Name) -> Option<u64> {
        self.names.get(&(agency.clone(), name.clone())).copied()
    }

    /// Returns when a subscription ends, and how far it has acknowledged.
    pub fn cursor(&self, subscription: u64) -> Option<(Timestamp, u64)> {
        let live = self.subscriptions.get(&subscription)?;
        Some((live.subscription.expires_at, live.acknowledged))
    }

    /// Returns the key slot of an alert that may still be delivered.
    pub fn alert_slot(&self, published: u64) -> Option<u64> {
        self.alerts.get(&published).map(|alert| alert.slot)
    }

    /// Returns the agreement of an alert that may still be delivered.
    pub fn agreement_of(&self, published: u64) -> Option<&AgreementId> {
        self.alerts.get(&published).map(|alert| &alert.facts.agreement)
    }

    /// Shows a subscription.
    pub fn subscription_standing(&self, subscription: u64) -> Option<SubscriptionStanding> {
        self.subscriptions.get(&subscription).map(|live| live.standing(subscription))
    }

    /// Lists the agency's subscriptions in order of name.
    pub fn subscriptions_of(&self, agency: &AgencyId) -> Vec<SubscriptionStanding> {
        let own = self.subscriptions.iter().filter(|(_, live)| live.agency == *agency);
        let mut list: Vec<_> = own.map(|(index, live)| live.standing(*index)).collect();
        list.sort_by(|a, b| a.subscription.name.cmp(&b.subscription.name));
        list
    }

    /// Lists the versions that are not superseded of agreements that name the agency a party.
    pub fn agreements_of(&self, agency: &AgencyId, now: Timestamp) -> Vec<AgreementStanding> {
        let all = self.agreements.values().flat_map(|versions| standings(versions, now));
        all.filter(|it| {
            it.state != VersionState::Superseded && it.agreement.party(agency).is_some()
        })
        .collect()
    }

    /// Counts what is live.
    pub fn standing(&self, now: Timestamp) -> Standing {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let open = self.subscriptions.values().filter(|live| live.session.is_some()).count();
        let in_force: Vec<&Version> =
            self.agreements.keys().filter_map(|id| self.in_force(id, now)).collect();
        let waits = |it: &&&Version| it.agreement.delivery == DeliveryCondition::Witnessed;
        let witnessed = in_force.iter().filter(waits).count();
        Standing {
            streams: count(open),
            agreements_in_force: count(in_force.len()),
            agreements_witnessed: count(witnessed),
            subscriptions: count(self.subscriptions.len()),
            live_alerts: count(self.ends.len()),
            halted: self.kept.halted,
            records_from: self.kept.records_from,
        }
    }

    /// Returns the version that permits at `now`, were it asked: the last approved that has begun.
    /// Whether its term still runs is asked by `policy`.
    pub(super) fn in_force(&self, id: &AgreementId, now: Timestamp) -> Option<&Version> {
        let versions = self.agreements.get(id)?;
        versions.iter().rev().find(|it| it.is_approved() && it.agreement.starts <= now)
    }

    /// Tells whether an agreement in force names the agency a recipient for the purpose.
    pub(super) fn is_recipient(&self, agency: &AgencyId, purpose: Purpose, now: Timestamp) -> bool {
        let in_force = self.agreements.keys().filter_map(|id| self.in_force(id, now));
        in_force.filter(|version| version.agreement.covers(now)).any(|version| {
            let mut flows = version.agreement.flows.iter();
            flows.any(|flow| flow.purpose == purpose && flow.to.contains(agency))
        })
    }

    /// Forgets what can play no part any more: alerts past their end that nobody waits for, request
    /// ids that are refused as too old anyway, and subscriptions past their end, whose indexes it
    /// returns.
    pub fn prune(&mut self, now: Timestamp) -> Vec<u64> {
        while let Some((end, index)) = self.ends.first().copied() {
            if end > now {
                break;
            }
            self.ends.pop_first();
            self.let_go(index);
            if self.alerts.get(&index).is_some_and(|alert| alert.references == 0) {
                self.alerts.remove(&index);
            }
        }
        while let Some((at, _)) = self.request_order.front() {
            if at.after(super::publish::REMEMBERED_FOR) > now {
                break;
            }
            if let Some((_, key)) = self.request_order.pop_front() {
                self.requests.remove(&key);
            }
        }
        self.issued.retain(|_, it| it.not_after > now);
        self.rights.prune(now);
        let mut ended = Vec::new();
        while let Some((_, subscription)) = self.terms.first().filter(|(end, _)| *end <= now) {
            ended.push(*subscription);
            self.forget(*subscription);
        }
        ended
    }

    pub(super) fn dereference(&mut self, published: u64) {
        if let Some(alert) = self.alerts.get_mut(&published) {
            alert.references = alert.references.saturating_sub(1);
            if alert.references == 0 && !self.ends.contains(&(alert.facts.expires_at, published)) {
                self.alerts.remove(&published);
            }
        }
    }
}

impl Live {
    pub(super) fn standing(&self, index: u64) -> SubscriptionStanding {
        let filter = Filter { tokens: BTreeSet::new(), ..self.subscription.filter.clone() };
        SubscriptionStanding {
            subscription: Subscription { filter, ..self.subscription.clone() },
            token_count: self.token_count,
            delivered: self.delivered,
            acknowledged: self.acknowledged,
            open: self.session.is_some(),
            index,
        }
    }
}

pub(super) fn standings(versions: &[Version], now: Timestamp) -> Vec<AgreementStanding> {
    let newest_begun =
        versions.iter().rposition(|it| it.is_approved() && it.agreement.starts <= now);
    versions
        .iter()
        .enumerate()
        .map(|(position, version)| {
            let is_newest = Some(position) == newest_begun;
            let state = if version.withdrawn {
                VersionState::Withdrawn
            } else if newest_begun.is_some_and(|newest| position < newest) {
                VersionState::Superseded
            } else if version.is_approved() {
                VersionState::Approved
            } else {
                VersionState::Proposed
            };
            AgreementStanding {
                agreement: Arc::clone(&version.agreement),
                version: Arc::clone(&version.hash),
                state,
                in_force: is_newest && version.agreement.covers(now),
                approved_by: version.approved_by.clone(),
                index: version.proposed,
            }
        })
        .collect()
}
