//! How far the work is, for a person at a terminal: nothing where stderr is none, or with `--json`.

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::output::Output;

/// A bar on stderr, without colours.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Starts a bar over a file.
    pub(super) fn over(file: &Path, out: Output) -> Self {
        if out.json || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|it| it.len());
        let bar = size.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let template = if size.is_some() {
            "{bar:30} {percent:>3} %  {elapsed_precise}  {msg}"
        } else {
            "{elapsed_precise}  {msg}"
        };
        // Without a style of ours it has its own.
        let style = ProgressStyle::with_template(template);
        Self(style.map_or(bar.clone(), |style| bar.with_style(style.progress_chars("=> "))))
    }

    /// Shows how many bytes are read, and a few words.
    pub(super) fn show(&self, bytes: u64, words: String) {
        self.0.set_position(bytes);
        self.0.set_message(words);
    }

    /// Prints a line of data: without the bar in its way where both are on a terminal.
    pub(super) fn beside_stdout<T>(&self, print: impl FnOnce() -> T) -> T {
        // To suspend is to draw the bar anew, once for every line.
        if io::stdout().is_terminal() { self.beside_stderr(print) } else { print() }
    }

    /// Prints a message without the bar in its way.
    pub(super) fn beside_stderr<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
