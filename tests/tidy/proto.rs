//! The protocol's files: everything in them is explained, and every call is refused somewhere in a test.

use crate::tree;

fn protos() -> Vec<String> {
    tree::files_ending(&[".proto"])
}

#[test]
fn everything_in_the_protocol_is_explained() {
    let mut faults = Vec::new();
    for path in protos() {
        let text = tree::read(&path);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (place, pair) in lines.windows(2).enumerate() {
            if is_declaration(pair[1]) && !pair[0].starts_with("//") {
                faults.push(format!("{path}:{}: {}", place + 2, pair[1]));
            }
        }
    }
    assert_eq!(faults, [""; 0]);
}

/// A service, a call, a message, an enum, or a member of one.
fn is_declaration(line: &str) -> bool {
    let head = line.split(' ').next().unwrap_or(line);
    let is_outside = ["//", "import", "option", "package", "reserved", "syntax", "}"]
        .contains(&head)
        || head.starts_with("//")
        || head.starts_with('}');
    !is_outside && (line.ends_with(';') || line.ends_with('{') || line.ends_with("{}"))
}

#[test]
fn every_call_is_refused_in_a_test() {
    let tests: String = tree::sources()
        .into_iter()
        .filter(|it| it.path.starts_with("tests/"))
        .map(|it| it.text)
        .collect();
    let calls = calls();
    assert!(calls.len() > 10, "{calls:?}");
    let untested = calls.iter().filter(|call| !tests.contains(&format!("fn refuses_{call}")));
    assert_eq!(untested.collect::<Vec<_>>(), [""; 0], "calls without a test of their refusal");
}

/// The names of all calls, as functions are named.
fn calls() -> Vec<String> {
    let texts: Vec<String> = protos().iter().map(|path| tree::read(path)).collect();
    let rpcs = texts.iter().flat_map(|text| text.lines()).filter_map(|line| {
        let call = line.trim().strip_prefix("rpc ")?;
        call.split('(').next()
    });
    rpcs.map(snake_case).collect()
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[test]
fn declarations_are_told_from_the_rest() {
    assert_eq!(snake_case("ProveInclusion"), "prove_inclusion");
    for line in ["string id = 1;", "message A {", "message A {}", "oneof event {", "URGENT = 3;"] {
        assert!(is_declaration(line), "{line}");
    }
    for line in ["// x;", "}", "syntax = \"proto3\";", "import \"x\";", ""] {
        assert!(!is_declaration(line), "{line}");
    }
}
