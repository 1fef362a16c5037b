//! Sizes: short files, short doors. Functions are measured by clippy.

use crate::tree;

const LINES_MAX: usize = 600;
const MEDIAN_MAX: usize = 150;
const DOOR_LINES_MAX: usize = 120;

#[test]
fn no_file_is_too_long() {
    let sources = tree::sources();
    let long = sources.iter().filter(|source| source.text.lines().count() > LINES_MAX);
    assert_eq!(long.map(|source| &source.path).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn files_are_short_on_the_whole() {
    let sources = tree::sources();
    let own = sources.iter().filter(|it| it.path.starts_with("src/") && !it.is_test);
    let mut lines: Vec<usize> = own.map(|source| source.text.lines().count()).collect();
    lines.sort_unstable();

    let median = lines[lines.len() / 2];
    assert!(median <= MEDIAN_MAX, "the median of src is {median} lines");
}

#[test]
fn doors_are_short() {
    let sources = tree::sources();
    let doors = sources.iter().filter(|it| it.path.starts_with("src/") && !it.is_test);
    let long = doors
        .filter(|it| it.path.ends_with("/mod.rs") && it.path.matches('/').count() == 2)
        .filter(|it| it.text.lines().count() > DOOR_LINES_MAX);
    assert_eq!(long.map(|source| &source.path).collect::<Vec<_>>(), [""; 0]);
}
