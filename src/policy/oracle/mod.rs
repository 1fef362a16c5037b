//! The rules a second time, by hand and without Cedar: what the tests hold the rules against. Nothing but tests
//! can reach it. It says what was decided before the rules were Cedar's, limit by limit.

mod admit;
mod define;
mod limits;
mod permit;
mod release;

pub(super) use admit::admit;
pub(super) use define::define;
pub(super) use permit::permit;
