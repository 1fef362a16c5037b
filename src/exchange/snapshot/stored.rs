//! How a state is laid out as protobuf. Agencies and agreements stand in lists, in order, and are named by
//! their place there.

use prost::Message;

/// A [`State`](crate::exchange::State) without what its records tell.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Stored {
    #[prost(uint64, tag = "1")]
    pub(super) size: u64,
    #[prost(uint64, tag = "2")]
    pub(super) recorded_at: u64,
    #[prost(uint64, tag = "3")]
    pub(super) slots: u64,
    #[prost(string, repeated, tag = "4")]
    pub(super) agencies: Vec<String>,
    #[prost(string, repeated, tag = "5")]
    pub(super) agreements: Vec<String>,
    #[prost(message, repeated, tag = "6")]
    pub(super) links: Vec<Linked>,
    #[prost(message, repeated, tag = "7")]
    pub(super) versions: Vec<Version>,
    #[prost(message, repeated, tag = "8")]
    pub(super) subscriptions: Vec<Subscription>,
    #[prost(message, repeated, tag = "9")]
    pub(super) alerts: Vec<Alert>,
    #[prost(message, repeated, tag = "10")]
    pub(super) requests: Vec<Request>,
    #[prost(uint64, repeated, tag = "11")]
    pub(super) rotations: Vec<u64>,
    #[prost(message, repeated, tag = "12")]
    pub(super) issued: Vec<Issued>,
    #[prost(message, repeated, tag = "13")]
    pub(super) bars: Vec<Bar>,
    /// Slots that are erased: the first of each range, and the first behind it.
    #[prost(uint64, repeated, tag = "14")]
    pub(super) erased: Vec<u64>,
    /// Blocks, and when the first of their alerts is due.
    #[prost(uint64, repeated, tag = "15")]
    pub(super) due: Vec<u64>,
    #[prost(message, repeated, tag = "16")]
    pub(super) spent: Vec<Spent>,
    #[prost(message, repeated, tag = "17")]
    pub(super) orders: Vec<Order>,
    #[prost(message, repeated, tag = "18")]
    pub(super) held: Vec<Held>,
    /// Index of the record plus 1.
    #[prost(uint64, tag = "19")]
    pub(super) halted: u64,
    #[prost(message, optional, tag = "20")]
    pub(super) rights: Option<super::rights::Stored>,
    /// Records below this index may be erased.
    #[prost(uint64, tag = "21")]
    pub(super) records_from: u64,
}

/// Tokens of a subscription that has ended.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Spent {
    #[prost(uint64, tag = "1")]
    pub(super) index: u64,
    #[prost(uint32, tag = "2")]
    pub(super) agency: u32,
    #[prost(uint64, tag = "3")]
    pub(super) slot: u64,
}

/// An order of an erasure that is not done.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Order {
    #[prost(uint64, tag = "1")]
    pub(super) index: u64,
    #[prost(string, tag = "2")]
    pub(super) seat: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) certificate: Vec<u8>,
    #[prost(int32, tag = "4")]
    pub(super) reason: i32,
    /// Index and slot of each target.
    #[prost(uint64, repeated, tag = "5")]
    pub(super) targets: Vec<u64>,
    /// Index of the approval plus 1.
    #[prost(uint64, tag = "6")]
    pub(super) approved: u64,
}

/// An alert that is held.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Held {
    #[prost(uint64, tag = "1")]
    pub(super) published: u64,
    #[prost(uint64, tag = "2")]
    pub(super) index: u64,
    #[prost(uint32, tag = "3")]
    pub(super) agency: u32,
    #[prost(uint64, tag = "4")]
    pub(super) slot: u64,
    #[prost(int32, tag = "5")]
    pub(super) reason: i32,
    #[prost(uint64, tag = "6")]
    pub(super) review_at: u64,
    #[prost(uint64, tag = "7")]
    pub(super) delete_after: u64,
}

/// A certificate that was issued.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Issued {
    #[prost(uint64, tag = "1")]
    pub(super) index: u64,
    #[prost(string, tag = "2")]
    pub(super) seat: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) before: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) certificate: Vec<u8>,
    #[prost(uint64, tag = "5")]
    pub(super) not_after: u64,
}

/// Who may not take part: a certificate, a CA's key, or an agency that was revoked or is suspended.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Bar {
    #[prost(uint64, tag = "1")]
    pub(super) index: u64,
    #[prost(oneof = "Barred", tags = "2, 3, 4, 5")]
    pub(super) barred: Option<Barred>,
}

/// Who is barred.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Barred {
    #[prost(bytes, tag = "2")]
    Certificate(Vec<u8>),
    #[prost(bytes, tag = "3")]
    Authority(Vec<u8>),
    #[prost(string, tag = "4")]
    Revoked(String),
    #[prost(string, tag = "5")]
    Suspended(String),
}

/// An agency's running number, and the index of its last record, plus 1.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Linked {
    #[prost(uint32, tag = "1")]
    pub(super) agency: u32,
    #[prost(uint64, tag = "2")]
    pub(super) number: u64,
    #[prost(uint64, tag = "3")]
    pub(super) last: u64,
}

/// A version of an agreement, in the order of its proposals.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Version {
    #[prost(uint64, tag = "1")]
    pub(super) proposed: u64,
    #[prost(uint32, repeated, tag = "2")]
    pub(super) approved_by: Vec<u32>,
    #[prost(bool, tag = "3")]
    pub(super) withdrawn: bool,
}

/// A subscription's place in the log, and where it stands.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Subscription {
    #[prost(uint64, tag = "1")]
    pub(super) index: u64,
    #[prost(uint64, tag = "2")]
    pub(super) delivered: u64,
    #[prost(uint64, tag = "3")]
    pub(super) acknowledged: u64,
    #[prost(uint64, repeated, tag = "4")]
    pub(super) pending: Vec<u64>,
    #[prost(message, repeated, tag = "5")]
    pub(super) sent: Vec<Sent>,
    #[prost(uint64, repeated, tag = "6")]
    pub(super) held: Vec<u64>,
}

/// A number that was given: disclosed, or skipped where there is a reason.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Sent {
    #[prost(uint64, tag = "1")]
    pub(super) number: u64,
    #[prost(uint64, tag = "2")]
    pub(super) published: u64,
    #[prost(uint64, tag = "3")]
    pub(super) index: u64,
    #[prost(uint32, tag = "4")]
    pub(super) released: u32,
    #[prost(bool, tag = "5")]
    pub(super) regime_change: bool,
    #[prost(int32, tag = "6")]
    pub(super) skipped: i32,
}

/// An alert's facts, as its record has them.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Alert {
    #[prost(uint64, tag = "1")]
    pub(super) index: u64,
    #[prost(uint64, tag = "2")]
    pub(super) slot: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) id: Vec<u8>,
    #[prost(uint32, tag = "4")]
    pub(super) publisher: u32,
    #[prost(uint32, tag = "5")]
    pub(super) agreement: u32,
    #[prost(int32, tag = "6")]
    pub(super) purpose: i32,
    #[prost(int32, tag = "7")]
    pub(super) kind: i32,
    #[prost(int32, repeated, tag = "8")]
    pub(super) categories: Vec<i32>,
    #[prost(uint32, tag = "9")]
    pub(super) fields: u32,
    #[prost(int32, tag = "10")]
    pub(super) certainty: i32,
    #[prost(int32, tag = "11")]
    pub(super) assertion: i32,
    #[prost(uint64, tag = "12")]
    pub(super) time: u64,
    #[prost(uint64, tag = "13")]
    pub(super) as_of: u64,
    #[prost(uint64, tag = "14")]
    pub(super) expires_at: u64,
    #[prost(uint64, tag = "15")]
    pub(super) delete_after: u64,
    #[prost(int32, repeated, tag = "16")]
    pub(super) handling: Vec<i32>,
    #[prost(bool, tag = "17")]
    pub(super) restricted: bool,
    #[prost(string, optional, tag = "18")]
    pub(super) on_behalf_of: Option<String>,
}

/// A publish that is remembered, in the order of publishing.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    #[prost(uint64, tag = "1")]
    pub(super) at: u64,
    #[prost(uint32, tag = "2")]
    pub(super) agency: u32,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) id: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub(super) index: u64,
    #[prost(uint64, tag = "5")]
    pub(super) slot: u64,
    #[prost(bytes = "vec", tag = "6")]
    pub(super) content: Vec<u8>,
}
