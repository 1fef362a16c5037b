//! The alerts of a file, read one by one. They are read twice: half a file that cannot be read helps nobody,
//! so all of it is looked at before the first alert is published, and no more than one is held at a time.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;

use super::kept::named;
use crate::{cli::output::Failure, client::json, pb::v1 as pb};

/// The largest alert as JSON, in bytes: some ten times what a broker takes.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// A file of alerts that can be read from the beginning again.
pub(super) struct Documents {
    file: File,
}

impl Documents {
    /// Opens a file; stdin is copied to one without a name, which nobody else can open.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::usage(named(path, &error));
        if path == Path::new("-") {
            let mut file = tempfile::tempfile().map_err(failed)?;
            io::copy(&mut io::stdin().lock(), &mut file).map_err(failed)?;
            return Ok(Self { file });
        }
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.is_file() {
            return Ok(Self { file });
        }
        // A pipe can be read once only.
        let mut copy = tempfile::tempfile().map_err(failed)?;
        io::copy(&mut { file }, &mut copy).map_err(failed)?;
        Ok(Self { file: copy })
    }

    /// Reads the alerts from the beginning.
    pub(super) fn read(
        &mut self,
    ) -> Result<impl Iterator<Item = Result<pb::AlertDraft, Failure>>, Failure> {
        self.file.rewind().map_err(Failure::failed)?;
        let left = Arc::new(AtomicUsize::new(DOCUMENT_BYTES_MAX));
        let bounded = Bounded { inner: self.file.try_clone().map_err(Failure::failed)?, left };
        let left = Arc::clone(&bounded.left);
        let mut values =
            serde_json::Deserializer::from_reader(BufReader::new(bounded)).into_iter::<Value>();
        Ok(std::iter::from_fn(move || {
            left.store(DOCUMENT_BYTES_MAX, Ordering::Relaxed);
            let value = values.next()?;
            let value = value
                .map_err(|error| Failure::usage(format_args!("this is no AlertDraft: {error}")));
            Some(value.and_then(|value| Ok(json::from_value(value)?)))
        }))
    }
}

/// A reader that stops where one document takes too much.
struct Bounded {
    inner: File,
    left: Arc<AtomicUsize>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than a mebibyte"));
        }
        let size = buffer.len().min(left);
        let count = self.inner.read(buffer.get_mut(..size).unwrap_or_default())?;
        self.left.store(left - count, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn documents(text: &str) -> Documents {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Documents { file }
    }

    #[test]
    fn alerts_are_read_twice_whether_or_not_each_has_a_line() {
        for text in ["{}{\"area\":\"N1\"}", "{}\n\n{\"area\":\n\"N1\"}\n"] {
            let mut documents = documents(text);
            for _ in 0..2 {
                let areas: Vec<_> = documents.read().unwrap().map(|it| it.unwrap().area).collect();
                assert_eq!(areas, ["", "N1"]);
            }
        }
    }

    #[test]
    fn a_document_without_end_is_not_held() {
        let long = format!("{{\"area\":\"{}\"}}", "N".repeat(2 * DOCUMENT_BYTES_MAX));
        let mut documents = documents(&format!("{{}}{long}"));
        let mut read = documents.read().unwrap();
        assert!(read.next().unwrap().is_ok());
        let failure = read.next().unwrap().expect_err("too long");
        assert!(failure.message.contains("more than a mebibyte"), "{}", failure.message);
    }
}
