//! What was measured, for people and for programs: medians of the rounds, and their ratios.

use std::fmt;

use serde_json::{Value, json};

use super::{
    Options,
    latency::{Spread, median},
    rounds::{Round, System, real},
};

/// What a bench has measured.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) options: Options,
    pub(super) rounds: Vec<Round>,
    /// How many receipts and deliveries were verified.
    pub(super) verified: usize,
}

/// One figure of both systems.
struct Line {
    name: &'static str,
    unit: &'static str,
    digits: usize,
    of: fn(&System) -> f64,
}

const fn line(
    name: &'static str,
    unit: &'static str,
    digits: usize,
    of: fn(&System) -> f64,
) -> Line {
    Line { name, unit, digits, of }
}

const LINES: [Line; 16] = [
    line("published", "/s", 0, |it| it.published),
    line("disclosed", "/s", 0, |it| it.delivered),
    line("server CPU for 100,000 published", "s", 2, |it| it.cpu_s),
    line("written for each published", "bytes", 0, |it| it.written),
    line("receipt at the rate, p50", "ms", 3, |it| it.receipt.p50),
    line("receipt at the rate, p90", "ms", 3, |it| it.receipt.p90),
    line("receipt at the rate, p99", "ms", 3, |it| it.receipt.p99),
    line("receipt at the rate, max", "ms", 3, |it| it.receipt.max),
    line("delivery at the rate, p50", "ms", 3, |it| it.delivery.p50),
    line("delivery at the rate, p90", "ms", 3, |it| it.delivery.p90),
    line("delivery at the rate, p99", "ms", 3, |it| it.delivery.p99),
    line("delivery at the rate, max", "ms", 3, |it| it.delivery.max),
    line("one at a time, receipt p50", "ms", 3, |it| it.alone.p50),
    line("one at a time, receipt p99", "ms", 3, |it| it.alone.p99),
    line("memory", "MiB", 1, |it| real(it.memory_kib) / 1024.0),
    line("memory, most", "MiB", 1, |it| real(it.memory_most_kib) / 1024.0),
];

impl Report {
    /// Writes it as one JSON document.
    pub fn json(&self) -> Value {
        let Options { publishers, subscribers, in_flight, rate, time, count, rounds } =
            &self.options;
        json!({
            "options": {
                "publishers": publishers, "subscribers": subscribers, "in_flight": in_flight,
                "rate": rate, "seconds": time.as_secs(), "count": count, "rounds": rounds,
            },
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "portway": self.system(|round| &round.broker),
            "floor": self.system(|round| &round.floor),
            "limits": {
                "fdatasync_batches_per_second": self.median(|it| it.disk.batches),
                "fdatasync_batch_bytes": self.median(|it| real(it.disk.batch_bytes)),
                "bare_stream_messages_per_second": self.median(|it| it.flow),
            },
            "records_per_batch": self.median(|it| it.batch),
            "stored_bytes_per_record": self.median(|it| it.stored),
            "ratios": {
                "published": self.ratio(|it| it.published),
                "disclosed": self.ratio(|it| it.delivered),
                "cpu": self.ratio(|it| it.cpu_s),
                "receipt_p50": self.ratio(|it| it.receipt.p50),
                "receipt_p99": self.ratio(|it| it.receipt.p99),
                "delivery_p50": self.ratio(|it| it.delivery.p50),
                "delivery_p99": self.ratio(|it| it.delivery.p99),
                "alone_receipt_p50": self.ratio(|it| it.alone.p50),
                "disclosed_to_bare_stream": self.median(|it| share(it.broker.delivered, it.flow)),
                "records_to_fdatasync":
                    self.median(|it| share(it.records(), it.disk.batches * it.batch)),
                "floor_disclosed_to_bare_stream":
                    self.median(|it| share(it.floor.delivered, it.flow)),
            },
            "verified": self.verified,
        })
    }

    fn system(&self, of: impl Fn(&Round) -> &System) -> Value {
        let median = |figure: fn(&System) -> f64| self.median(|round| figure(of(round)));
        let spread = |spread: fn(&System) -> Spread| {
            let figure = |part: fn(Spread) -> f64| self.median(|it| part(spread(of(it))));
            let (p50, p90) = (figure(|it| it.p50), figure(|it| it.p90));
            let (p99, max) = (figure(|it| it.p99), figure(|it| it.max));
            Spread { p50, p90, p99, max }.json()
        };
        json!({
            "published_per_second": median(|it| it.published),
            "disclosed_per_second": median(|it| it.delivered),
            "cpu_seconds_per_100000": median(|it| it.cpu_s),
            "written_bytes_per_published": median(|it| it.written),
            "receipt": spread(|it| it.receipt),
            "delivery": spread(|it| it.delivery),
            "alone_receipt": spread(|it| it.alone),
            "alone_delivery": spread(|it| it.alone_delivery),
            "memory_kib": median(|it| real(it.memory_kib)),
            "memory_most_kib": median(|it| real(it.memory_most_kib)),
        })
    }

    fn median(&self, figure: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(figure))
    }

    /// The median of the rounds' own ratios: what disturbs a round disturbs both sides of it.
    fn ratio(&self, figure: fn(&System) -> f64) -> f64 {
        self.median(|round| share(figure(&round.broker), figure(&round.floor)))
    }
}

impl Round {
    /// Records a second that the broker made durable at saturation.
    fn records(&self) -> f64 {
        self.broker.published + self.broker.delivered
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { publishers, subscribers, in_flight, rate, rounds, .. } = &self.options;
        writeln!(
            f,
            "{publishers} publishers with {in_flight} on their way, {subscribers} subscribers; \
             latencies at {rate}/s; medians of {rounds} rounds\n"
        )?;
        writeln!(f, "{:<34} {:>12} {:>12} {:>8}", "", "portway", "floor", "ratio")?;
        for Line { name, unit, digits, of } in LINES {
            let broker = self.median(|it| of(&it.broker));
            let floor = self.median(|it| of(&it.floor));
            let ratio = self.ratio(of);
            writeln!(
                f,
                "{name:<34} {broker:>12.digits$} {floor:>12.digits$} {ratio:>8.2}  {unit}"
            )?;
        }
        let batch = self.median(|it| it.batch);
        writeln!(
            f,
            "\nrecords in a batch {batch:.0}, stored {:.0} bytes each",
            self.median(|it| it.stored)
        )?;
        writeln!(
            f,
            "fdatasync of such a batch {:.0}/s, a bare stream {:.0} messages/s",
            self.median(|it| it.disk.batches),
            self.median(|it| it.flow)
        )?;
        write!(f, "{} receipts and deliveries verified", self.verified)
    }
}
