//! Why rules cannot be used. Each message names the file, and the rule where there is one.

/// Why rules cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RulesError {
    /// A saved example decision is not what the rules answer.
    #[error("examples.toml: \"{says}\": expected {expected}, the rules say {answered}")]
    Example {
        /// The example.
        says: String,
        /// What it expects.
        expected: String,
        /// What the rules answer.
        answered: String,
    },
    /// The examples cannot be read.
    #[error("examples.toml: {0}")]
    Examples(String),
    /// A file that is no part of a rule set, is missing, or is too large.
    #[error("{file}: {fault}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// A file is not Cedar.
    #[error("{file}: {message}")]
    Parse {
        /// The file.
        file: String,
        /// What Cedar says.
        message: String,
    },
    /// A rule is not as rules have to be.
    #[error("{file}: rule \"{rule}\": {fault}")]
    Rule {
        /// The file.
        file: String,
        /// The rule's `@id`, or its place in the file.
        rule: String,
        /// What is wrong.
        fault: String,
    },
    /// The broker cannot put its questions: a fault of ours.
    #[error("the broker's questions do not fit the schema: {0}")]
    Words(String),
}
