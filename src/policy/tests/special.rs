//! Special-category data: the condition, its paragraph, the policy document, secrecy, safeguarding.

use super::{ScheduleParagraph as P, SpecialCondition as C, *};

fn under(condition: C, paragraph: Option<P>) -> Agreement {
    let mut agreement = of_health();
    agreement.flows[0].special_condition = Some(condition);
    agreement.flows[0].schedule_paragraph = paragraph;
    agreement.parties.iter_mut().for_each(|party| party.professional_secrecy = true);
    agreement
}

/// The sample between two agencies under Part 3.
fn under_part3(condition: Option<C>) -> Agreement {
    let mut agreement = of_health();
    agreement.parties.iter_mut().for_each(|party| party.regime = Regime::DpaPart3);
    let flow = &mut agreement.flows[0];
    flow.lawful_basis = LawfulBasis::Part3Necessary;
    flow.special_condition = condition;
    flow.schedule_paragraph = None;
    agreement
}

#[test]
fn a_health_field_or_a_health_type_needs_a_condition() {
    let without = |change: fn(&mut Flow)| {
        defined_flow(|flow| {
            change(flow);
            flow.special_condition = None;
        })
    };
    let refused = Err(Reason::SpecialCategoryWithoutCondition);
    assert_eq!(without(|_| ()), Ok(()), "nothing of health");
    assert_eq!(without(|flow| flow.fields.insert(Field::HealthIndicators)), refused);
    let overdose = |flow: &mut Flow| {
        flow.alert_types.insert(AlertType::Overdose);
    };
    assert_eq!(without(overdose), refused);
    let withheld: fn(&mut Flow) = |flow| {
        flow.alert_types.insert(AlertType::Overdose);
        flow.fields.remove(Field::Type);
    };
    assert_eq!(without(withheld), Ok(()), "the type is withheld");
}

/// DPA 2018 s.10(2)-(3): each point with its own paragraphs and with no other, or with none at all.
#[test]
fn an_article_9_point_goes_with_its_paragraphs_only() {
    let of_g = [
        P::StatutoryPurposes,
        P::EqualityOfTreatment,
        P::UnlawfulActs,
        P::Counselling,
        P::Safeguarding,
        P::EconomicWellBeing,
    ];
    let points: [(C, &[P]); 8] = [
        (C::Art9A, &[]),
        (C::Art9B, &[P::Employment]),
        (C::Art9C, &[]),
        (C::Art9F, &[]),
        (C::Art9G, &of_g),
        (C::Art9H, &[P::HealthOrSocialCare]),
        (C::Art9I, &[P::PublicHealth]),
        (C::Art9J, &[P::Research]),
    ];
    for (point, paragraphs) in points {
        let alone = if paragraphs.is_empty() { Ok(()) } else { wrong_paragraph() };
        assert_eq!(defined(&under(point, None)), alone, "{point}");
        for paragraph in P::ALL.iter().copied() {
            let fits = paragraphs.contains(&paragraph);
            let expected = if fits { Ok(()) } else { wrong_paragraph() };
            assert_eq!(defined(&under(point, Some(paragraph))), expected, "{point} {paragraph}");
        }
    }
}

fn wrong_paragraph() -> Result<(), Reason> {
    Err(Reason::ConditionWithoutParagraph)
}

#[test]
fn a_paragraph_without_a_point_is_refused() {
    let answer = defined_flow(|flow| flow.schedule_paragraph = Some(P::Safeguarding));
    assert_eq!(answer, wrong_paragraph());
}

#[test]
fn a_paragraph_that_demands_a_policy_document_needs_a_current_one() {
    for (point, paragraph) in [
        (C::Art9B, P::Employment),
        (C::Art9G, P::StatutoryPurposes),
        (C::Art9G, P::Safeguarding),
        (C::Art9H, P::HealthOrSocialCare),
        (C::Art9I, P::PublicHealth),
        (C::Art9J, P::Research),
    ] {
        let demands = matches!(point, C::Art9B | C::Art9G);
        let lapsed = Some(PolicyDocument { reference: "APD-1".to_owned(), until: now() });
        for document in [None, lapsed] {
            let mut agreement = under(point, Some(paragraph));
            agreement.parties[0].policy_document = document;
            let expected = demands.then_some(Reason::PolicyDocumentNotCurrent);
            assert_eq!(defined(&agreement).err(), expected, "{paragraph}");
            assert_eq!(refused(&agreement, &draft()), expected, "{paragraph}");
        }
    }
}

#[test]
fn a_policy_document_that_lapses_later_stops_what_it_carried() {
    let agreement = {
        let mut agreement = of_health();
        let until = now().plus_days(10);
        agreement.parties[0].policy_document =
            Some(PolicyDocument { reference: "APD-1".to_owned(), until });
        agreement
    };
    assert_eq!(defined(&agreement), Ok(()));
    let alert = facts(&draft());
    let just_before = Timestamp::from_ms(now().plus_days(10).ms() - 1);
    permitted_at(&agreement, &alert, just_before).expect("still current");
    let answer = permitted_at(&agreement, &alert, now().plus_days(10));
    assert_eq!(answer, Err(Reason::PolicyDocumentNotCurrent));
}

#[test]
fn health_or_social_care_needs_professional_secrecy_at_both_ends() {
    for (sender, recipient) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut agreement = under(C::Art9H, Some(P::HealthOrSocialCare));
        agreement.parties[0].professional_secrecy = sender;
        agreement.parties[1].professional_secrecy = recipient;
        let expected = (!(sender && recipient)).then_some(Reason::ProfessionalSecrecyMissing);
        assert_eq!(defined(&agreement).err(), expected);
        assert_eq!(refused(&agreement, &draft()), expected);
    }
}

#[test]
fn safeguarding_needs_a_reason_why_consent_is_not_asked() {
    for reason in NoConsentReason::ALL.iter().copied() {
        let mut agreement = of_health();
        agreement.flows[0].no_consent_reason = Some(reason);
        assert_eq!(defined(&agreement), Ok(()), "{reason}");
    }
    let mut agreement = of_health();
    agreement.flows[0].no_consent_reason = None;
    assert_eq!(defined(&agreement), Err(Reason::NoConsentReasonMissing));
    assert_eq!(refused(&agreement, &draft()), Some(Reason::NoConsentReasonMissing));
}

#[test]
fn safeguarding_is_for_the_under_18_and_for_adults_at_risk() {
    let mut agreement = of_health();
    agreement.flows[0].purpose = Purpose::SafeguardingChild;
    for category in SubjectCategory::ALL.iter().copied() {
        let draft = draft_with(|it| {
            it.purpose = Purpose::SafeguardingChild;
            it.categories = [category].into();
        });
        let at_risk = matches!(category, SubjectCategory::Child | SubjectCategory::AtRiskAdult);
        let expected = (!at_risk).then_some(Reason::SafeguardingConditionUnmet);
        assert_eq!(refused(&agreement, &draft), expected, "{category}");
        let nothing_of_health = Draft { indicators: BTreeSet::new(), ..draft };
        assert_eq!(refused(&agreement, &nothing_of_health), None, "{category}");
    }
}

#[test]
fn part_3_needs_a_schedule_8_condition_and_a_policy_document() {
    let missing = Some(Reason::SpecialCategoryWithoutCondition);
    assert_eq!(defined(&under_part3(None)).err(), missing);
    assert_eq!(refused(&under_part3(None), &draft()), missing);
    for condition in C::ALL.iter().copied() {
        let expected = if condition.is_part3() { Ok(()) } else { Err(Reason::BasisOfOtherRegime) };
        assert_eq!(defined(&under_part3(Some(condition))), expected, "{condition}");
    }
    let mut agreement = under_part3(Some(C::Sch8Para4));
    agreement.parties[0].policy_document = None;
    assert_eq!(defined(&agreement), Err(Reason::PolicyDocumentNotCurrent));
    assert_eq!(refused(&agreement, &draft()), Some(Reason::PolicyDocumentNotCurrent));
}

#[test]
fn a_schedule_8_condition_is_not_for_a_sender_under_the_uk_gdpr() {
    assert_eq!(defined(&under(C::Sch8Para4, None)), Err(Reason::BasisOfOtherRegime));
}
