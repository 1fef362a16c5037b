//! The house: every room stands on a floor, and uses only rooms on the floors below its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::{table, tree};

const HEADING: &str = "## Floors";

#[test]
fn every_room_stands_on_one_floor() {
    let rooms: BTreeSet<String> =
        tree::sources().iter().filter_map(|source| room(&source.path)).collect();
    let floors = floors();

    let listed: BTreeSet<String> = floors.keys().cloned().collect();
    assert_eq!(listed, rooms, "the table in ARCHITECTURE.md and the rooms in src");
}

#[test]
fn a_room_uses_only_rooms_on_floors_below() {
    let floors = floors();
    let mut faults = Vec::new();
    for source in tree::sources().iter().filter(|source| !source.is_test) {
        let Some(own) = room(&source.path) else { continue };
        let (always, _) = tree::parted(&source.text);
        for used in used(&tree::code(&always)) {
            if used != own && floors.get(&used) >= floors.get(&own) {
                faults.push(format!("{}: {own} uses {used}", source.path));
            }
        }
    }
    assert_eq!(faults, [""; 0]);
}

/// Floor by room, as ARCHITECTURE.md has it.
fn floors() -> BTreeMap<String, u32> {
    let mut floors = BTreeMap::new();
    for row in table::rows(&tree::read("ARCHITECTURE.md"), HEADING) {
        let floor = row[0].parse().expect("the number of a floor");
        for room in table::quoted(&row[1]) {
            let before = floors.insert(room.to_owned(), floor);
            assert_eq!(before, None, "{room} stands in the table twice");
        }
    }
    floors
}

/// The room that a source belongs to; the library's root belongs to none.
fn room(path: &str) -> Option<String> {
    let below = path.strip_prefix("src/")?;
    let room = below.split('/').next()?.trim_end_matches(".rs");
    (room != "lib").then(|| room.to_owned())
}

/// The rooms that a source names, behind `crate::` or, in the binary, `portway::`.
fn used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for root in ["crate::", "portway::"] {
        for rest in code.split(root).skip(1) {
            match rest.strip_prefix('{') {
                Some(group) => used.extend(heads(group)),
                None => used.extend(word(rest)),
            }
        }
    }
    used
}

/// The first words of a group's members, down to its closing brace.
fn heads(group: &str) -> Vec<String> {
    let mut outer = String::new();
    let mut depth = 0;
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            other if depth == 0 => outer.push(other),
            _ => {}
        }
    }
    outer.split(',').filter_map(word).collect()
}

fn word(text: &str) -> Option<String> {
    let is_part = |it: char| it.is_ascii_lowercase() || it == '_';
    let word: String = text.trim_start().chars().take_while(|it| is_part(*it)).collect();
    (!word.is_empty()).then_some(word)
}

#[test]
fn every_way_to_name_a_room_is_seen() {
    let code = "use crate::domain::A;\nuse crate::{\n    journal, ledger::{self, B},\n    policy::C,\n};\nlet x = crate::merkle::leaf_hash;";

    let all = ["domain", "journal", "ledger", "merkle", "policy"].map(str::to_owned);
    assert_eq!(used(code), BTreeSet::from(all));
    assert_eq!(room("src/journal/keys/mod.rs"), Some("journal".to_owned()));
    assert_eq!(room("src/tasks.rs"), Some("tasks".to_owned()));
}
