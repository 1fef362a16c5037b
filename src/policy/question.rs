//! One question to the rules: an act, the one agreement it is under, the parties concerned, the facts. It
//! carries no more than that, so that an answer costs the same however many agreements there are.

use super::passage::{Content, Load, Passage, Release};
use crate::domain::{AgencyId, Agreement, AgreementId, Flow, Party, Purpose, Timestamp};

/// A question, at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) agreement: &'a Agreement,
    /// Who tells.
    pub(super) sender: &'a AgencyId,
    pub(super) act: Act<'a>,
    pub(super) now: Timestamp,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act<'a> {
    /// May the parties agree on this passage?
    Agree { passage: Passage<'a>, load: Load },
    /// May this alert come in, with this recipient in view?
    Publish {
        /// What the publisher is in the agreement.
        party: Option<&'a Party>,
        times: Times,
        on_behalf: bool,
        alert: Alert<'a>,
        way: Way<'a>,
    },
    /// May this recipient see this alert?
    Disclose { recipient: &'a AgencyId, purpose: Purpose, alert: Alert<'a>, way: Way<'a> },
}

/// An alert, without its content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alert<'a> {
    pub(super) agreement: &'a AgreementId,
    pub(super) purpose: Purpose,
    pub(super) content: Content<'a>,
    pub(super) restricted: bool,
    pub(super) ended: bool,
}

/// How the times of an alert that comes in stand to the clock and to one another.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Times {
    pub(super) word: Word,
    pub(super) time_after_as_of: bool,
    pub(super) ends_too_late: bool,
}

/// How old the source's word is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Word {
    Ahead,
    #[default]
    Current,
    Stale,
}

/// The way that an alert would take: as much of it as the agreement has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way<'a> {
    pub(super) flow: Option<&'a Flow>,
    /// One of the flow's recipients.
    pub(super) to: Option<&'a AgencyId>,
    pub(super) passage: Option<Passage<'a>>,
    pub(super) release: Release,
}

impl<'a> Way<'a> {
    /// Follows a flow to one of its recipients.
    pub(super) fn under(
        agreement: &'a Agreement,
        flow: &'a Flow,
        to: Option<&'a AgencyId>,
        alert: &Content<'_>,
    ) -> Self {
        let passage = to.and_then(|to| Passage::between(agreement, flow, to));
        Self { flow: Some(flow), to, passage, release: Release::of(flow, alert) }
    }
}
