//! Small conversions that encoding and decoding share: codes to numbers and back.

use std::collections::BTreeSet;

use crate::domain::{Caller, Fingerprint, Reason, Refusal, Seat, UnknownCode};
use crate::pb::v1 as pb;

/// Turns a list of numbers into a set of codes.
///
/// # Errors
///
/// `UNKNOWN_CODE` for a number that is not on the list, `MALFORMED` for a repeat.
pub fn codes<T: Ord>(
    numbers: &[i32],
    from_number: fn(i32) -> Result<T, UnknownCode>,
    at: &'static str,
) -> Result<BTreeSet<T>, Refusal> {
    let mut set = BTreeSet::new();
    for number in numbers {
        let code = from_number(*number).map_err(|_| Refusal::at(Reason::UnknownCode, at))?;
        if !set.insert(code) {
            return Err(Refusal::at(Reason::Malformed, at));
        }
    }
    Ok(set)
}

/// Turns a number into a code; zero is a missing field.
///
/// # Errors
///
/// `MISSING_FIELD`, or `UNKNOWN_CODE` for a number that is not on the list.
pub fn code<T>(
    number: i32,
    from_number: fn(i32) -> Result<T, UnknownCode>,
    at: &'static str,
) -> Result<T, Refusal> {
    if number == 0 {
        return Err(Refusal::at(Reason::MissingField, at));
    }
    from_number(number).map_err(|_| Refusal::at(Reason::UnknownCode, at))
}

/// Parses text into an id or a code of a closed list.
///
/// # Errors
///
/// `MISSING_FIELD` where it is empty, `reason` where it is not valid.
pub fn parsed<T: std::str::FromStr>(
    text: &str,
    reason: Reason,
    at: &'static str,
) -> Result<T, Refusal> {
    if text.is_empty() {
        return Err(Refusal::at(Reason::MissingField, at));
    }
    text.parse().map_err(|_| Refusal::at(reason, at))
}

pub(super) fn actor(caller: &Caller) -> pb::Actor {
    pb::Actor { id: caller.seat.to_string(), certificate: caller.certificate.0.to_vec().into() }
}

pub(super) fn caller(actor: Option<pb::Actor>) -> Option<Caller> {
    let actor = actor?;
    let certificate = Fingerprint(actor.certificate.as_ref().try_into().ok()?);
    Some(Caller { seat: Seat::parse(&actor.id)?, certificate })
}
