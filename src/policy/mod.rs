//! May this be shared? Agreements and the statutory limits in, a permit or a refusal out. Pure: no I/O,
//! no clock. P1: a [`Permit`] and an [`Admitted`] are made in this room and nowhere else; unknown,
//! missing or in error is a refusal. An engineering checklist of the law, not legal advice.

mod admit;
mod define;
mod limits;
mod minimise;
mod permit;
mod release;
#[cfg(test)]
mod tests;

pub use admit::{Admitted, admit};
pub use define::define;
pub use minimise::minimise;
pub use permit::{Ask, Permit, permit};

/// Returns what the rule set is known by in the log: SHA-256 of its source.
pub fn rule_set() -> [u8; 32] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for source in [
        include_str!("admit.rs"),
        include_str!("define.rs"),
        include_str!("limits.rs"),
        include_str!("minimise.rs"),
        include_str!("permit.rs"),
        include_str!("release.rs"),
        include_str!("../domain/agreement.rs"),
        include_str!("../domain/alert.rs"),
        include_str!("../domain/codes.rs"),
        include_str!("../domain/law.rs"),
    ] {
        context.update(source.as_bytes());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
