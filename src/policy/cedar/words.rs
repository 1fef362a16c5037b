//! The domain's codes as Cedar's entities, made once: no name is parsed and no list is searched for a decision.

use cedar_policy::{EntityId, EntityTypeName, EntityUid, RestrictedExpression};

use crate::domain::{
    AgencyKind, AlertType, Field, Purpose, Regime, SubjectCategory,
    law::{
        ConfidentialityBasis, Gateway, LawfulBasis, NoConsentReason, OffenceCondition,
        ScheduleParagraph, SpecialCondition,
    },
};

/// A word that the schema does not have: a fault of the broker, which a test rules out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the broker has no word for {0}")]
pub(super) struct NoWord(pub(super) &'static str);

/// A code of a closed list, as the rules name it.
pub(super) trait Coded: Copy {
    /// Finds the entity that stands for the code.
    fn word(self, words: &Words) -> Result<RestrictedExpression, NoWord>;
}

macro_rules! words {
    ($($list:ident: $code:ident,)+) => {
        /// Every code as an entity, and the names of what has no list.
        #[derive(Debug)]
        pub(super) struct Words {
            pub(super) agency: EntityTypeName,
            pub(super) agreement: EntityTypeName,
            pub(super) agree: EntityUid,
            pub(super) publish: EntityUid,
            pub(super) disclose: EntityUid,
            $($list: Vec<RestrictedExpression>,)+
        }

        impl Words {
            /// Makes the words.
            pub(super) fn new() -> Result<Self, NoWord> {
                let action = kind("Action")?;
                let act = |name| uid(&action, name);
                Ok(Self {
                    agency: kind("Agency")?,
                    agreement: kind("Agreement")?,
                    agree: act("agree"),
                    publish: act("publish"),
                    disclose: act("disclose"),
                    $($list: {
                        let kind = kind(stringify!($code))?;
                        let codes = $code::ALL.iter().map(|it| it.code());
                        codes.map(|it| RestrictedExpression::new_entity_uid(uid(&kind, it))).collect()
                    },)+
                })
            }
        }

        $(impl Coded for $code {
            fn word(self, words: &Words) -> Result<RestrictedExpression, NoWord> {
                let place = usize::from(self.number()).checked_sub(1);
                let word = place.and_then(|place| words.$list.get(place));
                word.cloned().ok_or(NoWord(stringify!($code)))
            }
        })+

        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn every_code_stands_at_the_place_of_its_number() {
                $(for (place, code) in (1_usize..).zip($code::ALL) {
                    assert_eq!(usize::from(code.number()), place, "{code}");
                })+
            }
        }
    };
}

words! {
    kinds: AgencyKind,
    types: AlertType,
    confidences: ConfidentialityBasis,
    fields: Field,
    gateways: Gateway,
    bases: LawfulBasis,
    no_consents: NoConsentReason,
    offences: OffenceCondition,
    purposes: Purpose,
    regimes: Regime,
    paragraphs: ScheduleParagraph,
    specials: SpecialCondition,
    categories: SubjectCategory,
}

fn kind(name: &'static str) -> Result<EntityTypeName, NoWord> {
    name.parse().map_err(|_| NoWord(name))
}

/// Names one entity.
pub(super) fn uid(kind: &EntityTypeName, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(name))
}
