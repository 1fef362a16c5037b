//! docs/governance.md names the test that shows each behaviour: every one of them is in the sources.

use std::collections::BTreeSet;

use crate::{
    table::{quoted, rows},
    tree,
};

#[test]
fn every_behaviour_has_a_test_that_is_in_the_sources() {
    let document = tree::read("docs/governance.md");
    let tests = tests();
    let headings: Vec<&str> = document.lines().filter(|line| line.starts_with("## ")).collect();
    assert!(headings.len() >= 5, "{headings:?}");
    let mut faults = Vec::new();
    for row in headings.iter().flat_map(|heading| rows(&document, heading)) {
        let named = quoted(&row[1]);
        if named.is_empty() {
            faults.push(format!("{}: names no test", row[0]));
        }
        let missing = named.into_iter().filter(|name| !tests.contains(*name));
        faults.extend(missing.map(|name| format!("{}: there is no test {name}", row[0])));
    }
    assert_eq!(faults, [""; 0]);
}

/// Every function that stands behind an attribute which makes it a test.
fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for source in tree::sources() {
        let mut is_test = false;
        for line in source.text.lines().map(str::trim_start) {
            let named = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            if let Some((name, _)) = named.and_then(|rest| rest.split_once('(')) {
                if is_test {
                    tests.insert(name.to_owned());
                }
                is_test = false;
            } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            }
        }
    }
    tests
}

#[test]
fn a_helper_is_no_test() {
    let tests = tests();
    assert!(tests.contains("a_helper_is_no_test"));
    assert!(!tests.contains("tests"));
}
