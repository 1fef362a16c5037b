//! A server as a process of its own, so that what it uses can be told from what the load uses. Dropped, it is
//! killed.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use super::{BenchError, usage::Usage};

/// A server that runs.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    /// Where it listens.
    pub(super) address: String,
}

impl Server {
    /// Starts this very program with other arguments, and waits for the line that says where it listens.
    pub(super) fn start<A: AsRef<OsStr>>(arguments: &[A]) -> Result<Self, BenchError> {
        let failed = |error: &dyn std::fmt::Display| BenchError::Server(error.to_string());
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut server = Self { child, address: String::new() };
        let stdout = server.child.stdout.take().ok_or_else(|| failed(&"it has no output"))?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(|error| failed(&error))?;
        let said: serde_json::Value = serde_json::from_str(&line)
            .map_err(|_| failed(&"it ended before it listened; see above"))?;
        let address = said.get("listening").and_then(serde_json::Value::as_str);
        address
            .ok_or_else(|| failed(&"it does not say where it listens"))?
            .clone_into(&mut server.address);
        Ok(server)
    }

    /// Reads what it has used so far.
    pub(super) fn usage(&self) -> Result<Usage, BenchError> {
        Usage::of(self.child.id()).map_err(|error| BenchError::Server(error.to_string()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself needs neither.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
