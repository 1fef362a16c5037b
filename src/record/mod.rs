//! One entry of the log: what it says, its bytes as protobuf, and what it commits to. Bytes are made
//! once, when the entry is written, and only read from then on. Content is sealed by `ledger`, not here.

mod access;
mod agreement;
mod content;
mod decode;
mod encode;
mod event;
mod read;
mod references;
mod retention;
mod rights;
mod rotation;
mod stub;
#[cfg(test)]
mod tests;
mod view;
mod wire;

pub mod commitment;

pub use access::{Access, NotARequest, Released, RequestId};
pub use agreement::{agreement_from_pb, agreement_from_stored, agreement_to_pb, agreement_version};
pub use content::{
    draft_bytes, draft_from_bytes, draft_from_pb, draft_to_pb, filter_bytes, filter_from_bytes,
    filter_from_pb, filter_to_pb, proof_to_pb, timestamp_from_pb, timestamp_to_pb, token_from_pb,
};
pub use decode::{Malformed, decode};
pub use encode::encode;
pub use event::{
    Agencies, CertificateIssued, Disclosed, Event, Governed, LogRestored, ProposedAgreement,
    Published, Record, Refused, Reloaded, SealedFilter, SnapshotTaken, StoredSubscription,
};
pub use read::{code, codes, parsed};
pub use references::References;
pub use retention::{Erased, Held, Ordered, RECORDS_DAYS_MIN, Retention, Sealed};
pub use rights::{Answered, NoticeStep, NoticesDue, RightsEvent};
pub use rotation::{Rotation, RotationError};
pub use stub::Stub;
pub use view::view_bytes;
pub use wire::Wire;
