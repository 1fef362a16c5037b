//! Loading: parse, read what each rule says about itself, validate strictly against the schema, run the saved
//! examples. The first thing that is wrong stops it; there is no half of a rule set.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, OnceLock},
};

use cedar_policy::{
    ActionConstraint, Authorizer, Effect, Entities, Policy, PolicyId, PolicySet, Schema,
    ValidationMode, Validator,
};
use ring::digest;

use super::error::RulesError;
use super::rules::{Ground, Rules, Text};
use super::words::Words;
use super::{example, reach};
use crate::domain::{Reason, Refusal};

/// One file of a rule set.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name, without a directory.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// The largest rule set, all its files together.
pub const RULES_BYTES_MAX: usize = 1 << 20;
const SCHEMA: &str = "portway.cedarschema";
const EXAMPLES: &str = "examples.toml";
/// The broker's own.
const BUILT_IN: [(&str, &str); 9] = [
    ("agreement.cedar", include_str!("../../../config/policy/agreement.cedar")),
    ("alert.cedar", include_str!("../../../config/policy/alert.cedar")),
    ("basis.cedar", include_str!("../../../config/policy/basis.cedar")),
    ("children.cedar", include_str!("../../../config/policy/children.cedar")),
    ("gateways.cedar", include_str!("../../../config/policy/gateways.cedar")),
    ("offence.cedar", include_str!("../../../config/policy/offence.cedar")),
    ("special.cedar", include_str!("../../../config/policy/special.cedar")),
    (EXAMPLES, include_str!("../../../config/policy/examples.toml")),
    (SCHEMA, include_str!("../../../config/policy/portway.cedarschema")),
];
/// What of our own code takes part in a decision: it shapes the questions and cuts the views.
const SHAPING: [&str; 15] = [
    include_str!("request.rs"),
    include_str!("rules.rs"),
    include_str!("words.rs"),
    include_str!("../admit.rs"),
    include_str!("../decider.rs"),
    include_str!("../define.rs"),
    include_str!("../minimise.rs"),
    include_str!("../passage.rs"),
    include_str!("../permit.rs"),
    include_str!("../question.rs"),
    include_str!("../shape.rs"),
    include_str!("../window.rs"),
    include_str!("../../domain/agreement.rs"),
    include_str!("../../domain/alert.rs"),
    include_str!("../../domain/codes.rs"),
];
/// What a rule may be about, as a refusal names it.
const PLACES: [&str; 26] = [
    "agreement",
    "as_of",
    "authorised_by",
    "confidentiality_basis",
    "expires_at",
    "fields",
    "from",
    "gateway",
    "lawful_basis",
    "no_consent_reason",
    "offence_condition",
    "on_behalf_of",
    "policy_document",
    "professional_secrecy",
    "purpose",
    "recipient",
    "regime",
    "restricted",
    "schedule_paragraph",
    "sender",
    "special_condition",
    "subject",
    "subject_categories",
    "time",
    "to",
    "type",
];

impl Rules {
    /// Returns the rules that are built in.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load); a test holds that they do load.
    pub fn built_in() -> Result<Arc<Self>, RulesError> {
        static LOADED: OnceLock<Result<Arc<Rules>, RulesError>> = OnceLock::new();
        let load = || Self::load(&built_in_sources()).map(Arc::new);
        LOADED.get_or_init(load).clone()
    }

    /// Loads a rule set: its `.cedar` files, `portway.cedarschema` and `examples.toml`.
    ///
    /// # Errors
    ///
    /// [`RulesError`] names the file, and the rule or the example, that is in the way.
    pub fn load(sources: &[Source]) -> Result<Self, RulesError> {
        let files = files(sources)?;
        let schema = files.get(SCHEMA).ok_or_else(|| missing(SCHEMA))?;
        let examples = files.get(EXAMPLES).ok_or_else(|| missing(EXAMPLES))?;
        let rules = Self::without_examples(&files, schema)?;
        example::run(&rules, examples)?;
        Ok(rules)
    }

    fn without_examples(files: &Files<'_>, schema: &str) -> Result<Self, RulesError> {
        let parse = |error: cedar_policy::CedarSchemaError| RulesError::Parse {
            file: SCHEMA.to_owned(),
            message: error.to_string(),
        };
        let (schema, _) = Schema::from_cedarschema_str(schema).map_err(parse)?;
        let (mut set, mut texts, mut places) = (PolicySet::new(), HashMap::new(), HashMap::new());
        let mut names_agencies = false;
        for (file, text) in files.iter().filter(|(name, _)| has_rules(name)) {
            for (policy, said) in rules_of(file, text)? {
                let wrong = |fault: &str| wrong(file, &said.ground.id, fault);
                if let Some(other) = places.insert(policy.id().clone(), (*file).to_owned()) {
                    return Err(wrong(&format!("its id stands in {other} already")));
                }
                let same = |other: &Text| {
                    said.refusal.is_some() && other.refusal.is_some() && other.order == said.order
                };
                if texts.values().any(same) {
                    return Err(wrong("another rule has its @order"));
                }
                names_agencies |= reach::check(&policy).map_err(|fault| wrong(&fault))?;
                texts.insert(policy.id().clone(), said.clone());
                set.add(policy).map_err(|error| wrong(&error.to_string()))?;
            }
        }
        validate(&schema, &set, &places)?;
        Ok(Self {
            set,
            schema,
            texts,
            words: Words::new().map_err(|error| RulesError::Words(error.to_string()))?,
            hash: hash(files),
            authorizer: Authorizer::new(),
            nobody: Entities::empty(),
            names_agencies,
        })
    }
}

/// Returns the sources of the rules that are built in.
pub(in crate::policy) fn built_in_sources() -> Vec<Source> {
    let source =
        |(name, text): (&str, &str)| Source { name: name.to_owned(), text: text.to_owned() };
    BUILT_IN.into_iter().map(source).collect()
}

fn has_rules(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "cedar")
}

type Files<'a> = BTreeMap<&'a str, &'a str>;

fn files(sources: &[Source]) -> Result<Files<'_>, RulesError> {
    let wrong = |source: &Source, fault| RulesError::File { file: source.name.clone(), fault };
    let mut files = Files::new();
    let mut size = 0;
    for source in sources {
        let name = source.name.as_str();
        size += source.text.len();
        if size > RULES_BYTES_MAX {
            return Err(wrong(source, "the rule set is larger than 1 MiB"));
        }
        if !has_rules(name) && name != SCHEMA && name != EXAMPLES {
            return Err(wrong(source, "it is no part of a rule set"));
        }
        if files.insert(name, source.text.as_str()).is_some() {
            return Err(wrong(source, "it is there twice"));
        }
    }
    let own = BUILT_IN.iter().find(|(name, _)| *name == SCHEMA).map(|(_, text)| *text);
    if files.get(SCHEMA).copied().is_some_and(|text| Some(text) != own) {
        // It says what questions the broker asks: another one would validate rules that never meet them.
        let fault = "it is not this broker's schema; copy config/policy/portway.cedarschema";
        return Err(RulesError::File { file: SCHEMA.to_owned(), fault });
    }
    Ok(files)
}

fn missing(file: &str) -> RulesError {
    RulesError::File { file: file.to_owned(), fault: "it is missing from the rule set" }
}

fn wrong(file: &str, rule: &str, fault: &str) -> RulesError {
    let (file, rule) = (file.to_owned(), rule.to_owned());
    RulesError::Rule { file, rule, fault: fault.to_owned() }
}

/// Reads the rules of one file.
fn rules_of(file: &str, text: &str) -> Result<Vec<(Policy, Text)>, RulesError> {
    let parsed: Result<PolicySet, _> = text.parse();
    let set = parsed.map_err(|error: cedar_policy::ParseErrors| {
        let message = error.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        RulesError::Parse { file: file.to_owned(), message }
    })?;
    if let Some(template) = set.templates().next() {
        let name = template.annotation("id").unwrap_or("without an id");
        return Err(wrong(file, name, "it is a template: rules name no placeholders"));
    }
    set.policies()
        .map(|policy| {
            let said = text_of(policy)
                .map_err(|fault| wrong(file, policy.annotation("id").unwrap_or("?"), &fault))?;
            Ok((policy.new_id(PolicyId::new(&*said.ground.id)), said))
        })
        .collect()
}

/// Reads what a rule says about itself.
fn text_of(policy: &Policy) -> Result<Text, String> {
    let of_refusals = policy.effect() == Effect::Forbid;
    for (key, _) in policy.annotations() {
        let known = match key {
            "id" | "why" => true,
            "at" | "order" | "reason" => of_refusals,
            _ => false,
        };
        if !known {
            return Err(format!("the annotation @{key} is not known here"));
        }
    }
    let said = |key: &str| {
        let text = policy.annotation(key).filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| format!("it has no @{key}"))
    };
    let ground = Ground { id: said("id")?.into(), why: said("why")?.into() };
    if !of_refusals {
        let open = policy.action_constraint() == ActionConstraint::Any;
        if open || !policy.has_non_scope_constraint() {
            return Err("a rule that permits names its action and has a condition".to_owned());
        }
        return Ok(Text { ground, order: 0, refusal: None });
    }
    let reason: Reason =
        said("reason")?.parse().map_err(|_| "its @reason is not on the list".to_owned())?;
    let order = said("order")?.parse().map_err(|_| "its @order is no number".to_owned())?;
    let at = match policy.annotation("at") {
        None => "",
        Some(at) => PLACES
            .into_iter()
            .find(|place| *place == at)
            .ok_or_else(|| "its @at is not on the list".to_owned())?,
    };
    Ok(Text { ground, order, refusal: Some(Refusal { reason, at }) })
}

/// Validates strictly; a rule that can never apply is a mistake too.
fn validate(
    schema: &Schema,
    set: &PolicySet,
    places: &HashMap<PolicyId, String>,
) -> Result<(), RulesError> {
    let result = Validator::new(schema.clone()).validate(set, ValidationMode::Strict);
    let errors = result.validation_errors().map(|it| (it.policy_id(), it.to_string()));
    let warnings = result.validation_warnings().map(|it| (it.policy_id(), it.to_string()));
    match errors.chain(warnings).next() {
        None => Ok(()),
        Some((id, fault)) => {
            let file = places.get(id).map_or("", String::as_str);
            Err(wrong(file, id.as_ref(), &fault))
        }
    }
}

fn hash(files: &Files<'_>) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    let rules = files.iter().filter(|(name, _)| **name != EXAMPLES);
    let parts = rules.flat_map(|(name, text)| [*name, *text]).chain(SHAPING);
    for part in parts {
        // With its length before it, so that nothing moves from one part to the next unseen.
        context.update(&part.len().to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
