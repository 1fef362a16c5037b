//! Looks up what records refer to by index: the alert of a disclosure, the purpose of a subscription. What
//! was looked up is kept, up to a bound. Bodies are opened only where tokens are asked for. What records refer to
//! outlives them, but where one is recorded while the other is being erased: then nothing is known of it.

use std::{collections::HashMap, sync::Arc};

use crate::domain::{AgencyId, AgreementId, AlertId, Fingerprint, Purpose, SubjectToken};
use crate::ledger::{Entry, LedgerError, Reader};
use crate::record::{Disclosed, Event, RightsEvent};

/// How many records may be known at once; beyond it all are forgotten.
const KNOWN_MAX: usize = 16_384;

/// What an alert's own record says.
#[derive(Debug)]
pub(super) struct Alert {
    pub(super) id: AlertId,
    pub(super) publisher: AgencyId,
    pub(super) certificate: Fingerprint,
    pub(super) purpose: Purpose,
    pub(super) agreement: AgreementId,
    /// Empty where tokens are not asked for, or the alert's key was erased.
    pub(super) tokens: Arc<[SubjectToken]>,
}

#[derive(Clone, Debug)]
enum Known {
    Agreement(AgreementId),
    Alert(Arc<Alert>),
    /// By whom it was opened; nothing for one without an agency.
    Stream(Option<(AgencyId, Fingerprint)>),
    Subscription(Purpose),
}

/// Looks records up.
#[derive(Debug)]
pub(super) struct Resolver {
    reader: Reader,
    opens_bodies: bool,
    known: HashMap<u64, Known>,
}

impl Resolver {
    /// Makes one that opens bodies for their tokens, or leaves them closed.
    pub(super) fn new(reader: Reader, opens_bodies: bool) -> Self {
        Self { reader, opens_bodies, known: HashMap::new() }
    }

    /// Returns the alert that an entry published.
    pub(super) fn alert_of(&mut self, entry: &Entry) -> Result<Arc<Alert>, LedgerError> {
        match self.known_of(entry)? {
            Some(Known::Alert(alert)) => Ok(alert),
            Some(Known::Agreement(_) | Known::Stream(_) | Known::Subscription(_)) | None => {
                Err(other(entry.index))
            }
        }
    }

    /// Returns the tokens of a watch-list.
    pub(super) fn tokens_of(&self, entry: &Entry) -> Result<Arc<[SubjectToken]>, LedgerError> {
        if self.opens_bodies { Ok(self.reader.tokens(entry)?.into()) } else { Ok(Arc::default()) }
    }

    /// Returns the alert that the record at `index` published.
    pub(super) fn alert(&mut self, index: u64) -> Result<Option<Arc<Alert>>, LedgerError> {
        match self.at(index)? {
            Some(Known::Alert(alert)) => Ok(Some(alert)),
            None => Ok(None),
            Some(Known::Agreement(_) | Known::Stream(_) | Known::Subscription(_)) => {
                Err(other(index))
            }
        }
    }

    /// Returns the id of the agreement that the record at `index` proposed.
    pub(super) fn agreement(&mut self, index: u64) -> Result<Option<AgreementId>, LedgerError> {
        match self.at(index)? {
            Some(Known::Agreement(id)) => Ok(Some(id)),
            None => Ok(None),
            Some(Known::Alert(_) | Known::Stream(_) | Known::Subscription(_)) => Err(other(index)),
        }
    }

    /// Returns whose certificate opened the stream, or pulled the notices, of the record at `index`.
    pub(super) fn opened_by(
        &mut self,
        index: u64,
    ) -> Result<Option<(AgencyId, Fingerprint)>, LedgerError> {
        match self.at(index)? {
            Some(Known::Stream(by)) => Ok(by),
            None => Ok(None),
            Some(Known::Agreement(_) | Known::Alert(_) | Known::Subscription(_)) => {
                Err(other(index))
            }
        }
    }

    /// Returns the purpose of the subscription that the record at `index` created.
    pub(super) fn purpose(&mut self, index: u64) -> Result<Option<Purpose>, LedgerError> {
        match self.at(index)? {
            Some(Known::Subscription(purpose)) => Ok(Some(purpose)),
            None => Ok(None),
            Some(Known::Agreement(_) | Known::Alert(_) | Known::Stream(_)) => Err(other(index)),
        }
    }

    /// Returns the disclosure that the record at `index` is of.
    pub(super) fn disclosed(&self, index: u64) -> Result<Option<Disclosed>, LedgerError> {
        match self.reader.entry(index)?.map(|entry| entry.record.event) {
            Some(Event::Disclosed(disclosed)) => Ok(Some(disclosed)),
            None => Ok(None),
            Some(_) => Err(other(index)),
        }
    }

    fn at(&mut self, index: u64) -> Result<Option<Known>, LedgerError> {
        if let Some(known) = self.known.get(&index) {
            return Ok(Some(known.clone()));
        }
        match self.reader.entry(index)? {
            Some(entry) => Ok(Some(self.known_of(&entry)?.ok_or(other(index))?)),
            None => Ok(None),
        }
    }

    /// Takes what may be asked of an entry, and keeps it.
    fn known_of(&mut self, entry: &Entry) -> Result<Option<Known>, LedgerError> {
        if let Some(known) = self.known.get(&entry.index) {
            return Ok(Some(known.clone()));
        }
        let known = match &entry.record.event {
            Event::Published(it) => Known::Alert(Arc::new(Alert {
                id: it.facts.id,
                publisher: it.facts.publisher.clone(),
                certificate: it.by.certificate,
                purpose: it.facts.purpose,
                agreement: it.facts.agreement.clone(),
                tokens: self.tokens_of(entry)?,
            })),
            Event::AgreementProposed { proposed, .. } => {
                Known::Agreement(proposed.agreement.id.clone())
            }
            Event::StreamOpened { by, .. } | Event::Rights(RightsEvent::NoticesPulled { by }) => {
                Known::Stream(by.seat.agency().map(|it| (it.clone(), by.certificate)))
            }
            Event::SubscriptionCreated { subscription, .. } => {
                Known::Subscription(subscription.subscription.purpose)
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
            | Event::Redelivered { .. }
            | Event::Refused(_)
            | Event::Reloaded(_)
            | Event::Access(_)
            | Event::Retention(_)
            | Event::Rights(_)
            | Event::SubscriptionDeleted { .. }
            | Event::SnapshotTaken(_)
            | Event::TailCut { .. } => return Ok(None),
        };
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(entry.index, known.clone());
        Ok(Some(known))
    }
}

/// A record refers to an index where something else stands.
const fn other(index: u64) -> LedgerError {
    LedgerError::Damaged { index, what: "a record refers to it as something else" }
}
