//! What a question is answered with: some records, and the place to go on from. A place is authenticated and
//! bound to its question and agency, so that the pages of one answer all cover the same log.

use crate::ledger::{Entry, LinkOpening, LinkPlace, Reader};

/// An entry that fits, with the opening of the asking agency's link.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The entry.
    pub entry: Entry,
    /// The opening; none where the record concerns no agency.
    pub link: Option<LinkOpening>,
}

/// A part of an answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The entries, in order.
    pub shown: Vec<Shown>,
    /// Where to go on; nothing at the end.
    pub next: Option<Place>,
}

/// A place in an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// Index of the next entry to look at.
    pub next: u64,
    /// How many entries the answer covers.
    pub size: u64,
    /// Where the agency's links stand before that entry, where that is known.
    pub(super) links: Option<LinkPlace>,
}

/// The bytes are not a place that was given out for this question.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a place in this answer")]
pub struct PlaceForged;

/// Next, size, whether links are known, number, previous.
const PLACE_BYTES: usize = 33;

impl Place {
    /// Makes a place to start from.
    pub const fn new(next: u64, size: u64) -> Self {
        Self { next, size, links: None }
    }

    /// Writes the place, bound to the bytes of its question and of whoever asks it.
    pub fn to_bytes(self, reader: &Reader, question: &[u8]) -> Vec<u8> {
        let links = self.links.unwrap_or_default();
        let place = [
            &self.next.to_be_bytes()[..],
            &self.size.to_be_bytes(),
            &[u8::from(self.links.is_some())],
            &links.number.to_be_bytes(),
            &links.previous.to_be_bytes(),
        ]
        .concat();
        let tag = reader.page_tag(&place, question);
        [&place[..], &tag].concat()
    }

    /// Reads a place that was given out for the same question.
    ///
    /// # Errors
    ///
    /// [`PlaceForged`] for everything else.
    pub fn from_bytes(bytes: &[u8], reader: &Reader, question: &[u8]) -> Result<Self, PlaceForged> {
        let (place, tag) = bytes.split_at_checked(PLACE_BYTES).ok_or(PlaceForged)?;
        if !reader.is_page(place, question, tag) {
            return Err(PlaceForged);
        }
        let number = |start: usize| {
            let bytes = place.iter().skip(start).take(8);
            bytes.fold(0, |number: u64, byte| number << 8 | u64::from(*byte))
        };
        let links = LinkPlace { number: number(17), previous: number(25) };
        let knows_links = place.get(16) == Some(&1);
        Ok(Self { next: number(0), size: number(8), links: knows_links.then_some(links) })
    }
}
