//! A place in a subscription, opaque to everybody else: 48 bytes, authenticated, so that a forged one or
//! one of another subscription is told from a true one.

use bytes::Bytes;

use crate::record::commitment::Secret;

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
    pub(super) fn to_bytes(self, key: &Secret) -> Bytes {
        let (subscription, number) = (self.subscription.to_be_bytes(), self.number.to_be_bytes());
        let tag = key.derive(&[&subscription, &number]);
        [&subscription[..], &number, &tag].concat().into()
    }

    pub(super) fn from_bytes(key: &Secret, bytes: &[u8]) -> Result<Self, PositionForged> {
        let (place, tag) = bytes.split_at_checked(PLACE_BYTES).ok_or(PositionForged)?;
        key.verify(place, tag).map_err(|_| PositionForged)?;
        let (subscription, number) = place.split_at(PLACE_BYTES / 2);
        Ok(Self { subscription: number_of(subscription), number: number_of(number) })
    }
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
        let (ours, other) = (Secret::new(&[1; 32]), Secret::new(&[2; 32]));
        let bytes = position.to_bytes(&ours);
        assert_eq!(bytes.len(), 48);
        assert_eq!(Position::from_bytes(&ours, &bytes), Ok(position));
        assert_eq!(Position::from_bytes(&other, &bytes), Err(PositionForged));
        for place in 0..bytes.len() {
            let mut forged = bytes.to_vec();
            forged[place] ^= 1;
            assert_eq!(Position::from_bytes(&ours, &forged), Err(PositionForged));
        }
        assert_eq!(Position::from_bytes(&ours, &bytes[..47]), Err(PositionForged));
        assert_eq!(Position::from_bytes(&ours, b""), Err(PositionForged));
    }
}
