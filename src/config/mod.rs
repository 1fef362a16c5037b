//! The configuration: the file as it is read, and the settings as they are meant. Every bound is checked
//! here, and a message names the key. Secrets are paths, never values.

mod file;
mod files;
mod rehearsal;
mod rules;
mod settings;
mod witness;

pub use file::ConfigError;
pub use files::Files;
pub use rehearsal::rehearsal;
pub use rules::rules;
pub use settings::Settings;
pub use witness::witness;
