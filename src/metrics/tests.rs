//! The text cannot be forged, and the sample of alerts names what there is.

use super::family::{Family, Text};

#[test]
fn no_value_ends_a_line_or_a_label() {
    let mut text = Text::default();
    let forged = "a\"} 1\nportway_log_entries 0\r\t\\\u{0}";
    let mut samples = text.family(Family::Streams);
    samples.add(&[("agency", forged), ("role", "systems")], 7);
    samples.add(&[], 8);

    assert_eq!(
        text.finish(),
        "# HELP portway_streams Open streams.\n# TYPE portway_streams gauge\n\
         portway_streams{agency=\"a\\\"} 1\\nportway_log_entries 0\u{fffd}\u{fffd}\\\\\u{fffd}\",role=\"systems\"} 7\n\
         portway_streams 8\n"
    );
}

/// Prometheus' naming: our prefix, lower case, `_total` for counters alone.
#[test]
fn names_are_as_they_should_be() {
    for family in Family::ALL {
        let name = family.name();
        assert!(name.starts_with("portway_"), "{name}");
        assert!(name.bytes().all(|it| it.is_ascii_lowercase() || it == b'_'), "{name}");
        let mut text = Text::default();
        text.family(family).add(&[], 1);
        let text = text.finish();
        assert_eq!(text.contains(" counter\n"), name.ends_with("_total"), "{name}");
        assert_eq!(text.lines().count(), 3, "{text}");
    }
}
