//! What officers hand out: a person's access report and the register of processing, as data, as a table and as a page
//! to be printed. It asks no broker and decides nothing: what is withheld is for an officer to say.

mod acts;
mod decisions;
mod page;
mod person;
mod register;
#[cfg(test)]
mod tests;

pub use acts::Act;
pub use decisions::{
    Decided, Decision, Decisions, Finding, Reason, ThirdParty, Undecided, Withhold,
};
pub use page::{Page, Section};
pub use person::{Draft, Entry, Report, Sources};
pub use register::{Activity, Register};
