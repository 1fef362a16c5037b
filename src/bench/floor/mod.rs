//! The floor: the least that a broker can do that is worth its name, to hold the real one against. Mutual TLS,
//! gRPC streams, one segment file; every message and every disclosure recorded, hashed and synced before
//! anybody is told. No policy, no commitments, no recovery, no back-pressure: never to be used for anything.

mod serve;
mod store;
mod wire;

pub(super) use serve::serve;
pub(super) use wire::FloorWire;

/// Paths of the calls.
const PUBLISH: &str = "/portway.bench.Floor/Publish";
const SUBSCRIBE: &str = "/portway.bench.Floor/Subscribe";
const FLOW: &str = "/portway.bench.Floor/Flow";

/// Reads a number of eight bytes, big-endian, and what comes after it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*number), rest))
}
