//! The name of one journal, random, so that its files cannot be mixed up with another's.

use std::{fmt, str::FromStr};

use ring::{
    error::Unspecified,
    rand::{SecureRandom, SystemRandom},
};

use super::files;

/// Sixteen random bytes that stand in every segment, in the keys directory and in the anchor.
/// Written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct JournalId([u8; 16]);

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a journal id: 32 lower-case hexadecimal digits are expected")]
pub struct InvalidJournalId;

impl JournalId {
    /// Draws a new id.
    ///
    /// # Errors
    ///
    /// Fails when the system has no randomness to give.
    pub fn random() -> Result<Self, Unspecified> {
        let mut bytes = [0; 16];
        SystemRandom::new().fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Takes the bytes of an id.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for JournalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&files::hex(&self.0))
    }
}

impl FromStr for JournalId {
    type Err = InvalidJournalId;

    fn from_str(text: &str) -> Result<Self, InvalidJournalId> {
        files::unhex(text).map(Self).ok_or(InvalidJournalId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = JournalId::random().unwrap();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_ne!(JournalId::random().unwrap(), id);
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in ["", "00", &"A".repeat(32), &"g".repeat(32), &"0".repeat(33)] {
            assert_eq!(text.parse::<JournalId>(), Err(InvalidJournalId), "{text}");
        }
    }
}
