//! What an officer looks for. What is not set asks nothing. A token is matched and never shown or kept.

use super::{matter::Matter, term::Term};
use crate::domain::{
    AgencyId, AgreementId, AlertId, Direction, Fingerprint, Outcome, Purpose, Reason, RecordKind,
    SubjectToken, Timestamp,
};
use crate::ledger::Entry;
use crate::record::Event;

/// Who asks, and so what is shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Asker {
    /// An officer of the agency: the records that concern it, and those open to all.
    Agency(AgencyId),
    /// An auditor of the partnership: every record, and no link.
    Auditor,
}

impl Asker {
    /// Returns the agency that asks.
    pub const fn agency(&self) -> Option<&AgencyId> {
        match self {
            Self::Agency(agency) => Some(agency),
            Self::Auditor => None,
        }
    }

    /// Tells whether an entry may be shown.
    pub(super) fn may_see(&self, entry: &Entry) -> bool {
        self.agency().is_none_or(|agency| entry.is_open_to(agency))
    }
}

impl From<AgencyId> for Asker {
    fn from(agency: AgencyId) -> Self {
        Self::Agency(agency)
    }
}

/// A question: records that fit everything that is set. Its debug output withholds the token's value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Question {
    /// Recorded then or later.
    pub from: Option<Timestamp>,
    /// Recorded before then.
    pub to: Option<Timestamp>,
    /// Names this agency.
    pub agency: Option<AgencyId>,
    /// Is about an alert or a subscription of this purpose.
    pub purpose: Option<Purpose>,
    /// Is of this kind.
    pub kind: Option<RecordKind>,
    /// Is about this alert.
    pub alert: Option<AlertId>,
    /// Is about this agreement, or was decided by it.
    pub agreement: Option<AgreementId>,
    /// Refuses or skips for this reason.
    pub reason: Option<Reason>,
    /// Is about this person, as far as the asking agency may know.
    pub subject: Option<SubjectToken>,
    /// Was caused by this certificate of the asking agency.
    pub certificate: Option<Fingerprint>,
    /// Has a link of the asking agency: records that concern nobody are left out.
    pub linked: bool,
    /// Is of an alert that went this way, as the asking agency sees it.
    pub direction: Option<Direction>,
    /// Says that this became of an alert.
    pub outcome: Option<Outcome>,
}

impl Question {
    /// Returns the terms that a block has to hold to hold a record that fits.
    pub(super) fn terms(&self) -> Vec<Term<'_>> {
        [
            self.agency.as_ref().map(Term::Named),
            self.purpose.map(Term::Purpose),
            self.kind.map(Term::Kind),
            self.agreement.as_ref().map(Term::Agreement),
            self.alert.map(Term::Alert),
            self.reason.map(Term::Reason),
            self.certificate.map(Term::Certificate),
            self.subject.as_ref().map(Term::Token),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Returns the kinds of record of which a block has to hold one to hold a record that fits; nothing where all will do.
    pub(super) fn kinds(&self) -> Option<Vec<RecordKind>> {
        let of_direction = self.direction.map(Direction::kinds);
        match (of_direction, self.outcome.map(Outcome::kinds)) {
            (None, None) => None,
            (Some(kinds), None) | (None, Some(kinds)) => Some(kinds.to_vec()),
            (Some(one), Some(other)) => {
                Some(one.iter().copied().filter(|kind| other.contains(kind)).collect())
            }
        }
    }

    /// Tells whether what the entry itself says fits; what others say of it is not asked yet.
    pub(super) fn may_fit(&self, entry: &Entry, by: &Asker) -> bool {
        let kind = entry.record.event.kind();
        let is_of = |kinds: &[RecordKind]| kinds.contains(&kind);
        self.from.is_none_or(|from| entry.record.at >= from)
            && self.to.is_none_or(|to| entry.record.at < to)
            && self.kind.is_none_or(|it| it == kind)
            && self.outcome.is_none_or(|outcome| is_of(outcome.kinds()))
            && self.direction.is_none_or(|direction| went(direction, &entry.record.event, by))
    }

    /// Tells whether more has to be known of an entry than when it was recorded and its kind.
    pub(super) const fn asks_matter(&self) -> bool {
        self.agency.is_some()
            || self.purpose.is_some()
            || self.alert.is_some()
            || self.agreement.is_some()
            || self.reason.is_some()
            || self.subject.is_some()
            || self.certificate.is_some()
    }

    /// Tells whether what an entry is about fits, as far as the asking agency may know it.
    pub(super) fn fits(&self, matter: &Matter, by: &Asker) -> bool {
        let knows = |readers: &[AgencyId]| by.agency().is_some_and(|by| readers.contains(by));
        let is_of = |of: &AgencyId| by.agency().is_none_or(|by| by == of);
        let caused =
            |it: Fingerprint| matter.certificates.iter().any(|(of, by)| is_of(of) && *by == it);
        self.agency.as_ref().is_none_or(|it| matter.named.contains(it))
            && self.purpose.is_none_or(|it| matter.purpose == Some(it))
            && self.alert.is_none_or(|it| matter.alert == Some(it))
            && self.agreement.as_ref().is_none_or(|it| matter.agreement.as_ref() == Some(it))
            && self.reason.is_none_or(|it| matter.reason == Some(it))
            && self.subject.is_none_or(|it| knows(&matter.token_readers) && matter.holds(&it))
            && self.certificate.is_none_or(caused)
    }
}

/// Tells whether a record is of an alert that the asking agency sent, or was to receive. To an auditor there is no way.
fn went(direction: Direction, event: &Event, by: &Asker) -> bool {
    let party = match direction {
        Direction::Sent => publisher(event),
        Direction::Received => recipient(event),
    };
    party.is_some() && party == by.agency()
}

/// Returns who published the alert that a record is of, where it says so to its publisher.
fn publisher(event: &Event) -> Option<&AgencyId> {
    if let Event::Published(it) = event {
        Some(&it.facts.publisher)
    } else if let Event::Disclosed(it) = event {
        Some(&it.publisher)
    } else if let Event::Refused(it) = event {
        it.publisher.as_ref()
    } else {
        None
    }
}

/// Returns to whom the alert was to be delivered that a record is of, where it says so to the recipient.
fn recipient(event: &Event) -> Option<&AgencyId> {
    if let Event::Disclosed(it) = event {
        Some(&it.recipient)
    } else if let Event::Redelivered { recipient, .. } | Event::NumberSkipped { recipient, .. } =
        event
    {
        Some(recipient)
    } else if let Event::Acknowledged { agency, .. } = event {
        Some(agency)
    } else {
        None
    }
}
