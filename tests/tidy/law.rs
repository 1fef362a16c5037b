//! The officers' tables in docs/agreements.md are the closed lists of the domain, and say of each code what
//! the evaluator makes of it.

use portway::domain::law::{
    ConfidentialityBasis, Gateway, LawfulBasis, NoConsentReason, OffenceCondition,
    ScheduleParagraph, SpecialCondition,
};
use portway::domain::{
    AgencyKind, AlertType, DataClass, Field, Indicator, Purpose, Regime, RetentionClass,
    SubjectCategory,
};

use crate::{
    table::{quoted, rows},
    tree,
};

/// The rows under a heading, whose first cells have to be the codes of `all`, in their order.
fn table<T: ToString>(heading: &str, all: &[T]) -> Vec<Vec<String>> {
    let rows = rows(&tree::read("docs/agreements.md"), heading);
    let listed: Vec<String> = rows.iter().map(|row| row[0].clone()).collect();
    let own: Vec<String> = all.iter().map(|code| format!("`{}`", code.to_string())).collect();
    assert_eq!(listed, own, "{heading}");
    rows
}

/// Holds one column of yes and no against what the domain says of each code.
fn is_column<T: Copy + ToString>(
    heading: &str,
    (all, column): (&[T], usize),
    says: impl Fn(T) -> bool,
) {
    for (code, row) in all.iter().zip(table(heading, all)) {
        let due = if says(*code) { "yes" } else { "no" };
        assert_eq!(row[column], due, "{heading}, {}, column {column}", code.to_string());
    }
}

#[test]
fn plain_lists_are_whole() {
    table("### Purposes", Purpose::ALL);
    table("### Subject categories", SubjectCategory::ALL);
    table("### Fields", Field::ALL);
    table("### Regimes", Regime::ALL);
    table("### Gateways", Gateway::ALL);
    table("### Lawful bases", LawfulBasis::ALL);
    table("### No-consent reasons", NoConsentReason::ALL);
    table("### Confidentiality bases", ConfidentialityBasis::ALL);
}

#[test]
fn lawful_bases_belong_to_the_regime_named() {
    is_column("### Lawful bases", (LawfulBasis::ALL, 1), LawfulBasis::is_part3);
}

#[test]
fn kinds_of_agency_are_what_the_limits_ask() {
    let heading = "### Kinds of agency";
    let all = AgencyKind::ALL;
    is_column(heading, (all, 2), AgencyKind::is_relevant_authority);
    is_column(heading, (all, 3), AgencyKind::is_listed_for_public_protection);
    is_column(heading, (all, 4), AgencyKind::is_public_authority);
    is_column(heading, (all, 5), AgencyKind::is_health_or_care);
}

#[test]
fn retention_classes_have_their_bounds() {
    for (class, row) in
        RetentionClass::ALL.iter().zip(table("### Retention classes", RetentionClass::ALL))
    {
        assert_eq!(row[1], class.days_max().to_string(), "{class}");
    }
}

#[test]
fn policy_documents_are_asked_for_where_the_tables_say_so() {
    let paragraphs = (ScheduleParagraph::ALL, 2);
    is_column("### Schedule 1 paragraphs", paragraphs, ScheduleParagraph::needs_policy_document);
    let conditions = (OffenceCondition::ALL, 2);
    is_column("### Offence conditions", conditions, OffenceCondition::needs_policy_document);
}

#[test]
fn special_conditions_go_with_the_paragraphs_named() {
    let heading = "### Special-category conditions";
    for (condition, row) in SpecialCondition::ALL.iter().zip(table(heading, SpecialCondition::ALL))
    {
        let named = quoted(&row[2]);
        let admitted: Vec<&str> = ScheduleParagraph::ALL
            .iter()
            .filter(|paragraph| condition.admits(Some(**paragraph)))
            .map(|paragraph| paragraph.code())
            .collect();
        assert_eq!(named, admitted, "{condition}");
        assert_eq!(condition.admits(None), named.is_empty(), "{condition}");
    }
}

#[test]
fn alert_types_have_the_class_and_age_named() {
    for (kind, row) in AlertType::ALL.iter().zip(table("### Alert types", AlertType::ALL)) {
        assert_eq!(row[1], class(kind.data_class()), "{kind}");
        let hours = kind.stale_after_hours();
        let age =
            if hours % 24 == 0 { format!("{} days", hours / 24) } else { format!("{hours} hours") };
        assert_eq!(row[2], age, "{kind}");
    }
}

#[test]
fn indicators_are_granted_by_the_field_named() {
    for (indicator, row) in Indicator::ALL.iter().zip(table("### Indicators", Indicator::ALL)) {
        let field = match indicator.data_class() {
            DataClass::Plain => Field::Indicators,
            DataClass::Health => Field::HealthIndicators,
            DataClass::Offence => Field::OffenceIndicators,
            DataClass::Safeguarding => Field::SafeguardingIndicators,
        };
        assert_eq!(row[1], format!("`{field}`"), "{indicator}");
    }
}

fn class(class: DataClass) -> &'static str {
    match class {
        DataClass::Plain => "",
        DataClass::Health => "health",
        DataClass::Offence => "offence",
        DataClass::Safeguarding => "safeguarding",
    }
}
