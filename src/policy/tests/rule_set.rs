//! Goal: a rule set is used whole or not at all, every rule of ours is shown by an example, and an error while
//! deciding refuses. Method: the built-in files with one change, each refused for its own fault.

use std::collections::BTreeMap;

use super::*;
use crate::policy::{
    RulesError, Source,
    cedar::built_in_sources,
    passage::{Content, Passage, Release},
    question::{Act, Alert, Question, Way},
};

/// The built-in files, `file` changed.
fn changed(file: &str, change: impl FnOnce(&mut String)) -> Vec<Source> {
    let mut sources = built_in_sources();
    change(&mut sources.iter_mut().find(|it| it.name == file).expect("a file").text);
    sources
}

fn with_rule(rule: &str) -> Vec<Source> {
    changed("children.cedar", |text| text.push_str(rule))
}

fn fault(sources: &[Source]) -> String {
    Rules::load(sources).expect_err("a fault").to_string()
}

#[test]
fn every_built_in_rule_decides_one_of_the_examples() {
    let sources = built_in_sources();
    let text = |name: &str| &sources.iter().find(|it| it.name == name).expect("a file").text;
    let examples = text("examples.toml");
    let rules =
        sources.iter().filter(|it| it.name.contains(".cedar") && it.name != "portway.cedarschema");
    let mut ids: Vec<&str> = rules
        .flat_map(|it| it.text.lines())
        .filter_map(|line| line.strip_prefix("@id(\"")?.strip_suffix("\")"))
        .collect();
    // It forbids what the broker never asks, and has a test of its own below.
    ids.retain(|id| *id != "child-fields");
    assert!(ids.len() > 50, "{}", ids.len());
    for id in ids {
        assert!(examples.contains(&format!("\nrule = \"{id}\"\n")), "{id} has no example");
    }
}

#[test]
fn every_reason_of_the_law_is_given_by_a_rule() {
    let sources = built_in_sources();
    let given = |reason: Reason| {
        let said = format!("@reason(\"{reason}\")");
        sources.iter().any(|it| it.text.contains(&said))
    };
    for reason in Reason::ALL.iter().copied().filter(|it| (30..=49).contains(&it.number())) {
        assert!(given(reason), "{reason}");
    }
}

#[test]
fn a_rule_that_is_not_as_rules_have_to_be_is_named() {
    let forbid = "forbid (principal, action, resource) when { context.load.health };";
    let notes = "@why(\"x\") @reason(\"STALE\") @order(\"9999\")";
    for (rule, named) in [
        (format!("@id(\"new\") @why(\"x\") @reason(\"STALE\") {forbid}"), "it has no @order"),
        (format!("{notes} {forbid}"), "it has no @id"),
        (format!("@id(\"new\") @reason(\"STALE\") @order(\"9999\") {forbid}"), "it has no @why"),
        (format!("@id(\"new\") @note(\"x\") {notes} {forbid}"), "@note is not known"),
        (format!("@id(\"stale\") {notes} {forbid}"), "its id stands in alert.cedar already"),
        (format!("@id(\"new\") @at(\"shoe\") {notes} {forbid}"), "its @at is not on the list"),
        (
            format!("@id(\"new\") @why(\"x\") @reason(\"BAD\") @order(\"9999\") {forbid}"),
            "its @reason is not on the list",
        ),
        (
            format!("@id(\"new\") @why(\"x\") @reason(\"STALE\") @order(\"250\") {forbid}"),
            "another rule has its @order",
        ),
        (
            format!("@id(\"new\") @why(\"x\") @reason(\"STALE\") @order(\"first\") {forbid}"),
            "its @order is no number",
        ),
    ] {
        let said = fault(&with_rule(&rule));
        assert!(said.starts_with("children.cedar: rule "), "{said}");
        assert!(said.contains(named), "{said}");
    }
}

#[test]
fn a_rule_that_permits_names_its_action_and_has_a_condition() {
    for rule in [
        "permit (principal, action, resource);",
        "permit (principal, action, resource) when { context.load.health };",
        "permit (principal, action == Action::\"disclose\", resource);",
    ] {
        let said = fault(&with_rule(&format!("@id(\"open\") @why(\"x\") {rule}")));
        assert!(said.contains("rule \"open\": a rule that permits names its action"), "{said}");
    }
}

/// A rule that looks at what no question has would be skipped by Cedar, or fail, each time it is asked.
#[test]
fn a_rule_that_does_not_fit_the_schema_is_refused() {
    let notes = "@id(\"new\") @why(\"x\") @reason(\"STALE\") @order(\"9999\")";
    for condition in [
        "context.load.wealth",
        "context.now == \"today\"",
        "context.passage.fields.contains(Field::\"NAME\")",
        "context.passage.purpose == Purpose::\"SAFEGUARDING_ADULT\"",
        "context has passage && context.passage.purpose == Purpose::\"CRIME\"",
        "context.load.health && !context.load.health && context has nothing",
    ] {
        let rule = format!("{notes} forbid (principal, action, resource) when {{ {condition} }};");
        let said = fault(&with_rule(&rule));
        assert!(said.starts_with("children.cedar: rule \"new\": "), "{condition}: {said}");
    }
    let said = fault(&with_rule("@id(\"new\") forbid (principal, action);"));
    assert!(said.starts_with("children.cedar: "), "{said}");
    let template = "@id(\"new\") forbid (principal == ?principal, action, resource);";
    assert!(fault(&with_rule(template)).contains("it is a template"));
}

/// Answers are remembered, and permits end, by the moments that the broker knows of: a rule that turns at another
/// would go on being answered as before.
#[test]
fn a_rule_that_turns_at_a_moment_of_its_own_is_refused() {
    let rule = |condition: &str| {
        let notes = "@id(\"new\") @why(\"x\") @reason(\"STALE\") @order(\"9999\")";
        with_rule(&format!(
            "{notes} forbid (principal, action == Action::\"disclose\", resource)
             when {{ context has passage && context.passage.recipient has policyDocumentUntil &&
                     context.passage.sender has policyDocumentUntil }}
             when {{ {condition} }};"
        ))
    };
    for condition in [
        "context.now > 1790000000000",
        "context.now <= context.ends",
        "context.starts < context.now",
        "context.ends == context.now",
        "context.now + 86400000 >= context.ends",
        "context.now < context.ends - 1000",
        "context.now >= context.passage.recipient.policyDocumentUntil",
        "context[\"now\"] > 1790000000000",
        "!(context.now < 1790000000000)",
        "[context.now].contains(1790000000000)",
        "(if context.alert.restricted then context.now else 5) > 1790000000000",
        "[context].contains(context)",
    ] {
        let said = fault(&rule(condition));
        assert!(said.starts_with("children.cedar: rule \"new\": "), "{condition}: {said}");
        assert!(said.contains("moment"), "{condition}: {said}");
    }
    for condition in [
        "context.now >= context.ends && context.alert.restricted",
        "context.ends <= context.now && context.alert.restricted",
        "context.starts > context.now && context.alert.restricted",
        "context.now < context.passage.sender.policyDocumentUntil && context.alert.restricted",
    ] {
        Rules::load(&rule(condition)).expect(condition);
    }
}

/// Recipients that are alike are asked about once, unless a rule tells agencies apart by name.
#[test]
fn a_rule_that_names_a_recipient_holds_when_an_agreement_is_proposed() {
    let named = "@id(\"new\") @why(\"x\") @reason(\"NOT_RECIPIENT\") @order(\"9999\")
        forbid (principal, action == Action::\"agree\", resource)
        when { context.passage.recipient.agency == Agency::\"lodger\" };";
    let rules = Rules::load(&with_rule(named)).expect("it validates");
    let mut agreement = agreement();
    assert_eq!(rules.define(&agreement, now()), Ok(()));
    let other = Party { agency: agency("lodger"), ..agreement.parties[1].clone() };
    agreement.flows[0].to.insert(other.agency.clone());
    agreement.parties.push(other);
    assert_eq!(rules.define(&agreement, now()), Err(Reason::NotRecipient.into()));
    assert_eq!(self::rules().define(&agreement, now()), Ok(()));
}

#[test]
fn a_file_that_is_no_part_of_a_rule_set_or_is_missing_is_named() {
    let mut sources = built_in_sources();
    sources.push(Source { name: "notes.txt".to_owned(), text: String::new() });
    assert_eq!(fault(&sources), "notes.txt: it is no part of a rule set");
    for name in ["examples.toml", "portway.cedarschema"] {
        let mut sources = built_in_sources();
        sources.retain(|it| it.name != name);
        assert_eq!(fault(&sources), format!("{name}: it is missing from the rule set"));
    }
    let schema = changed("portway.cedarschema", |text| text.push_str("// mine\n"));
    assert!(fault(&schema).contains("it is not this broker's schema"));
    let large = with_rule(&"/".repeat(1 << 20));
    assert!(fault(&large).contains("larger than 1 MiB"));
}

/// The examples hold the rules: neither one that goes missing nor one that is added passes unseen.
#[test]
fn rules_that_decide_an_example_otherwise_are_not_used() {
    let without = changed("children.cedar", String::clear);
    assert_eq!(
        Rules::load(&without).expect_err("a fault"),
        RulesError::Example {
            says: "a school is told of somebody who lost a home".to_owned(),
            expected: "SCHOOL_PURPOSE by school-purpose".to_owned(),
            answered: "PERMITTED by passage-may-be-agreed".to_owned(),
        }
    );
    let open =
        "@id(\"open\") @why(\"x\") permit (principal, action == Action::\"disclose\", resource)
        when { context.alert.restricted || !context.alert.restricted };";
    let loaded = Rules::load(&with_rule(open));
    assert!(matches!(loaded, Err(RulesError::Example { .. })), "{loaded:?}");
    let unknown = changed("examples.toml", |text| text.push_str("shoe = 1\n"));
    assert!(fault(&unknown).contains("unknown field `shoe`"));
    let none = changed("examples.toml", |text| {
        text.truncate(text.find("# The agreement\n").expect("a heading"));
    });
    assert!(fault(&none).contains("one that is refused"));
}

/// Cedar skips a rule that fails, and would permit what it was to forbid.
#[test]
fn an_error_in_any_rule_refuses() {
    // It validates, and overflows where a document lapses late in this century.
    let fails = "@id(\"fails\") @why(\"x\") @reason(\"STALE\") @order(\"9999\")
        forbid (principal, action == Action::\"disclose\", resource)
        when { context has passage && context.passage.sender has policyDocumentUntil }
        when { context.passage.sender.policyDocumentUntil > 4000000000000 &&
               context.starts * 9223372036854775807 > 0 };";
    let rules = Rules::load(&with_rule(fails)).expect("it validates");
    let (mut agreement, alert, landlord) = (agreement(), facts(&draft()), agency(LANDLORD));
    let permit = |agreement: &Agreement| {
        let ask = Ask { alert: &alert, recipient: &landlord, purpose: alert.purpose };
        rules.permit(agreement, &ask, now()).map_err(|it| it.reason)
    };
    permit(&agreement).expect("nothing fails yet");
    let until = Timestamp::from_ms(4_000_000_000_001);
    agreement.parties[0].policy_document =
        Some(PolicyDocument { reference: "APD".to_owned(), until });
    assert_eq!(permit(&agreement), Err(Reason::RulesFailed));
}

/// Nothing that no rule permits gets through, even where nothing forbids it.
#[test]
fn what_no_rule_permits_is_refused() {
    let mut sources = changed("agreement.cedar", |text| {
        *text = text.replacen(
            "context.passage.recipient.agency != principal",
            "context.load.health",
            1,
        );
    });
    let examples = sources.iter_mut().find(|it| it.name == "examples.toml").expect("a file");
    examples.text = examples.text.replacen(
        "answer = \"PERMITTED\"\nrule = \"passage-may-be-agreed\"",
        "answer = \"NOT_PERMITTED\"",
        1,
    );
    let rules = Rules::load(&sources).expect("it validates");
    let answer = rules.define(&agreement(), now()).map_err(|refusal| refusal.reason);
    assert_eq!(answer, Err(Reason::NotPermitted));
}

/// Should the broker ever ask with fields that a child's alert must not show, nothing leaves.
#[test]
fn a_childs_fields_are_held_by_a_rule_as_well() {
    let (agreement, categories) = (agreement(), [SubjectCategory::Child].into());
    let (flow, landlord) = (&agreement.flows[0], agency(LANDLORD));
    let fields = flow.fields;
    let content = Content { kind: AlertType::Homelessness, categories: &categories, fields };
    let answer = |release| {
        let passage = Passage::between(&agreement, flow, &landlord);
        let way = Way { flow: Some(flow), to: Some(&landlord), passage, release };
        let (named, purpose) = (&agreement.id, flow.purpose);
        let alert = Alert { agreement: named, purpose, content, restricted: false, ended: false };
        let act = Act::Disclose { recipient: &landlord, purpose, alert, way };
        let question = Question { agreement: &agreement, sender: &flow.from, act, now: now() };
        rules().ask(&question).outcome()
    };
    let cut = Release::of(flow, &content);
    assert_eq!(answer(cut), Ok(()));
    let uncut = Release { granted: fields, released: fields, ..cut };
    assert_eq!(answer(uncut), Err(Refusal::at(Reason::RulesFailed, "fields")));
}

/// The hash in the log changes with every rule, and with nothing that does not decide.
#[test]
fn the_hash_tells_rule_sets_apart() {
    let hash = |sources: &[Source]| Rules::load(sources).expect("they load").hash();
    assert_eq!(hash(&built_in_sources()), rules().hash());
    let other = with_rule("// another comment\n");
    assert_ne!(hash(&other), rules().hash());
    let examples = changed("examples.toml", |text| text.push_str("# a comment\n"));
    assert_eq!(hash(&examples), rules().hash());
}

/// Strict validation knows a code only if the schema has it: its lists are the domain's.
#[test]
fn the_schemas_lists_are_the_domains() {
    let mut domain: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    macro_rules! lists {
        ($($code:ident,)+) => {
            $(domain.insert(stringify!($code), $code::ALL.iter().map(ToString::to_string).collect());)+
        };
    }
    lists! {
        AgencyKind, AlertType, ConfidentialityBasis, Field, Gateway, LawfulBasis, NoConsentReason,
        OffenceCondition, Purpose, Regime, ScheduleParagraph, SpecialCondition, SubjectCategory,
    }
    let sources = built_in_sources();
    let schema = &sources.iter().find(|it| it.name == "portway.cedarschema").expect("it").text;
    for (name, codes) in domain {
        let (_, after) = schema.split_once(&format!("entity {name} enum [")).expect(name);
        let (list, _) = after.split_once(']').expect(name);
        let listed: Vec<_> = list.split(',').map(|it| it.trim().trim_matches('"')).collect();
        assert_eq!(listed, codes, "{name}");
    }
}
