//! Goal: an officer can read, and sign, who is told what under the agreements of the demonstration, and sees in a
//! diff what a change to the rules would change. Method: ask `policy` about every flow, recipient and kind of
//! alert, write the answers down, and compare them with `tests/golden/authz.txt`.
#![cfg(test)]

mod alerts;
mod flows;
mod limits;

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc};

use portway::{
    adapters::agreement,
    domain::{AgencyId, Agreement, Timestamp},
    policy::Rules,
};

const HEAD: &str = "\
WHO IS TOLD WHAT, UNDER WHICH LAW

Written by tests/authz from what the rules answer on 1 June 2026 to an alert that fills every field, under the
agreements in config/demo/agreements and config/samples/agreements. After a change that is meant, write it again and have an officer read the diff:

    PORTWAY_WRITE_GOLDEN=1 cargo test --profile ci --test authz

`adult` says which fields of an alert about an adult reach the recipient, `child` the same for a person under 18;
`victim` stands where a victim's alert is answered otherwise. Where the answer depends on the type of the alert, the
types are named. A field that is not named is withheld. A party with `nothing` receives no alert of that flow.
";

#[test]
fn the_table_is_what_the_officers_read() {
    let table = table();
    assert!(table.is_ascii(), "plain text");
    let path = root().join("tests/golden/authz.txt");
    if is_to_be_written() {
        fs::write(&path, &table).expect("the golden table can be written");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let same = golden.lines().zip(table.lines()).take_while(|(golden, now)| golden == now).count();
    assert!(
        golden == table,
        "tests/golden/authz.txt is not what the rules answer, from line {} on. Where that is meant, write it \
         again with PORTWAY_WRITE_GOLDEN=1 and have an officer read the diff.\n was: {}\n now: {}",
        same + 1,
        golden.lines().nth(same).unwrap_or_default(),
        table.lines().nth(same).unwrap_or_default(),
    );
}

#[expect(clippy::disallowed_methods, reason = "the one switch of this test, read nowhere else")]
fn is_to_be_written() -> bool {
    std::env::var("PORTWAY_WRITE_GOLDEN").is_ok_and(|value| value == "1")
}

fn table() -> String {
    let agreements = agreements();
    let limits = [limits::block(&agreements), alerts::block(&agreements)];
    let blocks = agreements.values().map(flows::block);
    [HEAD.to_owned()].into_iter().chain(blocks).chain(limits).collect()
}

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// The agreements of the demonstration and the other samples, by name.
fn agreements() -> BTreeMap<String, Agreement> {
    let dirs = ["config/demo/agreements", "config/samples/agreements"];
    let files = dirs.map(|dir| fs::read_dir(root().join(dir)).expect("the agreements"));
    let texts =
        files.into_iter().flatten().map(|file| fs::read_to_string(file.expect("an entry").path()));
    texts
        .map(|text| agreement::parse(&text.expect("a file")).expect("an agreement"))
        .map(|agreement| (agreement.id.to_string(), agreement))
        .collect()
}

fn rules() -> Arc<Rules> {
    Rules::built_in().expect("they load")
}

fn agency(name: &str) -> AgencyId {
    name.parse().expect("an agency")
}

fn now() -> Timestamp {
    Timestamp::parse("2026-06-01T09:00:00Z").expect("a moment")
}
