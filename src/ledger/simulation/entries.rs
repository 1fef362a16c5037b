//! What each kind of entry has to be, given the entries before it: P1 and P3 as the log shows them.

use std::collections::{BTreeSet, VecDeque};

use super::{
    audit::{Alert, Asked, Audit, Number},
    evaluate::{self, Version},
};
use crate::domain::{Act, AgencyId, Facts, Fields, Reason};
use crate::record::{
    self, Disclosed, Governed, ProposedAgreement, Published, Refused, StoredSubscription,
};

impl Audit {
    pub(super) fn proposed(&mut self, index: u64, proposed: &ProposedAgreement) {
        let versions = self.agreements.entry(proposed.agreement.id.clone()).or_default();
        versions.push(Version {
            agreement: std::sync::Arc::clone(&proposed.agreement),
            proposed: index,
            approved_by: BTreeSet::new(),
            withdrawn: false,
        });
    }

    pub(super) fn approved(&mut self, act: &Governed) {
        let versions = self.agreements.get_mut(&act.id).unwrap();
        let version = versions.iter_mut().find(|it| it.proposed == act.proposed).unwrap();
        let agency = act.by.seat.agency().unwrap();
        assert!(version.names(agency) && !version.withdrawn);
        assert!(version.approved_by.insert(agency.clone()), "approved twice by {agency}");
    }

    /// A withdrawal ends every version, so it is linked to every party of each that was not replaced;
    /// only a party of what binds has a say in it.
    pub(super) fn withdrawn(&mut self, act: &Governed) {
        let at = self.at;
        let versions = self.agreements.get_mut(&act.id).unwrap();
        let begun = |it: &Version| it.is_binding() && it.agreement.starts <= at;
        let current = versions.iter().rposition(begun).unwrap_or(0);
        let mut ends = versions[current..].iter().filter(|it| !it.withdrawn).peekable();
        assert!(ends.peek().is_some(), "withdrawn twice");
        let ends: Vec<&Version> = ends.collect();
        let binds = ends.iter().any(|it| it.is_binding());
        let agency = act.by.seat.agency().unwrap();
        let has_a_say = |it: &&Version| it.names(agency) && it.is_binding() == binds;
        assert!(ends.iter().copied().any(|it| has_a_say(&it)), "withdrawn by a stranger");
        for party in ends.iter().flat_map(|it| &it.agreement.parties) {
            assert!(act.parties.contains(&party.agency), "{} is not told", party.agency);
        }
        for version in versions {
            version.withdrawn = true;
        }
    }

    pub(super) fn created(
        &mut self,
        index: u64,
        agency: &AgencyId,
        (stored, tokens): (&StoredSubscription, Option<Vec<u8>>),
    ) {
        let mut subscription = stored.subscription.clone();
        if let Some(tokens) = tokens {
            subscription.filter.tokens = record::filter_from_bytes(&tokens).unwrap().tokens;
        }
        assert_eq!(subscription.filter.tokens.len(), stored.token_count as usize);
        let mut known = self.subscriptions.values();
        let namesake = known.find(|it| {
            it.agency == *agency && it.subscription.name == subscription.name && it.is_live(self.at)
        });
        assert!(namesake.is_none(), "two live subscriptions of one name");
        let mut in_force =
            self.agreements.values().filter_map(|it| evaluate::in_force(it, self.at));
        let entitled = in_force.any(|version| {
            let mut flows = version.agreement.flows.iter();
            flows.any(|it| it.purpose == subscription.purpose && it.to.contains(agency))
        });
        assert!(entitled, "P1: subscribed to a purpose that nothing agrees");
        let asked = Asked {
            agency: agency.clone(),
            subscription,
            deleted: false,
            acknowledged: 0,
            owed: VecDeque::new(),
            held: BTreeSet::new(),
            numbers: Vec::new(),
        };
        self.subscriptions.insert(index, asked);
    }

    /// P1: admitted under the version in force. P3: from here on it is owed to all who match.
    pub(super) fn published(&mut self, index: u64, published: &Published, bytes: &[u8]) {
        let draft = record::draft_from_bytes(bytes).unwrap();
        let facts = &published.facts;
        self.takes_part(&facts.publisher);
        assert_eq!(*facts, Facts::of(&draft, facts.id, &facts.publisher, facts.delete_after));
        let key = (facts.publisher.clone(), facts.id);
        assert!(self.requests.insert(key, index).is_none(), "a request id was taken twice");
        let versions = &self.agreements[&facts.agreement];
        let version = evaluate::in_force(versions, self.at).expect("P1: nothing in force");
        assert_eq!(version.proposed, published.agreement);
        assert!(version.names(&facts.publisher));
        let mut flows = version.agreement.flows.iter();
        let applies = flows.any(|it| {
            it.from == facts.publisher
                && it.purpose == facts.purpose
                && it.alert_types.contains(&facts.kind)
                && facts.categories.is_subset(&it.subject_categories)
        });
        assert!(applies, "P1: no flow admits it");
        for asked in self.subscriptions.values_mut() {
            let filter = &asked.subscription.filter;
            let tokens = &filter.tokens;
            let named = draft.area.iter().any(|it| filter.areas.contains(it))
                || draft.subject.iter().any(|it| tokens.contains(it));
            let matches = filter.types.contains(&draft.kind)
                && asked.subscription.purpose == draft.purpose
                && named;
            if asked.is_live(self.at) && asked.agency != facts.publisher && matches {
                asked.owed.push_back(index);
            }
        }
        self.rectified(index, published);
        self.alerts.insert(index, Alert { published: published.clone(), draft });
    }

    pub(super) fn acknowledged(&mut self, subscription: u64, number: u64, agency: &AgencyId) {
        let asked = self.subscriptions.get_mut(&subscription).unwrap();
        assert_eq!(asked.agency, *agency);
        assert!(asked.acknowledged < number, "a cursor goes back");
        assert!(number <= asked.delivered(), "acknowledged beyond delivered");
        asked.acknowledged = number;
    }

    /// P1: what may be released to the subscription at this moment, by the second evaluator.
    fn permitted(&self, subscription: u64, published: u64) -> Option<(u64, Fields)> {
        // P4: what its publisher has stopped is permitted to nobody.
        if self.is_stopped(published) || !self.is_disclosable(published) {
            return None;
        }
        let asked = &self.subscriptions[&subscription];
        let facts = &self.alerts[&published].published.facts;
        let versions = &self.agreements[&facts.agreement];
        let who = (&asked.agency, asked.subscription.purpose);
        let (version, fields) = evaluate::released(versions, facts, who, self.at)?;
        Some((version.proposed, fields))
    }

    /// P3: in order; only what has ended by itself may be passed over.
    fn settle_owed(&mut self, subscription: u64, published: u64) {
        let asked = self.subscriptions.get_mut(&subscription).unwrap();
        while let Some(next) = asked.owed.pop_front() {
            if next == published {
                return;
            }
            let passed = &self.alerts[&next].published.facts;
            assert!(passed.expires_at <= self.at, "P3: {next} is passed over for {published}");
        }
        panic!("P3: {published} is not owed to {subscription}");
    }

    pub(super) fn disclosed(&mut self, index: u64, it: &Disclosed) {
        self.takes_part(&it.recipient);
        let permitted = self.permitted(it.subscription, it.published);
        let (version, fields) = permitted.expect("P1: disclosed without a reason");
        assert_eq!((it.agreement, it.released), (version, fields), "P1: other fields or version");
        assert_eq!(self.opened.get(&it.opened), Some(&it.subscription));
        assert_eq!(it.publisher, self.alerts[&it.published].published.facts.publisher);
        let asked = self.subscriptions.get_mut(&it.subscription).unwrap();
        assert!(asked.is_live(self.at) && it.recipient == asked.agency);
        if it.number == asked.delivered() + 1 {
            let (published, disclosed) = (it.published, index);
            asked.numbers.push(Number { published, disclosed, skipped: false });
            self.settle_owed(it.subscription, it.published);
        } else {
            let number = asked.number(it.number);
            assert!(number.published == it.published && !number.skipped, "a number was reused");
            let before = std::mem::replace(&mut number.disclosed, index);
            let before = self.disclosures[&before].0.released;
            assert_ne!(before, it.released, "an unchanged view is redelivered, not disclosed");
            self.count("disclosed anew");
        }
        self.disclosures.insert(index, (it.clone(), version));
    }

    pub(super) fn redelivered(&mut self, (index, disclosed): (u64, u64), opened: u64) {
        let (known, _) = self.disclosures[&disclosed].clone();
        self.takes_part(&known.recipient);
        let permitted = self.permitted(known.subscription, known.published);
        let (version, fields) = permitted.expect("P1: redelivered without a reason");
        assert_eq!(fields, known.released, "P1: redelivered with other fields");
        assert_eq!(self.opened.get(&opened), Some(&known.subscription));
        let asked = self.subscriptions.get_mut(&known.subscription).unwrap();
        assert!(asked.is_live(self.at));
        let number = asked.number(known.number);
        assert!(number.disclosed == disclosed && !number.skipped);
        self.redeliveries.insert(index, (disclosed, version));
    }

    pub(super) fn skipped(&mut self, subscription: u64, number: u64, reason: Reason) {
        let asked = self.subscriptions.get_mut(&subscription).unwrap();
        let known = asked.number(number);
        assert!(!std::mem::replace(&mut known.skipped, true), "skipped twice");
        let published = known.published;
        assert_eq!(self.permitted(subscription, published), None, "P3: skipped without a reason");
        self.held_back(subscription, published, reason);
    }

    pub(super) fn refused(&mut self, refused: &Refused) {
        if refused.act != Act::Disclose {
            return;
        }
        let (subscription, published) = refused.subscription.zip(refused.published).unwrap();
        if self.kept.erased.contains_key(&published) {
            // Told at once, wherever it stands among what is owed, or waits for the end of a restriction.
            let asked = self.subscriptions.get_mut(&subscription).unwrap();
            let place = asked.owed.iter().position(|it| *it == published);
            let was_owed = place.and_then(|place| asked.owed.remove(place)).is_some();
            assert!(was_owed || asked.held.remove(&published), "P3: it is not owed");
        } else {
            self.settle_owed(subscription, published);
        }
        assert_eq!(self.permitted(subscription, published), None, "P3: refused without a reason");
        self.held_back(subscription, published, refused.reason);
        self.count("refused at delivery");
        if self.kept.held.contains(&published) {
            self.count("held at delivery");
        }
    }
}
