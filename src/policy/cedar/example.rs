//! Saved example decisions: a small agreement and one alert as facts, and what the rules have to answer. They are
//! asked at every load, held against the schema, so that rules that decide otherwise are never used.

use std::{fmt::Display, str::FromStr};

use serde::Deserialize;
use toml::Table;

use super::error::RulesError;
use super::rules::{Rules, Verdict};
use crate::domain::{
    AgencyId, AgencyKind, Agreement, AlertId, Assertion, Certainty, DeliveryCondition, Facts,
    Field, Flow, Party, RetentionClass, Timestamp, agreement::PolicyDocument,
};
use crate::policy::{
    admit::{Arrival, arriving},
    define::agreeing,
    passage::{Content, Passage},
    permit::{self, Ask},
    question::{Times, Way, Word},
};

/// The file: what is usual, and what each example has instead.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    usual: Table,
    example: Vec<Example>,
}

#[derive(Deserialize)]
struct Example {
    says: String,
    answer: String,
    /// The rule that gives the reason.
    rule: Option<String>,
    #[serde(flatten)]
    instead: Table,
}

/// The facts of one example. An empty text stands for none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact that an officer writes down")]
struct Case {
    act: String,
    sender: String,
    sender_acts_for: String,
    sender_regime: String,
    sender_secrecy: bool,
    sender_document: String,
    sender_is_party: bool,
    sender_names_staff: bool,
    recipient: String,
    recipient_acts_for: String,
    recipient_regime: String,
    recipient_secrecy: bool,
    recipient_faces_suspects: bool,
    recipient_is_named: bool,
    recipient_is_party: bool,
    purpose: String,
    gateway: String,
    lawful_basis: String,
    special_condition: String,
    schedule_paragraph: String,
    no_consent_reason: String,
    offence_condition: String,
    confidentiality_basis: String,
    authorised_by: String,
    agreed_types: Vec<String>,
    agreed_categories: Vec<String>,
    agreed_fields: Vec<String>,
    term: String,
    other_agreement: bool,
    alert_purpose: String,
    asked_purpose: String,
    r#type: String,
    categories: Vec<String>,
    fields: Vec<String>,
    restricted: bool,
    ended: bool,
    times: Vec<String>,
    on_behalf_of: bool,
}

const SENDER: &str = "sender";
const RECIPIENT: &str = "recipient";

/// Asks every example of a file.
///
/// # Errors
///
/// `RulesError` with the first that cannot be read, or is answered otherwise.
pub(super) fn run(rules: &Rules, text: &str) -> Result<(), RulesError> {
    let book: Book = toml::from_str(text)
        .map_err(|error| RulesError::Examples(error.to_string().trim_end().to_owned()))?;
    for example in &book.example {
        let unread = |fault: String| {
            RulesError::Examples(format!("\"{}\": {}", example.says, fault.trim_end()))
        };
        let mut facts = book.usual.clone();
        facts.extend(example.instead.clone());
        let case: Case =
            facts.try_into().map_err(|error: toml::de::Error| unread(error.to_string()))?;
        let answered = case.answer(rules).map_err(unread)?;
        let expected = match &example.rule {
            Some(rule) => format!("{} by {rule}", example.answer),
            None => example.answer.clone(),
        };
        if answered != expected {
            let says = example.says.clone();
            return Err(RulesError::Example { says, expected, answered });
        }
    }
    let permitted = |example: &Example| example.answer == PERMITTED;
    if book.example.iter().any(permitted) && !book.example.iter().all(permitted) {
        Ok(())
    } else {
        let fault = "there has to be an example that is permitted, and one that is refused";
        Err(RulesError::Examples(fault.to_owned()))
    }
}

const PERMITTED: &str = "PERMITTED";

impl Case {
    /// Asks, and says the reason and the rule that gives it.
    fn answer(&self, rules: &Rules) -> Result<String, String> {
        let now = now()?;
        let agreement = self.agreement(now)?;
        let alert = self.alert(&agreement, now)?;
        let verdict = match self.act.as_str() {
            "agree" => {
                let flow = agreement.flows.first().ok_or("no flow")?;
                let passage = Passage::between(&agreement, flow, &agency(RECIPIENT)?);
                let passage = passage.ok_or("it needs both parties")?;
                rules.put(&agreeing(passage, now), Some(&rules.schema))
            }
            "publish" => self.publish(rules, &agreement, &alert, now)?,
            "disclose" => {
                let recipient = &agency(RECIPIENT)?;
                let purpose = code("asked_purpose", &self.asked_purpose)?;
                let ask = Ask { alert: &alert, recipient, purpose };
                let content = permit::content(&alert);
                let way = permit::find_flow(&agreement, (&alert.publisher, recipient), purpose)
                    .map(|(_, flow)| Way::under(&agreement, flow, Some(recipient), &content));
                let way = way.unwrap_or_default();
                rules.put(&permit::question(&agreement, &ask, way, now), Some(&rules.schema))
            }
            _ => return Err("act: agree, publish or disclose".to_owned()),
        };
        Ok(said(&verdict))
    }

    fn publish<'a>(
        &self,
        rules: &'a Rules,
        agreement: &Agreement,
        alert: &Facts,
        now: Timestamp,
    ) -> Result<Verdict<'a>, String> {
        let mut times = Times::default();
        for name in &self.times {
            match name.as_str() {
                "AS_OF_AHEAD" => times.word = Word::Ahead,
                "TIME_AFTER_AS_OF" => times.time_after_as_of = true,
                "ENDS_TOO_LATE" => times.ends_too_late = true,
                "STALE" => times.word = Word::Stale,
                _ => return Err("times: unknown".to_owned()),
            }
        }
        let content: Content<'_> = permit::content(alert);
        let Facts { agreement: named, purpose, publisher, .. } = alert;
        let ended = self.ended;
        let (purpose, on_behalf) = (*purpose, self.on_behalf_of);
        let arrival = Arrival { agreement: named, purpose, content, times, ended, on_behalf };
        let flow = agreement.flows.iter().find(|flow| flow.purpose == purpose);
        let way = flow.map(|flow| Way::under(agreement, flow, flow.to.first(), &content));
        let asked = (agreement, publisher, way.unwrap_or_default());
        Ok(rules.put(&arriving(asked, &arrival, now), Some(&rules.schema)))
    }

    fn agreement(&self, now: Timestamp) -> Result<Agreement, String> {
        let (starts, ends) = match self.term.as_str() {
            "RUNNING" => (now, now.plus_days(365)),
            "BEFORE" => (now.plus_days(1), now.plus_days(365)),
            "OVER" => (Timestamp::EPOCH, now),
            _ => return Err("term: BEFORE, RUNNING or OVER".to_owned()),
        };
        Ok(Agreement {
            id: id("example")?,
            title: "Example".to_owned(),
            parties: self.parties(now)?,
            flows: vec![self.flow()?],
            starts,
            ends,
            review: ends,
            dpia: "DPIA".to_owned(),
            retention: RetentionClass::Standard,
            delete_after_days: 90,
            delivery: DeliveryCondition::Recorded,
            type_retention: std::collections::BTreeMap::new(),
        })
    }

    fn parties(&self, now: Timestamp) -> Result<Vec<Party>, String> {
        let until = match self.sender_document.as_str() {
            "CURRENT" => Some(now.plus_days(365)),
            "LAPSED" => Some(now),
            "" => None,
            _ => return Err("sender_document: CURRENT, LAPSED or empty".to_owned()),
        };
        let document = until.map(|until| PolicyDocument { reference: "APD".to_owned(), until });
        let mut sender = party(SENDER, &self.sender, &self.sender_regime)?;
        sender.professional_secrecy = self.sender_secrecy;
        sender.policy_document = document;
        sender.names_staff = self.sender_names_staff;
        let mut recipient = party(RECIPIENT, &self.recipient, &self.recipient_regime)?;
        recipient.professional_secrecy = self.recipient_secrecy;
        recipient.faces_suspects = self.recipient_faces_suspects;
        let mut parties = Vec::new();
        for (mut member, acts_for, is_party) in [
            (sender, &self.sender_acts_for, self.sender_is_party),
            (recipient, &self.recipient_acts_for, self.recipient_is_party),
        ] {
            if !acts_for.is_empty() {
                let name = format!("{}-principal", member.agency);
                let regime = member.regime.code();
                member.acting_for = Some(agency(&name)?);
                parties.push(party(&name, acts_for, regime)?);
            }
            if is_party {
                parties.push(member);
            }
        }
        Ok(parties)
    }

    fn flow(&self) -> Result<Flow, String> {
        let to = self.recipient_is_named.then(|| agency(RECIPIENT)).transpose()?;
        let authorised_by = Some(self.authorised_by.clone()).filter(|law| !law.is_empty());
        Ok(Flow {
            from: agency(SENDER)?,
            to: to.into_iter().collect(),
            purpose: code("purpose", &self.purpose)?,
            alert_types: codes("agreed_types", &self.agreed_types)?,
            subject_categories: codes("agreed_categories", &self.agreed_categories)?,
            fields: codes::<Field, _>("agreed_fields", &self.agreed_fields)?,
            gateway: code("gateway", &self.gateway)?,
            lawful_basis: code("lawful_basis", &self.lawful_basis)?,
            special_condition: optional("special_condition", &self.special_condition)?,
            schedule_paragraph: optional("schedule_paragraph", &self.schedule_paragraph)?,
            no_consent_reason: optional("no_consent_reason", &self.no_consent_reason)?,
            offence_condition: optional("offence_condition", &self.offence_condition)?,
            confidentiality_basis: optional("confidentiality_basis", &self.confidentiality_basis)?,
            authorised_by,
        })
    }

    fn alert(&self, agreement: &Agreement, now: Timestamp) -> Result<Facts, String> {
        let named = if self.other_agreement { id("another")? } else { agreement.id.clone() };
        let end = if self.ended { now } else { now.plus_days(30) };
        let alert_id: AlertId = id("01920000-0000-7abc-8def-0123456789ab")?;
        Ok(Facts {
            id: alert_id,
            publisher: agency(SENDER)?,
            agreement: named,
            purpose: code("alert_purpose", &self.alert_purpose)?,
            kind: code("type", &self.r#type)?,
            categories: codes("categories", &self.categories)?,
            fields: codes::<Field, _>("fields", &self.fields)?,
            certainty: Certainty::Known,
            assertion: Assertion::Fact,
            time: now,
            as_of: now,
            expires_at: end,
            delete_after: now.plus_days(90),
            handling: [].into(),
            restricted: self.restricted,
            on_behalf_of: None,
        })
    }
}

fn said(verdict: &Verdict<'_>) -> String {
    let first = verdict.grounds().into_iter().next();
    let rule = first.map(|ground| format!(" by {}", ground.id)).unwrap_or_default();
    match verdict.outcome() {
        Ok(()) => format!("{PERMITTED}{rule}"),
        Err(refusal) => format!("{}{rule}", refusal.reason),
    }
}

fn party(name: &str, kind: &str, regime: &str) -> Result<Party, String> {
    Ok(Party {
        agency: agency(name)?,
        kind: code::<AgencyKind>("kind", kind)?,
        regime: code("regime", regime)?,
        faces_suspects: false,
        professional_secrecy: false,
        names_staff: false,
        acting_for: None,
        policy_document: None,
    })
}

/// The moment that examples are asked at: any will do, as the facts say what is before and after it.
fn now() -> Result<Timestamp, String> {
    Timestamp::parse("2026-06-01T09:00:00Z").ok_or_else(|| "no moment".to_owned())
}

fn agency(name: &str) -> Result<AgencyId, String> {
    id(name)
}

fn id<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn code<T: FromStr<Err: Display>>(key: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| format!("{key}: {error}"))
}

fn optional<T: FromStr<Err: Display>>(key: &str, text: &str) -> Result<Option<T>, String> {
    if text.is_empty() { Ok(None) } else { code(key, text).map(Some) }
}

fn codes<T, C>(key: &str, texts: &[String]) -> Result<C, String>
where
    T: FromStr<Err: Display>,
    C: FromIterator<T>,
{
    texts.iter().map(|text| code::<T>(key, text)).collect()
}
