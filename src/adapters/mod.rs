//! Between an agency's own files and the words of the exchange: extracts of case systems become
//! drafts, and what officers write as TOML becomes agreements and subscriptions.
//! Names, dates of birth, addresses and free text end here: no value this room gives out holds them.

pub mod agreement;
pub mod cohort;
pub mod csv;
mod document;
pub mod normalise;
pub mod run;
pub mod subscription;
pub mod token;

#[cfg(test)]
mod samples;

pub use document::DocumentError;
