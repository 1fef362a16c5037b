//! The command line as a person or a script uses it: the real binary, its output and its exit status.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use super::{Role, Stage};

/// Somebody at the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cli {
    connect: Option<String>,
    identity: Option<OsString>,
}

/// What a command did.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cli {
    /// Somebody without identity and broker.
    pub(crate) fn nobody() -> Self {
        Self::default()
    }

    /// Somebody whose identity and broker stand in the environment.
    pub(crate) fn of(stage: &Stage, agency: &str, role: Role) -> Self {
        Self::at(&stage.address, &stage.home(agency, role))
    }

    pub(crate) fn at(address: &str, home: &Path) -> Self {
        Self { connect: Some(address.to_owned()), identity: Some(home.into()) }
    }

    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Said {
        self.run_with(args, "")
    }

    /// Runs a command that reads `stdin`.
    pub(crate) fn run_with<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        stdin: &str,
    ) -> Said {
        let mut child = self.spawn(args, Stdio::piped());
        // A command that does not read it may have ended already.
        drop(child.stdin.take().unwrap().write_all(stdin.as_bytes()));
        let output = child.wait_with_output().unwrap();
        Said {
            status: output.status.code().expect("no signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Cli {
    /// Runs a command whose output goes to a device or a file; returns its status.
    pub(crate) fn run_into<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        file: File,
    ) -> i32 {
        let output = self.spawn(args, file.into()).wait_with_output().unwrap();
        output.status.code().expect("no signal")
    }

    fn spawn<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>, stdout: Stdio) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portway"));
        command.env_remove("PORTWAY_CONNECT").env_remove("PORTWAY_IDENTITY").env("COLUMNS", "100");
        command.envs(self.connect.as_ref().map(|it| ("PORTWAY_CONNECT", it)));
        command.envs(self.identity.as_ref().map(|it| ("PORTWAY_IDENTITY", it)));
        command.args(args).stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Runs a command until it has printed so many lines, and kills it. Nobody reads on, so that one with
    /// much more to print is not over by then.
    pub(crate) fn kill_after<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        lines: usize,
    ) {
        let mut child = self.spawn(args, Stdio::piped());
        let printed = BufReader::new(child.stdout.take().unwrap()).lines().take(lines);
        let count = printed.map(Result::unwrap).count();
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert_eq!((count, status.code()), (lines, None), "it ended by itself");
    }
}

impl Said {
    /// Expects success, and returns what was printed.
    pub(crate) fn done(self) -> String {
        assert_eq!(self.status, 0, "{self:?}");
        self.stdout
    }

    /// Expects success and one JSON document.
    pub(crate) fn json(self) -> Value {
        let stdout = self.done();
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
    }

    /// Expects success and one JSON document on each line.
    pub(crate) fn lines(self) -> Vec<Value> {
        self.done().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Expects a failure with this status, nothing on stdout, and returns what stands on stderr.
    pub(crate) fn failed(self, status: i32) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        self.stderr
    }

    /// Expects a failure of a command with `--json`, and returns the reason and the whole error, which is
    /// the last line of stderr.
    pub(crate) fn failed_json(self, status: i32) -> (String, Value) {
        let stderr = self.failed(status);
        let error: Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
        let keys: Vec<_> = error.as_object().unwrap().keys().map(String::as_str).collect();
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["code", "decision", "message", "reason"]);
        assert!(error["code"].is_string() && error["message"].is_string(), "{error}");
        assert!(error["decision"].is_null() || error["decision"].is_u64(), "{error}");
        (error["reason"].as_str().unwrap().to_owned(), error)
    }
}
