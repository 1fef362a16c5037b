//! Random agreements: mostly lawful, among a few agencies, so that many of their flows permit something.

use std::collections::BTreeSet;

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{fields, moment, named, one, some};
use crate::domain::{
    AgencyId, AgencyKind, Agreement, AlertType, DeliveryCondition, Field, Flow, Party, Purpose,
    Regime, RetentionClass, SubjectCategory, Timestamp,
    agreement::{PolicyDocument, TypeRetention},
    law::{
        ConfidentialityBasis, Gateway, LawfulBasis, NoConsentReason, OffenceCondition,
        ScheduleParagraph, SpecialCondition,
    },
};

/// Whom the agreements are among.
const AGENCIES: [&str; 4] = ["council", "hospital", "landlord", "police"];

/// Mostly the first, now and then anything else.
fn mostly<T: Clone + std::fmt::Debug + 'static>(
    usual: impl Strategy<Value = T> + 'static,
    odd: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = T> {
    prop_oneof![12 => usual, 1 => odd]
}

fn party(agency: AgencyId) -> impl Strategy<Value = Party> {
    let document = ("[A-Z]{1,8}-[0-9]{1,4}", moment())
        .prop_map(|(reference, until)| PolicyDocument { reference, until });
    let says = [0.2, 0.7, 0.1].map(prop::bool::weighted);
    (
        one(AgencyKind::ALL),
        one(Regime::ALL),
        says,
        option::weighted(0.2, select(&AGENCIES).prop_map(|name| name.parse().expect("a name"))),
        option::weighted(0.9, document),
    )
        .prop_map(move |(kind, regime, says, principal, policy_document)| {
            let [faces_suspects, professional_secrecy, names_staff] = says;
            Party {
                agency: agency.clone(),
                kind,
                regime,
                faces_suspects,
                professional_secrecy,
                names_staff,
                acting_for: principal.filter(|it| *it != agency),
                policy_document,
            }
        })
}

type Basis =
    (LawfulBasis, Option<SpecialCondition>, Option<ScheduleParagraph>, Option<NoConsentReason>);

/// A basis, a condition and a paragraph that go together under one regime.
fn basis(regime: Regime) -> impl Strategy<Value = Basis> {
    use {ScheduleParagraph as P, SpecialCondition as C};
    let under_part3 = regime == Regime::DpaPart3;
    let bases: Vec<LawfulBasis> =
        LawfulBasis::ALL.iter().copied().filter(|it| it.is_part3() == under_part3).collect();
    let conditions = if under_part3 {
        vec![(C::Sch8Para1, None), (C::Sch8Para4, None)]
    } else {
        vec![
            (C::Art9G, Some(P::Safeguarding)),
            (C::Art9G, Some(P::StatutoryPurposes)),
            (C::Art9H, Some(P::HealthOrSocialCare)),
            (C::Art9C, None),
        ]
    };
    let any_condition = (one(C::ALL), option::of(one(P::ALL)));
    (
        mostly(select(bases), one(LawfulBasis::ALL)),
        option::weighted(0.8, mostly(select(conditions), any_condition)),
        option::weighted(0.9, one(NoConsentReason::ALL)),
    )
        .prop_map(|(basis, condition, reason)| {
            let (condition, paragraph) = condition.unzip();
            (basis, condition, paragraph.flatten(), reason)
        })
}

/// A flow from one of `parties` to one or two others.
fn flow(parties: Vec<Party>) -> impl Strategy<Value = Flow> {
    let count = parties.len();
    (0..count, 1..count, any::<bool>()).prop_flat_map(move |(from, step, both)| {
        let sender = parties[from].clone();
        let to = |step: usize| parties[(from + step) % count].agency.clone();
        let mut recipients = BTreeSet::from([to(step)]);
        if both {
            recipients.insert(to(count - step));
        }
        let what = (
            mostly(
                select(&[Purpose::SafeguardingAdult, Purpose::HealthAndCare]),
                one(Purpose::ALL),
            ),
            some(AlertType::ALL, 3),
            some(SubjectCategory::ALL, 2),
            mostly(fields(), Just([Field::Type, Field::Subject].into_iter().collect())),
        );
        let law = (
            mostly(select(&[Gateway::CareAct45, Gateway::CommonLawPolicing]), one(Gateway::ALL)),
            basis(sender.regime),
            option::weighted(0.9, one(OffenceCondition::ALL)),
            option::weighted(0.9, one(ConfidentialityBasis::ALL)),
            option::weighted(0.9, "[A-Z]{2,4}[0-9]{4}-S[0-9]{1,3}"),
        );
        (what, law).prop_map(move |(what, law)| {
            let (purpose, alert_types, subject_categories, fields) = what;
            let (gateway, basis, offence_condition, confidentiality_basis, authorised_by) = law;
            let (lawful_basis, special_condition, schedule_paragraph, no_consent_reason) = basis;
            Flow {
                from: sender.agency.clone(),
                to: recipients.clone(),
                purpose,
                alert_types,
                subject_categories,
                fields,
                gateway,
                lawful_basis,
                special_condition,
                schedule_paragraph,
                no_consent_reason,
                offence_condition,
                confidentiality_basis,
                authorised_by,
            }
        })
    })
}

/// An agreement among a few agencies; its parts are valid, and most of its flows are lawful.
pub(crate) fn agreement() -> impl Strategy<Value = Agreement> {
    let parties = AGENCIES.map(|name| party(name.parse().expect("a name")).boxed()).to_vec();
    let flows = parties.prop_flat_map(|parties| (vec(flow(parties.clone()), 1..4), Just(parties)));
    let head = (
        named("[a-z][a-z0-9-]{2,63}"),
        "[A-Za-z][A-Za-z ]{0,40}",
        "DPIA-[0-9]{1,4}",
        one(RetentionClass::ALL),
        1..=31_u16,
        one(DeliveryCondition::ALL),
        vec((one(RetentionClass::ALL), 1..=31_u16), 0..3),
    );
    (flows, head, (moment(), moment(), moment())).prop_map(|((flows, parties), head, moments)| {
        let (id, title, dpia, retention, delete_after_days, delivery, kept) = head;
        // Of types that some flow names.
        let types: BTreeSet<_> =
            flows.iter().flat_map(|it| it.alert_types.iter().copied()).collect();
        let kept = kept
            .into_iter()
            .map(|(retention, delete_after_days)| TypeRetention { retention, delete_after_days });
        let type_retention = types.into_iter().zip(kept).collect();
        let mut times: [Timestamp; 3] = moments.into();
        times.sort();
        let [starts, review, ends] = times;
        Agreement {
            id,
            title,
            parties,
            flows,
            starts,
            ends,
            review,
            dpia,
            retention,
            delete_after_days,
            delivery,
            type_retention,
        }
    })
}
