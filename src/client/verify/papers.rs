//! Receipts and shown records that were kept one by one. Each brings its own checkpoint; two of them that
//! name one size have to name one root.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use super::{Complete, Finding, Trust, Verified, What};
use crate::{
    client::{Complete as Proof, Fault, Range, audit, entry::hashes, json, receipt},
    merkle::{Chain, Checkpoint, verify_consistency},
    pb::v1 as pb,
    record::Event,
};

/// Verifies the JSON documents in the file at `path`.
pub(super) fn verify(path: &Path, log: &Trust, since: Option<&str>) -> Result<Verified, Finding> {
    let file = path.display().to_string();
    let fault = |what| Finding::new(&file, what);
    let text =
        fs::read_to_string(path).map_err(|error| fault(What::Unreadable(error.to_string())))?;
    let chain = log.chain()?.ok_or_else(|| fault(What::NoKey))?;
    if let Some(witness) = log.witnesses.first() {
        // What is not an export comes with the checkpoint of its own moment, before anybody cosigned it.
        return Err(fault(What::NotCosigned { witness: witness.name().to_owned() }));
    }
    if is_of_completeness(&text) {
        return complete(&text, (log, &chain), since).map_err(fault);
    }
    let mut trees = Trees::default();
    let handed_over = log.rotations.iter().map(|rotation| rotation.checkpoint.as_str());
    for note in handed_over.chain(since) {
        let since = chain.open(note).map_err(|error| fault(What::Checkpoint(error)))?;
        trees.add(&since).map_err(|error| fault(What::Fault(error)))?;
    }
    let mut records = 0;
    let mut before_rotation = false;
    for (document, number) in
        serde_json::Deserializer::from_str(&text).into_iter::<Value>().zip(1_u64..)
    {
        let fault = |what| Finding::new(format!("{file} document {number}"), what);
        let document = document.map_err(|_| fault(What::Form("not JSON")))?;
        let paper = read(document).ok_or_else(|| fault(What::Form("no receipt, no record")))?;
        let checkpoint = paper.verify(&chain).map_err(|error| fault(What::Fault(error)))?;
        trees.add(&checkpoint).map_err(|error| fault(What::Fault(error)))?;
        before_rotation |= log.is_before_rotation(checkpoint.size);
        records += 1;
    }
    match trees.newest().filter(|_| records > 0) {
        Some(Checkpoint { origin, size, root }) => {
            let (key_was_given, complete) = (true, Vec::new());
            Ok(Verified { origin, size, root, records, key_was_given, before_rotation, complete })
        }
        None => Err(fault(What::Form("holds no receipt and no record"))),
    }
}

/// Tells whether the first document is the claim of a proof of completeness.
fn is_of_completeness(text: &str) -> bool {
    let first = serde_json::Deserializer::from_str(text).into_iter::<Value>().next();
    first.is_some_and(|it| it.is_ok_and(|it| it.get("closing").is_some()))
}

/// Verifies a proof of completeness.
fn complete(
    text: &str,
    (log, chain): (&Trust, &Chain),
    since: Option<&str>,
) -> Result<Verified, What> {
    let malformed = What::Form("not the lines of a proof of completeness");
    let proof = Proof::from_lines(text).ok_or(malformed)?;
    let range = proof.verify(chain).map_err(What::Fault)?;
    let mut trees = Trees::default();
    let handed_over = log.rotations.iter().map(|rotation| rotation.checkpoint.as_str());
    for note in handed_over.chain(since) {
        trees.add(&chain.open(note).map_err(What::Checkpoint)?).map_err(What::Fault)?;
    }
    trees.add(&range.checkpoint).map_err(What::Fault)?;
    let Range { agency, start, end, records, erased_below, checkpoint, .. } = range;
    let Checkpoint { origin, size, root } = checkpoint;
    Ok(Verified {
        origin,
        size,
        root,
        records,
        key_was_given: true,
        before_rotation: log.is_before_rotation(size),
        // What may have been erased is not claimed.
        complete: vec![Complete { agency, start: start.max(erased_below).min(end), end, records }],
    })
}

/// One document.
enum Paper {
    Consistency(Box<pb::ConsistencyProof>),
    Receipt(Box<pb::Receipt>),
    Shown(Box<pb::ShowRecordResponse>),
}

fn read(document: Value) -> Option<Paper> {
    if document.get("alert").is_some() {
        json::from_value(document).ok().map(|it| Paper::Receipt(Box::new(it)))
    } else if document.get("older").is_some() {
        json::from_value(document).ok().map(|it| Paper::Consistency(Box::new(it)))
    } else {
        json::from_value(document).ok().map(|it| Paper::Shown(Box::new(it)))
    }
}

impl Paper {
    /// Verifies the document against the checkpoint in it, and returns that.
    fn verify(&self, log: &Chain) -> Result<Checkpoint, Fault> {
        match self {
            Self::Consistency(kept) => {
                let (older, newer) = (log.open(&kept.older)?, log.open(&kept.newer)?);
                let (from, to) = (older.size, newer.size);
                let proof = hashes(&kept.consistency)?;
                verify_consistency(from, &older.root, to, &newer.root, &proof)
                    .map_err(|error| Fault::Inconsistent { from, to, error })?;
                Ok(newer)
            }
            Self::Receipt(kept) => {
                let checkpoint = log.open(&kept.checkpoint)?;
                let record = receipt::entry(kept).open(&checkpoint)?;
                let Event::Published(published) = record.event else {
                    return Err(Fault::Record { index: kept.index, what: "it is no publication" });
                };
                if published.facts.id.to_string() != kept.alert {
                    return Err(Fault::Record {
                        index: kept.index,
                        what: "it is of another alert",
                    });
                }
                Ok(checkpoint)
            }
            Self::Shown(kept) => {
                let checkpoint = log.open(&kept.checkpoint)?;
                let shown = kept.record.as_ref().ok_or(Fault::Protocol("the record"))?;
                audit::entry(shown, &kept.inclusion).open(&checkpoint)?;
                Ok(checkpoint)
            }
        }
    }
}

/// The trees that were named, by size.
#[derive(Default)]
struct Trees(BTreeMap<u64, Checkpoint>);

impl Trees {
    fn add(&mut self, checkpoint: &Checkpoint) -> Result<(), Fault> {
        let size = checkpoint.size;
        match self.0.insert(size, checkpoint.clone()) {
            Some(before) if before != *checkpoint => Err(Fault::Fork { size }),
            Some(_) | None => Ok(()),
        }
    }

    fn newest(self) -> Option<Checkpoint> {
        self.0.into_values().next_back()
    }
}
