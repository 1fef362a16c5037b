//! May this agreement be defined at all? Its shape is looked at first; each of its passages is a question to
//! the rules.

use std::collections::BTreeSet;

use super::cedar::Rules;
use super::passage::{Load, Passage};
use super::question::{Act, Question};
use super::shape;
use crate::domain::{AgencyKind, Agreement, Reason, Refusal, Regime, Timestamp};

impl Rules {
    /// Checks an agreement as it is proposed.
    ///
    /// # Errors
    ///
    /// The first fault: a bound of its shape, or a rule that one of its passages breaks at `now`.
    pub fn define(&self, agreement: &Agreement, now: Timestamp) -> Result<(), Refusal> {
        shape::check(agreement, now)?;
        let mut passages = BTreeSet::new();
        for flow in &agreement.flows {
            shape::check_flow(flow)?;
            let sender = shape::party(agreement, &flow.from, "from")?;
            let mut asked = BTreeSet::new();
            for to in &flow.to {
                let recipient = shape::party(agreement, to, "to")?;
                let is_new = passages.insert((&flow.from, to, flow.purpose));
                if recipient.agency == sender.agency || !is_new {
                    return Err(Refusal::at(Reason::OutOfBounds, "to"));
                }
                let passage = Passage { agreement, flow, sender, recipient };
                // Most rules know a recipient by what it is: one question does for all that are alike.
                let name = self.names_agencies().then_some(to);
                if asked.insert((name, likeness(&passage))) {
                    self.ask(&agreeing(passage, now)).outcome()?;
                }
            }
        }
        Ok(())
    }
}

/// Shapes the question of a passage.
pub(super) fn agreeing(passage: Passage<'_>, now: Timestamp) -> Question<'_> {
    let load = Load::of_flow(passage.flow);
    let act = Act::Agree { passage, load };
    Question { agreement: passage.agreement, sender: &passage.sender.agency, act, now }
}

/// What the rules see of a recipient besides its name.
type Likeness = (AgencyKind, Option<AgencyKind>, Regime, [bool; 2], Option<Timestamp>);

fn likeness(passage: &Passage<'_>) -> Likeness {
    let it = passage.recipient;
    let document = it.policy_document.as_ref().map(|document| document.until);
    (
        it.kind,
        passage.acts_for(it),
        it.regime,
        [it.faces_suspects, it.professional_secrecy],
        document,
    )
}
