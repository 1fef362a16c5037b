//! A witness as a process of its own, and what it says to whoever asks it over HTTP.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use portway::{merkle::WitnessKey, pb::v1 as pb};
use serde_json::Value;

use super::{Role, Stage, binary};

/// A witness that runs. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Witness {
    child: Child,
    dir: PathBuf,
    /// Where it listens.
    pub(crate) address: String,
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Stage {
    /// Starts a broker whose log is cosigned by witnesses of these names.
    pub(crate) fn start_witnessed<const N: usize>(names: [&str; N]) -> (Self, [Witness; N]) {
        let mut stage = Self::start();
        let witnesses = names.map(|name| stage.witness(name));
        stage.terminate();
        stage.edit(|text| {
            let asked = names.iter().zip(&witnesses).map(|(name, witness)| {
                let (address, vkey) = (&witness.address, format!("../{name}/home/witness.vkey"));
                format!("[[witness]]\nurl = \"http://{address}\"\nvkey = \"{vkey}\"\n")
            });
            text + &asked.collect::<String>()
        });
        stage.serve_again();
        (stage, witnesses)
    }

    /// Returns how the witnesses stand, as operators see it.
    pub(crate) async fn witnesses(&self) -> Vec<pb::WitnessStatus> {
        self.connect("", Role::Operator).await.status().await.unwrap().witnesses
    }

    /// Waits until every witness has cosigned all that is in the log.
    pub(crate) async fn is_cosigned(&self) {
        let operator = self.connect("", Role::Operator).await;
        loop {
            let status = operator.status().await.unwrap();
            let size: u64 = status.checkpoint.lines().nth(1).unwrap().parse().unwrap();
            if status.witnesses.iter().all(|it| it.size >= size) {
                return;
            }
        }
    }

    /// Waits until the first witness has a fault of that name; empty = none.
    pub(crate) async fn has_fault(&self, fault: &str) {
        let operator = self.connect("", Role::Operator).await;
        while operator.status().await.unwrap().witnesses[0].fault != fault {}
    }

    /// Starts a witness of the broker's log, on a directory of that name.
    pub(crate) fn witness(&self, name: &str) -> Witness {
        let vkey = fs::read_to_string(self.path("broker/keys/log.vkey")).unwrap();
        Witness::of(&self.path(name), name, &vkey)
    }
}

impl Witness {
    /// Starts a witness of one log on a directory of its own.
    pub(crate) fn of(dir: &Path, name: &str, vkey: &str) -> Self {
        fs::create_dir_all(dir).unwrap();
        let config = format!(
            "[witness]\nname = \"{name}.portway.test\"\nlisten = \"127.0.0.1:0\"\ndir = \"home\"\n\
             [[log]]\nvkey = \"log.vkey\"\nrotations = \"log.rotations\"\n"
        );
        fs::write(dir.join("witness.toml"), config).unwrap();
        fs::write(dir.join("log.vkey"), vkey).unwrap();
        Self::start(dir)
    }

    fn start(dir: &Path) -> Self {
        let log = dir.join("stderr.jsonl");
        let stderr = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_portway"))
            .args(["witness", "--config"])
            .arg(dir.join("witness.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{error}: {}", fs::read_to_string(&log).unwrap()));
        let address = said["listening"].as_str().unwrap().to_owned();
        assert!(said["vkey"].is_string());
        // From now on it comes back to the same place.
        let config = fs::read_to_string(dir.join("witness.toml")).unwrap();
        fs::write(dir.join("witness.toml"), config.replace("127.0.0.1:0", &address)).unwrap();
        Self { child, dir: dir.to_owned(), address }
    }

    /// Kills it, and starts it again on the same directory and address.
    pub(crate) fn restart(&mut self) {
        self.kill();
        *self = Self::start(&self.dir);
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Asks it to stop, and returns its exit status.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        binary::kill("-TERM", self.child.id());
        self.child.wait().unwrap().code()
    }

    /// Returns the file of its key.
    pub(crate) fn vkey_file(&self) -> PathBuf {
        self.dir.join("home/witness.vkey")
    }

    /// Returns its key.
    pub(crate) fn key(&self) -> WitnessKey {
        fs::read_to_string(self.vkey_file()).unwrap().trim_end().parse().unwrap()
    }

    /// Returns what it has written to stderr since it was first started.
    pub(crate) fn log_lines(&self) -> String {
        fs::read_to_string(self.dir.join("stderr.jsonl")).unwrap()
    }

    /// Asks it to cosign.
    pub(crate) fn add_checkpoint(&self, body: &str) -> Answer {
        self.ask("POST /add-checkpoint", body)
    }

    /// Sends one request, and returns the whole answer.
    pub(crate) fn ask(&self, line: &str, body: &str) -> Answer {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: witness\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        // Of what it does not want to read it may close the connection.
        drop(socket.write_all(body.as_bytes()));
        let mut answer = String::new();
        drop(socket.read_to_string(&mut answer));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.kill();
    }
}
