//! The text format (prometheus.io, "Exposition formats", version 0.0.4): what there is to measure, and a writer whose
//! values cannot end a line.

use std::fmt::Write;

/// Everything that is measured.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Family {
    /// The version.
    BuildInfo,
    /// Requests in progress.
    CallsInProgress,
    /// The end of each certificate.
    CertificateNotAfter,
    /// Open connections.
    Connections,
    /// Connections that were refused or cut.
    ConnectionsRefused,
    /// When each list of revocations is out of date.
    CrlNextUpdate,
    /// Whether the newest generation of certificates, CAs, CRLs, agencies and rules was refused.
    GenerationFault,
    /// How many were refused.
    GenerationsRefused,
    /// The size of the log.
    LogEntries,
    /// Notices that are not acknowledged.
    NoticesOutstanding,
    /// Those that are overdue.
    NoticesOverdue,
    /// Requests that were turned away for load.
    RequestsTurnedAway,
    /// The start.
    StartTime,
    /// Open streams.
    Streams,
    /// For how long a witness has been behind.
    WitnessBehind,
    /// Whether a witness has cosigned a tree that this log does not extend.
    WitnessConflict,
    /// What a witness has cosigned.
    WitnessSize,
    /// Whether a witness cosigned when it was asked last.
    WitnessUp,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::BuildInfo,
        Self::CallsInProgress,
        Self::CertificateNotAfter,
        Self::Connections,
        Self::ConnectionsRefused,
        Self::CrlNextUpdate,
        Self::GenerationFault,
        Self::GenerationsRefused,
        Self::LogEntries,
        Self::NoticesOutstanding,
        Self::NoticesOverdue,
        Self::RequestsTurnedAway,
        Self::StartTime,
        Self::Streams,
        Self::WitnessBehind,
        Self::WitnessConflict,
        Self::WitnessSize,
        Self::WitnessUp,
    ];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BuildInfo => "portway_build_info",
            Self::CallsInProgress => "portway_calls_in_progress",
            Self::CertificateNotAfter => "portway_certificate_not_after_timestamp_seconds",
            Self::Connections => "portway_connections",
            Self::ConnectionsRefused => "portway_connections_refused_total",
            Self::CrlNextUpdate => "portway_crl_next_update_timestamp_seconds",
            Self::GenerationFault => "portway_generation_fault",
            Self::GenerationsRefused => "portway_generations_refused_total",
            Self::LogEntries => "portway_log_entries",
            Self::NoticesOutstanding => "portway_notices_outstanding",
            Self::NoticesOverdue => "portway_notices_overdue",
            Self::RequestsTurnedAway => "portway_requests_turned_away_total",
            Self::StartTime => "portway_start_time_seconds",
            Self::Streams => "portway_streams",
            Self::WitnessBehind => "portway_witness_behind_seconds",
            Self::WitnessConflict => "portway_witness_conflict",
            Self::WitnessSize => "portway_witness_size",
            Self::WitnessUp => "portway_witness_up",
        }
    }

    const fn help(self) -> &'static str {
        match self {
            Self::BuildInfo => "Version of the broker.",
            Self::CallsInProgress => "Calls in progress, without streams.",
            Self::CertificateNotAfter => {
                "When a certificate ends: the broker's own, each CA's of the table, and those of peers that are connected."
            }
            Self::Connections => "Open connections.",
            Self::ConnectionsRefused => "Connections refused or cut, by reason, since the start.",
            Self::CrlNextUpdate => {
                "When a list of revocations is out of date, by the key of its CA."
            }
            Self::GenerationFault => {
                "1 while the newest certificates, CAs, CRLs, agencies or rules are refused."
            }
            Self::GenerationsRefused => {
                "Generations of certificates, CAs, CRLs, agencies and rules refused since the start."
            }
            Self::LogEntries => "Entries of the log.",
            Self::NoticesOutstanding => {
                "Notices of recalls, corrections, restrictions and orders to delete that recipients have not acknowledged."
            }
            Self::NoticesOverdue => "Those that are overdue.",
            Self::RequestsTurnedAway => {
                "Requests turned away for load, by reason, since the start."
            }
            Self::StartTime => "When the broker started.",
            Self::Streams => "Open streams.",
            Self::WitnessBehind => {
                "For how long the log has had entries that a witness has not cosigned."
            }
            Self::WitnessConflict => {
                "1 while a witness holds a tree of this log that this log does not extend."
            }
            Self::WitnessSize => "Entries of the newest tree that a witness has cosigned.",
            Self::WitnessUp => "1 where a witness cosigned when it was asked last.",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::ConnectionsRefused | Self::GenerationsRefused | Self::RequestsTurnedAway => {
                "counter"
            }
            Self::BuildInfo
            | Self::CallsInProgress
            | Self::CertificateNotAfter
            | Self::Connections
            | Self::CrlNextUpdate
            | Self::GenerationFault
            | Self::LogEntries
            | Self::NoticesOutstanding
            | Self::NoticesOverdue
            | Self::StartTime
            | Self::Streams
            | Self::WitnessBehind
            | Self::WitnessConflict
            | Self::WitnessSize
            | Self::WitnessUp => "gauge",
        }
    }
}

/// A page while it is written.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins what belongs to one family.
    pub(super) fn family(&mut self, family: Family) -> Samples<'_> {
        let (name, help, kind) = (family.name(), family.help(), family.kind());
        // Writing to a string does not fail.
        write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n").unwrap_or_default();
        Samples { text: self, name }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Writes the samples of one family.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    text: &'a mut Text,
    name: &'static str,
}

impl Samples<'_> {
    pub(super) fn add(&mut self, labels: &[(&'static str, &str)], value: u64) {
        let text = &mut self.text.0;
        text.push_str(self.name);
        for (place, (label, content)) in labels.iter().enumerate() {
            text.push(if place == 0 { '{' } else { ',' });
            text.push_str(label);
            text.push_str("=\"");
            content.chars().for_each(|letter| escape(text, letter));
            text.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        writeln!(text, "{end} {value}").unwrap_or_default();
    }

    /// The same, for a moment: whole seconds, and no part of one that has not begun.
    pub(super) fn add_moment(&mut self, labels: &[(&'static str, &str)], moment_ms: u64) {
        self.add(labels, moment_ms / 1000);
    }
}

/// The format knows three escapes. Other control characters have no place in a label.
fn escape(text: &mut String, letter: char) {
    match letter {
        '\\' => text.push_str("\\\\"),
        '"' => text.push_str("\\\""),
        '\n' => text.push_str("\\n"),
        control if control.is_control() => text.push('\u{fffd}'),
        other => text.push(other),
    }
}
