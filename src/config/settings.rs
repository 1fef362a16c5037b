//! The settings as they are meant. Relative paths start at the file's own directory.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use super::{
    file::{self, ConfigError, File, Speakers},
    files::Files,
    witness::vkey,
};
use crate::domain::{AgencyId, Name, TrustDomain};
use crate::grpc::Limits;
use crate::identity::{AcceptorSettings, Bounds, Source, Sources};
use crate::record::RECORDS_DAYS_MIN;
use crate::{
    journal,
    ledger::{self, Rate, Sweep},
    merkle::WitnessKey,
    pki::{self, IssuerSource},
    witness::Asking,
};

/// What the broker runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where and how connections are accepted.
    pub acceptor: AcceptorSettings,
    /// Where certificates and CAs are read from.
    pub trust: Sources,
    /// The issuers that renew certificates, where there are any.
    pub issuers: BTreeMap<AgencyId, IssuerSource>,
    /// Where the log is kept.
    pub ledger: ledger::Settings,
    /// What one agency may have in progress.
    pub limits: Limits,
    /// Calls and streams at once on one connection.
    pub streams_per_connection_max: u32,
    /// Where figures are shown to whoever watches over the broker; nowhere unless said.
    pub metrics: Option<SocketAddr>,
    /// The witnesses that are asked to cosign the log.
    pub witnesses: Vec<Asking>,
    /// How long a stop may take before connections are cut.
    pub drain_timeout: Duration,
    /// After how many days a notice to a recipient is overdue.
    pub notice_due_days: u64,
    /// Where rebuildable views are kept.
    pub views_dir: PathBuf,
    /// How soon a connection is cut whose certificate has expired or is revoked by a file.
    pub cut_within: Duration,
    /// How often and how fast what is due is erased.
    pub sweep: Sweep,
    /// The socket on which whoever runs the broker needs no certificate.
    pub operate_socket: Option<PathBuf>,
    /// The file that all of this was read from.
    pub config: PathBuf,
    /// The files of the generation that is read with it.
    pub files: Files,
    /// Their digest before they were read.
    pub digest: [u8; 32],
}

impl Settings {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the file, and the key that is missing, unknown or out of its bounds.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.into(), source })?;
        let file: File = toml::from_str(&text).map_err(|error| ConfigError::Shape {
            path: path.into(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        let dir = path.parent().filter(|it| !it.as_os_str().is_empty());
        let dir = dir.unwrap_or(Path::new("."));
        let reader = Reader { path, dir };
        let trust = reader.trust(&file)?;
        let issuers = reader.issuers(&file)?;
        let rules = file.policy.dir.as_ref().map(|it| dir.join(it));
        let files = Files::new(path, &trust, &issuers, rules);
        // Of the text that was parsed: the file may be another by now.
        let digest = files.digest_of(&Ok(&text));
        Ok(Self {
            acceptor: reader.acceptor(&file)?,
            issuers,
            ledger: reader.ledger(&file, &trust.domain)?,
            limits: reader.limits(&file.limits)?,
            metrics: reader.metrics(file.metrics.listen.as_ref())?,
            witnesses: reader.witnesses(&file)?,
            streams_per_connection_max: reader.small(
                "limits.streams_per_connection_max",
                file.limits.streams_per_connection_max,
                (128, 1..=10_000),
            )?,
            trust,
            drain_timeout: reader.duration(
                "server.drain_timeout_ms",
                file.server.drain_timeout_ms,
                (10_000, 0..=600_000),
            )?,
            notice_due_days: reader.number(
                "rights.notice_due_days",
                file.rights.notice_due_days,
                (2, 1..=31),
            )?,
            views_dir: reader.at("views.dir", file.views.dir.as_ref())?,
            cut_within: reader.duration(
                "server.cut_within_ms",
                file.server.cut_within_ms,
                (2_000, 200..=60_000),
            )?,
            sweep: reader.sweep(&file.retention)?,
            operate_socket: file.operate.socket.as_ref().map(|path| dir.join(path)),
            config: path.to_owned(),
            files,
            digest,
        })
    }
}

/// Reads values, and says whose they are when they are wrong.
struct Reader<'a> {
    path: &'a Path,
    dir: &'a Path,
}

/// A checkpoint with as many cosignatures is still a small one.
const WITNESSES_MAX: usize = 16;

/// A default, and the bounds.
type Bounded = (u64, RangeInclusive<u64>);

impl Reader<'_> {
    fn trust(&self, file: &File) -> Result<Sources, ConfigError> {
        let identity = self.at("server.identity", file.server.identity.as_ref())?;
        let mut agencies = BTreeMap::new();
        for agency in &file.agency {
            let id: AgencyId = self.parsed("agency.id", Some(&agency.id))?;
            let source = self.source(&agency.ca, agency.crl.as_ref());
            if agencies.insert(id, source).is_some() {
                return Err(self.wrong("agency.id", "it is there twice"));
            }
        }
        Ok(Sources {
            domain: self.parsed("server.trust_domain", file.server.trust_domain.as_ref())?,
            certificate: identity.join("cert.pem"),
            key: identity.join("key.pem"),
            agencies,
            auditors: self.speakers("auditors.crl", &file.auditors)?,
            operators: self.speakers("operators.crl", &file.operators)?,
        })
    }

    fn speakers(&self, key: &'static str, it: &Speakers) -> Result<Option<Source>, ConfigError> {
        match (&it.ca, &it.crl) {
            (None, Some(_)) => Err(self.wrong(key, "there is no ca that it could be of")),
            (ca, crl) => Ok(ca.as_ref().map(|ca| self.source(ca, crl.as_ref()))),
        }
    }

    fn issuers(&self, file: &File) -> Result<BTreeMap<AgencyId, IssuerSource>, ConfigError> {
        let mut issuers = BTreeMap::new();
        for agency in &file.agency {
            let Some(issuer) = &agency.issuer else { continue };
            let days = (pki::LEAF_DAYS, 1..=pki::LEAF_DAYS_MAX);
            let source = IssuerSource {
                certificate: self.dir.join(&issuer.certificate),
                key: self.dir.join(&issuer.key),
                days: self.number("agency.issuer.days", issuer.days, days)?,
                authorities: self.dir.join(&agency.ca),
            };
            issuers.insert(self.parsed("agency.id", Some(&agency.id))?, source);
        }
        Ok(issuers)
    }

    fn source(&self, ca: &Path, crl: Option<&PathBuf>) -> Source {
        Source { ca: self.dir.join(ca), crl: crl.map(|crl| self.dir.join(crl)) }
    }

    fn acceptor(&self, file: &File) -> Result<AcceptorSettings, ConfigError> {
        let server = &file.server;
        let listen: SocketAddr = self.parsed("server.listen", server.listen.as_ref())?;
        Ok(AcceptorSettings {
            listen,
            handshakes_max: self.count(
                "server.handshakes_max",
                server.handshakes_max,
                (256, 1..=65_536),
            )?,
            handshake_timeout: self.duration(
                "server.handshake_timeout_ms",
                server.handshake_timeout_ms,
                (5_000, 100..=60_000),
            )?,
            bounds: Bounds {
                open_max: self.count(
                    "server.connections_max",
                    server.connections_max,
                    (1024, 1..=1_000_000),
                )?,
                open_per_agency_max: self.count(
                    "server.connections_per_agency_max",
                    server.connections_per_agency_max,
                    (256, 1..=1_000_000),
                )?,
            },
        })
    }

    fn ledger(&self, file: &File, domain: &TrustDomain) -> Result<ledger::Settings, ConfigError> {
        let engine = file.journal.engine.as_deref().unwrap_or("segments");
        if engine != "segments" {
            return Err(self.wrong("journal.engine", "only \"segments\" is known"));
        }
        let own = &file.ledger;
        let keys_dir = self.at("ledger.keys_dir", own.keys_dir.as_ref())?;
        let log: Name = self.parsed("ledger.log", own.log.as_ref().or(Some(&"main".to_owned())))?;
        let master_key = own.master_key.as_ref().map(|path| self.dir.join(path));
        Ok(ledger::Settings {
            journal_dir: self.at("journal.dir", file.journal.dir.as_ref())?,
            segment_bytes: self.number(
                "journal.segment_bytes",
                file.journal.segment_bytes,
                (journal::Settings::SEGMENT_BYTES, (1 << 20)..=(1 << 30)),
            )?,
            master_key: master_key.unwrap_or_else(|| keys_dir.join(journal::MasterKey::FILE)),
            keys_dir,
            anchor_dir: self.at("ledger.anchor_dir", own.anchor_dir.as_ref())?,
            origin: format!("{domain}/portway/{log}"),
            rules: super::rules(file.policy.dir.as_ref().map(|dir| self.dir.join(dir)).as_deref())?,
            domain: domain.clone(),
            queue: self.count(
                "ledger.queue_commands_max",
                own.queue_commands_max,
                (4096, 1..=65_536),
            )?,
            batch: self.count(
                "ledger.batch_commands_max",
                own.batch_commands_max,
                (128, 1..=4096),
            )?,
            publish_rate: self.publish_rate(&file.limits)?,
            accept_lost_anchor: false,
            snapshots_dir: self.at("views.dir", file.views.dir.as_ref())?.join("snapshots"),
            snapshot_records: self.number(
                "ledger.snapshot_records",
                own.snapshot_records,
                (250_000, 16..=1_000_000_000),
            )?,
            check_full: false,
        })
    }

    fn sweep(&self, retention: &file::Retention) -> Result<Sweep, ConfigError> {
        Ok(Sweep {
            every: Duration::from_secs(self.number(
                "retention.sweep_seconds",
                retention.sweep_seconds,
                (60, 1..=86_400),
            )?),
            alerts_per_second: self.number(
                "retention.erasures_per_second",
                retention.erasures_per_second,
                (1_000, 1..=100_000),
            )?,
            records_days: self.number(
                "retention.records_days",
                retention.records_days,
                (2_557, RECORDS_DAYS_MIN..=36_525),
            )?,
        })
    }

    fn limits(&self, limits: &file::Limits) -> Result<Limits, ConfigError> {
        Ok(Limits {
            calls: self.count(
                "limits.calls_per_agency_max",
                limits.calls_per_agency_max,
                (1024, 1..=65_536),
            )?,
            governance_calls: self.count(
                "limits.governance_calls_per_agency_max",
                limits.governance_calls_per_agency_max,
                (16, 1..=1024),
            )?,
            streams: self.count(
                "limits.streams_per_agency_max",
                limits.streams_per_agency_max,
                (256, 1..=65_536),
            )?,
            call_timeout: self.duration(
                "limits.call_timeout_ms",
                limits.call_timeout_ms,
                (30_000, 100..=600_000),
            )?,
        })
    }

    /// Nobody shows a certificate there, so that only this machine may ask.
    fn metrics(&self, listen: Option<&String>) -> Result<Option<SocketAddr>, ConfigError> {
        let Some(listen) = listen else { return Ok(None) };
        let listen: SocketAddr = self.parsed("metrics.listen", Some(listen))?;
        if listen.ip().is_loopback() {
            Ok(Some(listen))
        } else {
            Err(self.wrong("metrics.listen", "it must be an address of the loopback"))
        }
    }

    fn witnesses(&self, file: &File) -> Result<Vec<Asking>, ConfigError> {
        let mut witnesses: Vec<Asking> = Vec::new();
        for witness in &file.witness {
            let key: WitnessKey = vkey(&self.dir.join(&witness.vkey))
                .map_err(|fault| self.wrong("witness.vkey", &fault))?;
            if witnesses.iter().any(|it| it.key.name() == key.name()) {
                return Err(self.wrong("witness.vkey", "a witness of that name is there twice"));
            }
            let address = self.parsed("witness.url", Some(&witness.url))?;
            witnesses.push(Asking { address, key });
        }
        if witnesses.len() > WITNESSES_MAX {
            return Err(self.wrong("witness", "there are more than 16"));
        }
        Ok(witnesses)
    }

    fn publish_rate(&self, limits: &file::Limits) -> Result<Rate, ConfigError> {
        let bounds = (50_000, 1..=1_000_000);
        Ok(Rate {
            per_second: self.small(
                "limits.publish_per_second",
                limits.publish_per_second,
                bounds.clone(),
            )?,
            burst: self.small("limits.publish_burst", limits.publish_burst, bounds)?,
        })
    }

    fn small(
        &self,
        key: &'static str,
        given: Option<u64>,
        bounded: Bounded,
    ) -> Result<u32, ConfigError> {
        let number = self.number(key, given, bounded)?;
        u32::try_from(number).map_err(|_| self.wrong(key, "it is too large"))
    }

    fn at(&self, key: &'static str, path: Option<&PathBuf>) -> Result<PathBuf, ConfigError> {
        path.map(|path| self.dir.join(path)).ok_or_else(|| self.wrong(key, "it is missing"))
    }

    fn parsed<T: FromStr>(&self, key: &'static str, text: Option<&String>) -> Result<T, ConfigError>
    where
        T::Err: ToString,
    {
        let text = text.ok_or_else(|| self.wrong(key, "it is missing"))?;
        text.parse().map_err(|error: T::Err| self.wrong(key, &error.to_string()))
    }

    fn number(
        &self,
        key: &'static str,
        given: Option<u64>,
        (default, bounds): Bounded,
    ) -> Result<u64, ConfigError> {
        let number = given.unwrap_or(default);
        if bounds.contains(&number) {
            return Ok(number);
        }
        let fault = format!("it has to be {} to {}", bounds.start(), bounds.end());
        Err(self.wrong(key, &fault))
    }

    fn count(
        &self,
        key: &'static str,
        given: Option<u64>,
        bounded: Bounded,
    ) -> Result<usize, ConfigError> {
        let number = self.number(key, given, bounded)?;
        usize::try_from(number).map_err(|_| self.wrong(key, "it is too large"))
    }

    fn duration(
        &self,
        key: &'static str,
        given: Option<u64>,
        bounded: Bounded,
    ) -> Result<Duration, ConfigError> {
        self.number(key, given, bounded).map(Duration::from_millis)
    }

    fn wrong(&self, key: &'static str, fault: &str) -> ConfigError {
        ConfigError::Value { path: self.path.into(), key, fault: fault.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("portway.toml");
        fs::write(&path, text).unwrap();
        Settings::read(&path).map_err(|error| error.to_string())
    }

    const WHOLE: &str = include_str!("../../config/portway.toml");

    #[test]
    fn the_sample_loads_and_paths_start_at_the_file() {
        let settings = read(WHOLE).unwrap();
        assert_eq!(settings.ledger.origin, "portway.example/portway/main");
        assert!(settings.ledger.journal_dir.is_absolute());
        assert_eq!(settings.ledger.master_key, settings.ledger.keys_dir.join("master.key"));
        assert!(!settings.trust.agencies.is_empty());
    }

    /// The whole sample with rules of its own; the directory is filled by `change`.
    fn read_with_rules(change: impl FnOnce(&Path)) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        let (path, rules) = (dir.path().join("portway.toml"), dir.path().join("rules"));
        fs::create_dir(&rules).unwrap();
        for entry in fs::read_dir("config/policy").unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, rules.join(from.file_name().unwrap())).unwrap();
        }
        change(&rules);
        fs::write(&path, format!("{WHOLE}\n[policy]\ndir = \"rules\"\n")).unwrap();
        Settings::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn rules_are_those_built_in_or_those_of_a_directory() {
        let built_in = read(WHOLE).unwrap().ledger.rules.hash();
        assert_eq!(read_with_rules(|_| ()).unwrap().ledger.rules.hash(), built_in);
        let stricter = read_with_rules(|rules| {
            let path = rules.join("children.cedar");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replace("Field::\"CONTACT\"", "Field::\"AS_OF\"")).unwrap();
        });
        assert_ne!(stricter.unwrap().ledger.rules.hash(), built_in);
    }

    /// As Kubernetes mounts them: every file a link through `..data` into a directory of its own.
    #[test]
    fn rules_may_be_mounted_as_links() {
        let mounted = read_with_rules(|rules| {
            let version = rules.join("..2026_11_27");
            fs::create_dir(&version).unwrap();
            std::os::unix::fs::symlink("..2026_11_27", rules.join("..data")).unwrap();
            for entry in fs::read_dir("config/policy").unwrap() {
                let name = entry.unwrap().file_name();
                fs::rename(rules.join(&name), version.join(&name)).unwrap();
                let target = Path::new("..data").join(&name);
                std::os::unix::fs::symlink(target, rules.join(&name)).unwrap();
            }
        });
        let built_in = read(WHOLE).unwrap().ledger.rules.hash();
        assert_eq!(mounted.unwrap().ledger.rules.hash(), built_in);
    }

    #[test]
    fn rules_that_cannot_be_used_stop_the_start_and_are_named() {
        let said = |change: fn(&Path)| read_with_rules(change).expect_err("a fault");
        let broken = said(|rules| fs::write(rules.join("children.cedar"), "forbid (").unwrap());
        assert!(broken.contains("rules: children.cedar: "), "{broken}");
        let missing = said(|rules| fs::remove_file(rules.join("gateways.cedar")).unwrap());
        assert!(missing.contains("rules: examples.toml: \"crime and disorder"), "{missing}");
        let other = said(|rules| fs::write(rules.join("README.md"), "").unwrap());
        assert!(other.contains("rules: README.md: it is no part of a rule set"), "{other}");
        let gone = said(|rules| fs::remove_dir_all(rules).unwrap());
        assert!(gone.contains("rules: "), "{gone}");
    }

    #[test]
    fn a_wrong_key_or_value_is_named() {
        for (broken, named) in [
            (WHOLE.replace("trust_domain", "trust_domian"), "trust_domian"),
            (WHOLE.replace("[journal]", "[jurnal]"), "jurnal"),
            (WHOLE.replace("trust_domain = ", "# "), "server.trust_domain: it is missing"),
            (WHOLE.replace("[views]", "[views]\nsize = 3"), "size"),
            (WHOLE.replace("\"segments\"", "\"postgres\""), "journal.engine"),
            (
                WHOLE.replace("[ledger]", "[ledger]\nbatch_commands_max = 0"),
                "ledger.batch_commands_max: it has to be 1 to 4096",
            ),
            (WHOLE.replace("[limits]", "[limits]\nalerts_max = 3"), "alerts_max"),
            (
                WHOLE.replace("[limits]", "[limits]\npublish_per_second = 0"),
                "limits.publish_per_second: it has to be 1 to 1000000",
            ),
            (
                WHOLE.replace("[limits]", "[limits]\ncall_timeout_ms = 600001"),
                "limits.call_timeout_ms: it has to be 100 to 600000",
            ),
            (WHOLE.replace("id = \"police\"", "id = \"Police\""), "agency.id"),
            (WHOLE.replace("id = \"housing\"", "id = \"police\""), "agency.id: it is there twice"),
        ] {
            assert_ne!(broken, WHOLE, "{named}");
            let message = read(&broken).expect_err(named);
            assert!(message.contains(named), "{message}");
        }
    }
}
