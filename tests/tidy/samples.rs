//! Every sample of a configuration, a map or an agreement loads.

use std::{collections::BTreeSet, fs};

use portway::adapters::{agreement, csv::Map, subscription};
use portway::config::Settings;
use portway::domain::Timestamp;
use portway::policy::Rules;

use crate::tree;

fn names(dir: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(tree::place(dir)).expect("a directory");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into()).collect()
}

fn stem(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

#[test]
fn the_sample_configuration_loads() {
    let settings = Settings::read(&tree::place("config/portway.toml")).expect("it loads");
    assert!(settings.ledger.origin.ends_with("/portway/main"));
}

/// What stands behind a hash is the default, or at least something that could be said.
#[test]
fn what_the_sample_configuration_leaves_out_could_be_put_in() {
    let text = tree::read("config/portway.toml");
    let key = |line: &str| {
        let key = line.strip_prefix('#').filter(|key| key.starts_with(char::is_lowercase));
        key.map(str::to_owned)
    };
    let count = text.lines().filter_map(key).count();
    assert!(count > 5, "{count} keys are commented out");
    let lines = text.lines().map(|line| key(line).unwrap_or_else(|| line.to_owned()));
    let whole = lines.collect::<Vec<_>>().join("\n");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("portway.toml");
    fs::write(&path, whole).expect("written");

    Settings::read(&path).expect("it loads");
}

#[test]
fn every_map_loads_and_has_its_extract() {
    let maps = names("config/adapters");
    for name in &maps {
        let map = Map::parse(&tree::read(&format!("config/adapters/{name}")));
        let map = map.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(map.agency().as_str(), stem(name));
    }
    let stems = |names: BTreeSet<String>| -> BTreeSet<String> {
        names.iter().map(|name| stem(name).to_owned()).collect()
    };
    assert_eq!(stems(maps), stems(names("config/demo/extracts")));
}

#[test]
fn every_sample_agreement_can_be_proposed() {
    let now = Timestamp::parse("2026-06-01T00:00:00Z").expect("a time");
    let rules = Rules::built_in().expect("they load");
    let dirs = ["config/demo/agreements", "config/samples/agreements"];
    let all = dirs.iter().flat_map(|dir| names(dir).into_iter().map(move |name| (dir, name)));
    for (dir, name) in all {
        let agreement = agreement::parse(&tree::read(&format!("{dir}/{name}")));
        let agreement = agreement.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(agreement.id.as_str(), stem(&name));
        rules.define(&agreement, now).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    }
}

#[test]
fn the_sample_subscriptions_load() {
    let end = Timestamp::parse("2026-12-01T00:00:00Z").expect("a time");
    let all = subscription::parse(&tree::read("config/demo/subscriptions.toml"), end);
    for (agency, subscription) in all.expect("they load") {
        assert!(!subscription.filter.is_empty(), "{agency}/{}", subscription.name);
    }
}
