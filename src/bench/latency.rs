//! Latencies, and what can be said of many of them.

use serde_json::{Value, json};

/// Latencies in microseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies(Vec<u32>);

impl Latencies {
    /// Adds one, given in nanoseconds.
    pub(super) fn push(&mut self, nanoseconds: u64) {
        self.0.push(u32::try_from(nanoseconds / 1000).unwrap_or(u32::MAX));
    }

    /// Returns how many there are.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes in others.
    pub(super) fn extend(&mut self, others: &Self) {
        self.0.extend(&others.0);
    }

    /// Returns what is told of them.
    pub(super) fn spread(mut self) -> Spread {
        self.0.sort_unstable();
        let at = |per_mille: usize| {
            let place = (self.0.len().saturating_sub(1) * per_mille) / 1000;
            self.0.get(place).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
        };
        Spread { p50: at(500), p90: at(900), p99: at(990), max: at(1000) }
    }
}

/// What is told of many latencies, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Spread {
    /// Writes it as JSON.
    pub(super) fn json(self) -> Value {
        let Self { p50, p90, p99, max } = self;
        json!({ "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "max_ms": max })
    }
}

/// Returns the median; 0 of nothing.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or_default();
    if values.len().is_multiple_of(2) {
        middle
            .checked_sub(1)
            .and_then(|it| values.get(it))
            .map_or(upper, |it| f64::midpoint(*it, upper))
    } else {
        upper
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let mut latencies = Latencies::default();
        for micros in (1..=1000).rev() {
            latencies.push(micros * 1000);
        }
        let spread = latencies.spread();
        let told = [spread.p50, spread.p90, spread.p99, spread.max];
        assert_eq!(told.map(|ms| format!("{ms:.3}")), ["0.500", "0.900", "0.990", "1.000"]);
        assert!(Latencies::default().spread().max.abs() < f64::EPSILON);
    }

    #[test]
    fn a_median_lies_in_the_middle() {
        let of = |values: &[f64]| format!("{:.1}", median(values.iter().copied()));
        assert_eq!(
            [of(&[]), of(&[3.0]), of(&[9.0, 1.0, 2.0]), of(&[4.0, 1.0])],
            ["0.0", "3.0", "2.0", "2.5"]
        );
    }
}
