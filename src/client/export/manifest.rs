//! The manifest: the digest of every other file, under a seal that the log's key signed.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};

use crate::{client::audit::from_hex, domain::Hex};

/// The list of files with their SHA-256, in order of path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::client) struct Manifest {
    pub(in crate::client) files: BTreeMap<String, [u8; 32]>,
}

impl Manifest {
    /// Its own path.
    pub(in crate::client) const PATH: &str = "manifest";

    /// Adds a file.
    pub(in crate::client) fn add(&mut self, path: String, content: &[u8]) {
        self.files.insert(path, sha256(content));
    }

    /// Returns the list, as `sha256sum` writes and checks it.
    pub(in crate::client) fn list(&self) -> String {
        let mut list = String::new();
        for (path, digest) in &self.files {
            list.extend([&Hex(digest).to_string(), "  ", path, "\n"]);
        }
        list
    }

    /// Puts the seal over the list.
    pub(in crate::client) fn sealed(&self, seal: &str) -> String {
        format!("{seal}\n{}", self.list())
    }

    /// Parts a manifest into seal and list, and reads the list. None where it has another form than the
    /// one that would be written.
    pub(in crate::client) fn parse(text: &str) -> Option<(String, Self)> {
        // A note holds empty lines of its own, the list none: the last one parts them.
        let (seal, list) = text.rsplit_once("\n\n")?;
        let entry = |line: &str| {
            let (digest, path) = line.split_once("  ")?;
            Some((path.to_owned(), from_hex(digest)?))
        };
        let manifest = Self { files: list.lines().map(entry).collect::<Option<_>>()? };
        (manifest.list() == list && !list.is_empty()).then(|| (format!("{seal}\n"), manifest))
    }
}

/// Hashes bytes.
pub(in crate::client) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written_and_in_no_other_form() {
        let mut manifest = Manifest::default();
        manifest.add("b".to_owned(), b"two");
        manifest.add("a/x".to_owned(), b"");
        let text = manifest.sealed("text\n\nsignature\n");
        assert_eq!(
            text.lines().nth(4),
            Some("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a/x")
        );
        assert_eq!(Manifest::parse(&text), Some(("text\n\nsignature\n".to_owned(), manifest)));

        for bad in [
            text.replace("  a/x", " a/x"),
            text.replace("e3b0", "E3B0"),
            text.replace("  a/x", "  c/x"),
            text.trim_end().to_owned(),
            format!("{text}\n"),
            text.replace("\n\n", "\n"),
        ] {
            assert_eq!(Manifest::parse(&bad), None, "{bad}");
        }
    }
}
