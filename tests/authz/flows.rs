//! One block an agreement: its parties, its flows, and for each recipient what reaches it.

use portway::{
    domain::{
        AgencyId, Agreement, AgreementId, AlertType, Assertion, Certainty, Contact, Draft, Facts,
        Flow, Indicator, RequestedAction, Route, SubjectCategory, SubjectToken, TokenKind, Urgency,
        law::Gateway,
    },
    policy::Ask,
};

use super::{now, rules};

/// Writes the block of one agreement.
pub(super) fn block(agreement: &Agreement) -> String {
    let Agreement { id, title, starts, ends, .. } = agreement;
    let mut lines = vec![
        String::new(),
        "=".repeat(100),
        format!("AGREEMENT {id}: {title}"),
        format!("  in force from {starts} until {ends}"),
    ];
    for party in &agreement.parties {
        let mut said = vec![party.kind.to_string(), party.regime.to_string()];
        said.extend(party.acting_for.as_ref().map(|principal| format!("acts for {principal}")));
        said.extend(party.faces_suspects.then(|| "faces suspects".to_owned()));
        said.extend(party.professional_secrecy.then(|| "professional secrecy".to_owned()));
        said.extend(party.names_staff.then(|| "names its staff".to_owned()));
        lines.push(format!("  {}: {}", party.agency, said.join(", ")));
    }
    for (number, flow) in agreement.flows.iter().enumerate() {
        lines.push(String::new());
        lines.push(format!("  FLOW {number}: {} tells for {}", flow.from, flow.purpose));
        lines.push(format!("    law     {}", law(flow)));
        lines.push(format!("    alerts  {}", list(&flow.alert_types)));
        lines.push(format!("    about   {}", list(&flow.subject_categories)));
        for party in agreement.parties.iter().filter(|party| party.agency != flow.from) {
            lines.extend(told(agreement, flow, &party.agency));
        }
    }
    lines.join("\n") + "\n"
}

fn law(flow: &Flow) -> String {
    fn named(what: &str, code: Option<&impl ToString>) -> Option<String> {
        code.map(|code| format!("{what} {}", code.to_string()))
    }
    [
        named("gateway", Some(&flow.gateway)),
        named("basis", Some(&flow.lawful_basis)),
        named("special category under", flow.special_condition.as_ref()),
        named("with", flow.schedule_paragraph.as_ref()),
        named("no consent:", flow.no_consent_reason.as_ref()),
        named("offence data under", flow.offence_condition.as_ref()),
        named("confidentiality:", flow.confidentiality_basis.as_ref()),
        named("leaves Part 3 under", flow.authorised_by.as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(", ")
}

fn list<T: ToString>(codes: impl IntoIterator<Item = T>) -> String {
    codes.into_iter().map(|code| code.to_string()).collect::<Vec<_>>().join(" ")
}

/// The lines of one party: what reaches it under this flow.
fn told(agreement: &Agreement, flow: &Flow, to: &AgencyId) -> Vec<String> {
    let answers = |category| answers(agreement, flow, to, category);
    if !flow.to.contains(to) {
        let others = agreement
            .flows
            .iter()
            .filter(|it| it.from == flow.from && it.purpose == flow.purpose && it.to.contains(to));
        assert!(
            others.count() > 0 || answers(adult(flow)).iter().all(|answer| answer.fields.is_none()),
            "{to} is no recipient",
        );
        return vec![format!("    {to}: nothing")];
    }
    let of_adult = answers(adult(flow));
    let mut lines = vec![format!("    {to}:")];
    lines.extend(of_adult.iter().map(|answer| answer.line("adult ")));
    lines.extend(answers(SubjectCategory::Child).iter().map(|answer| answer.line("child ")));
    let of_victim = answers(SubjectCategory::Victim);
    if flow.subject_categories.contains(&SubjectCategory::Victim) && of_victim != of_adult {
        lines.extend(of_victim.iter().map(|answer| answer.line("victim")));
    }
    lines
}

/// The category of the flow's adults that most of the law's conditions fit; one of none of them where there is none.
fn adult(flow: &Flow) -> SubjectCategory {
    [SubjectCategory::AtRiskAdult, SubjectCategory::Other, SubjectCategory::Suspect]
        .into_iter()
        .find(|category| flow.subject_categories.contains(category))
        .unwrap_or(SubjectCategory::Other)
}

/// What is answered to alerts of these types; no type stands for all of the flow's.
#[derive(PartialEq)]
struct Answer {
    types: Vec<AlertType>,
    fields: Option<String>,
    text: String,
}

impl Answer {
    fn line(&self, who: &str) -> String {
        let types =
            if self.types.is_empty() { String::new() } else { format!("({}) ", list(&self.types)) };
        let fields = self.fields.as_deref().unwrap_or("nothing");
        format!("      {who}  {types}{fields}\n              {}", self.text)
    }
}

/// Asks about each of the flow's types, and puts types with one answer together.
fn answers(
    agreement: &Agreement,
    flow: &Flow,
    to: &AgencyId,
    category: SubjectCategory,
) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    for kind in flow.alert_types.iter().copied() {
        let answer = ask(agreement, to, flow, &draft(&agreement.id, flow, kind, category));
        let same = answers.iter_mut().find(|it| (&it.fields, &it.text) == (&answer.0, &answer.1));
        match same {
            Some(same) => same.types.push(kind),
            None => {
                answers.push(Answer { types: vec![kind], fields: answer.0, text: answer.1 });
            }
        }
    }
    if let [only] = answers.as_mut_slice() {
        only.types.clear();
    }
    answers
}

/// Publishes an alert and asks for it; says what reaches the recipient, if anything, and why.
pub(super) fn ask(
    agreement: &Agreement,
    to: &AgencyId,
    flow: &Flow,
    draft: &Draft,
) -> (Option<String>, String) {
    let admitted = match rules().admit(agreement, &flow.from, draft, now()) {
        Ok(admitted) => admitted,
        Err(refusal) => return (None, format!("refused when published: {refusal}")),
    };
    let id = "01920000-0000-7abc-8def-0123456789ab".parse().expect("an id");
    let alert = Facts::of(draft, id, &flow.from, admitted.delete_after());
    let ask = Ask { alert: &alert, recipient: to, purpose: flow.purpose };
    match rules().permit(agreement, &ask, now()) {
        Ok(permit) => {
            let days = admitted.delete_after().since(now()).as_secs() / (24 * 3600);
            let marked = if permit.regime_change() { ", marked as leaving Part 3" } else { "" };
            let rules = list(permit.rules());
            (
                Some(list(permit.released().iter())),
                format!("by {rules}; deleted after {days} days{marked}"),
            )
        }
        Err(refusal) => (None, format!("refused when delivered: {refusal}")),
    }
}

/// An alert that fills every field.
pub(super) fn draft(
    agreement: &AgreementId,
    flow: &Flow,
    kind: AlertType,
    category: SubjectCategory,
) -> Draft {
    let about_a_person = flow.gateway != Gateway::CrimeAndDisorderAct17A;
    let token = SubjectToken { kind: TokenKind::Nfd, epoch: 1, value: [7; 32] };
    Draft {
        agreement: agreement.clone(),
        purpose: flow.purpose,
        kind,
        subject: about_a_person.then_some(token).into_iter().collect(),
        categories: [category].into(),
        indicators: Indicator::ALL.iter().copied().collect(),
        certainty: Certainty::Known,
        assertion: Assertion::Fact,
        grading: Some("1/A/P".parse().expect("a grading")),
        urgency: Urgency::Priority,
        route: Some(Route::MultiAgency),
        area: Some("PO1".parse().expect("an area")),
        action: Some(RequestedAction::CallContact),
        time: now(),
        as_of: now(),
        expires_at: now().plus_days(14),
        contact: Some(Contact::new("Duty desk", "023 9200 0000").expect("a contact")),
        handling: [].into(),
        restricted: false,
        case_reference: about_a_person.then(|| "C-1".parse().expect("a reference")),
        on_behalf_of: None,
        rectifies: None,
    }
}
