//! The promise of the views: an answer is the same, whatever state the index is in.

mod alerts;
mod erasures;
mod faults;
mod properties;
mod questions;
mod scene;
