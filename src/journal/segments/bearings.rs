//! What a later opening is told, so that it need not read what lies before some entry: which segments
//! there were, the marks in them, and where the last batch before the entry stands.
//!
//! A shortcut, never the truth: an opening that finds anything else on the disk reads everything.

use prost::Message;

use super::{
    marks::{Mark, Marks},
    scan::Extent,
};

/// How a journal stood when it held some number of entries.
#[derive(Debug)]
pub(super) struct Bearings {
    /// The segments; how much of the last is used does not matter.
    pub(super) segments: Vec<Extent>,
    /// The offset of the last batch, in the last segment.
    pub(super) batch: u64,
    pub(super) marks: Marks,
}

/// The same as bytes. Numbers that only grow are written as steps.
#[derive(Clone, PartialEq, Message)]
struct Stored {
    /// For each segment: the step of its first index, and its end.
    #[prost(uint64, repeated, tag = "1")]
    segments: Vec<u64>,
    #[prost(uint64, tag = "2")]
    batch: u64,
    /// For each mark: the steps of its index, segment and batch, and how far the frame is from the batch.
    #[prost(uint64, repeated, tag = "3")]
    marks: Vec<u64>,
}

impl Bearings {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut segments = Vec::with_capacity(2 * self.segments.len());
        let mut first = 0;
        for extent in &self.segments {
            segments.extend([extent.first_index - first, extent.used]);
            first = extent.first_index;
        }
        let mut marks = Vec::with_capacity(4 * self.marks.as_slice().len());
        let mut last = Mark { index: 0, segment: 0, batch: 0, frame: 0 };
        for mark in self.marks.as_slice() {
            // The offsets start again with each segment.
            let before = if mark.segment == last.segment { last.batch } else { 0 };
            marks.push(mark.index - last.index);
            let steps = [mark.segment - last.segment, mark.batch - before, mark.frame - mark.batch];
            marks.extend(steps.map(u64::from));
            last = *mark;
        }
        Stored { segments, batch: self.batch, marks }.encode_to_vec()
    }

    /// Reads them back; none where they are not as they were written.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let stored = Stored::decode(bytes).ok()?;
        let mut segments = Vec::with_capacity(stored.segments.len() / 2);
        let mut first = 0_u64;
        for pair in stored.segments.chunks(2) {
            let [step, used] = pair else { return None };
            first = first.checked_add(*step)?;
            segments.push(Extent { first_index: first, used: *used });
        }
        let mut marks = Vec::with_capacity(stored.marks.len() / 4);
        let mut last = Mark { index: 0, segment: 0, batch: 0, frame: 0 };
        for steps in stored.marks.chunks(4) {
            let [index, segment, batch, frame] = steps else { return None };
            let segment = last.segment.checked_add(u32::try_from(*segment).ok()?)?;
            let before = if segment == last.segment { last.batch } else { 0 };
            let batch = before.checked_add(u32::try_from(*batch).ok()?)?;
            last = Mark {
                index: last.index.checked_add(*index)?,
                segment,
                batch,
                frame: batch.checked_add(u32::try_from(*frame).ok()?)?,
            };
            marks.push(last);
        }
        Some(Self { segments, batch: stored.batch, marks: Marks::of(marks) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearings_read_back_and_nothing_else_does() {
        let marks = [(0, 0, 64, 104), (64, 0, 64, 9000), (100, 1, 64, 104), (101, 1, 500, 540)];
        let marks =
            marks.map(|(index, segment, batch, frame)| Mark { index, segment, batch, frame });
        let bearings = Bearings {
            segments: [(0, 9500), (100, 700)]
                .map(|(first_index, used)| Extent { first_index, used })
                .into(),
            batch: 500,
            marks: Marks::of(marks.into()),
        };
        let bytes = bearings.to_bytes();
        let again = Bearings::from_bytes(&bytes).unwrap();
        assert_eq!(format!("{again:?}"), format!("{bearings:?}"));
        for length in 1..bytes.len() {
            if let Some(cut) = Bearings::from_bytes(&bytes[..length]) {
                assert_ne!(format!("{cut:?}"), format!("{bearings:?}"));
            }
        }
        let huge = Stored { marks: vec![u64::MAX; 8], ..Stored::default() }.encode_to_vec();
        assert!(Bearings::from_bytes(&huge).is_none(), "a step too far");
    }
}
