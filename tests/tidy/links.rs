//! Links between documents lead somewhere.

use std::path::{Component, Path};

use crate::tree;

#[test]
fn every_link_between_documents_resolves() {
    let mut faults = Vec::new();
    for path in tree::files_ending(&[".md"]) {
        let text = tree::read(&path);
        for target in targets(&text) {
            if !resolves(&path, target) {
                faults.push(format!("{path}: {target}"));
            }
        }
    }
    assert_eq!(faults, [""; 0]);
}

/// What is linked to, but for other sites.
fn targets(text: &str) -> Vec<&str> {
    let ends = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    ends.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

fn resolves(from: &str, target: &str) -> bool {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { Some(from.to_owned()) } else { joined(from, file) };
    let Some(path) = path.filter(|path| tree::place(path).exists()) else { return false };
    anchor.is_empty() || anchors(&tree::read(&path)).iter().any(|it| it == anchor)
}

/// The path from the root; none where it leads out of the project.
fn joined(from: &str, target: &str) -> Option<String> {
    let dir = Path::new(from).parent()?;
    let mut parts: Vec<String> = Vec::new();
    for part in dir.join(target).components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()?),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir => return None,
        }
    }
    Some(parts.join("/"))
}

/// The anchors of a document's headings, as most sites make them.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|it| it.is_alphanumeric() || "-_ ".contains(*it));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn links_that_lead_nowhere_are_seen() {
    assert!(resolves("docs/cli.md", "../README.md"));
    assert!(!resolves("docs/cli.md", "no-such.md"));
    assert!(!resolves("docs/cli.md", "../../outside.md"));
    assert!(!resolves("README.md", "#no-such-heading"));
    assert_eq!(targets("[a](b.md) [c](https://d) ![e](f.png)"), ["b.md", "f.png"]);
    assert_eq!(anchors("# One, two\n"), ["one-two"]);
}
