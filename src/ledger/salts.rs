//! Salts of commitments, and random bytes for nonces of bodies, drawn many at a time: a call of the system for each
//! record would cost more than what it is needed for. None is given out twice.

use ring::rand::{SecureRandom, SystemRandom};

use crate::journal::KeyError;
use crate::record::commitment::Key;

/// How many are drawn at once.
const AT_ONCE: usize = 256;

/// Salts that were drawn and not given out yet.
#[derive(Default)]
pub(super) struct Salts(Vec<Key>);

/// A salt opens a commitment: none stands in a log line.
impl std::fmt::Debug for Salts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salts(withheld)")
    }
}

impl Salts {
    /// Gives out the next salt.
    ///
    /// # Errors
    ///
    /// `KeyError::Random` where the system gives no random numbers.
    pub(super) fn next(&mut self, random: &SystemRandom) -> Result<Key, KeyError> {
        if let Some(salt) = self.0.pop() {
            return Ok(salt);
        }
        let mut drawn = [[0; 32]; AT_ONCE];
        random.fill(drawn.as_flattened_mut()).map_err(|_| KeyError::Random)?;
        let (last, rest) = drawn.split_last().ok_or(KeyError::Random)?;
        self.0.extend_from_slice(rest);
        Ok(*last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_salt_comes_twice() {
        let (mut salts, random) = (Salts::default(), SystemRandom::new());
        let given: BTreeSet<Key> = (0..3 * AT_ONCE).map(|_| salts.next(&random).unwrap()).collect();
        assert_eq!(given.len(), 3 * AT_ONCE);
        assert!(!given.contains(&[0; 32]));
    }
}
