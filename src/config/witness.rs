//! The configuration of a witness: its own file, in the same manner as the broker's.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::file::ConfigError;
use crate::{
    merkle::Verifier,
    witness::{self, KnownLog},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    witness: Own,
    #[serde(default)]
    log: Vec<Log>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    name: String,
    listen: String,
    dir: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    vkey: PathBuf,
    rotations: Option<PathBuf>,
}

/// Reads the configuration of a witness. Relative paths start at the file's own directory.
///
/// # Errors
///
/// [`ConfigError`] names the file, and the key that is missing, unknown or wrong.
pub fn witness(path: &Path) -> Result<witness::Settings, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.into(), source })?;
    let file: File = toml::from_str(&text).map_err(|error| ConfigError::Shape {
        path: path.into(),
        message: error.to_string().trim_end().to_owned(),
    })?;
    let wrong = |key, fault: String| ConfigError::Value { path: path.into(), key, fault };
    let dir = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let listen = file.witness.listen.parse();
    let listen = listen.map_err(|_| wrong("witness.listen", "not of the form IP:PORT".into()))?;
    let mut origins = BTreeSet::new();
    let mut logs = Vec::new();
    for log in &file.log {
        let key = vkey::<Verifier>(&dir.join(&log.vkey)).map_err(|it| wrong("log.vkey", it))?;
        if !origins.insert(key.name().to_owned()) {
            return Err(wrong("log.vkey", "this log is there twice".into()));
        }
        logs.push(KnownLog { key, rotations: log.rotations.as_ref().map(|it| dir.join(it)) });
    }
    if logs.is_empty() {
        return Err(wrong("log", "there is none".into()));
    }
    Ok(witness::Settings { name: file.witness.name, listen, dir: dir.join(file.witness.dir), logs })
}

/// Reads a file that holds one verifier key; what is wrong with it is said with its name.
pub(super) fn vkey<K: std::str::FromStr<Err: std::fmt::Display>>(path: &Path) -> Result<K, String> {
    let named = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let text = fs::read_to_string(path).map_err(|error| named(&error))?;
    text.trim_end().parse().map_err(|error| named(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n";
    const WHOLE: &str = "[witness]\nname = \"witness.example\"\nlisten = \"127.0.0.1:0\"\ndir = \"w\"\n\
        [[log]]\nvkey = \"log.vkey\"\nrotations = \"log.rotations\"\n";

    fn read(text: &str) -> Result<witness::Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("log.vkey"), VKEY).unwrap();
        let path = dir.path().join("witness.toml");
        fs::write(&path, text).unwrap();
        witness(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_whole_file_is_read_and_paths_start_at_it() {
        let settings = read(WHOLE).unwrap();
        assert!(settings.dir.is_absolute());
        assert_eq!(settings.logs.len(), 1);
        assert_eq!(settings.logs[0].key.name(), "PeterNeumann");
        assert!(settings.logs[0].rotations.as_ref().unwrap().is_absolute());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let twice = format!("{WHOLE}[[log]]\nvkey = \"log.vkey\"\n");
        let (alone, _) = WHOLE.split_once("[[log]]").unwrap();
        for (text, named) in [
            (WHOLE.replace("name = \"witness.example\"\n", ""), "name"),
            (WHOLE.replace("127.0.0.1:0", "here"), "witness.listen"),
            (WHOLE.replace("log.vkey", "other.vkey"), "log.vkey"),
            (WHOLE.replace("rotations", "rotation"), "rotation"),
            (twice, "twice"),
            (alone.to_owned(), "there is none"),
        ] {
            let error = read(&text).expect_err(named);
            assert!(error.contains(named), "{error}");
        }
    }
}
