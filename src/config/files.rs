//! The files that one generation is read from, and what tells that one of them has changed: their content, so that
//! files that are replaced, links that are turned and directories that are mounted anew are all seen alike.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use ring::digest::{Context, SHA256};
use zeroize::Zeroizing;

use super::rules::is_of_mount;
use crate::{domain::AgencyId, identity::Sources, pki::IssuerSource};

/// The files of one generation: configuration, certificate and key, CAs, CRLs, rules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Files {
    config: PathBuf,
    /// The server's key: whom it is shown to counts as well.
    key: PathBuf,
    others: Vec<PathBuf>,
    /// The directory of the rules; none where they are built in.
    rules: Option<PathBuf>,
}

impl Files {
    /// Lists the files that a configuration names.
    pub(super) fn new(
        config: &Path,
        trust: &Sources,
        issuers: &BTreeMap<AgencyId, IssuerSource>,
        rules: Option<PathBuf>,
    ) -> Self {
        let mut others = vec![trust.certificate.clone()];
        for issuer in issuers.values() {
            others.extend([issuer.certificate.clone(), issuer.key.clone()]);
        }
        for source in trust.agencies.values().chain(&trust.auditors).chain(&trust.operators) {
            others.push(source.ca.clone());
            others.extend(source.crl.clone());
        }
        Self { config: config.to_owned(), key: trust.key.clone(), others, rules }
    }

    /// Returns SHA-256 over the content of every file, and the mode of the key. One that cannot be read counts by
    /// why it cannot.
    pub fn digest(&self) -> [u8; 32] {
        self.digest_of(&fs::read(&self.config))
    }

    /// Returns the digest where `config` is what was read of the configuration itself.
    pub(super) fn digest_of(&self, config: &io::Result<impl AsRef<[u8]>>) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        add(&mut context, &self.config, config);
        let mode = fs::metadata(&self.key).map_or(0, |it| it.permissions().mode());
        context.update(&mode.to_be_bytes());
        add(&mut context, &self.key, &fs::read(&self.key).map(Zeroizing::new));
        let rules = self.rules.iter().flat_map(|dir| listed(dir));
        for path in self.others.iter().cloned().chain(rules) {
            add(&mut context, &path, &fs::read(&path));
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        bytes
    }
}

/// Name and content, each behind its length.
fn add(context: &mut Context, path: &Path, read: &io::Result<impl AsRef<[u8]>>) {
    let name = path.to_string_lossy();
    let told = match read {
        Ok(bytes) => ring::digest::digest(&SHA256, bytes.as_ref()).as_ref().to_vec(),
        Err(error) => error.kind().to_string().into_bytes(),
    };
    for part in [name.as_bytes(), &told] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
}

fn listed(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let paths = entries.filter_map(|it| Some(it.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths.filter(|path| !is_of_mount(path)).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn files(dir: &Path, rules: Option<PathBuf>) -> Files {
        let [config, key] = ["portway.toml", "key.pem"].map(|name| dir.join(name));
        Files { config, key, others: vec![dir.join("ca.pem")], rules }
    }

    /// As Kubernetes mounts a secret: files are links through a directory that is replaced by turning one link.
    #[test]
    fn a_link_that_is_turned_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for (version, text) in [("..v1", "one"), ("..v2", "two")] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("ca.pem"), text).unwrap();
        }
        symlink("..v1", at("..data")).unwrap();
        symlink("..data/ca.pem", at("ca.pem")).unwrap();
        let files = files(dir.path(), None);
        let first = files.digest();
        assert_eq!(files.digest(), first);

        symlink("..v2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();

        let second = files.digest();
        assert_ne!(second, first);
        fs::remove_file(at("..data")).unwrap();
        assert_ne!(files.digest(), second);
    }

    /// The digest is of what was read, whatever stands in the file by then.
    #[test]
    fn a_configuration_counts_as_it_was_read() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path(), None);
        fs::write(&files.config, "one").unwrap();
        let first = files.digest();
        fs::write(&files.config, "two").unwrap();
        assert_eq!(files.digest_of(&Ok("one")), first);
        assert_ne!(files.digest(), first);
    }

    /// A key that others may read is no good: the next generation is to find that, whatever else is the same.
    #[test]
    fn a_key_that_others_may_read_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path(), None);
        fs::write(&files.key, "key").unwrap();
        let mode = |mode| fs::set_permissions(&files.key, fs::Permissions::from_mode(mode));
        mode(0o600).unwrap();
        let first = files.digest();
        mode(0o644).unwrap();
        assert_ne!(files.digest(), first);
        mode(0o600).unwrap();
        assert_eq!(files.digest(), first);
    }

    #[test]
    fn a_rule_that_comes_goes_or_changes_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let files = files(other.path(), Some(dir.path().to_owned()));
        let mut seen = vec![files.digest()];
        for text in ["one", "two"] {
            fs::write(dir.path().join("a.cedar"), text).unwrap();
            seen.push(files.digest());
        }
        fs::rename(dir.path().join("a.cedar"), dir.path().join("b.cedar")).unwrap();
        seen.push(files.digest());
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 4);
        fs::remove_file(dir.path().join("b.cedar")).unwrap();
        assert!(seen.contains(&files.digest()));
    }
}
