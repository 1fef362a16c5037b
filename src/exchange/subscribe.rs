//! Subscriptions and their streams: created with a mandatory end, opened by one holder at a time,
//! fed within credit, acknowledged cumulatively.

use super::state::{Live, Session, State};
use crate::domain::{
    AgencyId, Caller, Name, Purpose, Reason, Refusal, Seat, StaffReference, Subscription,
    Timestamp,
    subscription::{PER_AGENCY_MAX, TERM_DAYS_MAX, TOKENS_PER_AGENCY_MAX},
};
use crate::record::{Event, SealedFilter, StoredSubscription};

/// The most deliveries that unused credit may allow.
pub const CREDIT_MAX: u32 = 1000;
/// The most deliveries that may be unacknowledged before nothing new is sent.
pub const UNACKNOWLEDGED_MAX: usize = 4096;

impl State {
    /// Decides a new subscription. Nothing new where the same one exists.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE`, `PURPOSE_NOT_AGREED` where no agreement in force names the agency a recipient for
    /// the purpose, `EXPIRED`, `EXPIRY_TOO_LATE`, `SUBSCRIPTION_EXISTS` with other content,
    /// `OUT_OF_BOUNDS` where the agency has as many, or names as many tokens, as one may.
    pub fn create_subscription(
        &self,
        by: &Caller,
        subscription: &Subscription,
        sealed: Option<SealedFilter>,
        now: Timestamp,
    ) -> Result<Option<Event>, Refusal> {
        let agency = by.member()?;
        if subscription.expires_at <= now {
            return Err(Refusal::at(Reason::Expired, "expires_at"));
        }
        if subscription.expires_at > now.plus_days(TERM_DAYS_MAX) {
            return Err(Refusal::at(Reason::ExpiryTooLate, "expires_at"));
        }
        let namesake = self.live(agency, &subscription.name);
        if let Some(live) = namesake.filter(|live| live.subscription.expires_at > now) {
            return if live.subscription == *subscription {
                Ok(None)
            } else {
                Err(Refusal::at(Reason::SubscriptionExists, "name"))
            };
        }
        if !self.is_recipient(agency, subscription.purpose, now) {
            return Err(Refusal::at(Reason::PurposeNotAgreed, "purpose"));
        }
        self.check_room(agency, subscription.filter.tokens.len())?;
        let mut stored = subscription.clone();
        let token_count = u32::try_from(stored.filter.tokens.len()).unwrap_or(u32::MAX);
        stored.filter.tokens.clear();
        let subscription = StoredSubscription { subscription: stored, token_count, sealed };
        Ok(Some(Event::SubscriptionCreated { by: by.clone(), subscription }))
    }

    /// Decides a deletion.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE`, `SUBSCRIPTION_UNKNOWN`.
    pub fn delete_subscription(&self, by: &Caller, name: &Name) -> Result<Event, Refusal> {
        let subscription =
            self.subscription(by.member()?, name).ok_or(Reason::SubscriptionUnknown)?;
        Ok(Event::SubscriptionDeleted { by: by.clone(), subscription })
    }

    /// Decides to open a stream; returns the subscription's index with the event.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` unless the caller is an agency's system, `SUBSCRIPTION_UNKNOWN`,
    /// `SUBSCRIPTION_EXPIRED`, `PURPOSE_NOT_AGREED` where the purpose is not the subscription's.
    pub fn open(
        &self,
        by: &Caller,
        (name, purpose): (&Name, Purpose),
        on_behalf_of: Option<&StaffReference>,
        now: Timestamp,
    ) -> Result<(u64, Event), Refusal> {
        let Seat::Service { agency, .. } = &by.seat else {
            return Err(Reason::WrongRole.into());
        };
        self.may_act(by)?;
        let live = self.live(agency, name).ok_or(Reason::SubscriptionUnknown)?;
        if live.subscription.expires_at <= now {
            return Err(Reason::SubscriptionExpired.into());
        }
        if live.subscription.purpose != purpose {
            return Err(Refusal::at(Reason::PurposeNotAgreed, "purpose"));
        }
        let subscription = self.subscription(agency, name).ok_or(Reason::SubscriptionUnknown)?;
        let (by, on_behalf_of) = (by.clone(), on_behalf_of.cloned());
        Ok((subscription, Event::StreamOpened { by, subscription, on_behalf_of }))
    }

    /// Notes that a stream is open, opened by the record at `opened`. Returns the stream that it
    /// fences off.
    pub fn begin(&mut self, subscription: u64, id: u64, opened: u64, credit: u32) -> Option<u64> {
        let live = self.subscriptions.get_mut(&subscription)?;
        let session =
            Session { id, opened, credit: credit.min(CREDIT_MAX), next: live.acknowledged + 1 };
        self.ready.insert(subscription);
        live.session.replace(session).map(|old| old.id)
    }

    /// Notes that a stream has ended; an older one than the open stream changes nothing.
    pub fn end(&mut self, subscription: u64, id: u64) {
        if let Some(live) = self.subscriptions.get_mut(&subscription)
            && live.session.is_some_and(|session| session.id == id)
        {
            live.session = None;
        }
    }

    /// Adds credit to an open stream.
    ///
    /// # Errors
    ///
    /// `CREDIT_OUT_OF_BOUNDS` for none, or more than [`CREDIT_MAX`] unused in sum; `FENCED` where
    /// the stream is not the open one.
    pub fn credit(&mut self, subscription: u64, id: u64, more: u32) -> Result<(), Refusal> {
        let session = self.session_mut(subscription, id)?;
        let sum = session.credit.saturating_add(more);
        if more == 0 || sum > CREDIT_MAX {
            return Err(Refusal::at(Reason::CreditOutOfBounds, "more"));
        }
        session.credit = sum;
        self.ready.insert(subscription);
        Ok(())
    }

    /// Decides an acknowledgement up to `number`. Nothing new where it was acknowledged already.
    ///
    /// # Errors
    ///
    /// `ACKNOWLEDGED_BEYOND_DELIVERED`; `SUBSCRIPTION_DELETED` where it is gone.
    pub fn acknowledge(&self, subscription: u64, number: u64) -> Result<Option<Event>, Refusal> {
        let live = self.subscriptions.get(&subscription).ok_or(Reason::SubscriptionDeleted)?;
        if number > live.delivered {
            return Err(Refusal::at(Reason::AcknowledgedBeyondDelivered, "position"));
        }
        let agency = live.agency.clone();
        let is_new = number > live.acknowledged;
        Ok(is_new.then_some(Event::Acknowledged { subscription, number, agency }))
    }

    /// Lists the open streams that hold unacknowledged deliveries under an agreement, or of a
    /// subscription: what P4 has to cut when it is withdrawn.
    pub fn touched_by(&self, agreement: &crate::domain::AgreementId) -> Vec<u64> {
        let open = self.subscriptions.iter().filter(|(_, live)| live.session.is_some());
        let under = |live: &Live| {
            live.sent.iter().any(|sent| {
                let alert = self.alerts.get(&sent.published);
                alert.is_some_and(|alert| alert.facts.agreement == *agreement)
            })
        };
        open.filter(|(_, live)| under(live)).map(|(index, _)| *index).collect()
    }

    /// Lists the open streams that hold unacknowledged deliveries of any kind.
    pub fn holding(&self) -> Vec<u64> {
        let open = self.subscriptions.iter().filter(|(_, live)| live.session.is_some());
        open.filter(|(_, live)| !live.sent.is_empty()).map(|(index, _)| *index).collect()
    }

    /// All of it is held in memory: no agency may fill what the others need.
    fn check_room(&self, agency: &AgencyId, tokens: usize) -> Result<(), Refusal> {
        let own = || self.subscriptions.values().filter(|live| live.agency == *agency);
        if own().count() >= PER_AGENCY_MAX {
            return Err(Refusal::at(Reason::OutOfBounds, "subscriptions"));
        }
        let named: usize = own().map(|live| live.subscription.filter.tokens.len()).sum();
        if named + tokens > TOKENS_PER_AGENCY_MAX {
            return Err(Refusal::at(Reason::OutOfBounds, "filter.tokens"));
        }
        Ok(())
    }

    fn live(&self, agency: &AgencyId, name: &Name) -> Option<&Live> {
        self.subscriptions.get(&self.subscription(agency, name)?)
    }

    fn session_mut(&mut self, subscription: u64, id: u64) -> Result<&mut Session, Refusal> {
        let live = self.subscriptions.get_mut(&subscription).ok_or(Reason::SubscriptionDeleted)?;
        live.session.as_mut().filter(|session| session.id == id).ok_or(Reason::Fenced.into())
    }
}
