//! One batch for a caller that comes now and then: a stream is opened, takes what is released to it, and
//! ends, all in one call. P2 and P4 hold as for any stream, because it is one.

use std::sync::Arc;

use prost::Message;
use tokio_util::sync::CancellationToken;

use super::{
    endings::Endings,
    follow::Asked,
    held::{Witnessed, await_witness},
    message,
    outlet::{End, Ending, StreamOutlet},
};
use crate::domain::{Clock, Timestamp};
use crate::identity::Peer;
use crate::ledger::{Ledger, LedgerError, Outgoing, Position, Rejection, Release};
use crate::pb::{Written, v1 as pb};
use crate::record::{self, Wire};

/// The most that the alerts of one answer may take, in bytes: gRPC clients take messages of 4 MiB unless they
/// are told otherwise, and proofs of the log's growth come on top.
const ANSWER_BYTES_MAX: usize = 3 << 20;

/// Numbers of fields, as `exchange.proto` has them.
const ACKNOWLEDGED: u32 = 1;
const DELIVERIES: u32 = 2;

/// One batch.
#[derive(Debug)]
pub struct Batch {
    /// The answer.
    pub answer: Written,
    /// P1: until when it may leave; nothing where it holds no alert.
    pub until: Option<Timestamp>,
    /// P4: fires where it may not leave any more.
    pub ended: CancellationToken,
}

/// Takes one batch of a subscription for the peer.
///
/// # Errors
///
/// The ledger's rejection. What was recorded as disclosed meanwhile comes again.
pub async fn pull(
    ledger: &Ledger,
    peer: &Peer,
    asked: Asked,
    (clock, witnessed): (&dyn Clock, Witnessed),
) -> Result<Batch, Rejection> {
    let ending = Ending::new();
    let (outlet, mut releases) =
        StreamOutlet::new(Arc::clone(&ending), Arc::clone(&peer.connection));
    let known = asked.known;
    let opened = ledger.open_stream(asked.opening(peer.caller.clone(), outlet)).await?;
    let more = ledger.leave_stream(&peer.caller, opened.key).await?;
    let mut queued = releases.take_all();
    let is_held = await_witness(&mut queued, witnessed, &ending.ended).await;
    // P4: after the waiting, so that nothing goes on that was cut meanwhile.
    match ending.why() {
        None | Some(End::Finished) => {}
        Some(End::Refused(refusal, decision)) => {
            return Err(Rejection::Refused { refusal, decision });
        }
        Some(End::Unavailable) => return Err(Rejection::Unavailable("the stream was ended")),
    }
    let (commit, now) = (ledger.newest(), clock.now());
    if is_held && queued.is_empty() {
        return Err(Rejection::Unavailable("no witness has cosigned it yet"));
    }
    let mut gathered = Gathered { more: more || is_held, ..Gathered::default() };
    let proven = gathered
        .take_all(queued.into_iter(), (ledger, commit.size), now)
        .and_then(|()| ledger.consistency(known.min(commit.size), commit.size));
    let consistency = proven.map_err(|_| Rejection::Unavailable("a proof could not be made"))?;
    let acknowledged =
        Position { subscription: opened.key.subscription, number: opened.acknowledged };
    let position = gathered.position.unwrap_or_else(|| ledger.position_bytes(acknowledged));
    let mut answer = Wire::default();
    answer.number(ACKNOWLEDGED, opened.acknowledged);
    answer.append(&gathered.deliveries.written());
    let rest = pb::PullResponse {
        acknowledged: 0,
        deliveries: Vec::new(),
        skipped: gathered.skipped,
        position,
        checkpoint: commit.checkpoint.clone(),
        consistency: record::proof_to_pb(&consistency),
        more: gathered.more,
        notices: Endings::new(opened.expires_at, peer.not_after).due(now),
        expires_at: Some(record::timestamp_to_pb(opened.expires_at)),
    };
    answer.append(&Written::from(&rest));
    // Nothing is delivered past the subscription's end, however slowly the answer is read.
    let until = gathered.until.map(|until| until.min(opened.expires_at));
    Ok(Batch { answer: answer.written(), until, ended: ending.ended.clone() })
}

/// What goes into one answer.
#[derive(Debug, Default)]
struct Gathered {
    /// As fields of the answer.
    deliveries: Wire,
    skipped: Vec<pb::Skipped>,
    bytes: usize,
    position: Option<bytes::Bytes>,
    until: Option<Timestamp>,
    more: bool,
}

impl Gathered {
    /// Takes what was released, in order, as far as it may still leave and fits. The rest comes again.
    fn take_all(
        &mut self,
        queued: impl Iterator<Item = Release>,
        (ledger, size): (&Ledger, u64),
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        for release in queued {
            if !self.take(&release, (ledger, size), now)? {
                self.more = true;
                break;
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        release: &Release,
        (ledger, size): (&Ledger, u64),
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let until = release.outgoing.until();
        if until.is_some_and(|until| until <= now) {
            return Ok(false);
        }
        match &release.outgoing {
            Outgoing::Delivery(it) => {
                let delivery = message::listed(DELIVERIES, (release, it), (ledger, size))?;
                if !self.fits(delivery.as_bytes().len()) {
                    return Ok(false);
                }
                self.deliveries.append(&delivery);
            }
            Outgoing::Skipped(reason) => {
                let skipped = message::skipped(release, *reason);
                if !self.fits(skipped.encoded_len()) {
                    return Ok(false);
                }
                self.skipped.push(skipped);
            }
        }
        self.until = self.until.into_iter().chain(until).min();
        self.position = Some(release.position.clone());
        Ok(true)
    }

    /// Counts a message of so many bytes, if there is room for it.
    fn fits(&mut self, bytes: usize) -> bool {
        // Key and length of a field of a message take 6 bytes at most.
        let sum = self.bytes + bytes + 6;
        if sum > ANSWER_BYTES_MAX {
            return false;
        }
        self.bytes = sum;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_stays_below_what_clients_take() {
        let mut gathered = Gathered::default();
        let mut taken = 0;
        while gathered.fits(3000) {
            taken += 3000;
        }
        assert!((ANSWER_BYTES_MAX - 10_000..=ANSWER_BYTES_MAX).contains(&taken), "{taken}");
        assert!(!gathered.fits(3000) && gathered.fits(10), "what is smaller still fits");
    }
}
