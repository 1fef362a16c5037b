//! What a record is about: what it says itself, and what the records say that it refers to. Which agency may
//! be answered by what is part of it: a recipient is not told of tokens or certificates that it was not given.

use std::sync::Arc;

use super::{
    resolve::{Alert, Resolver},
    term::Term,
};
use crate::domain::{
    AgencyId, AgreementId, AlertId, Barring, Caller, Field, Fingerprint, Purpose, Reason,
    RecordKind, SubjectToken,
};
use crate::ledger::{Entry, LedgerError};
use crate::record::{CertificateIssued, Disclosed, Event, Refused, RightsEvent};

/// What a record is about.
#[derive(Clone, Debug)]
pub(super) struct Matter {
    pub(super) kind: RecordKind,
    /// Every agency that it names, or that what it refers to names to its readers.
    pub(super) named: Vec<AgencyId>,
    pub(super) purpose: Option<Purpose>,
    pub(super) agreement: Option<AgreementId>,
    pub(super) alert: Option<AlertId>,
    pub(super) reason: Option<Reason>,
    /// Certificates that caused it, each with the agency that it is of.
    pub(super) certificates: Vec<(AgencyId, Fingerprint)>,
    /// The tokens of the alert or watch-list.
    tokens: Arc<[SubjectToken]>,
    /// The agencies that know these tokens.
    pub(super) token_readers: Vec<AgencyId>,
}

impl Matter {
    /// Finds out what an entry is about.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the log cannot be read, or refers to what is not there.
    pub(super) fn of(entry: &Entry, resolver: &mut Resolver) -> Result<Self, LedgerError> {
        let event = &entry.record.event;
        let mut matter = Self {
            kind: event.kind(),
            named: event.agencies().into_iter().cloned().collect(),
            purpose: None,
            agreement: None,
            alert: None,
            reason: None,
            certificates: Vec::new(),
            tokens: Arc::default(),
            token_readers: Vec::new(),
        };
        match event {
            Event::Acknowledged { subscription, .. } => {
                matter.purpose = resolver.purpose(*subscription)?;
            }
            Event::AgreementApproved(act) | Event::AgreementWithdrawn(act) => {
                matter.caused_by(&act.by);
                matter.agreement = Some(act.id.clone());
            }
            Event::AgreementProposed { by, proposed } => {
                matter.caused_by(by);
                matter.agreement = Some(proposed.agreement.id.clone());
            }
            Event::Consulted { by, .. }
            | Event::Exported { by, .. }
            | Event::CertificateIssued(CertificateIssued { by, .. })
            | Event::KeyRotated { by, .. } => matter.caused_by(by),
            Event::Disclosed(it) => matter.disclosed(it, it.opened, resolver)?,
            Event::NumberSkipped { subscription, reason, .. } => {
                matter.reason = Some(*reason);
                matter.purpose = resolver.purpose(*subscription)?;
            }
            Event::Published(_) => matter.about(Some(&resolver.alert_of(entry)?), true),
            Event::Redelivered { disclosed, opened, .. } => {
                if let Some(it) = resolver.disclosed(*disclosed)? {
                    matter.disclosed(&it, *opened, resolver)?;
                }
            }
            Event::Refused(it) => matter.refused(it, resolver)?,
            Event::StreamOpened { by, subscription, .. }
            | Event::SubscriptionDeleted { by, subscription } => {
                matter.caused_by(by);
                matter.purpose = resolver.purpose(*subscription)?;
            }
            Event::SubscriptionCreated { by, subscription } => {
                matter.caused_by(by);
                matter.purpose = Some(subscription.subscription.purpose);
                matter.tokens = resolver.tokens_of(entry)?;
                matter.token_readers = by.seat.agency().into_iter().cloned().collect();
            }
            Event::Barred { by, act } => {
                matter.caused_by(by);
                matter.barred(act);
            }
            Event::Access(it) => matter.caused_by(it.by()),
            Event::Retention(it) => it.by().iter().for_each(|by| matter.caused_by(by)),
            Event::Rights(it) => matter.rights(it, resolver)?,
            Event::Reloaded(it) => it.by.iter().for_each(|by| matter.caused_by(by)),
            Event::BrokerStarted { .. }
            | Event::LogRestored(_)
            | Event::LogStarted { .. }
            | Event::SnapshotTaken(_)
            | Event::TailCut { .. } => {}
        }
        Ok(matter)
    }

    /// Tells whether the alert or watch-list holds a token.
    pub(super) fn holds(&self, token: &SubjectToken) -> bool {
        self.tokens.contains(token)
    }

    /// Returns every term that it can be found by, whoever may ask by it.
    pub(super) fn terms(&self) -> impl Iterator<Item = Term<'_>> {
        let once = [
            Some(Term::Kind(self.kind)),
            self.purpose.map(Term::Purpose),
            self.agreement.as_ref().map(Term::Agreement),
            self.alert.map(Term::Alert),
            self.reason.map(Term::Reason),
        ];
        let tokens = self.tokens.iter().filter(|_| !self.token_readers.is_empty());
        once.into_iter()
            .flatten()
            .chain(self.named.iter().map(Term::Named))
            .chain(self.certificates.iter().map(|(_, it)| Term::Certificate(*it)))
            .chain(tokens.map(Term::Token))
    }

    fn caused_by(&mut self, by: &Caller) {
        if let Some(agency) = by.seat.agency() {
            self.certificates.push((agency.clone(), by.certificate));
            self.name(agency);
        }
    }

    fn barred(&mut self, act: &Barring) {
        match act {
            Barring::AgencyReinstated(agency)
            | Barring::AgencyRevoked(agency)
            | Barring::AgencySuspended(agency) => self.name(agency),
            Barring::AuthorityRevoked(_) | Barring::CertificateRevoked(_) => {}
        }
    }

    fn name(&mut self, agency: &AgencyId) {
        if !self.named.contains(agency) {
            self.named.push(agency.clone());
        }
    }

    /// Takes over what an alert says, where that is known; its publisher knows the tokens.
    fn about(&mut self, alert: Option<&Arc<Alert>>, caused_by_its_publisher: bool) {
        let Some(alert) = alert else { return };
        self.alert = Some(alert.id);
        self.purpose = Some(alert.purpose);
        self.agreement = Some(alert.agreement.clone());
        self.tokens = Arc::clone(&alert.tokens);
        self.token_readers.push(alert.publisher.clone());
        self.name(&alert.publisher);
        if caused_by_its_publisher {
            self.certificates.push((alert.publisher.clone(), alert.certificate));
        }
    }

    fn disclosed(
        &mut self,
        it: &Disclosed,
        opened: u64,
        resolver: &mut Resolver,
    ) -> Result<(), LedgerError> {
        self.about(resolver.alert(it.published)?.as_ref(), true);
        if it.released.contains(Field::Subject) {
            self.token_readers.push(it.recipient.clone());
        }
        self.certificates.extend(resolver.opened_by(opened)?);
        Ok(())
    }

    fn rights(&mut self, it: &RightsEvent, resolver: &mut Resolver) -> Result<(), LedgerError> {
        if let Some(by) = it.by() {
            self.caused_by(by);
        }
        if let Some(alert) = it.alert() {
            // Its publisher's system has caused none of it.
            self.about(resolver.alert(alert.published)?.as_ref(), false);
        }
        match it {
            RightsEvent::NoticeAcknowledged(step) | RightsEvent::NoticeSent(step) => {
                self.certificates.extend(resolver.opened_by(step.pulled)?);
            }
            // The publisher asks whom it has told; the record is open to nobody else.
            RightsEvent::NoticesDue(due) => due.recipients.iter().for_each(|it| self.name(it)),
            RightsEvent::AlertRecalled { .. }
            | RightsEvent::AlertRestricted { .. }
            | RightsEvent::NoticesPulled { .. }
            | RightsEvent::ObjectionAnswered(_)
            | RightsEvent::ObjectionRecorded { .. }
            | RightsEvent::RestrictionLifted { .. } => {}
        }
        Ok(())
    }

    fn refused(&mut self, it: &Refused, resolver: &mut Resolver) -> Result<(), LedgerError> {
        self.reason = Some(it.reason);
        if let Some(by) = &it.by {
            self.caused_by(by);
        }
        if let Some(recipient) = &it.recipient {
            self.name(recipient);
        }
        if let Some(subscription) = it.subscription {
            self.purpose = resolver.purpose(subscription)?;
        }
        if let Some(published) = it.published {
            // Nobody at the publisher caused it: it was found at delivery.
            self.about(resolver.alert(published)?.as_ref(), false);
        }
        if let Some(proposed) = it.agreement {
            self.agreement = resolver.agreement(proposed)?;
        }
        Ok(())
    }
}
