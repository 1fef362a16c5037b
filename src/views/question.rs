//! What an officer looks for. What is not set asks nothing. A token is matched and never shown or kept.

use super::{matter::Matter, term::Term};
use crate::domain::{
    AgencyId, AgreementId, AlertId, Fingerprint, Purpose, Reason, RecordKind, SubjectToken,
    Timestamp,
};
use crate::ledger::Entry;

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

    /// Tells whether what the entry itself says fits; what others say of it is not asked yet.
    pub(super) fn may_fit(&self, entry: &Entry) -> bool {
        self.from.is_none_or(|from| entry.record.at >= from)
            && self.to.is_none_or(|to| entry.record.at < to)
            && self.kind.is_none_or(|kind| entry.record.event.kind() == kind)
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
    pub(super) fn fits(&self, matter: &Matter, by: &AgencyId) -> bool {
        self.agency.as_ref().is_none_or(|it| matter.named.contains(it))
            && self.purpose.is_none_or(|it| matter.purpose == Some(it))
            && self.alert.is_none_or(|it| matter.alert == Some(it))
            && self.agreement.as_ref().is_none_or(|it| matter.agreement.as_ref() == Some(it))
            && self.reason.is_none_or(|it| matter.reason == Some(it))
            && self.subject.is_none_or(|it| matter.token_readers.contains(by) && matter.holds(&it))
            && self.certificate.is_none_or(|it| matter.certificates.contains(&(by.clone(), it)))
    }
}
