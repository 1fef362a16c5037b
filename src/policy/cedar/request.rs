//! A question in Cedar's terms: principal, action, resource and a context of the schema's form. Nothing is
//! parsed on the way, and no entity has attributes: all that the rules look at stands in the context.

use cedar_policy::{Context, EntityUid, Request, RestrictedExpression as Expression, Schema};

use super::words::{Coded, NoWord, Words, uid};
use crate::domain::{AgencyId, Fields, Party, Timestamp};
use crate::policy::passage::{Load, Passage};
use crate::policy::question::{Act, Alert, Question, Times, Way, Word};

/// Why a question cannot be put: a fault of the broker.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unasked {
    /// A code without a word.
    #[error(transparent)]
    Word(#[from] NoWord),
    /// Cedar does not take the context.
    #[error("a question is not of the schema's form")]
    Form,
}

type Pairs = Vec<(String, Expression)>;

impl Words {
    /// Puts a question; with a schema it is held against it.
    pub(super) fn request(
        &self,
        question: &Question<'_>,
        schema: Option<&Schema>,
    ) -> Result<Request, Unasked> {
        let (action, pairs) = match question.act {
            Act::Agree { passage, load } => (&self.agree, self.agreeing(&passage, load)?),
            Act::Publish { party, times, on_behalf, alert, way } => {
                let mut pairs = self.telling(question, &alert, &way)?;
                let names_staff = party.is_some_and(|party| party.names_staff);
                pairs.push(pair("isParty", Expression::new_bool(party.is_some())));
                pairs.push(pair("namesStaff", Expression::new_bool(names_staff)));
                pairs.push(pair("onBehalfOf", Expression::new_bool(on_behalf)));
                pairs.push(pair("times", of_times(times)?));
                (&self.publish, pairs)
            }
            Act::Disclose { recipient, purpose, alert, way } => {
                let mut pairs = self.telling(question, &alert, &way)?;
                pairs.push(pair("recipient", self.agency(recipient)));
                pairs.push(pair("purpose", purpose.word(self)?));
                (&self.disclose, pairs)
            }
        };
        let now = pair("now", moment(question.now));
        let context = Context::from_pairs(pairs.into_iter().chain([now]));
        let context = context.map_err(|_| Unasked::Form)?;
        let principal = uid(&self.agency, question.sender.as_str());
        let resource = uid(&self.agreement, question.agreement.id.as_str());
        let action: EntityUid = action.clone();
        Request::new(principal, action, resource, context, schema).map_err(|_| Unasked::Form)
    }

    fn agreeing(&self, passage: &Passage<'_>, load: Load) -> Result<Pairs, Unasked> {
        Ok(vec![pair("passage", self.passage(passage)?), pair("load", of_load(load)?)])
    }

    /// What publishing and disclosing have in common.
    fn telling(
        &self,
        question: &Question<'_>,
        alert: &Alert<'_>,
        way: &Way<'_>,
    ) -> Result<Pairs, Unasked> {
        let mut pairs = vec![
            pair("starts", moment(question.agreement.starts)),
            pair("ends", moment(question.agreement.ends)),
            pair("alert", self.alert(alert)?),
            pair("released", self.fields(way.release.released)?),
            pair("load", of_load(way.release.load)?),
        ];
        if way.flow.is_some() {
            pairs.push(pair("flow", self.flow(way)?));
        }
        if let Some(passage) = &way.passage {
            pairs.push(pair("passage", self.passage(passage)?));
        }
        Ok(pairs)
    }

    fn alert(&self, alert: &Alert<'_>) -> Result<Expression, Unasked> {
        let agreement = uid(&self.agreement, alert.agreement.as_str());
        record(vec![
            pair("agreement", Expression::new_entity_uid(agreement)),
            pair("purpose", alert.purpose.word(self)?),
            pair("type", alert.content.kind.word(self)?),
            pair("categories", self.set(alert.content.categories)?),
            pair("fields", self.fields(alert.content.fields)?),
            pair("restricted", Expression::new_bool(alert.restricted)),
            pair("ended", Expression::new_bool(alert.ended)),
        ])
    }

    fn flow(&self, way: &Way<'_>) -> Result<Expression, Unasked> {
        let flow = way.flow.ok_or(Unasked::Form)?;
        let mut pairs = vec![
            pair("from", self.agency(&flow.from)),
            pair("purpose", flow.purpose.word(self)?),
            pair("alertTypes", self.set(&flow.alert_types)?),
            pair("subjectCategories", self.set(&flow.subject_categories)?),
        ];
        pairs.extend(way.to.map(|to| pair("to", self.agency(to))));
        record(pairs)
    }

    fn passage(&self, passage: &Passage<'_>) -> Result<Expression, Unasked> {
        let flow = passage.flow;
        let mut pairs = vec![
            pair("sender", self.party(passage, passage.sender)?),
            pair("recipient", self.party(passage, passage.recipient)?),
            pair("purpose", flow.purpose.word(self)?),
            pair("fields", self.fields(flow.fields)?),
            pair("gateway", flow.gateway.word(self)?),
            pair("lawfulBasis", flow.lawful_basis.word(self)?),
        ];
        self.add(&mut pairs, "specialCondition", flow.special_condition)?;
        self.add(&mut pairs, "scheduleParagraph", flow.schedule_paragraph)?;
        self.add(&mut pairs, "noConsentReason", flow.no_consent_reason)?;
        self.add(&mut pairs, "offenceCondition", flow.offence_condition)?;
        self.add(&mut pairs, "confidentialityBasis", flow.confidentiality_basis)?;
        let law = flow.authorised_by.as_ref();
        pairs.extend(law.map(|law| pair("authorisedBy", Expression::new_string(law.clone()))));
        record(pairs)
    }

    fn party(&self, passage: &Passage<'_>, party: &Party) -> Result<Expression, Unasked> {
        let own = [Some(party.kind), passage.acts_for(party)];
        let kinds = own.into_iter().flatten().map(|kind| kind.word(self));
        let kinds: Vec<_> = kinds.collect::<Result<_, _>>()?;
        let mut pairs = vec![
            pair("agency", self.agency(&party.agency)),
            pair("kind", party.kind.word(self)?),
            pair("kinds", Expression::new_set(kinds)),
            pair("regime", party.regime.word(self)?),
            pair("facesSuspects", Expression::new_bool(party.faces_suspects)),
            pair("professionalSecrecy", Expression::new_bool(party.professional_secrecy)),
        ];
        let until = party.policy_document.as_ref().map(|document| moment(document.until));
        pairs.extend(until.map(|until| pair("policyDocumentUntil", until)));
        record(pairs)
    }

    fn agency(&self, agency: &AgencyId) -> Expression {
        Expression::new_entity_uid(uid(&self.agency, agency.as_str()))
    }

    fn fields(&self, fields: Fields) -> Result<Expression, NoWord> {
        let words: Vec<_> = fields.iter().map(|it| it.word(self)).collect::<Result<_, _>>()?;
        Ok(Expression::new_set(words))
    }

    fn set<'a, T: Coded + 'a>(
        &self,
        codes: impl IntoIterator<Item = &'a T>,
    ) -> Result<Expression, NoWord> {
        let words = codes.into_iter().map(|it| it.word(self)).collect::<Result<Vec<_>, _>>()?;
        Ok(Expression::new_set(words))
    }

    fn add<T: Coded>(&self, pairs: &mut Pairs, name: &str, code: Option<T>) -> Result<(), NoWord> {
        if let Some(code) = code {
            pairs.push(pair(name, code.word(self)?));
        }
        Ok(())
    }
}

fn of_times(times: Times) -> Result<Expression, Unasked> {
    record(vec![
        pair("asOfAhead", Expression::new_bool(times.word == Word::Ahead)),
        pair("timeAfterAsOf", Expression::new_bool(times.time_after_as_of)),
        pair("endsTooLate", Expression::new_bool(times.ends_too_late)),
        pair("stale", Expression::new_bool(times.word == Word::Stale)),
    ])
}

fn of_load(load: Load) -> Result<Expression, Unasked> {
    let Load { health, offence } = load;
    record(vec![
        pair("health", Expression::new_bool(health)),
        pair("offence", Expression::new_bool(offence)),
    ])
}

/// Milliseconds since 1970; the year 9999 is far from the bounds of Cedar's numbers.
fn moment(moment: Timestamp) -> Expression {
    Expression::new_long(i64::try_from(moment.ms()).unwrap_or(i64::MAX))
}

fn record(pairs: Pairs) -> Result<Expression, Unasked> {
    Expression::new_record(pairs).map_err(|_| Unasked::Form)
}

fn pair(name: &str, value: Expression) -> (String, Expression) {
    (name.to_owned(), value)
}
