//! A place in a subscription, opaque to everybody else: 48 bytes, authenticated, so that a forged one or
//! one of another subscription is told from a true one.

use ring::hmac;

use crate::record::commitment::Key;

/// A place in a subscription: the deliveries up to a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// Index of the record that created the subscription.
    pub subscription: u64,
    /// The number; 0 = before the first.
    pub number: u64,
}

/// The bytes are not a position of this broker.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a position")]
pub struct PositionForged;

const PLACE_BYTES: usize = 16;

impl Position {
    pub(super) fn to_bytes(self, key: &Key) -> Vec<u8> {
        let place = [self.subscription.to_be_bytes(), self.number.to_be_bytes()].concat();
        let tag = hmac::sign(&hmac_key(key), &place);
        [&place, tag.as_ref()].concat()
    }

    pub(super) fn from_bytes(key: &Key, bytes: &[u8]) -> Result<Self, PositionForged> {
        let (place, tag) = bytes.split_at_checked(PLACE_BYTES).ok_or(PositionForged)?;
        hmac::verify(&hmac_key(key), place, tag).map_err(|_| PositionForged)?;
        let (subscription, number) = place.split_at(PLACE_BYTES / 2);
        Ok(Self { subscription: number_of(subscription), number: number_of(number) })
    }
}

fn hmac_key(key: &Key) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key)
}

fn number_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_ours_or_none() {
        let position = Position { subscription: 7, number: u64::MAX };
        let bytes = position.to_bytes(&[1; 32]);
        assert_eq!(bytes.len(), 48);
        assert_eq!(Position::from_bytes(&[1; 32], &bytes), Ok(position));
        assert_eq!(Position::from_bytes(&[2; 32], &bytes), Err(PositionForged));
        for place in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[place] ^= 1;
            assert_eq!(Position::from_bytes(&[1; 32], &forged), Err(PositionForged));
        }
        assert_eq!(Position::from_bytes(&[1; 32], &bytes[..47]), Err(PositionForged));
        assert_eq!(Position::from_bytes(&[1; 32], b""), Err(PositionForged));
    }
}
