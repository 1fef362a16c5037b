//! The manifest of a backup: what it is of, and every file with its digest. It vouches for nothing but itself; who
//! signed the checkpoint in it is for the ledger to verify.

use std::path::PathBuf;

use ring::digest::{SHA256, digest};

use crate::domain::Timestamp;
use crate::journal::{files, id::JournalId};

const TITLE: &str = "portway backup v1";

/// What a backup is of. The two never stand in one directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BackupKind {
    /// The journal's segments.
    Journal,
    /// Its keys, wrapped as they are.
    Keys,
}

impl BackupKind {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Keys => "keys",
        }
    }
}

/// A file of a backup.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BackupFile {
    /// Its path in the directory that was copied.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub digest: [u8; 32],
}

impl BackupFile {
    /// Returns its path in the backup's directory: a file that changes gets another, so that a manifest never names
    /// what another one has replaced.
    pub fn path(&self) -> PathBuf {
        let digest = files::hex(self.digest.get(..8).unwrap_or_default());
        [super::store::FILES, &format!("{}.{digest}", self.name.replace('/', "-"))].iter().collect()
    }
}

/// What a backup holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BackupManifest {
    /// What it is of.
    pub kind: BackupKind,
    /// Of which journal.
    pub journal: JournalId,
    /// The origin of the log.
    pub origin: String,
    /// How many entries the journal held, where a batch ends.
    pub size: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Every file, in order of its name.
    pub files: Vec<BackupFile>,
    /// The checkpoint that covers those entries: a signed note.
    pub checkpoint: String,
}

impl BackupManifest {
    /// Writes it as text; the digest covers everything before its own line.
    pub(super) fn encode(&self) -> String {
        let file =
            |it: &BackupFile| format!("file {} {} {}\n", files::hex(&it.digest), it.bytes, it.name);
        let listed: String = self.files.iter().map(file).collect();
        let body = format!(
            "{TITLE}\nkind {}\njournal {}\norigin {}\nsize {}\ntime {}\n{listed}checkpoint\n{}\n",
            self.kind.text(),
            self.journal,
            self.origin,
            self.size,
            self.at,
            self.checkpoint
        );
        let digest = files::hex(digest(&SHA256, body.as_bytes()).as_ref());
        format!("{body}sha256 {digest}\n")
    }

    /// Reads it back; says what does not match.
    pub(super) fn decode(text: &str) -> Result<Self, &'static str> {
        let (body, last) = text
            .strip_suffix('\n')
            .and_then(|text| text.rsplit_once("\nsha256 "))
            .ok_or("it has no digest")?;
        let body = format!("{body}\n");
        if files::hex(digest(&SHA256, body.as_bytes()).as_ref()) != last {
            return Err("its digest does not match");
        }
        parse(&body).ok_or("a line is not known")
    }
}

fn parse(body: &str) -> Option<BackupManifest> {
    let rest = body.strip_prefix(TITLE)?.strip_prefix("\nkind ")?;
    let (kind, rest) = rest.split_once("\njournal ")?;
    let (journal, rest) = rest.split_once("\norigin ")?;
    let (origin, rest) = rest.split_once("\nsize ")?;
    let (size, rest) = rest.split_once("\ntime ")?;
    let (listed, checkpoint) = rest.split_once("\ncheckpoint\n")?;
    let mut lines = listed.lines();
    let at = Timestamp::parse(lines.next()?)?;
    let kind = match kind {
        "journal" => BackupKind::Journal,
        "keys" => BackupKind::Keys,
        _ => return None,
    };
    Some(BackupManifest {
        kind,
        journal: journal.parse().ok()?,
        origin: origin.to_owned(),
        size: size.parse().ok()?,
        at,
        files: lines.map(|line| file(line, kind)).collect::<Option<_>>()?,
        checkpoint: checkpoint.strip_suffix('\n')?.to_owned(),
    })
}

fn file(line: &str, kind: BackupKind) -> Option<BackupFile> {
    let mut parts = line.strip_prefix("file ")?.splitn(3, ' ');
    let digest = files::unhex(parts.next()?)?;
    let bytes = parts.next()?.parse().ok()?;
    let name = parts.next()?;
    is_name(name, kind).then(|| BackupFile { name: name.to_owned(), bytes, digest })
}

/// Tells whether a file of that name is copied: nothing else is ever put anywhere in a restore.
fn is_name(name: &str, kind: BackupKind) -> bool {
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let chunk = name.strip_prefix("slots/").and_then(|it| it.strip_suffix(".keys"));
    let plain = |it: &str| {
        !it.is_empty() && it.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    match kind {
        BackupKind::Journal => name.strip_suffix(".seg").is_some_and(|it| digits(it, 20)),
        BackupKind::Keys => {
            chunk.is_some_and(|it| digits(it, 8)) || name.strip_suffix(".sealed").is_some_and(plain)
        }
    }
}
