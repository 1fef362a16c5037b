//! What must not stand in the tree, and how imports are laid out.

use crate::tree;

/// Files that people write.
const TEXTS: [&str; 12] =
    [".cnf", ".json", ".md", ".proto", ".py", ".rs", ".sh", ".toml", ".txt", ".yml", "run", "test"];

/// Finds each file that holds one of the needles. They are put together here from parts, so that this file is not found.
fn holding(files: &[String], needles: &[String]) -> Vec<String> {
    let holds = |path: &&String| {
        let text = tree::read(path);
        needles.iter().any(|needle| text.contains(needle.as_str()))
    };
    files.iter().filter(holds).cloned().collect()
}

#[test]
fn no_private_key_is_in_the_tree() {
    let header = |kind: &str| format!("-----BEGIN {kind}{} KEY-----\n", "PRIVATE");
    let needles = ["", "EC ", "ENCRYPTED ", "OPENSSH ", "RSA "].map(header);
    let files = tree::files();
    let holds = |path: &&String| {
        let bytes = std::fs::read(tree::place(path)).expect("a file");
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        needles.iter().any(|needle| text.contains(needle.as_str()))
    };
    assert_eq!(files.iter().filter(holds).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn one_place_has_an_allow() {
    let needles = ["#[", "#!["].map(|attribute| format!("{attribute}allow("));
    assert_eq!(holding(&tree::files_ending(&[".rs"]), &needles), ["src/pb.rs"]);
}

#[test]
fn nothing_is_left_for_later_and_no_test_is_skipped() {
    let needles = [["TO", "DO"], ["FIX", "ME"], ["to", "do!("], ["#[ig", "nore"]];
    let needles = needles.map(|parts| parts.concat());
    assert_eq!(holding(&tree::files_ending(&TEXTS), &needles), [""; 0]);
}

#[test]
fn no_merge_was_left_open() {
    let needles = ["<", ">"].map(|mark| mark.repeat(7) + " ");
    assert_eq!(holding(&tree::files_ending(&TEXTS), &needles), [""; 0]);
}

#[test]
fn nothing_leads_out_of_the_project() {
    let needles = [["../sha", "red"], [".libr", "ary"], ["/wo", "rk/"], ["/tmp/", "wt"]];
    let needles = needles.map(|parts| parts.concat());
    assert_eq!(holding(&tree::files_ending(&TEXTS), &needles), [""; 0]);
}

#[test]
fn imports_stand_in_three_groups() {
    let sources = tree::sources();
    let faulty = sources.iter().filter(|source| !is_in_groups(&source.text));
    assert_eq!(faulty.map(|source| &source.path).collect::<Vec<_>>(), [""; 0]);
}

/// The standard library, other crates, our own: in this order, with an empty line between them. A test may name
/// the library itself among the other crates or behind them.
fn is_in_groups(text: &str) -> bool {
    let mut last = 0;
    for block in blocks(text) {
        let mut groups: Vec<u8> = block.into_iter().filter(|group| *group != EITHER).collect();
        groups.dedup();
        let group = match groups[..] {
            [] => OWN,
            [one] => one,
            _ => return false,
        };
        if group < last || (group == last && group != OWN) {
            return false;
        }
        last = group;
    }
    true
}

const OWN: u8 = 3;
const EITHER: u8 = 0;

/// The groups of the imports that stand together, block by block.
fn blocks(text: &str) -> Vec<Vec<u8>> {
    let own: Vec<&str> = text.lines().filter_map(tree::module_name).collect();
    let mut blocks = Vec::new();
    let mut was_parted = true;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(path) = line.strip_prefix("use ") else {
            was_parted |= !line.starts_with("#[");
            continue;
        };
        if std::mem::take(&mut was_parted) {
            blocks.push(Vec::new());
        }
        blocks.last_mut().expect("a block").push(group(path, &own));
        if !line.ends_with(';') {
            lines.find(|line| line.ends_with(';'));
        }
    }
    blocks
}

fn group(path: &str, own: &[&str]) -> u8 {
    let head = path.split([':', ';', ' ']).next().unwrap_or(path);
    match head {
        "alloc" | "core" | "std" => 1,
        "crate" | "self" | "super" => OWN,
        "portway" => EITHER,
        // A module of the file, or a name that is already in scope.
        name if own.contains(&name) || name.starts_with(char::is_uppercase) => OWN,
        _ => 2,
    }
}

#[test]
fn groups_are_told_apart() {
    let good =
        "use std::fs;\n\nuse bytes::Bytes;\nuse x::{\n    y,\n};\n\nuse super::z;\nuse crate::w;\n";
    assert!(is_in_groups(good));
    assert!(is_in_groups("use clap::A;\nuse portway::B;\n\nuse crate::w;\n"));
    assert!(is_in_groups("use clap::A;\n\nuse portway::B;\nuse crate::w;\n"));
    for bad in [
        "use bytes::Bytes;\n\nuse std::fs;\n",
        "use std::fs;\nuse bytes::Bytes;\n",
        "use std::fs;\n\nuse std::io;\n",
        "use std::fs;\n\nuse clap::A;\nuse crate::w;\n",
        "use crate::w;\n\nuse bytes::Bytes;\n",
    ] {
        assert!(!is_in_groups(bad), "{bad}");
    }
}
