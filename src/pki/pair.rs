//! Puts a new key and its certificate in the place of the old ones, both at once: `key.pem` and `cert.pem` are links
//! through one link, `live`, to the directory of the pair in use, and that link is replaced as a whole. Whoever reads
//! them, after a crash at any moment too, finds two that belong together.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use super::{PkiError, create_directory, write_private, write_public};

const PAIRS: &str = "pairs";
const LIVE: &str = "live";
const FILES: [&str; 2] = ["key.pem", "cert.pem"];

/// Makes `key` and `certificate` those of the identity directory `dir`. The old ones are there until then, and
/// removed afterwards.
///
/// # Errors
///
/// `File` names what cannot be written; the old pair is still in use then, or the new one already.
pub fn replace_pair(dir: &Path, key: &str, certificate: &str) -> Result<(), PkiError> {
    replace(dir, (key, certificate), &mut |_| Ok(()))
}

/// The same; `at` is asked before each step that changes something.
fn replace(
    dir: &Path,
    (key, certificate): (&str, &str),
    at: &mut dyn FnMut(u32) -> Result<(), PkiError>,
) -> Result<(), PkiError> {
    let path = dir.join("renewal.lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let _lock = lock.and_then(|lock| lock.lock().map(|()| lock)).map_err(in_file(&path))?;
    create_directory(&dir.join(PAIRS))?;
    at(0)?;
    make_linked(dir, at)?;
    let new = free(dir);
    write_pair(&dir.join(&new), (key, certificate))?;
    at(4)?;
    link(dir, &new, LIVE)?;
    at(5)?;
    // A key that nobody uses any more is not kept.
    for entry in fs::read_dir(dir.join(PAIRS)).map_err(in_file(dir))? {
        let entry = entry.map_err(in_file(dir))?.path();
        if entry != dir.join(&new) {
            fs::remove_dir_all(&entry).map_err(in_file(&entry))?;
        }
    }
    Ok(())
}

/// Turns files into links to copies of themselves: whatever is done of it, the content is the same.
fn make_linked(
    dir: &Path,
    at: &mut dyn FnMut(u32) -> Result<(), PkiError>,
) -> Result<(), PkiError> {
    let targets = FILES.map(|name| Path::new(LIVE).join(name));
    let linked = FILES.map(|name| fs::read_link(dir.join(name)).ok());
    if linked.iter().zip(&targets).all(|(linked, target)| linked.as_ref() == Some(target)) {
        return Ok(());
    }
    let [key, certificate] = FILES.map(|name| super::files::read(&dir.join(name)));
    let copy = free(dir);
    write_pair(&dir.join(&copy), (&key?, &certificate?))?;
    at(1)?;
    link(dir, &copy, LIVE)?;
    for (step, (name, target)) in (2..).zip(FILES.iter().zip(&targets)) {
        at(step)?;
        link(dir, target, name)?;
    }
    Ok(())
}

/// Returns a directory of pairs that is not there yet.
fn free(dir: &Path) -> PathBuf {
    let place = |number: u32| Path::new(PAIRS).join(number.to_string());
    let mut places = (1..u32::MAX).map(place);
    places.find(|place| !dir.join(place).exists()).unwrap_or_else(|| place(0))
}

fn write_pair(dir: &Path, (key, certificate): (&str, &str)) -> Result<(), PkiError> {
    create_directory(dir)?;
    let [key_path, certificate_path] = FILES.map(|name| dir.join(name));
    write_private(&key_path, key)?;
    write_public(&certificate_path, certificate)?;
    for path in [&key_path, &certificate_path] {
        File::open(path).and_then(|file| file.sync_all()).map_err(in_file(path))?;
    }
    sync(dir)
}

/// Makes `name` a link, in place of whatever it was.
fn link(dir: &Path, target: &Path, name: &str) -> Result<(), PkiError> {
    let next = dir.join(format!("{name}.next"));
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(in_file(&next)(error));
        }
        Ok(()) | Err(_) => {}
    }
    symlink(target, &next)
        .and_then(|()| fs::rename(&next, dir.join(name)))
        .map_err(in_file(&next))?;
    sync(dir)
}

fn sync(dir: &Path) -> Result<(), PkiError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(in_file(dir))
}

fn in_file(path: &Path) -> impl Fn(io::Error) -> PkiError {
    move |error| PkiError::File { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn pair(dir: &Path) -> [String; 2] {
        FILES.map(|name| fs::read_to_string(dir.join(name)).unwrap())
    }

    fn enrolled() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        write_private(&dir.path().join("key.pem"), "key 1").unwrap();
        write_public(&dir.path().join("cert.pem"), "cert 1").unwrap();
        dir
    }

    #[test]
    fn a_pair_is_replaced_again_and_again_and_one_is_kept() {
        let dir = enrolled();
        for number in 2..5 {
            let (key, certificate) = (format!("key {number}"), format!("cert {number}"));
            replace_pair(dir.path(), &key, &certificate).unwrap();
            assert_eq!(pair(dir.path()), [key, certificate]);
            assert_eq!(fs::read_dir(dir.path().join(PAIRS)).unwrap().count(), 1);
            let mode = fs::metadata(dir.path().join("key.pem")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    /// Whatever step a crash comes before, the two belong together, and the next try is done.
    #[test]
    fn a_crash_leaves_two_that_belong_together() {
        for first in [true, false] {
            for stop in 0..6 {
                let dir = enrolled();
                if !first {
                    replace_pair(dir.path(), "key 2", "cert 2").unwrap();
                }
                let crash = || PkiError::Unreadable;
                let mut at = |step| if step == stop { Err(crash()) } else { Ok(()) };

                let stopped = replace(dir.path(), ("key 3", "cert 3"), &mut at).is_err();

                let [key, certificate] = pair(dir.path());
                assert_eq!(key.replace("key", ""), certificate.replace("cert", ""), "{stop}");
                assert_eq!(stopped, first || !(1..4).contains(&stop), "a step that is none");
                replace_pair(dir.path(), "key 4", "cert 4").unwrap();
                assert_eq!(pair(dir.path()), ["key 4", "cert 4"]);
                assert_eq!(fs::read_dir(dir.path().join(PAIRS)).unwrap().count(), 1);
            }
        }
    }
}
