//! The real binary as a process: started, killed, and never left behind.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use tokio::time;

use super::{house::House, plan::Cut};

/// How long a start may take, in recovery too.
const START_MAX: Duration = Duration::from_secs(120);
/// How often a process is asked whether it lives.
const LOOK_EVERY: Duration = Duration::from_millis(5);
const SIGKILL: i32 = 9;

/// A broker's process.
#[derive(Debug)]
pub(crate) struct Broker {
    child: Child,
}

impl Broker {
    /// Starts the binary, under `strace` where it is to be killed at a system call.
    pub(crate) fn spawn(house: &House, cut: Option<Cut>) -> Self {
        let binary = env!("CARGO_BIN_EXE_portway");
        let mut command = match cut {
            None => Command::new(binary),
            Some(Cut { call, when }) => {
                let mut command = Command::new("strace");
                // -D: the broker is our own child, and strace its grandchild.
                command.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e"]);
                command.arg(format!("trace={call}"));
                command.args(["-e", &format!("inject={call}:signal=KILL:when={when}"), binary]);
                command
            }
        };
        command.arg("serve").arg("--config").arg(house.config());
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(house.lines());
        Self { child: child.spawn().unwrap() }
    }

    /// Waits until it listens, and returns where; nothing where it was killed before that.
    pub(crate) async fn listening(&mut self, house: &House) -> Option<String> {
        let stdout = self.child.stdout.take().unwrap();
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let line = time::timeout(START_MAX, line).await.expect("a start in time").unwrap().unwrap();
        if line.is_empty() {
            let status = self.child.wait().unwrap();
            assert!(was_killed(status), "the broker ended by itself: {}", house.last_lines());
            return None;
        }
        let listening: serde_json::Value = serde_json::from_str(&line).unwrap();
        Some(listening["listening"].as_str().unwrap().to_owned())
    }

    /// Starts the binary and waits until it listens.
    pub(crate) async fn start(house: &House) -> (Self, String) {
        let mut broker = Self::spawn(house, None);
        let address = broker.listening(house).await.expect("nobody kills it");
        (broker, address)
    }

    /// Kills it. That it was alive until then is part of the check.
    pub(crate) fn kill(mut self, house: &House) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert!(was_killed(status), "the broker ended by itself: {}", house.last_lines());
    }

    /// Waits until the system call that it waits for has killed it; tells whether it did in time.
    pub(crate) async fn died(&mut self, patience: Duration) -> bool {
        let ended = async {
            while self.child.try_wait().unwrap().is_none() {
                time::sleep(LOOK_EVERY).await;
            }
        };
        time::timeout(patience, ended).await.is_ok()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended: then there is nothing to kill, and nothing to report.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(SIGKILL)
}
