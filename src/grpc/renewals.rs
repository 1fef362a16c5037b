//! Answers to renewals, for whoever did not get his and asks again: the same request gets the certificate that was issued,
//! and takes no second place. In memory only: after a start it takes one more.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ring::digest::{SHA256, digest};

use crate::domain::{Seat, Timestamp};
use crate::pb::v1 as pb;

/// How long a request is answered alike: who asks later wants a certificate that lives longer.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// How many answers are kept; the oldest goes first.
const KEPT_MAX: usize = 1024;

/// The answers, by name and request.
#[derive(Debug, Default)]
pub struct Renewals(Mutex<BTreeMap<(String, [u8; 32]), Kept>>);

#[derive(Debug)]
struct Kept {
    until: Timestamp,
    answer: pb::RenewCertificateResponse,
}

impl Renewals {
    /// Returns what the same seat was answered to the same request.
    pub(super) fn of(
        &self,
        seat: &Seat,
        request: &str,
        now: Timestamp,
    ) -> Option<pb::RenewCertificateResponse> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, it| now < it.until);
        kept.get(&key(seat, request)).map(|it| it.answer.clone())
    }

    /// Keeps an answer for a day, and no longer than the certificate is valid.
    pub(super) fn keep(
        &self,
        (seat, request): (Seat, &str),
        (now, not_after): (Timestamp, Timestamp),
        answer: &pb::RenewCertificateResponse,
    ) {
        let until = now.after(KEPT).min(not_after);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = kept.iter().min_by_key(|(_, it)| it.until).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest.filter(|_| kept.len() >= KEPT_MAX) {
            kept.remove(&oldest);
        }
        kept.insert(key(&seat, request), Kept { until, answer: answer.clone() });
    }
}

fn key(seat: &Seat, request: &str) -> (String, [u8; 32]) {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, request.as_bytes()).as_ref());
    (seat.to_string(), bytes)
}
