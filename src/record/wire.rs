//! Protobuf written straight into bytes, for what is written with every alert: a generated message would be filled
//! with copies first, and each of them counted. Fields in order of number, default values left out, as generated
//! code does: a test reads what is written and has it written again.

use std::fmt;

use bytes::Bytes;

use super::{Record, content};
use crate::domain::{AlertRef, Caller, Contact, Grading, SubjectToken, Timestamp};
use crate::merkle::Hash;
use crate::pb::Written;

const VARINT: u64 = 0;
const LENGTH: u64 = 2;
/// What a record of an alert or a disclosure takes, about: memory is asked for once.
const RECORD_BYTES: usize = 384;

/// A message that is being written.
#[derive(Default)]
pub struct Wire(Vec<u8>);

/// It may show what an alert says: nothing of it stands in a log line.
impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire(withheld)")
    }
}

impl Wire {
    /// Begins a message of about so many bytes.
    pub fn of(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Returns the message's bytes.
    pub(super) fn end(self) -> Bytes {
        self.0.into()
    }

    /// Returns the message, to be sent.
    pub fn written(self) -> Written {
        Written::new(self.0)
    }

    /// Puts fields behind it that are written already: one message behind the other is one with the fields of both.
    pub fn append(&mut self, fields: &Written) {
        self.0.extend_from_slice(fields.as_bytes());
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            let [low, ..] = value.to_le_bytes();
            self.0.push(low | 0x80);
            value >>= 7;
        }
        let [low, ..] = value.to_le_bytes();
        self.0.push(low);
    }

    fn key(&mut self, field: u32, kind: u64) {
        self.varint(u64::from(field) << 3 | kind);
    }

    /// Writes a number, a code or a flag.
    pub fn number(&mut self, field: u32, value: impl Into<u64>) {
        let value = value.into();
        if value != 0 {
            self.key(field, VARINT);
            self.varint(value);
        }
    }

    /// Writes bytes.
    pub fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.element(field, value);
        }
    }

    /// Writes one of a list of bytes, which may be empty.
    fn element(&mut self, field: u32, value: &[u8]) {
        self.key(field, LENGTH);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// Writes a list of hashes.
    pub fn hashes(&mut self, field: u32, hashes: &[Hash]) {
        for hash in hashes {
            self.element(field, hash.as_bytes());
        }
    }

    /// Writes text.
    pub fn text(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// Writes a list of numbers or codes.
    pub(super) fn numbers<T: Into<u64>>(
        &mut self,
        field: u32,
        values: impl ExactSizeIterator<Item = T>,
    ) {
        if values.len() > 0 {
            self.message(field, |wire| values.for_each(|value| wire.varint(value.into())));
        }
    }

    /// Writes a message within the message, an empty one too. Its length is known when it is written: for most the byte
    /// that is left for it is enough, and of the others the rest of it is put behind that.
    pub fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.key(field, LENGTH);
        let start = self.0.len();
        self.0.push(0);
        write(self);
        let end = self.0.len();
        let length = (end - start - 1) as u64;
        let [low, ..] = length.to_le_bytes();
        let more = length >> 7;
        if let Some(place) = self.0.get_mut(start) {
            *place = if more == 0 { low } else { low | 0x80 };
        }
        if more > 0 {
            self.varint(more);
            let length_bytes = self.0.len() - end;
            if let Some(moved) = self.0.get_mut(start + 1..) {
                moved.rotate_right(length_bytes);
            }
        }
    }

    /// Writes a `google.protobuf.Timestamp`.
    pub(super) fn moment(&mut self, field: u32, at: Timestamp) {
        let at = content::timestamp_to_pb(at);
        self.message(field, |wire| {
            wire.number(1, u64::try_from(at.seconds).unwrap_or(0));
            wire.number(2, u64::try_from(at.nanos).unwrap_or(0));
        });
    }

    /// Writes a `SubjectToken`.
    pub(super) fn token(&mut self, field: u32, token: &SubjectToken) {
        self.message(field, |wire| {
            wire.number(1, token.kind.number());
            wire.number(2, token.epoch);
            wire.bytes(3, &token.value);
        });
    }

    /// Writes a `SourceGrading`.
    pub(super) fn grading(&mut self, field: u32, grading: Grading) {
        self.message(field, |wire| {
            wire.number(1, grading.source.number());
            wire.number(2, grading.assessment.number());
            wire.number(3, grading.handling.number());
        });
    }

    /// Writes a `Contact`.
    pub(super) fn contact(&mut self, field: u32, contact: &Contact) {
        self.message(field, |wire| {
            wire.text(1, contact.role());
            wire.text(2, contact.number());
        });
    }

    /// Writes an `Actor`.
    pub(super) fn actor(&mut self, field: u32, caller: &Caller) {
        self.message(field, |wire| {
            wire.text(1, &caller.seat.to_string());
            wire.bytes(2, &caller.certificate.0);
        });
    }

    /// Writes an `AlertRef`.
    pub(super) fn alert(&mut self, field: u32, alert: &AlertRef) {
        self.message(field, |wire| {
            wire.number(1, alert.published);
            wire.bytes(2, alert.id.as_bytes());
            wire.text(3, alert.publisher.as_str());
            wire.number(4, alert.delete_after.ms());
        });
    }
}

/// Writes a record with its event, which has this number.
pub(super) fn record(record: &Record, event: u32, write: impl FnOnce(&mut Wire)) -> Bytes {
    let mut wire = Wire::of(RECORD_BYTES);
    wire.number(1, record.at.ms());
    for link in &record.links {
        wire.element(2, link);
    }
    wire.message(event, write);
    wire.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths of one, two and three bytes, and numbers up to the largest, as the encoding's own document has them.
    #[test]
    fn lengths_and_numbers_take_the_bytes_that_they_need() {
        let mut wire = Wire::of(0);
        wire.number(1, 150_u32);
        assert_eq!(wire.end().as_ref(), [0x08, 0x96, 0x01]);
        let mut wire = Wire::of(0);
        wire.number(1, u64::MAX);
        assert_eq!(wire.end().as_ref(), [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
        for (length, prefix) in [(0, vec![18, 0]), (300, vec![18, 172, 2])] {
            let mut wire = Wire::of(0);
            wire.message(2, |within| within.0.resize(within.0.len() + length, 7));
            assert_eq!(wire.end().as_ref(), [prefix, vec![7; length]].concat());
        }
        let mut wire = Wire::of(0);
        wire.message(3, |within| within.bytes(1, &[9; 16_384]));
        let bytes = wire.end();
        assert_eq!(bytes.get(..8), Some([26, 132, 128, 1, 10, 128, 128, 1].as_slice()));
        assert_eq!(bytes.len(), 8 + 16_384);
    }
}
