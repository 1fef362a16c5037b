//! What is left of a record that was erased whole: whose chains of links it stood in, and the numbers that it took,
//! so that those who come after it keep theirs. No time, no reason, nobody's name but agencies'.

use prost::Message;

use super::{Event, Malformed, Record, Retention, RightsEvent, decode::parsed};
use crate::domain::{AgencyId, Timestamp};

/// What is left of an erased record.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stub {
    /// The agencies that it concerned, in the order of its links.
    pub agencies: Vec<AgencyId>,
    /// Slot of the key of its body, which is destroyed.
    pub slot: Option<u64>,
    /// Slots of keys that it says are destroyed.
    pub erased: Vec<u64>,
    /// The block of the log that it says was gone through, and when the next of its alerts is due.
    pub swept: Option<(u64, Option<Timestamp>)>,
    /// The subscription that it ended, by the index of its record.
    pub ended: Option<u64>,
    /// The order of an erasure that it withdrew, by the index of its record.
    pub withdrawn: Option<u64>,
    /// The alert that it let go of as evidence, by the index of its record.
    pub released: Option<u64>,
    /// The agencies each of whom it gave a number among its notices.
    pub notified: Vec<AgencyId>,
    /// The act that these are of, and the alert, by the indexes of their records.
    pub settled: Option<(u64, u64)>,
}

#[derive(Clone, PartialEq, Message)]
struct Stored {
    #[prost(string, repeated, tag = "1")]
    agencies: Vec<String>,
    /// The slot plus 1; 0 = none.
    #[prost(uint64, tag = "2")]
    slot: u64,
    #[prost(string, repeated, tag = "3")]
    notified: Vec<String>,
    #[prost(uint64, repeated, tag = "4")]
    erased: Vec<u64>,
    /// Both, or none.
    #[prost(uint64, repeated, tag = "5")]
    settled: Vec<u64>,
    /// Block and milliseconds, 0 where nothing is due; or none.
    #[prost(uint64, repeated, tag = "6")]
    swept: Vec<u64>,
    /// The index plus 1; 0 = none.
    #[prost(uint64, tag = "7")]
    ended: u64,
    /// The index plus 1; 0 = none.
    #[prost(uint64, tag = "8")]
    withdrawn: u64,
    /// The index plus 1; 0 = none.
    #[prost(uint64, tag = "9")]
    released: u64,
}

impl Stub {
    /// Takes what has to be left of a record.
    pub fn of(record: &Record) -> Self {
        let mut stub = Self {
            agencies: record.event.agencies().into_iter().cloned().collect(),
            slot: record.event.slot(),
            ..Self::default()
        };
        if let Event::Rights(RightsEvent::NoticesDue(due)) = &record.event {
            stub.notified.clone_from(&due.recipients);
            stub.settled = Some((due.cause, due.alert.published));
        } else if let Event::Retention(Retention::Erased(it)) = &record.event {
            stub.erased = it.targets.iter().map(|target| target.slot).collect();
            stub.swept = it.swept;
        } else if let Event::Retention(Retention::Withdrawn { order, .. }) = &record.event {
            stub.withdrawn = Some(*order);
        } else if let Event::Retention(Retention::Released { published, .. }) = &record.event {
            stub.released = Some(*published);
        } else if let Event::SubscriptionDeleted { subscription, .. } = &record.event {
            stub.ended = Some(*subscription);
        }
        stub
    }

    /// Writes it as it stands in the journal.
    pub fn to_bytes(&self) -> Vec<u8> {
        let names = |agencies: &[AgencyId]| agencies.iter().map(ToString::to_string).collect();
        Stored {
            agencies: names(&self.agencies),
            slot: self.slot.map_or(0, |slot| slot + 1),
            notified: names(&self.notified),
            erased: self.erased.clone(),
            settled: self.settled.map(|(act, alert)| vec![act, alert]).unwrap_or_default(),
            swept: self
                .swept
                .map(|(block, next)| vec![block, next.map_or(0, Timestamp::ms)])
                .unwrap_or_default(),
            ended: self.ended.map_or(0, |index| index + 1),
            withdrawn: self.withdrawn.map_or(0, |index| index + 1),
            released: self.released.map_or(0, |index| index + 1),
        }
        .encode_to_vec()
    }

    /// Reads one back.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for what was never written so.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let stored = Stored::decode(bytes).map_err(|_| Malformed)?;
        let names = |names: &[String]| -> Result<Vec<AgencyId>, Malformed> {
            names.iter().map(|name| parsed(name)).collect()
        };
        Ok(Self {
            agencies: names(&stored.agencies)?,
            slot: stored.slot.checked_sub(1),
            notified: names(&stored.notified)?,
            erased: stored.erased,
            settled: match stored.settled.as_slice() {
                [] => None,
                [act, alert] => Some((*act, *alert)),
                _ => return Err(Malformed),
            },
            swept: match stored.swept.as_slice() {
                [] => None,
                [block, 0] => Some((*block, None)),
                [block, next] => Some((*block, Some(Timestamp::from_ms(*next)))),
                _ => return Err(Malformed),
            },
            ended: stored.ended.checked_sub(1),
            withdrawn: stored.withdrawn.checked_sub(1),
            released: stored.released.checked_sub(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stub_reads_back() {
        let agency = |name: &str| name.parse::<AgencyId>().unwrap();
        for stub in [
            Stub::default(),
            Stub { agencies: vec![agency("police")], slot: Some(0), ..Stub::default() },
            Stub { erased: vec![3, 70], swept: Some((2, None)), ..Stub::default() },
            Stub { swept: Some((0, Some(Timestamp::from_ms(5)))), ..Stub::default() },
            Stub { ended: Some(0), ..Stub::default() },
            Stub { withdrawn: Some(0), ..Stub::default() },
            Stub { released: Some(5), ..Stub::default() },
            Stub {
                agencies: vec![agency("police"), agency("housing")],
                notified: vec![agency("school")],
                settled: Some((9, 4)),
                ..Stub::default()
            },
        ] {
            assert_eq!(Stub::from_bytes(&stub.to_bytes()), Ok(stub));
        }
        assert!(Stub::from_bytes(b"\x0a\x01\x20").is_err(), "no name of an agency");
        assert!(Stub::from_bytes(b"\xff").is_err());
    }
}
