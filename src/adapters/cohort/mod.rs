//! Invented extracts to try the exchange with: fifty people who never lived, drawn to the margins of
//! the 2016 review's sample of cases, as ten partners' systems would export them over two years.
//! The same seed gives the same bytes.

mod events;
mod people;
mod random;
mod sources;
mod write;

#[cfg(test)]
mod tests;

pub use sources::{Bears, Column, Kind, SOURCES, Source};

use random::Random;

/// What [`generate`] makes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cohort {
    /// One extract per agency, in order of [`SOURCES`].
    pub extracts: Vec<Extract>,
    /// CSV of event, agency and person: which events are of one person. No agency has it; it is there
    /// to check a match rate.
    pub truth: String,
}

/// What one agency's system exports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Extract {
    /// The agency.
    pub agency: &'static str,
    /// The CSV file.
    pub text: String,
}

/// Makes extracts with `events_per_person` events a person on average.
pub fn generate(seed: u64, events_per_person: u32) -> Cohort {
    let mut random = Random::new(seed);
    let people = people::draw(&mut random);
    let events = events::draw(&mut random, &people, events_per_person);
    let extract = |source| {
        let text = write::extract(&mut random, source, &people, &events);
        Extract { agency: source.agency, text }
    };
    Cohort {
        extracts: SOURCES.iter().map(extract).collect(),
        truth: write::truth(&people, &events),
    }
}
