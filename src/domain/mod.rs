//! The words of the exchange: ids, codes, alert, agreement, subscription, caller, refusal, time.
//! Everything is parsed once and valid from then on. No I/O, no bytes on a wire, no decisions.

pub mod agreement;
pub mod alert;
pub mod bars;
pub mod caller;
mod code;
pub mod codes;
pub mod facts;
pub mod fields;
pub mod id;
pub mod law;
#[cfg(test)]
pub(crate) mod random;
pub mod refusal;
pub mod rights;
pub mod subscription;
pub mod time;

pub use agreement::{Agreement, Flow, Party};
pub use alert::{Contact, Draft, Grading, SubjectToken, View};
pub use bars::{Bar, Barring, Bars, KeyId};
pub use caller::{Caller, Fingerprint, Hex, Seat};
pub use code::UnknownCode;
pub use codes::*;
pub use facts::Facts;
pub use fields::{Field, Fields};
pub use id::{
    AgencyId, AgreementId, AlertId, Area, CaseReference, InvalidId, Name, StaffReference,
    TrustDomain,
};
pub use refusal::{Act, Class, Reason, Refusal};
pub use rights::{
    AlertNotice, AlertNoticeKind, AlertRef, ObjectionGround, ObjectionKind, ObjectionOutcome,
    RecallReason, RestrictionReason,
};
pub use subscription::{Filter, Subscription};
pub use time::{Clock, SystemClock, Timestamp};
