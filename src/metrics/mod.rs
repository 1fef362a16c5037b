//! Figures for whoever watches over the broker: one page in Prometheus' text format, over plain HTTP on the loopback.
//! It counts, and names certificates by fingerprint; no person, alert or subject is in it.

mod certificates;
mod family;
mod page;
mod serve;

pub use family::Family;
pub use page::{NoticeCounts, Watched};
pub use serve::{PATH, serve};

#[cfg(test)]
mod tests;
