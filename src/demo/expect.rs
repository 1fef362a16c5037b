//! What should have come of it, worked out from the rows and the agreements alone. It shares the words with
//! the broker and no code with its `policy`: the two are compared.

use std::collections::BTreeMap;

use super::{
    play::Outcome,
    samples::{Extract, Parts},
};
use crate::domain::{
    AgencyId, Agreement, DataClass, Draft, Field, Fields, Flow, Indicator, Name, Party, Purpose,
    Regime, SubjectCategory, Subscription, Timestamp, TrustDomain,
    law::{Gateway, ScheduleParagraph},
};
use crate::pb::v1 as pb;
use crate::record::{self, Event};

/// The views that each subscription is due, in the order of their alerts.
pub(super) type Due = BTreeMap<(AgencyId, Name), Vec<pb::View>>;

/// Works out which reason the broker has to refuse a row with; nothing where it has to take it.
pub(super) fn refusal(outcome: &Outcome, parts: &Parts, play: Timestamp) -> Option<&'static str> {
    let draft = &outcome.row.draft;
    let hours = play.since(draft.as_of).as_secs() / 3600;
    if hours >= draft.kind.stale_after_hours() {
        return Some("STALE");
    }
    let Some(agreement) = agreement(parts, draft) else { return Some("AGREEMENT_UNKNOWN") };
    if !agreement.parties.iter().any(|party| party.agency == outcome.agency) {
        return Some("AGREEMENT_UNKNOWN");
    }
    let of = |agreed: &dyn Fn(&Flow) -> bool| {
        agreement
            .flows
            .iter()
            .filter(|it| it.from == outcome.agency && it.purpose == draft.purpose)
            .any(agreed)
    };
    let typed = |flow: &Flow| flow.alert_types.contains(&draft.kind);
    let categories = |flow: &Flow| {
        draft.categories.iter().all(|category| flow.subject_categories.contains(category))
    };
    if !of(&|_| true) {
        Some("PURPOSE_NOT_AGREED")
    } else if !of(&typed) {
        Some("TYPE_NOT_AGREED")
    } else if !of(&|flow| typed(flow) && categories(flow)) {
        Some("CATEGORY_NOT_AGREED")
    } else if !of(&|flow| flow.gateway != Gateway::CrimeAndDisorderAct17A) {
        Some("DEPERSONALISED_ONLY")
    } else {
        None
    }
}

/// Works out what every subscription is due.
pub(super) fn views(
    outcomes: &[Outcome],
    parts: &Parts,
    subscriptions: &[(AgencyId, Subscription)],
    domain: &TrustDomain,
) -> Due {
    each(outcomes, parts, subscriptions, domain).0
}

/// Works out how often a delivery has to be refused, by reason.
pub(super) fn undelivered(
    outcomes: &[Outcome],
    parts: &Parts,
    subscriptions: &[(AgencyId, Subscription)],
    domain: &TrustDomain,
) -> BTreeMap<String, u64> {
    each(outcomes, parts, subscriptions, domain).1
}

fn each(
    outcomes: &[Outcome],
    parts: &Parts,
    subscriptions: &[(AgencyId, Subscription)],
    domain: &TrustDomain,
) -> (Due, BTreeMap<String, u64>) {
    let mut published: Vec<(&Outcome, &pb::Receipt)> = outcomes
        .iter()
        .filter_map(|outcome| Some((outcome, outcome.published.as_ref().ok()?)))
        .collect();
    published.sort_by_key(|(_, receipt)| receipt.index);
    let mut due = Due::new();
    let mut refused = BTreeMap::new();
    for (agency, subscription) in subscriptions {
        let views = due.entry((agency.clone(), subscription.name.clone())).or_default();
        for (outcome, receipt) in &published {
            if !asks_for(subscription, &outcome.row.draft) || *agency == outcome.agency {
                continue;
            }
            match view(outcome, receipt, (parts, domain), agency) {
                Ok(view) => views.push(view),
                Err(reason) => *refused.entry(reason.to_owned()).or_default() += 1,
            }
        }
    }
    (due, refused)
}

fn asks_for(subscription: &Subscription, draft: &Draft) -> bool {
    subscription.purpose == draft.purpose
        && subscription.filter.types.iter().any(|kind| *kind == draft.kind)
        && subscription.filter.areas.iter().any(|area| Some(area) == draft.area.as_ref())
}

fn agreement<'a>(parts: &'a Parts, draft: &Draft) -> Option<&'a Agreement> {
    parts.agreements.iter().find(|agreement| agreement.id == draft.agreement)
}

/// Works out what one recipient sees of one alert, or why it sees nothing.
fn view(
    outcome: &Outcome,
    receipt: &pb::Receipt,
    (parts, domain): (&Parts, &TrustDomain),
    recipient: &AgencyId,
) -> Result<pb::View, &'static str> {
    let draft = &outcome.row.draft;
    let agreement = agreement(parts, draft).ok_or("AGREEMENT_NOT_IN_FORCE")?;
    let flow = agreement.flows.iter().find(|flow| {
        flow.from == outcome.agency && flow.purpose == draft.purpose && flow.to.contains(recipient)
    });
    let flow = flow.ok_or("NOT_RECIPIENT")?;
    if !flow.alert_types.contains(&draft.kind) {
        return Err("TYPE_NOT_AGREED");
    }
    if draft.categories.iter().any(|category| !flow.subject_categories.contains(category)) {
        return Err("CATEGORY_NOT_AGREED");
    }
    let is = |category| draft.categories.contains(&category);
    let of = |agency: &AgencyId| agreement.parties.iter().find(|it| it.agency == *agency);
    let (sender, receiver): (&Party, &Party) =
        of(&outcome.agency).zip(of(recipient)).ok_or("NOT_A_PARTY")?;
    if receiver.faces_suspects && is(SubjectCategory::Victim) {
        return Err("VICTIM_FACING_SUSPECT");
    }
    let child = is(SubjectCategory::Child);
    let shown = shown_fields(flow, child);
    let health = draft.kind.data_class() == DataClass::Health && shown.contains(Field::Type)
        || !of_class(draft, shown, DataClass::Health, Field::HealthIndicators).is_empty();
    let safeguarding = flow.schedule_paragraph == Some(ScheduleParagraph::Safeguarding);
    if health && safeguarding && !child && !is(SubjectCategory::AtRiskAdult) {
        return Err("SAFEGUARDING_CONDITION_UNMET");
    }
    let days = u64::from(agreement.days_kept(draft.kind));
    let days = if child { days.min(90) } else { days };
    let recorded = recorded_at(receipt).ok_or("MALFORMED")?;
    let regime_change = sender.regime == Regime::DpaPart3 && receiver.regime == Regime::UkGdpr;
    Ok(pb::View {
        id: receipt.alert.clone(),
        source: format!("//{domain}/agency/{}", outcome.agency),
        delete_after: Some(record::timestamp_to_pb(recorded.plus_days(days))),
        regime_change,
        ..shown_of(draft, shown)
    })
}

fn recorded_at(receipt: &pb::Receipt) -> Option<Timestamp> {
    let record = record::decode(&receipt.record).ok()?;
    matches!(record.event, Event::Published(_)).then_some(record.at)
}

/// A child's alert shows less, unless it is shared to safeguard children.
fn shown_fields(flow: &Flow, child: bool) -> Fields {
    let kept_from_others = [
        Field::Indicators,
        Field::HealthIndicators,
        Field::OffenceIndicators,
        Field::Grading,
        Field::Route,
        Field::Area,
        Field::Time,
        Field::CaseReference,
    ];
    let stricter = child && flow.purpose != Purpose::SafeguardingChild;
    flow.fields.iter().filter(|field| !stricter || !kept_from_others.contains(field)).collect()
}

fn of_class(draft: &Draft, shown: Fields, class: DataClass, field: Field) -> Vec<Indicator> {
    let own = draft.indicators.iter().copied().filter(|it| it.data_class() == class);
    if shown.contains(field) { own.collect() } else { Vec::new() }
}

/// The draft's own message, with everything taken out that is not shown.
fn shown_of(draft: &Draft, shown: Fields) -> pb::View {
    let whole = record::draft_to_pb(draft);
    let mut indicators = of_class(draft, shown, DataClass::Plain, Field::Indicators);
    for (class, field) in [
        (DataClass::Health, Field::HealthIndicators),
        (DataClass::Offence, Field::OffenceIndicators),
        (DataClass::Safeguarding, Field::SafeguardingIndicators),
    ] {
        indicators.extend(of_class(draft, shown, class, field));
    }
    indicators.sort();
    let has = |field| shown.contains(field);
    pb::View {
        agreement: whole.agreement,
        purpose: whole.purpose,
        r#type: if has(Field::Type) { whole.r#type } else { 0 },
        subject: if has(Field::Subject) { whole.subject } else { Vec::new() },
        subject_categories: if has(Field::SubjectCategories) {
            whole.subject_categories
        } else {
            Vec::new()
        },
        indicators: indicators.into_iter().map(|it| it.number().into()).collect(),
        certainty: if has(Field::Certainty) { whole.certainty } else { 0 },
        assertion: if has(Field::Assertion) { whole.assertion } else { 0 },
        grading: whole.grading.filter(|_| has(Field::Grading)),
        urgency: if has(Field::Urgency) { whole.urgency } else { 0 },
        route: whole.route.filter(|_| has(Field::Route)),
        area: if has(Field::Area) { whole.area } else { String::new() },
        requested_action: whole.requested_action.filter(|_| has(Field::RequestedAction)),
        time: whole.time.filter(|_| has(Field::Time)),
        as_of: whole.as_of.filter(|_| has(Field::AsOf)),
        expires_at: whole.expires_at,
        contact: whole.contact.filter(|_| has(Field::Contact)),
        handling_conditions: whole.handling_conditions,
        case_reference: if has(Field::CaseReference) {
            whole.case_reference
        } else {
            String::new()
        },
        ..pb::View::default()
    }
}

/// Free text and names in clear, to be looked for where they must not be.
pub(super) fn canaries(extract: &Extract) -> Vec<String> {
    let text = String::from_utf8_lossy(&extract.text);
    let notes = text.lines().skip(1).filter_map(|line| line.rsplit(',').next());
    let mut notes: Vec<String> =
        notes.map(|note| note.trim_matches('"').to_owned()).filter(|it| it.len() > 8).collect();
    notes.sort();
    notes.dedup();
    notes
}
