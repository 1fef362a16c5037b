//! What was measured, for people and for programs.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value, json};

use super::{Kind, Taken};
use crate::{
    bench::{latency::Spread, rounds::real},
    domain::Timestamp,
};

/// What questions have taken.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    pub(super) size: u64,
    pub(super) indexed: u64,
    pub(super) index_bytes: u64,
    pub(super) rebuilt_s: f64,
    pub(super) scanned_s: f64,
    pub(super) begins: Timestamp,
    pub(super) ends: Timestamp,
    /// Whether the kernel could be made to forget files before a cold start.
    pub(super) is_cold: bool,
    pub(super) warm: Taken,
    pub(super) cold: Taken,
    /// How many records all warm answers of a kind had.
    pub(super) records: BTreeMap<Kind, u64>,
    pub(super) memory_most_kib: u64,
}

impl Answered {
    /// Writes it as one JSON document.
    pub fn json(&self) -> Value {
        let mut questions = Map::new();
        for (kind, told) in self.told() {
            let cold = told.cold.map(Spread::json);
            let told = json!({
                "warm": told.warm.json(),
                "cold": cold,
                "asked": told.asked,
                "records_each": told.records_each,
            });
            questions.insert(kind.name().to_owned(), told);
        }
        json!({
            "records": self.size,
            "index_bytes_per_record": self.index_bytes_each(),
            "rebuilt_records_per_second": self.a_second(self.rebuilt_s),
            "scan_s": self.scanned_s,
            "is_cold": self.is_cold,
            "memory_most_kib": self.memory_most_kib,
            "questions": questions,
        })
    }

    fn told(&self) -> impl Iterator<Item = (Kind, Told)> {
        self.warm.iter().map(|(kind, warm)| {
            let asked = warm.len();
            let records = self.records.get(kind).copied().unwrap_or_default();
            let told = Told {
                warm: warm.clone().spread(),
                cold: self.cold.get(kind).map(|it| it.clone().spread()),
                asked,
                records_each: real(records) / real(asked as u64).max(1.0),
            };
            (*kind, told)
        })
    }

    fn index_bytes_each(&self) -> f64 {
        real(self.index_bytes) / real(self.indexed).max(1.0)
    }

    fn a_second(&self, seconds: f64) -> f64 {
        real(self.size) / seconds.max(f64::MIN_POSITIVE)
    }
}

/// What is told of one kind of question.
struct Told {
    warm: Spread,
    cold: Option<Spread>,
    asked: usize,
    records_each: f64,
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "records                {:>12}", self.size)?;
        writeln!(f, "index                  {:>12.2} bytes a record", self.index_bytes_each())?;
        writeln!(f, "index made anew        {:>12.0} records/s", self.a_second(self.rebuilt_s))?;
        writeln!(f, "reading the whole log  {:>12.2} s", self.scanned_s)?;
        let most = real(self.memory_most_kib) / 1024.0;
        writeln!(f, "memory, most           {most:>12.1} MiB")?;
        for (kind, told) in self.told() {
            let Told { warm, cold, asked, records_each } = told;
            let Spread { p50, p99, max, .. } = warm;
            writeln!(f, "{kind}: {asked} asked, {records_each:.1} records each")?;
            writeln!(f, "  warm  p50 {p50:.1} ms, p99 {p99:.1} ms, max {max:.1} ms")?;
            if let Some(Spread { p50, max, .. }) = cold {
                let how = if self.is_cold { "cold" } else { "just started, files still in memory" };
                writeln!(f, "  {how}  p50 {p50:.1} ms, max {max:.1} ms")?;
            }
        }
        Ok(())
    }
}
