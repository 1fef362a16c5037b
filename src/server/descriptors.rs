//! Descriptors: one for each connection, handshake and open file. What the settings allow has to be there.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Settings;

/// For the journal, keys, views and whatever else is open beside connections.
const FILES: usize = 256;

/// Raises the process's own limit of descriptors to what the settings may need, as far as the system lets it; says so
/// where it does not.
pub fn reserve(settings: &Settings) {
    let needed = settings.acceptor.descriptors_max().saturating_add(FILES);
    let needed = u64::try_from(needed).unwrap_or(u64::MAX);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return;
    }
    let raised = maximum.map_or(needed, |maximum| maximum.min(needed));
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        tracing::warn!(%error, "the limit of descriptors could not be raised");
    }
    if raised < needed {
        tracing::warn!(needed, limit = raised, "fewer descriptors than connections may need");
    }
}
