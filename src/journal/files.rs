//! Small files that are there whole or not at all, and only for their owner to read.
//!
//! A file is replaced by a synced copy under a temporary name, renamed, and its directory synced:
//! a crash at any point leaves the old content or the new one.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// What is added to a file's name for its next content.
pub(super) const TEMPORARY: &str = ".tmp";

/// Makes `content` the content of `path`, durably.
///
/// # Errors
///
/// The system's; the old content or the new one is there.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    let mut file = private().create(true).truncate(true).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_parent(path)
}

/// Makes a file that was not there before, durably. Under its name it is whole from the first moment:
/// a crash before that leaves a file of another name, which nobody reads.
///
/// # Errors
///
/// The system's, also where a file of that name exists.
pub fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(parent(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|refused| refused.error)?;
    sync_parent(path)
}

/// Removes a file durably, after its bytes were overwritten where they stand.
pub(super) fn destroy(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len();
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    file.sync_all()?;
    fs::remove_file(path)?;
    sync_parent(path)
}

/// Makes a directory for its owner alone, durably; one that is there already stays as it is.
///
/// # Errors
///
/// The system's.
pub fn create_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the entries of a directory durable.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Tells whether an error means that there is no space, rather than that the device fails.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded | io::ErrorKind::StorageFull
    )
}

/// Tells whether `bytes` more could be written to `dir`, by writing them to a file without a name.
pub(super) fn has_room(dir: &Path, bytes: u64) -> bool {
    let written = tempfile::tempfile_in(dir).and_then(|mut file| {
        io::copy(&mut io::repeat(0).take(bytes), &mut file)?;
        // Some file systems find a place for it only now.
        file.sync_data()
    });
    written.is_ok()
}

/// Writes bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads exactly `N` bytes from lower-case hexadecimal digits.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            *byte = *byte << 4 | nibble(*digit)?;
        }
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Options that open a file for writing and make it for its owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn sync_parent(path: &Path) -> io::Result<()> {
    sync_dir(parent(path))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMPORARY);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn replacing_survives_a_leftover_and_leaves_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(temporary(&path), "half of some longer cont").unwrap();
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn files_and_directories_are_for_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (inner, path) = (dir.path().join("inner"), dir.path().join("inner/file"));
        create_dir(&inner).unwrap();
        create_dir(&inner).unwrap();
        create(&path, b"secret").unwrap();
        assert!(create(&path, b"other").is_err());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&inner), mode(&path)), (0o700, 0o600));
    }

    /// A file cannot be seen half written: it is a file of its own until it gets its name.
    #[test]
    fn a_new_file_has_its_name_only_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::create_dir(&path).unwrap();
        assert!(create(&path, b"whole").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "what failed is cleared away");
        fs::remove_dir(&path).unwrap();
        create(&path, b"whole").unwrap();
        assert_eq!(create(&path, b"other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn hexadecimal_reads_back() {
        assert_eq!(hex(&[0, 0x9a, 0xff]), "009aff");
        assert_eq!(unhex("009aff"), Some([0, 0x9a, 0xff]));
        assert_eq!(unhex::<3>("009aFf"), None);
        assert_eq!(unhex::<2>("009aff"), None);
    }
}
