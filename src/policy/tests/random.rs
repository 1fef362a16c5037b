//! Random cases: an agreement, an alert under one of its flows, and somebody who asks for it.

use proptest::{prelude::*, sample::Index};

use super::*;
use crate::domain::random;

/// One question to [`permit`].
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) agreement: Agreement,
    pub(super) draft: Draft,
    pub(super) alert: Facts,
    pub(super) recipient: AgencyId,
    pub(super) purpose: Purpose,
    pub(super) now: Timestamp,
}

impl Case {
    pub(super) fn ask(&self) -> Result<Permit, Reason> {
        let ask = Ask { alert: &self.alert, recipient: &self.recipient, purpose: self.purpose };
        permit(&self.agreement, &ask, self.now).map_err(|refusal| refusal.reason)
    }

    /// The one flow from the publisher to the recipient for the purpose.
    pub(super) fn flow(&self) -> usize {
        let fits = |flow: &Flow| {
            flow.from == self.alert.publisher
                && flow.to.contains(&self.recipient)
                && flow.purpose == self.purpose
        };
        self.agreement.flows.iter().position(fits).expect("a permit has a flow")
    }
}

/// Choices that make a case of an agreement, a draft and a moment.
type Choices = ([Index; 4], [bool; 5], Timestamp);

fn choices() -> impl Strategy<Value = Choices> {
    let odd = || prop::bool::weighted(0.05);
    (any::<[Index; 4]>(), [odd(), odd(), odd(), odd(), odd()], random::moment())
}

/// Cases of which a fair share is permitted: most choices agree with the flow, each may not.
pub(super) fn case() -> impl Strategy<Value = Case> {
    (random::agreement(), random::draft(), choices()).prop_map(|(mut agreement, draft, choices)| {
        let ([flow, to, kind, category], odd, at) = choices;
        let usual = now();
        let now = if odd[0] { at } else { usual };
        if !odd[1] {
            agreement.starts = usual;
            agreement.ends = usual.plus_days(365);
        }
        // A document is current or lapsed by days, not by centuries.
        for document in agreement.parties.iter_mut().filter_map(|it| it.policy_document.as_mut()) {
            document.until = usual.plus_days(document.until.ms() % 20);
        }
        let flow = flow.get(&agreement.flows).clone();
        let mut draft = Draft { agreement: agreement.id.clone(), restricted: odd[2], ..draft };
        draft.expires_at = if odd[3] { at } else { usual.plus_days(30) };
        draft.purpose = flow.purpose;
        if !odd[4] {
            let kinds: Vec<_> = flow.alert_types.iter().copied().collect();
            draft.kind = *kind.get(&kinds);
            let categories: Vec<_> = flow.subject_categories.iter().copied().collect();
            draft.categories = [*category.get(&categories)].into();
        }
        let recipients: Vec<_> = flow.to.iter().cloned().collect();
        let id = "01920000-0000-7abc-8def-0123456789ab".parse().expect("an id");
        let alert = Facts::of(&draft, id, &flow.from, usual.plus_days(60));
        let recipient = to.get(&recipients).clone();
        Case { agreement, draft, alert, recipient, purpose: flow.purpose, now }
    })
}
