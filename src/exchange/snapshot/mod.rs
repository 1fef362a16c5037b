//! The state as bytes, for a start that does not read every record: the same state makes the same bytes.
//!
//! They hold no content and no tokens, and neither an agreement's text nor a subscription's filter: those
//! are read again from their records, so that what is erased there is gone here too. Streams and counted
//! refusals are not part of it, because no start has any.

mod kept;
mod read;
mod rights;
mod stored;
mod write;

/// Returns what tells one way to make a state from records from another: SHA-256 of its source. A state that
/// another way made has to be made anew.
pub fn revision() -> [u8; 32] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for source in [
        include_str!("kept.rs"),
        include_str!("read.rs"),
        include_str!("rights.rs"),
        include_str!("stored.rs"),
        include_str!("write.rs"),
        include_str!("../apply.rs"),
        include_str!("../interest.rs"),
        include_str!("../kept.rs"),
        include_str!("../publish.rs"),
        include_str!("../rights/apply.rs"),
        include_str!("../rights/book.rs"),
        include_str!("../state.rs"),
        include_str!("../versions.rs"),
        include_str!("../../domain/agreement.rs"),
        include_str!("../../domain/bars.rs"),
        include_str!("../../domain/rights.rs"),
        include_str!("../../domain/subscription.rs"),
        include_str!("../../record/content.rs"),
        include_str!("../../record/decode.rs"),
        include_str!("../../record/event.rs"),
        include_str!("../../record/retention.rs"),
        include_str!("../../record/rights.rs"),
        include_str!("../../record/stub.rs"),
    ] {
        context.update(source.as_bytes());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

pub use read::{NotAState, Restoring};
