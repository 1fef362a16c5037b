//! The views: an index in sled of which blocks of the log hold what, and officers' questions answered with
//! its help. It is deleted at will and rebuilt from the journal; where it lags, is gone or does not fit, the
//! journal is read instead, so that an answer never depends on it. It holds no record and no token, only
//! keyed hashes of tokens, and is never on the writer's path.

mod alert;
mod anew;
mod answer;
mod block;
mod breach;
mod error;
mod group;
mod home;
mod index;
mod keys;
mod matter;
mod question;
mod resolve;
mod room;
mod search;
mod store;
mod term;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Place, PlaceForged, Shown};
pub use breach::{Breach, Reached};
pub use error::ViewsError;
pub use question::{Asker, Question};
pub use room::{Standing, Views};
