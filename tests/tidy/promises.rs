//! The five promises: listed for readers, and named where the sources keep them and tests check them.

use crate::tree;

#[test]
fn all_five_promises_are_listed() {
    for path in ["README.md", "ARCHITECTURE.md"] {
        let text = tree::read(path);
        for number in 1..=5 {
            assert!(text.contains(&format!("**P{number} ")), "{path} does not list P{number}");
        }
    }
}

/// P5 is kept in part only, and so is not asked for in tests yet.
#[test]
fn promises_are_named_where_they_are_kept_and_where_they_are_checked() {
    let (mut kept, mut checked) = (String::new(), String::new());
    for source in tree::sources() {
        if source.is_test {
            checked.push_str(&source.text);
            continue;
        }
        let (always, for_tests) = tree::parted(&source.text);
        kept.extend(always.lines().filter(|line| line.contains("//")));
        checked.push_str(&for_tests);
    }
    for number in 1..=5 {
        assert!(names(&kept, number), "no comment in src says where P{number} is kept");
    }
    for number in 1..=4 {
        assert!(names(&checked, number), "no test says that it checks P{number}");
    }
}

fn names(text: &str, number: u8) -> bool {
    let promise = format!("P{number}");
    text.split(&promise)
        .skip(1)
        .any(|rest| !rest.starts_with(|it: char| it.is_ascii_alphanumeric()))
}
