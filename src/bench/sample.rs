//! What is put aside while the time runs, and verified when it does not: receipts and deliveries, each against
//! the signed checkpoint that came with it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use prost::Message;

use super::BenchError;
use crate::{
    merkle::{Checkpoint, Hash, Verifier, leaf_hash, verify_inclusion},
    pb::v1::{self as pb, publish_many_response::Outcome, subscribe_response::Message as Answer},
    record::{self, Event, commitment},
};

/// One message of so many is put aside.
const EVERY: u64 = 499;
/// How many are kept at most of each kind.
const KEPT: usize = 512;

/// What was put aside. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// As they came, each a `PublishManyResponse`.
    receipts: Vec<Bytes>,
    /// As they came, each a `SubscribeResponse`.
    deliveries: Vec<Bytes>,
    /// The sizes of all trees that receipts named: a batch has one.
    sizes: BTreeSet<usize>,
    last_note: Vec<u8>,
}

impl Samples {
    /// Looks at the checkpoint of the receipt of entry `index`, and puts the message aside in its turn.
    pub(super) fn receipt(&self, index: u64, checkpoint: &[u8], message: &Bytes) {
        let mut kept = self.lock();
        if checkpoint != kept.last_note {
            let text = str::from_utf8(checkpoint).unwrap_or_default();
            let size: Option<usize> = text.lines().nth(1).and_then(|size| size.parse().ok());
            kept.sizes.extend(size);
            kept.last_note = checkpoint.to_vec();
        }
        if index.is_multiple_of(EVERY) && kept.receipts.len() < KEPT {
            kept.receipts.push(message.clone());
        }
    }

    /// Puts the delivery of entry `index` aside in its turn.
    pub(super) fn delivery(&self, index: u64, message: &Bytes) {
        if index.is_multiple_of(EVERY) {
            let mut kept = self.lock();
            if kept.deliveries.len() < KEPT {
                kept.deliveries.push(message.clone());
            }
        }
    }

    /// Returns how many batches receipts have named since the last time.
    pub(super) fn take_batches(&self) -> usize {
        std::mem::take(&mut self.lock().sizes).len()
    }

    /// Verifies everything that was put aside, and returns how much it was.
    pub(super) fn verify(&self, log: &Verifier) -> Result<usize, BenchError> {
        let kept = self.lock();
        for message in &kept.receipts {
            let message = pb::PublishManyResponse::decode(message.clone());
            let outcome = message.map_err(BenchError::task)?.outcome;
            let Some(Outcome::Receipt(it)) = outcome else { return Err(UNPROVEN) };
            let entry = Entry { index: it.index, record: &it.record, salt: &it.salt };
            entry.verify(&it.inclusion, &it.checkpoint, log)?;
        }
        for message in &kept.deliveries {
            let message = pb::SubscribeResponse::decode(message.clone());
            let message = message.map_err(BenchError::task)?.message;
            let Some(Answer::Delivery(it)) = message else { return Err(UNPROVEN) };
            let entry = Entry { index: it.index, record: &it.record, salt: &it.salt };
            entry.verify(&it.inclusion, &it.checkpoint, log)?;
            let record = record::decode(&it.record).map_err(BenchError::task)?;
            let Event::Disclosed(disclosed) = record.event else { return Err(UNPROVEN) };
            let key = it.view_key.as_ref().try_into().map_err(|_| UNPROVEN)?;
            if commitment::view(key, &it.view) != disclosed.view {
                return Err(UNPROVEN);
            }
        }
        Ok(kept.receipts.len() + kept.deliveries.len())
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const UNPROVEN: BenchError = BenchError::Wrong("a message does not prove what it says");

struct Entry<'a> {
    index: u64,
    record: &'a [u8],
    salt: &'a [u8],
}

impl Entry<'_> {
    fn verify(&self, proof: &[Bytes], note: &str, log: &Verifier) -> Result<(), BenchError> {
        let checkpoint = Checkpoint::open(note, log).map_err(BenchError::task)?;
        let proof = proof.iter().map(|hash| Hash::try_from(hash.as_ref()));
        let proof: Vec<Hash> = proof.collect::<Result<_, _>>().map_err(|_| UNPROVEN)?;
        let salt = self.salt.try_into().map_err(|_| UNPROVEN)?;
        let leaf = leaf_hash(&commitment::record(salt, self.record));
        verify_inclusion(&leaf, self.index, checkpoint.size, &proof, &checkpoint.root)
            .map_err(BenchError::task)
    }
}
