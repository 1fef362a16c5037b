//! Tables in Markdown, read row by row.

/// Returns the rows of the tables under a heading, down to the next heading: their cells, trimmed.
pub(crate) fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let mut lines = document.lines();
    assert!(lines.any(|line| line == heading), "there is no heading {heading:?}");
    let mut rows = Vec::new();
    let mut in_body = false;
    for line in lines.take_while(|line| !line.starts_with('#')) {
        let Some(cells) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            in_body = false;
            continue;
        };
        if cells.chars().all(|it| "-|: ".contains(it)) {
            in_body = true;
        } else if in_body {
            rows.push(cells.split('|').map(|cell| cell.trim().to_owned()).collect());
        }
    }
    rows
}

/// Returns what stands between backticks.
pub(crate) fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn a_table_is_read_to_the_next_heading() {
    let document = "# a\n| h | i |\n|---|---|\n| `x` | 1 |\n\n## b\n| h |\n|---|\n| y |\n";

    assert_eq!(rows(document, "# a"), [["`x`", "1"]]);
    assert_eq!(rows(document, "## b"), [["y"]]);
    assert_eq!(quoted("`x` and `y`"), ["x", "y"]);
}
