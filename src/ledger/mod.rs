//! The only writer. In its turn at the journal it decides every queued command, seals the records,
//! makes them durable with one signed checkpoint in one write, and only then answers, releases views and
//! lets anybody see them. P2: nothing in this room hands out what is not durable.

mod access;
mod administer;
mod answer;
mod backup;
mod batch;
mod bulk;
mod command;
mod contents;
mod deliver;
mod error;
mod govern;
mod handle;
mod keeper;
mod keys;
mod levels;
mod open;
mod outlet;
mod outlets;
mod position;
mod publish;
mod queue;
mod rate;
mod read;
mod reader;
mod reading;
mod records;
mod replay;
mod retaining;
mod retention;
mod rights;
mod rotation;
mod salts;
#[cfg(test)]
pub(crate) mod sample;
mod seal;
mod secrets;
mod signing;
#[cfg(test)]
mod simulation;
mod snapshot;
mod space;
mod stream;
mod sweep;
mod thread;
mod time_watch;
mod tree;
mod way;
mod writer;

pub use administer::Generation;
pub use answer::{Commit, PublishAnswer, Receipt};
pub use backup::{
    BackedUp, Behind, RestoreFrom, Restored, VerifiedBackup, back_up, journal_of_backup, restore,
    standing, verify_backup,
};
pub use bulk::Answered;
pub use command::{Heard, Opening, StreamAnswer, StreamKey};
pub use error::{LedgerError, Rejection};
pub use handle::Ledger;
pub use open::{Settings, Start, open};
pub use outlet::{Delivery, Outgoing, Outlet, Release};
pub use position::{Position, PositionForged};
pub use rate::Rate;
pub use read::{Entry, ErasedEntry, LinkOpening, LinkPlace, Links, Stood};
pub use reader::Reader;
pub use records::{Condensed, Erasable};
pub use retention::Approved;
pub use rights::{AlertAct, NoticePage, NoticesAnswer, Outstanding, OwedActs, SentNotice};
pub use sweep::{Sweep, Sweeper, Unswept};
pub use thread::Running;
pub use way::{Shut, Way};
