//! The statutory limits, each by an example: an agreement of the demonstration, changed in one place.

use std::collections::BTreeMap;

use portway::domain::{
    AgencyKind, Agreement, AlertType, Field, Party, Regime,
    agreement::PolicyDocument,
    law::{Gateway, LawfulBasis, OffenceCondition, ScheduleParagraph, SpecialCondition},
};

use super::{agency, now, rules};

const HEAD: &str = "
====================================================================================================
LIMITS OF THE LAW
Each line changes one thing of an agreement above, all of which may be defined, and says why it may then not be.
";

/// One change and how an officer would describe it.
type Example = (&'static str, &'static str, fn(&mut Agreement));

/// Writes the block of the limits.
pub(super) fn block(agreements: &BTreeMap<String, Agreement>) -> String {
    let mut block = HEAD.to_owned();
    for agreement in agreements.values() {
        assert_eq!(rules().define(agreement, now()), Ok(()), "{}", agreement.id);
    }
    for (name, described, change) in EXAMPLES {
        let mut agreement = agreements[name].clone();
        change(&mut agreement);
        let refusal = rules().define(&agreement, now()).expect_err(described);
        block.extend(["\n  ", name, ": ", described, "\n    refused: "]);
        block.extend([refusal.to_string().as_str(), "\n"]);
    }
    block
}

fn party<'a>(agreement: &'a mut Agreement, name: &str) -> &'a mut Party {
    let mut parties = agreement.parties.iter_mut();
    parties.find(|party| party.agency == agency(name)).expect("a party")
}

const EXAMPLES: [Example; 35] = [
    ("adult-safeguarding", "health indicators of the police without a Sch 8 condition", |it| {
        it.flows[0].special_condition = None;
    }),
    ("adult-safeguarding", "a crisis that is told to the police without an Art 9 point", |it| {
        it.flows[1].special_condition = None;
        it.flows[1].schedule_paragraph = None;
    }),
    ("adult-safeguarding", "health indicators of the police under Art 9", |it| {
        it.flows[0].special_condition = Some(SpecialCondition::Art9C);
    }),
    ("adult-safeguarding", "health indicators of the police without a policy document", |it| {
        party(it, "police").policy_document = None;
    }),
    ("homes", "a landlord under Sch 8", |it| {
        it.flows[0].special_condition = Some(SpecialCondition::Sch8Para4);
    }),
    ("homes", "a paragraph of Sch 1 without a point of Art 9", |it| {
        it.flows[0].schedule_paragraph = Some(ScheduleParagraph::Safeguarding);
    }),
    ("crime-and-disorder", "offence data under Sch 1 para 10 without a policy document", |it| {
        party(it, "police").policy_document = None;
    }),
    ("adult-safeguarding", "Art 9(2)(g) without a paragraph of Sch 1", |it| {
        it.flows[1].schedule_paragraph = None;
    }),
    ("adult-safeguarding", "Art 9(2)(g) with a paragraph of Art 9(2)(h)", |it| {
        it.flows[1].schedule_paragraph = Some(ScheduleParagraph::HealthOrSocialCare);
    }),
    ("adult-safeguarding", "Sch 1 para 18 without a reason why consent is not asked", |it| {
        it.flows[1].no_consent_reason = None;
    }),
    ("adult-safeguarding", "Sch 1 para 18 without a policy document", |it| {
        party(it, "mental-health").policy_document = None;
    }),
    ("adult-safeguarding", "a policy document that lapsed yesterday", |it| {
        let until = now().before(std::time::Duration::from_secs(24 * 3600));
        party(it, "mental-health").policy_document =
            Some(PolicyDocument { reference: "APD-MHT-21".to_owned(), until });
    }),
    (
        "adult-safeguarding",
        "a mental-health service that names no basis in confidentiality",
        |it| {
            it.flows[1].confidentiality_basis = None;
        },
    ),
    ("adult-safeguarding", "the police under a basis of the UK GDPR", |it| {
        it.flows[0].lawful_basis = LawfulBasis::PublicTask;
    }),
    ("adult-safeguarding", "the police to the council without a law that authorises it", |it| {
        it.flows[0].authorised_by = None;
    }),
    ("adult-safeguarding", "a council as a school, for adults", |it| {
        party(it, "council-asb").kind = AgencyKind::School;
    }),
    ("health-and-care", "Sch 1 para 2 to staff without professional secrecy", |it| {
        party(it, "substance-misuse").professional_secrecy = false;
    }),
    ("health-and-care", "a hospital under legitimate interests", |it| {
        it.flows[0].lawful_basis = LawfulBasis::LegitimateInterests;
    }),
    ("health-and-care", "a provider that acts for a hospital, under legitimate interests", |it| {
        party(it, "substance-misuse").acting_for = Some(agency("mental-health"));
        it.flows[3].lawful_basis = LawfulBasis::LegitimateInterests;
    }),
    ("health-and-care", "patients under the serious-violence duty", |it| {
        it.flows[0].gateway = Gateway::PoliceCrimeSentencingCourtsAct16;
    }),
    ("crime-and-disorder", "a landlord that is no registered provider and acts for nobody", |it| {
        party(it, "housing").kind = AgencyKind::Voluntary;
    }),
    ("crime-and-disorder", "people under the duty to share depersonalised information", |it| {
        it.flows[0].gateway = Gateway::CrimeAndDisorderAct17A;
    }),
    ("crime-and-disorder", "another gateway than those of crime and disorder", |it| {
        it.flows[0].gateway = Gateway::CommonLawPolicing;
    }),
    ("crime-and-disorder", "violence told to the council without an offence condition", |it| {
        it.flows[0].offence_condition = None;
    }),
    ("crime-and-disorder", "offence data under Sch 1 para 18 without its reason", |it| {
        it.flows[0].offence_condition = Some(OffenceCondition::Safeguarding);
    }),
    ("crime-and-disorder", "a recipient that is no party", |it| {
        it.flows[0].to.insert(agency("probation"));
    }),
    ("crime-and-disorder", "two flows for one sender, recipient and purpose", |it| {
        it.flows.push(it.flows[0].clone());
    }),
    ("crime-and-disorder", "an overdose among the types of a flow without a condition", |it| {
        it.flows[2].alert_types.insert(AlertType::Overdose);
    }),
    ("crime-and-disorder", "no recipient", |it| it.flows[0].to.clear()),
    ("reoffending", "MAPPA to a provider that the duty does not name", |it| {
        it.flows[1].gateway = Gateway::CriminalJusticeAct325;
    }),
    ("reoffending", "health indicators without a Sch 8 condition", |it| {
        it.flows[0].fields.insert(Field::HealthIndicators);
    }),
    (
        "child-safeguarding",
        "children's services as a provider of care without confidentiality",
        |it| {
            party(it, "children-services").kind = AgencyKind::SocialCare;
            it.flows[0].confidentiality_basis = None;
        },
    ),
    ("homes", "an outreach team that acts for a party that acts for another", |it| {
        party(it, "council-asb").acting_for = Some(agency("housing"));
    }),
    ("homes", "an end more than 1827 days after the start", |it| {
        it.ends = it.starts.plus_days(1828);
    }),
    ("homes", "the fire service under Part 3 with a basis of the UK GDPR", |it| {
        party(it, "fire").regime = Regime::DpaPart3;
    }),
];
