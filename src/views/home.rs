//! The views' directory: a lock, a small file that binds it to one log, and the index beside it. An index that
//! is given up is set aside as `damaged`, without the key that its tokens were hashed under.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::error::ViewsError;
use crate::domain::Hex;

const LOCK: &str = "lock";
const BINDING: &str = "binding";
const DAMAGED: &str = "damaged";
const INDEX: &str = "index-";
const FORMAT: &str = "portway views 2";

/// What an index belongs to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Binding {
    /// Leaf of the log's first entry, which no other log has.
    pub(super) log: [u8; 32],
    /// How many entries a block has.
    pub(super) block: u64,
    /// How many erasures of the log were known when it was begun: their tokens are not in it.
    pub(super) erased: u64,
    /// The key that tokens are hashed under.
    pub(super) key: Zeroizing<[u8; 32]>,
    /// The name of the index's directory.
    index: String,
}

/// What becomes of the index before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Old {
    /// It is removed.
    Remove,
    /// It is set aside, to be looked at.
    SetAside,
}

/// The directory, for as long as it is held.
#[derive(Debug)]
pub(super) struct Home {
    dir: PathBuf,
    lock: File,
}

impl Drop for Home {
    fn drop(&mut self) {
        // The lock belongs to the open file, of which a child that is being spawned holds a copy.
        drop(self.lock.unlock());
    }
}

impl Home {
    /// Takes hold of the directory, which is made if need be.
    pub(super) fn open(dir: &Path) -> Result<Self, ViewsError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(ViewsError::io(dir))?;
        let path = dir.join(LOCK);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let lock = options.open(&path).map_err(ViewsError::io(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir: dir.into(), lock }),
            Err(TryLockError::WouldBlock) => Err(ViewsError::InUse { path }),
            Err(TryLockError::Error(source)) => Err(ViewsError::Io { path, source }),
        }
    }

    /// Returns what the index belongs to; nothing where that is missing, damaged or of another format.
    pub(super) fn binding(&self) -> Option<Binding> {
        let text = Zeroizing::new(fs::read_to_string(self.dir.join(BINDING)).ok()?);
        Binding::parse(&text)
    }

    /// Tells whether there is an index, or something that was one.
    pub(super) fn holds_any(&self) -> Result<bool, ViewsError> {
        Ok(self.dir.join(BINDING).exists() || !self.indexes()?.is_empty())
    }

    /// Returns the directory of an index.
    pub(super) fn path(&self, binding: &Binding) -> PathBuf {
        self.dir.join(&binding.index)
    }

    /// Binds the directory to a new index under a new key. A crash on the way leaves the old one bound, or
    /// the new one with nothing in it yet.
    pub(super) fn renew(&self, log: [u8; 32], block: u64, old: Old) -> Result<Binding, ViewsError> {
        let binding = Self::prepare((log, 0), block)?;
        self.bind(&binding)?;
        self.clear(&binding, old)?;
        Ok(binding)
    }

    /// Draws the key and the name of another index, which is not bound yet.
    pub(super) fn prepare(
        (log, erased): ([u8; 32], u64),
        block: u64,
    ) -> Result<Binding, ViewsError> {
        let random = SystemRandom::new();
        let (mut key, mut name) = (Zeroizing::new([0; 32]), [0; 8]);
        random.fill(key.as_mut()).map_err(|_| ViewsError::Random)?;
        random.fill(&mut name).map_err(|_| ViewsError::Random)?;
        Ok(Binding { log, block, erased, key, index: format!("{INDEX}{}", Hex(&name)) })
    }

    /// Binds the directory to an index.
    pub(super) fn bind(&self, binding: &Binding) -> Result<(), ViewsError> {
        let path = self.dir.join(BINDING);
        self.replace(&path, binding.text().as_bytes()).map_err(ViewsError::io(&path))
    }

    /// Removes the index that was set aside.
    pub(super) fn remove_damaged(&self) -> Result<(), ViewsError> {
        remove(&self.dir.join(DAMAGED))
    }

    /// Removes or sets aside every index but the one that is bound.
    pub(super) fn clear(&self, bound: &Binding, old: Old) -> Result<(), ViewsError> {
        let damaged = self.dir.join(DAMAGED);
        for path in self.indexes()? {
            if path == self.path(bound) {
                continue;
            }
            remove(if old == Old::SetAside { &damaged } else { &path })?;
            if old == Old::SetAside {
                fs::rename(&path, &damaged).map_err(ViewsError::io(&path))?;
            }
        }
        Ok(())
    }

    fn indexes(&self) -> Result<Vec<PathBuf>, ViewsError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(ViewsError::io(&self.dir))? {
            let entry = entry.map_err(ViewsError::io(&self.dir))?;
            if entry.file_name().to_string_lossy().starts_with(INDEX) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    /// Replaces a small file: whole under its name from the first moment, and for its owner alone.
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|refused| refused.error)?;
        File::open(&self.dir)?.sync_all()
    }
}

fn remove(path: &Path) -> Result<(), ViewsError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ViewsError::io(path)(error)),
        _ => Ok(()),
    }
}

impl Binding {
    /// Seven lines; the last is the CRC-32 of the others: a key that lost a bit would find nothing.
    fn text(&self) -> Zeroizing<String> {
        let (log, key) = (Hex(&self.log), Hex(self.key.as_ref()));
        let (block, erased, index) = (self.block, self.erased, &self.index);
        let body = format!(
            "{FORMAT}\nlog {log}\nblock {block}\nerased {erased}\nindex {index}\nkey {key}\n"
        );
        let body = Zeroizing::new(body);
        let check = crc32fast::hash(body.as_bytes());
        Zeroizing::new(format!("{}check {check:08x}\n", *body))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(FORMAT) {
            return None;
        }
        let mut value = |name| lines.next()?.strip_prefix(name);
        let log = unhex(value("log ")?)?;
        let block = value("block ")?.parse().ok()?;
        let erased = value("erased ")?.parse().ok()?;
        let index = value("index ")?.to_owned();
        let key = Zeroizing::new(unhex(value("key ")?)?);
        let plain = index.strip_prefix(INDEX)?.bytes().all(|it| it.is_ascii_hexdigit());
        let binding = Self { log, block, erased, key, index };
        // One spelling only, the check with it.
        (plain && block > 0 && binding.text().as_str() == text).then_some(binding)
    }
}

fn unhex(digits: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let pairs: &[[u8; 2]; 32] = pairs.try_into().ok().filter(|_| rest.is_empty())?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_binding_has_one_spelling() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(dir.path()).unwrap();
        assert_eq!(home.binding(), None);
        let made = home.renew([1; 32], 1024, Old::Remove).unwrap();
        assert_eq!(home.binding(), Some(made));
        let path = dir.path().join(BINDING);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let good = fs::read(&path).unwrap();
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            fs::write(&path, bad).unwrap();
            assert_eq!(home.binding(), None, "byte {place}");
        }
    }

    #[test]
    fn a_directory_has_one_holder() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(dir.path()).unwrap();
        assert!(matches!(Home::open(dir.path()), Err(ViewsError::InUse { .. })));
        drop(home);
        Home::open(dir.path()).unwrap();
    }

    /// The newest that was given up is kept to be looked at, and its key is not.
    #[test]
    fn what_is_given_up_is_set_aside_without_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(dir.path()).unwrap();
        for number in 0..3 {
            let binding = home.renew([1; 32], 1024, Old::SetAside).unwrap();
            fs::create_dir(home.path(&binding)).unwrap();
            fs::write(home.path(&binding).join("db"), [number]).unwrap();
        }
        assert_eq!(fs::read(dir.path().join("damaged/db")).unwrap(), [1]);
        let bound = home.binding().unwrap();
        assert_eq!(fs::read(home.path(&bound).join("db")).unwrap(), [2]);
        assert_eq!(home.indexes().unwrap().len(), 1);
        home.renew([1; 32], 1024, Old::Remove).unwrap();
        assert_eq!(home.indexes().unwrap().len(), 0);
    }
}
