//! Snapshots: files that a start goes on from instead of reading every entry. One is trusted only where a
//! record of the log names its digest and its root, and what follows leads from it to a signed root.
//! They hold no content. Made by a second reader of the journal, so that the writer never waits for one.

mod maker;
mod parts;
mod start;
mod take;

pub(super) use maker::Maker;
pub(super) use parts::Parts;
pub(super) use start::{Untrusted, restore, start};
pub(super) use take::{take, write};
