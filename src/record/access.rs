//! What records say of a person's request for access and of its answer: never whose it is, nor what it says.

use std::{fmt, str::FromStr};

use super::decode::{Malformed, array, caller};
use super::read::actor;
use crate::domain::{Caller, Hex, RecordKind, Timestamp};
use crate::pb::v1::{self as pb, record::Event as Stored};

/// The id of a person's request: random, and so says nothing of the person.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub [u8; 16]);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

/// The text is not the id of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not 32 hex digits")]
pub struct NotARequest;

impl FromStr for RequestId {
    type Err = NotARequest;

    fn from_str(text: &str) -> Result<Self, NotARequest> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let pairs: &[[u8; 2]; 16] = pairs.try_into().map_err(|_| NotARequest)?;
        let mut id = [0; 16];
        for (byte, pair) in id.iter_mut().zip(pairs) {
            let digits = str::from_utf8(pair).map_err(|_| NotARequest)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotARequest)?;
        }
        // One spelling: neither signs nor capitals.
        let id = Self(id);
        if rest.is_empty() && id.to_string() == text { Ok(id) } else { Err(NotARequest) }
    }
}

/// What happens to a person's request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Access {
    /// It was received.
    Opened {
        /// The officer.
        by: Caller,
        /// Its id.
        request: RequestId,
        /// When it was received.
        received_at: Timestamp,
        /// By when it has to be answered.
        due_at: Timestamp,
    },
    /// A report was released.
    Released(Released),
}

/// A report was released to the person who had asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Released {
    /// The officer.
    pub by: Caller,
    /// Id of the request.
    pub request: RequestId,
    /// SHA-256 of the report.
    pub report: [u8; 32],
    /// How many entries it was made of.
    pub entries: u32,
    /// How many of them are withheld.
    pub withheld: u32,
    /// Whether it neither confirms nor denies that there are any.
    pub neither: bool,
    /// Index of the release that it takes the place of; none for the first answer to a request.
    pub corrects: Option<u64>,
}

impl Access {
    /// Returns the officer.
    pub const fn by(&self) -> &Caller {
        match self {
            Self::Opened { by, .. } | Self::Released(Released { by, .. }) => by,
        }
    }

    /// Returns the id of the request.
    pub const fn request(&self) -> RequestId {
        match self {
            Self::Opened { request, .. } | Self::Released(Released { request, .. }) => *request,
        }
    }

    /// Returns what kind of record it is.
    pub(super) const fn kind(&self) -> RecordKind {
        match self {
            Self::Opened { .. } => RecordKind::SubjectRequestOpened,
            Self::Released(_) => RecordKind::ReportReleased,
        }
    }
}

pub(super) fn stored(event: &Access) -> Stored {
    match event {
        Access::Opened { by, request, received_at, due_at } => {
            Stored::SubjectRequestOpened(pb::SubjectRequestOpened {
                by: Some(actor(by)),
                request: request.0.to_vec().into(),
                received_at_ms: received_at.ms(),
                due_at_ms: due_at.ms(),
            })
        }
        Access::Released(it) => Stored::ReportReleased(pb::ReportReleased {
            by: Some(actor(&it.by)),
            request: it.request.0.to_vec().into(),
            report: it.report.to_vec().into(),
            entries: it.entries,
            withheld: it.withheld,
            neither_confirms_nor_denies: it.neither,
            // The first record of a log is no release.
            corrects: it.corrects.unwrap_or_default(),
        }),
    }
}

pub(super) fn opened(it: pb::SubjectRequestOpened) -> Result<Access, Malformed> {
    Ok(Access::Opened {
        by: caller(it.by)?,
        request: request(&it.request)?,
        received_at: Timestamp::from_ms(it.received_at_ms),
        due_at: Timestamp::from_ms(it.due_at_ms),
    })
}

pub(super) fn released(it: pb::ReportReleased) -> Result<Access, Malformed> {
    Ok(Access::Released(Released {
        by: caller(it.by)?,
        request: request(&it.request)?,
        report: array(&it.report)?,
        entries: it.entries,
        withheld: it.withheld,
        neither: it.neither_confirms_nor_denies,
        corrects: Some(it.corrects).filter(|index| *index > 0),
    }))
}

fn request(bytes: &[u8]) -> Result<RequestId, Malformed> {
    bytes.try_into().map(RequestId).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_one_spelling() {
        let text = "00112233445566778899aabbccddeeff";
        assert_eq!(text.parse::<RequestId>().unwrap().to_string(), text);
        for bad in
            ["", "00", "00112233445566778899AABBCCDDEEFF", "+0112233445566778899aabbccddeeff"]
        {
            assert_eq!(bad.parse::<RequestId>(), Err(NotARequest), "{bad}");
        }
    }
}
