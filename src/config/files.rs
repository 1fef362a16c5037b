//! The files that one generation is read from, and what tells that one of them has changed: their content, so that
//! files that are replaced, links that are turned and directories that are mounted anew are all seen alike.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use ring::digest::{Context, SHA256};
use zeroize::Zeroizing;

use crate::identity::Sources;

/// The files of one generation: configuration, certificate and key, CAs, CRLs, rules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Files {
    files: Vec<PathBuf>,
    /// The directory of the rules; none where they are built in.
    rules: Option<PathBuf>,
}

impl Files {
    /// Lists the files that a configuration names.
    pub(super) fn new(config: &Path, trust: &Sources, rules: Option<PathBuf>) -> Self {
        let mut files = vec![config.to_owned(), trust.certificate.clone(), trust.key.clone()];
        for source in trust.agencies.values().chain(&trust.operators) {
            files.push(source.ca.clone());
            files.extend(source.crl.clone());
        }
        Self { files, rules }
    }

    /// Returns SHA-256 over the content of every file. One that cannot be read counts by why it cannot.
    pub fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        for path in &self.files {
            add(&mut context, path);
        }
        if let Some(dir) = &self.rules {
            for path in listed(dir) {
                add(&mut context, &path);
            }
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        bytes
    }
}

/// Name and content, each behind its length.
fn add(context: &mut Context, path: &Path) {
    let name = path.to_string_lossy();
    let read: io::Result<Zeroizing<Vec<u8>>> = fs::read(path).map(Zeroizing::new);
    let told = match &read {
        Ok(bytes) => ring::digest::digest(&SHA256, bytes).as_ref().to_vec(),
        Err(error) => error.kind().to_string().into_bytes(),
    };
    for part in [name.as_bytes(), &told] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
}

fn listed(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(|it| Some(it.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

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
        let files = Files { files: vec![at("ca.pem")], rules: None };
        let first = files.digest();
        assert_eq!(files.digest(), first);

        symlink("..v2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();

        let second = files.digest();
        assert_ne!(second, first);
        fs::remove_file(at("..data")).unwrap();
        assert_ne!(files.digest(), second);
    }

    #[test]
    fn a_rule_that_comes_goes_or_changes_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files { files: Vec::new(), rules: Some(dir.path().to_owned()) };
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
