//! The real binary as a process of ours: started, asked to stop, killed.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

/// How long a stop may take.
const STOP_MAX: Duration = Duration::from_secs(15);

/// A broker that runs. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Broker {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: String,
    /// Where it shows figures, if it does.
    pub(super) metrics: Option<String>,
}

/// A broker that has ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// What it printed after the line that says where it listens.
    pub(crate) stdout: String,
}

impl Broker {
    /// Starts `portway serve`, and waits until it says where it listens.
    pub(super) fn start(config: &Path, arguments: &[&str]) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_portway")), config, arguments)
    }

    /// The same, under a limit of the system's, as `prlimit` takes it.
    pub(super) fn start_limited(config: &Path, limit: &str) -> Self {
        // Of util-linux: it becomes the command that it is given.
        let mut command = Command::new("prlimit");
        command.arg(limit).arg(env!("CARGO_BIN_EXE_portway"));
        Self::run(command, config, &[])
    }

    /// The same, under `strace`, which kills it as it enters a system call on a file for the so-manieth time.
    pub(super) fn start_doomed(config: &Path, file: &Path, (call, when): (&str, u32)) -> Self {
        let mut command = Command::new("strace");
        // -D: the broker is our own child, and strace its grandchild.
        command.args(["-D", "-f", "-qq", "-o", "/dev/null", "-P"]).arg(file);
        let inject = format!("inject={call}:signal=KILL:when={when}");
        command.args(["-e", &format!("trace={call}"), "-e", &inject]);
        command.arg(env!("CARGO_BIN_EXE_portway"));
        Self::run(command, config, &[])
    }

    /// Lifts the limit on the size of files.
    pub(super) fn lift_limit(&self) {
        let pid = self.child.id().to_string();
        let lifted =
            Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:unlimited"]).status();
        assert!(lifted.unwrap().success());
    }

    /// Sends SIGHUP.
    pub(super) fn hang_up(&self) {
        kill("-HUP", self.child.id());
    }

    /// Returns the soft and the hard limit of its descriptors.
    pub(super) fn descriptors(&self) -> [u64; 2] {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", self.child.id())).unwrap();
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
        let mut numbers = line.split_whitespace().map(|number| number.parse().unwrap_or(u64::MAX));
        [numbers.next().unwrap(), numbers.next().unwrap()]
    }

    /// Returns what `/proc` says of it under a name, such as `VmHWM`, in kB.
    pub(super) fn usage(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let number = line.trim_start_matches(':').split_whitespace().next().unwrap();
        number.parse().unwrap()
    }

    fn run(mut command: Command, config: &Path, arguments: &[&str]) -> Self {
        let log = config.with_file_name("stderr.jsonl");
        let stderr = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = command
            .args(["serve", "--config"])
            .arg(config)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!("{error}: {line:?}; {}", std::fs::read_to_string(&log).unwrap())
        });
        let address = said["listening"].as_str().expect("where it listens").to_owned();
        let metrics = said["metrics"].as_str().map(str::to_owned);
        Self { child, stdout, address, metrics }
    }

    /// Sends SIGTERM and waits for the end, for as long as a stop may take.
    pub(super) fn terminate(mut self) -> Ended {
        kill("-TERM", self.child.id());
        let (tell, told) = mpsc::sync_channel(1);
        thread::scope(|scope| {
            let child = &mut self.child;
            let id = child.id();
            scope.spawn(move || tell.send(child.wait().unwrap()).unwrap());
            let status = told.recv_timeout(STOP_MAX).unwrap_or_else(|_| {
                kill("-KILL", id);
                panic!("it did not stop within {STOP_MAX:?}")
            });
            let mut stdout = String::new();
            self.stdout.read_to_string(&mut stdout).unwrap();
            Ended { status, stdout }
        })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended, and been waited for, before.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends a signal to a process of ours.
pub(super) fn kill(signal: &str, id: u32) {
    let sent = Command::new("kill").arg(signal).arg(id.to_string()).status().unwrap();
    assert!(sent.success());
}
