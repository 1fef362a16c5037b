//! The highest number that each CA's list of revocations has had here, in a file, so that a start takes no list that a
//! running broker would refuse. It decides nothing else.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Fault, Trust, TrustError, crl::is_lower};
use crate::domain::{Hex, KeyId};

/// The file of the numbers: a line for each CA, key and number in hexadecimal digits.
#[derive(Clone, Debug)]
pub struct CrlMarks(PathBuf);

impl CrlMarks {
    /// Names the file in a directory.
    pub fn within(dir: &Path) -> Self {
        Self(dir.join("crl-numbers"))
    }

    /// Holds the lists of a generation against the numbers.
    ///
    /// # Errors
    ///
    /// `TrustError` where a list has a lower number than one before it, or the file is not readable.
    pub fn check(&self, trust: &Trust) -> Result<(), TrustError> {
        let known = self.read().map_err(|error| self.wrong(error))?;
        for crl in trust.crls() {
            let number = Hex(&crl.number).to_string();
            if known.get(&key(crl.issuer)).is_some_and(|before| is_lower(&number, before)) {
                return Err(TrustError { path: crl.path.clone(), fault: Fault::CrlOlder });
            }
        }
        Ok(())
    }

    /// Notes the numbers of a generation that is in force.
    ///
    /// # Errors
    ///
    /// `TrustError` where the file cannot be written.
    pub fn note(&self, trust: &Trust) -> Result<(), TrustError> {
        self.write(trust).map_err(|error| self.wrong(error))
    }

    fn write(&self, trust: &Trust) -> io::Result<()> {
        let before = self.read()?;
        let mut known = before.clone();
        // Agencies may share a CA and take its lists at their own pace: what is in force now is to start again.
        let mut lowest = BTreeMap::new();
        for crl in trust.crls() {
            let number = Hex(&crl.number).to_string();
            let noted = lowest.entry(key(crl.issuer)).or_insert_with(|| number.clone());
            if is_lower(&number, noted) {
                *noted = number;
            }
        }
        known.extend(lowest);
        if known == before {
            return Ok(());
        }
        let next = self.0.with_extension("next");
        let mut file = File::create(&next)?;
        for (key, number) in known {
            writeln!(file, "{key} {number}")?;
        }
        file.sync_all()?;
        fs::rename(next, &self.0)
    }

    fn read(&self) -> io::Result<BTreeMap<String, String>> {
        let text = match fs::read_to_string(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            read => read?,
        };
        let line = |line: &str| {
            let (key, number) = line.split_once(' ').ok_or(io::ErrorKind::InvalidData)?;
            Ok((key.to_owned(), number.to_owned()))
        };
        text.lines().map(line).collect()
    }

    fn wrong(&self, error: io::Error) -> TrustError {
        TrustError { path: self.0.clone(), fault: error.into() }
    }
}

fn key(issuer: KeyId) -> String {
    issuer.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        for (one, other, lower) in
            [("01", "02", true), ("ff", "0100", true), ("0100", "ff", false), ("07", "07", false)]
        {
            assert_eq!(is_lower(one, other), lower, "{one} {other}");
        }
    }
}
