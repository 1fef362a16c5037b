//! The generated messages and services of `proto/portway/v1`, fenced off: the one place with an allow.
//! Nothing is written by hand here, and nothing of it appears in `domain`.

/// Package `portway.v1`.
#[expect(clippy::allow_attributes, reason = "the attribute below is for generated code")]
#[allow(
    warnings,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated code"
)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/portway.v1.rs"));
}

/// The encoded descriptor set of the proto files: for reflection and for canonical JSON.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/portway.fds.bin"));
