//! Log lines: JSON on stderr, without content of alerts, names of people, tokens or keys.

use tracing_subscriber::{EnvFilter, fmt};

/// Sends log lines to stderr as JSON, at `level` and above (`error`, `warn`, `info`, `debug`).
/// A second call changes nothing.
pub fn log_to_stderr(level: &str) {
    let filter = EnvFilter::new(format!("warn,portway={level}"));
    let lines = fmt().json().with_env_filter(filter).with_writer(std::io::stderr);
    // Somebody else (a test) may have set a subscriber already: theirs stays.
    drop(lines.try_init());
}
