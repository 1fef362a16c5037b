//! A person's rights over an alert: acts of its publisher that stop it from being disclosed, the notices of them to
//! every recipient, and objections. P4 for restriction, recall and rectification, and P3 once a restriction is
//! lifted, are decided here. What is kept of an alert that is long gone is an id and what was done to it.

mod acts;
mod apply;
mod book;
mod notices;
mod objections;

pub use book::Owed;
pub(super) use book::{Answer, Book, Due, Inbox, Kept, Mark, Objection, Place};
pub use notices::{Asked, Handed, Letter, NoticeFilter, NoticeStanding, Pull};
pub use objections::{ObjectionFilter, ObjectionStanding};
