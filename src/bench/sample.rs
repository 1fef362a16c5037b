//! What is put aside while the time runs, and verified when it does not: receipts and deliveries, each against
//! the signed checkpoint that came with it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use super::BenchError;
use crate::{
    merkle::{Checkpoint, Hash, Verifier, leaf_hash, verify_inclusion},
    pb::v1 as pb,
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
    receipts: Vec<pb::Receipt>,
    deliveries: Vec<pb::Delivery>,
    /// The sizes of all trees that receipts named: a batch has one.
    sizes: BTreeSet<usize>,
    last_note: String,
}

impl Samples {
    /// Looks at a receipt.
    pub(super) fn receipt(&self, receipt: pb::Receipt) {
        let mut kept = self.lock();
        if receipt.checkpoint != kept.last_note {
            let size: Option<usize> =
                receipt.checkpoint.lines().nth(1).and_then(|size| size.parse().ok());
            kept.sizes.extend(size);
            kept.last_note.clone_from(&receipt.checkpoint);
        }
        if receipt.index.is_multiple_of(EVERY) && kept.receipts.len() < KEPT {
            kept.receipts.push(receipt);
        }
    }

    /// Looks at a delivery.
    pub(super) fn delivery(&self, delivery: pb::Delivery) {
        if delivery.index.is_multiple_of(EVERY) {
            let mut kept = self.lock();
            if kept.deliveries.len() < KEPT {
                kept.deliveries.push(delivery);
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
        for it in &kept.receipts {
            let entry = Entry { index: it.index, record: &it.record, salt: &it.salt };
            entry.verify(&it.inclusion, &it.checkpoint, log)?;
        }
        for it in &kept.deliveries {
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
