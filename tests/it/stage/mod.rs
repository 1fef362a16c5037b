//! The stage: a throw-away PKI, a configuration, and the real binary as a broker that can be stopped, killed
//! and started again on the same directories.

mod binary;
mod bytes;
mod certificates;
mod cli;
mod evidence;
mod papers;
mod people;
mod raw;
mod witness;

use std::{
    fs,
    path::{Path, PathBuf},
};

use portway::{
    client::{Connection, Identity},
    domain::{Clock, SystemClock, Timestamp},
    pb::v1 as pb,
};
use tempfile::TempDir;

pub(crate) use binary::{Broker, Ended};
pub(crate) use certificates::{crl, fingerprint, in_force, put};
pub(crate) use cli::{Cli, Said};
pub(crate) use evidence::{Due, events, size};
pub(crate) use papers::{
    AGREEMENT, PURPOSE, SUBSCRIPTION, agreement, agreement_toml, draft, open, pull, request,
    subscription, time,
};
pub(crate) use people::Role;
pub(crate) use raw::{Door, Speaker, Talk, WINDOW};
pub(crate) use witness::Witness;

/// A directory with everything in it, and the broker that runs on it.
#[derive(Debug)]
pub(crate) struct Stage {
    dir: TempDir,
    broker: Option<Broker>,
    /// Where the broker listens now.
    pub(crate) address: String,
}

impl Stage {
    /// Makes certificates and configuration, and starts the broker.
    pub(crate) fn start() -> Self {
        Self::start_logging("info")
    }

    /// The same, with log lines of a level and above.
    pub(crate) fn start_logging(level: &str) -> Self {
        Self::set().begin(level)
    }

    /// The same, with more in the configuration.
    pub(crate) fn start_with(more: &str) -> Self {
        Self::start_editing(|text| format!("{text}{more}"))
    }

    /// The same, with another configuration.
    pub(crate) fn start_editing(edit: impl FnOnce(String) -> String) -> Self {
        Self::start_after(|stage| stage.edit(edit))
    }

    /// The same, with whatever files are made before the start.
    pub(crate) fn start_after(prepare: impl FnOnce(&Self)) -> Self {
        let stage = Self::set();
        prepare(&stage);
        stage.begin("info")
    }

    /// The same, with a CA of an agency in the broker's hands, to renew its certificates.
    pub(crate) fn start_with_issuer(agency: &str) -> Self {
        Self::start_editing(|text| {
            let ca = format!("ca = \"../ca/{agency}/ca.pem\"\n");
            let issuer = format!(
                "{ca}issuer = {{ certificate = \"../ca/{agency}/ca.pem\", \
                 key = \"../ca/{agency}/key.pem\", days = 30 }}\n"
            );
            text.replace(&ca, &issuer)
        })
    }

    /// Changes the configuration that the broker is started with.
    pub(crate) fn edit(&self, edit: impl FnOnce(String) -> String) {
        let path = self.path("broker/portway.toml");
        fs::write(&path, edit(fs::read_to_string(&path).unwrap())).unwrap();
    }

    fn begin(mut self, level: &str) -> Self {
        self.serve(&["--log-level", level]);
        self.enrol();
        self
    }

    /// Hands out the log's key.
    pub(crate) fn enrol(&self) {
        for home in people::homes() {
            let key = self.path("broker/keys/log.vkey");
            fs::copy(key, self.path(&home).join("log.vkey")).unwrap();
        }
    }

    /// Makes certificates and configuration only.
    pub(crate) fn set() -> Self {
        let dir = tempfile::tempdir().unwrap();
        people::make(dir.path(), now());
        let config = people::configuration();
        fs::write(dir.path().join("broker/portway.toml"), config).unwrap();
        Self { dir, broker: None, address: String::new() }
    }

    fn serve(&mut self, arguments: &[&str]) {
        let broker = Broker::start(&self.path("broker/portway.toml"), arguments);
        self.address.clone_from(&broker.address);
        self.broker = Some(broker);
    }

    /// Starts a broker on another configuration of the stage's, which stands in `house`.
    pub(crate) fn serve_in(&mut self, house: &str) {
        assert!(self.broker.is_none(), "it runs");
        let broker = Broker::start(&self.path(house).join("portway.toml"), &[]);
        self.address.clone_from(&broker.address);
        self.broker = Some(broker);
    }

    /// Starts the broker again.
    pub(crate) fn serve_again(&mut self) {
        self.serve_again_with(&[]);
    }

    /// The same, with arguments of `serve`.
    pub(crate) fn serve_again_with(&mut self, arguments: &[&str]) {
        assert!(self.broker.is_none(), "it runs");
        self.serve(arguments);
    }

    /// Starts another broker on a copy of the broker's directory.
    pub(crate) fn serve_beside(&self, dir: &str) -> Broker {
        Broker::start(&self.path(dir).join("portway.toml"), &[])
    }

    /// Starts the broker again, where no file may grow beyond so many bytes.
    pub(crate) fn serve_limited(&mut self, bytes: u64) {
        self.serve_under(&format!("--fsize={bytes}:unlimited"));
    }

    /// Starts the broker again under a limit, as `prlimit` takes it.
    pub(crate) fn serve_under(&mut self, limit: &str) {
        assert!(self.broker.is_none(), "it runs");
        let broker = Broker::start_limited(&self.path("broker/portway.toml"), limit);
        self.address.clone_from(&broker.address);
        self.broker = Some(broker);
    }

    /// Starts the broker again, to be killed at a system call on one of its files.
    pub(crate) fn serve_doomed(&mut self, file: &str, at: (&str, u32)) {
        assert!(self.broker.is_none(), "it runs");
        let (config, file) = (self.path("broker/portway.toml"), self.path(file));
        let broker = Broker::start_doomed(&config, &file, at);
        self.address.clone_from(&broker.address);
        self.broker = Some(broker);
    }

    /// Lifts that limit while the broker runs.
    pub(crate) fn lift_limit(&self) {
        self.broker.as_ref().expect("a broker that runs").lift_limit();
    }

    /// Returns what `/proc` says of the broker under a name, in kB.
    pub(crate) fn usage(&self, name: &str) -> u64 {
        self.broker.as_ref().expect("a broker that runs").usage(name)
    }

    /// Returns the soft and the hard limit of the broker's descriptors.
    pub(crate) fn descriptors(&self) -> [u64; 2] {
        self.broker.as_ref().expect("a broker that runs").descriptors()
    }

    /// Returns where the broker shows figures.
    pub(crate) fn metrics(&self) -> Option<&str> {
        self.broker.as_ref().expect("a broker that runs").metrics.as_deref()
    }

    /// Asks the broker to stop, and waits for its end.
    pub(crate) fn terminate(&mut self) -> Ended {
        self.broker.take().expect("a broker that runs").terminate()
    }

    /// Has the broker read its certificates, CAs, CRLs, agencies and rules anew.
    pub(crate) fn hang_up(&self) {
        self.broker.as_ref().expect("a broker that runs").hang_up();
    }

    /// Kills the broker, as a power cut would.
    pub(crate) fn kill(&mut self) {
        drop(self.broker.take().expect("a broker that runs"));
    }

    /// Returns a path in the stage's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Returns an identity directory.
    pub(crate) fn home(&self, agency: &str, role: Role) -> PathBuf {
        self.path(&people::home(agency, role))
    }

    /// Returns what the broker has written to stderr since it was first started.
    pub(crate) fn log_lines(&self) -> String {
        fs::read_to_string(self.path("broker/stderr.jsonl")).unwrap()
    }

    /// Connects with the typed client.
    pub(crate) async fn connect(&self, agency: &str, role: Role) -> Connection {
        self.connect_as(&self.home(agency, role)).await
    }

    pub(crate) async fn connect_as(&self, home: &Path) -> Connection {
        Connection::connect(&self.address, Identity::load(home).unwrap()).await.unwrap()
    }

    /// Speaks without the typed client, which would not send what is wrong.
    pub(crate) async fn speak(&self, agency: &str, role: Role) -> Speaker {
        let door = Door::of(&self.home(agency, role));
        Speaker { channel: door.channel(&self.address).await.unwrap() }
    }

    /// Has the usual agreement proposed and approved, so that it is in force.
    pub(crate) async fn agree(&self) -> pb::AgreementStatus {
        let police = self.connect("police", Role::Officer).await;
        let proposed = police.propose_agreement(agreement(now())).await.unwrap();
        let mut status = proposed.clone();
        for agency in ["police", "council", "housing"] {
            let officer = self.connect(agency, Role::Officer).await;
            status = officer.approve_agreement(AGREEMENT, &proposed.version).await.unwrap();
        }
        assert!(status.in_force);
        status
    }

    /// Has an agency subscribe to what it may get.
    pub(crate) async fn subscribe(&self, agency: &str) -> pb::SubscriptionStatus {
        let service = self.connect(agency, Role::Service).await;
        service.create_subscription(subscription(SUBSCRIPTION, now())).await.unwrap()
    }
}

/// What time it is.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// Copies a directory of files and directories. A broker may run on it: a file that has its final name by the time when
/// it would be copied is not looked for under the name that it was written under.
pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to);
        } else {
            match fs::copy(entry.path(), to) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                copied => drop(copied.unwrap()),
            }
        }
    }
}
