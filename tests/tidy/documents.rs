//! The documents that others script against: refusals, records and commands are all in them.

use std::collections::BTreeSet;

use clap::CommandFactory;
use portway::cli::Arguments;
use portway::domain::{Class, Reason};
use portway::identity::Rejection;
use portway::metrics::Family;

use crate::{
    table::{quoted, rows},
    tree,
};

#[test]
fn the_table_of_refusals_is_the_list_in_the_domain() {
    let document = tree::read("docs/log-format.md");
    let listed: Vec<Vec<String>> =
        rows(&document, "## Refusal numbers").into_iter().map(|row| row[..3].to_vec()).collect();
    let own: Vec<Vec<String>> = Reason::ALL
        .iter()
        .map(|reason| {
            let status = format!("`{}`", status(reason.class()));
            vec![reason.number().to_string(), format!("`{reason}`"), status]
        })
        .collect();
    assert_eq!(listed, own);
}

fn status(class: Class) -> &'static str {
    match class {
        Class::Aborted => "ABORTED",
        Class::Denied => "PERMISSION_DENIED",
        Class::Exists => "ALREADY_EXISTS",
        Class::Invalid => "INVALID_ARGUMENT",
        Class::NotFound => "NOT_FOUND",
        Class::Precondition => "FAILED_PRECONDITION",
    }
}

#[test]
fn every_kind_of_record_is_explained() {
    let document = tree::read("docs/log-format.md");
    let table = rows(&document, "## Kinds of record");
    let listed: Vec<&str> = table.iter().flat_map(|row| quoted(&row[0])).collect();
    let proto = tree::read("proto/portway/v1/record.proto");
    let (_, members) = proto.split_once("oneof event {").expect("the events");
    let members = members.lines().map(str::trim).take_while(|line| *line != "}");
    let own: Vec<&str> = members
        .filter(|line| line.ends_with(';'))
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    assert_eq!(listed, own);
}

#[test]
fn every_command_and_option_is_explained() {
    let document = tree::read("docs/cli.md");
    let command = Arguments::command();
    let mut own = BTreeSet::new();
    let mut faults = Vec::new();
    for (path, command) in leaves(&command, "portway") {
        let section = section(&document, &path);
        // What is hidden is how a command runs itself, and for nobody to script against.
        for argument in command.get_arguments().filter(|it| !it.is_hide_set()) {
            let Some(long) = argument.get_long() else { continue };
            let is_missing = !section.contains(&format!("--{long}"));
            if is_missing && !argument.is_global_set() && long != "help" {
                faults.push(format!("{path} --{long}"));
            }
        }
        own.insert(path);
    }
    assert_eq!(faults, [""; 0], "not in docs/cli.md");
    let headings = document.lines().filter_map(|line| line.strip_prefix("### "));
    assert_eq!(headings.map(str::to_owned).collect::<BTreeSet<_>>(), own);
}

/// The commands that do something by themselves, each by all its words.
fn leaves<'a>(command: &'a clap::Command, path: &str) -> Vec<(String, &'a clap::Command)> {
    let below = command.get_subcommands();
    let below = below.flat_map(|it| leaves(it, &format!("{path} {}", it.get_name())));
    let own = (!command.is_subcommand_required_set()).then(|| (path.to_owned(), command));
    own.into_iter().chain(below).collect()
}

/// The text under a command's heading.
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let (_, rest) = document.split_once(&format!("\n### {heading}\n")).unwrap_or_default();
    rest.split_once("\n### ").map_or(rest, |(section, _)| section)
}

#[test]
fn every_metric_is_explained_and_alerts_are_about_no_other() {
    let names = Family::ALL.map(Family::name);
    let document = tree::read("docs/operations/metrics.md");
    let table = rows(&document, "# Metrics");
    assert_eq!(table.iter().flat_map(|row| quoted(&row[0])).collect::<Vec<_>>(), names);
    let alerts = tree::read("deploy/prometheus/portway.rules.yml");
    let word = |letter: char| !(letter.is_ascii_lowercase() || letter == '_');
    let watched: BTreeSet<&str> =
        alerts.split(word).filter(|word| word.starts_with("portway_")).collect();
    assert!(watched.len() > 3, "{watched:?}");
    assert!(watched.iter().all(|name| names.contains(name)), "{watched:?}");
}

#[test]
fn every_reason_why_a_connection_is_refused_is_explained() {
    let document = tree::read("certs/README.md");
    let table = rows(&document, "## When a broker refuses");
    let mut listed: Vec<&str> = table.iter().flat_map(|row| quoted(&row[0])).collect();
    listed.sort_unstable();
    let mut own = Rejection::ALL.map(Rejection::code);
    own.sort_unstable();
    assert_eq!(listed, own);
}
