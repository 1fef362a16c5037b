//! What names an event to the broker: a request id that is the same at every attempt to publish it.

use ring::digest;

use crate::domain::{AgencyId, AlertId, CaseReference, InvalidId, Name, Timestamp};

/// What the request ids of one event have in common, whenever they are made: all of a `UUIDv7` but its
/// time. It holds a digest, so that receipts and the state of a run do not repeat the event's own id.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EventKey([u8; 10]);

impl EventKey {
    /// Makes the key of an agency's event; `source` tells its systems apart where it has several that
    /// count their events each on their own.
    pub fn of(agency: &AgencyId, source: Option<&Name>, event: &CaseReference) -> Self {
        let line = match source {
            // An agency's id holds no slash.
            Some(source) => format!("portway|request|{agency}/{source}|{event}"),
            None => format!("portway|request|{agency}|{event}"),
        };
        let digest = digest::digest(&digest::SHA256, line.as_bytes());
        let mut key = [0; 10];
        key.iter_mut().zip(digest.as_ref()).for_each(|(byte, part)| *byte = *part);
        // RFC 9562 §5.7: version 7, variant 10.
        let [version, _, variant, ..] = &mut key;
        *version = 0x70 | (*version & 0x0f);
        *variant = 0x80 | (*variant & 0x3f);
        Self(key)
    }

    /// Takes the key out of a request id.
    pub fn within(id: AlertId) -> Self {
        let mut key = [0; 10];
        key.iter_mut().zip(id.as_bytes().iter().skip(6)).for_each(|(byte, part)| *byte = *part);
        Self(key)
    }

    /// Makes the request id of an attempt that began at `play` (RFC 9562 §5.7: 48 bits of time first).
    ///
    /// # Errors
    ///
    /// `InvalidId` where the key was made of other bytes than a request id's.
    pub fn at(self, play: Timestamp) -> Result<AlertId, InvalidId> {
        let mut bytes = [0; 16];
        let time = play.ms().to_be_bytes();
        let parts = time.iter().skip(2).chain(&self.0);
        bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
        AlertId::from_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(agency: &str, source: Option<&str>, event: &str) -> EventKey {
        let source = source.map(|it| it.parse().unwrap());
        EventKey::of(&agency.parse().unwrap(), source.as_ref(), &event.parse().unwrap())
    }

    #[test]
    fn an_event_has_one_key_whenever_it_is_published() {
        let one = key("police", None, "E1");
        let (now, later) = (Timestamp::from_ms(1_790_000_000_123), Timestamp::from_ms(1 << 41));
        let (first, second) = (one.at(now).unwrap(), one.at(later).unwrap());
        assert_ne!(first, second);
        assert_eq!((EventKey::within(first), EventKey::within(second)), (one, one));
        assert_eq!((first.made_at_ms(), second.made_at_ms()), (now.ms(), later.ms()));
    }

    #[test]
    fn another_event_source_or_agency_has_another() {
        let one = key("police", None, "E1");
        for other in [
            key("police", None, "E2"),
            key("police", Some("rms"), "E1"),
            key("council", None, "E1"),
        ] {
            assert_ne!(one, other);
        }
    }
}
