//! What is asked of each alert, each by an example: an alert of the demonstration, changed in one place.

use std::{collections::BTreeMap, time::Duration};

use portway::domain::{
    AgencyKind, Agreement, AlertType, Draft, Field, Flow, Purpose, SubjectCategory,
    law::{Gateway, NoConsentReason, OffenceCondition},
};

use super::{
    flows::{ask, draft},
    now,
};

const HEAD: &str = "
====================================================================================================
WHAT IS ASKED OF EACH ALERT
Each line changes one thing of an alert that would reach its recipient, or of the agreement as it stands by then, and
says why it then does not.
";

/// The agreement and the flow, a type and a category, what an officer would say of the change, and the change.
type Example = (&'static str, usize, AlertType, SubjectCategory, &'static str, Change);
type Change = fn(&mut Agreement, &mut Draft);

/// Writes the block.
pub(super) fn block(agreements: &BTreeMap<String, Agreement>) -> String {
    let mut block = HEAD.to_owned();
    for (name, place, kind, category, described, change) in EXAMPLES {
        let mut agreement = agreements[name].clone();
        let flow: Flow = agreement.flows[place].clone();
        let to = flow.to.first().expect("a recipient").clone();
        let mut alert = draft(&agreement.id, &flow, kind, category);
        assert!(ask(&agreement, &to, &flow, &alert).0.is_some(), "{described}: before the change");
        change(&mut agreement, &mut alert);
        let (fields, said) = ask(&agreement, &to, &flow, &alert);
        assert_eq!(fields, None, "{described}");
        let (from, purpose) = (&flow.from, flow.purpose);
        block.extend([format!(
            "\n  {name}, {from} to {to} for {purpose}: {described}\n    {said}\n"
        )]);
    }
    block
}

const HOUR: Duration = Duration::from_secs(3600);

const EXAMPLES: [Example; 20] = [
    ("homes", 0, TENANCY, ADULT, "after the agreement's end", |it, _| it.ends = now()),
    ("homes", 0, TENANCY, ADULT, "for another purpose", |_, alert| {
        alert.purpose = Purpose::FirePrevention;
    }),
    ("homes", 0, TENANCY, ADULT, "of a type that is not on the list", |_, alert| {
        alert.kind = AlertType::FireRisk;
    }),
    ("homes", 0, TENANCY, ADULT, "of a category that is not on the list", |_, alert| {
        alert.categories.insert(SubjectCategory::Suspect);
    }),
    ("homes", 0, TENANCY, ADULT, "without a category", |_, alert| alert.categories.clear()),
    ("homes", 0, TENANCY, ADULT, "about nobody", |_, alert| alert.subject.clear()),
    ("homes", 0, TENANCY, ADULT, "all of which is withheld by now", |it, alert| {
        it.flows[0].fields = [Field::Grading].into_iter().collect();
        alert.grading = None;
    }),
    ("homes", 0, TENANCY, ADULT, "whose word is 31 days old", |_, alert| {
        alert.as_of = now().before(31 * 24 * HOUR);
        alert.time = alert.as_of;
    }),
    ("homes", 0, TENANCY, ADULT, "whose word is from the future", |_, alert| {
        alert.as_of = now().after(HOUR);
    }),
    ("homes", 0, TENANCY, ADULT, "that was told before it happened", |_, alert| {
        alert.as_of = now().before(HOUR);
    }),
    ("homes", 0, TENANCY, ADULT, "that has ended", |_, alert| alert.expires_at = now()),
    ("homes", 0, TENANCY, ADULT, "that would last for 91 days", |_, alert| {
        alert.expires_at = now().plus_days(91);
    }),
    ("homes", 0, TENANCY, ADULT, "that its publisher restricts", |_, alert| {
        alert.restricted = true;
    }),
    ("homes", 0, TENANCY, ADULT, "to a recipient that has become a school", |it, _| {
        let mut parties = it.parties.iter_mut();
        parties.find(|it| it.agency.as_str() == "council-asb").expect("a party").kind =
            AgencyKind::School;
    }),
    (
        "domestic-abuse",
        1,
        AlertType::DomesticAbuse,
        SubjectCategory::Suspect,
        "of a victim, to those who face suspects",
        |_, alert| alert.categories = [SubjectCategory::Victim].into(),
    ),
    (
        "crime-and-disorder",
        0,
        AlertType::Violence,
        SubjectCategory::Suspect,
        "of a person, under the duty to share depersonalised information",
        |it, _| it.flows[0].gateway = Gateway::CrimeAndDisorderAct17A,
    ),
    (
        "crime-and-disorder",
        0,
        AlertType::Violence,
        SubjectCategory::Suspect,
        "of violence, whose offence condition is gone by now",
        |it, _| it.flows[0].offence_condition = None,
    ),
    (
        "crime-and-disorder",
        0,
        AlertType::Violence,
        SubjectCategory::Suspect,
        "of a suspect who is not at risk, under Sch 1 para 18",
        |it, _| {
            it.flows[0].offence_condition = Some(OffenceCondition::Safeguarding);
            it.flows[0].no_consent_reason = Some(NoConsentReason::WouldPrejudice);
        },
    ),
    (
        "adult-safeguarding",
        1,
        AlertType::MentalHealthCrisis,
        ADULT,
        "of an adult who is not at risk, under Sch 1 para 18",
        |it, alert| {
            it.flows[1].subject_categories.insert(SubjectCategory::Other);
            alert.categories = [SubjectCategory::Other].into();
        },
    ),
    (
        "adult-safeguarding",
        1,
        AlertType::MentalHealthCrisis,
        ADULT,
        "whose publisher's policy document has lapsed by now",
        |it, _| {
            let documents = it.parties.iter_mut().filter_map(|it| it.policy_document.as_mut());
            documents.for_each(|document| document.until = now());
        },
    ),
];

const TENANCY: AlertType = AlertType::TenancyAtRisk;
const ADULT: SubjectCategory = SubjectCategory::AtRiskAdult;
