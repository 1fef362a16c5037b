//! The rounds: floor and broker in turns, part by part, so that whatever else happens on the machine happens to
//! both.

use std::time::Duration;

use super::{
    BenchError, Options,
    child::Server,
    disk::{self, Disk},
    latency::Spread,
    load::{self, Measured, Pace, Plan},
    stage::Stage,
    usage::{self, Usage},
    wire::Wire,
};

/// How long the disk and the bare stream are measured.
const LIMIT_TIME: Duration = Duration::from_secs(1);

/// What one round measured.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) floor: System,
    pub(super) broker: System,
    /// The disk with batches like the broker's.
    pub(super) disk: Disk,
    /// Messages a second of a bare stream to all subscribers.
    pub(super) flow: f64,
    /// What the broker's journal takes up for each record.
    pub(super) stored: f64,
    /// Records in a batch at saturation.
    pub(super) batch: f64,
}

/// What one round measured of a system.
#[derive(Clone, Copy, Debug)]
pub(super) struct System {
    /// At saturation, a second.
    pub(super) published: f64,
    pub(super) delivered: f64,
    /// At saturation, processor seconds of the server for 100,000 messages published.
    pub(super) cpu_s: f64,
    /// At saturation, bytes that the server wrote for each message published.
    pub(super) written: f64,
    /// At the given rate.
    pub(super) receipt: Spread,
    pub(super) delivery: Spread,
    /// One message at a time.
    pub(super) alone: Spread,
    pub(super) alone_delivery: Spread,
    pub(super) memory_kib: u64,
    pub(super) memory_most_kib: u64,
}

/// One part of a round, of one system.
struct Part {
    measured: Measured,
    usage: Usage,
}

pub(super) async fn run(
    stage: &mut Stage,
    options: &Options,
    say: &impl Fn(&str),
) -> Result<Vec<Round>, BenchError> {
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        say(&format!("round {number} of {}", options.rounds));
        rounds.push(round(stage, options).await?);
    }
    Ok(rounds)
}

async fn round(stage: &mut Stage, options: &Options) -> Result<Round, BenchError> {
    let stored = || usage::stored(&stage.journal).map_err(BenchError::task);
    let before = stored()?;
    let paces = [Pace::InFlight(options.in_flight), Pace::Rate(options.rate), Pace::InFlight(1)];
    let (mut floor, mut broker) = (Vec::new(), Vec::new());
    let (mut batches, mut records_at_once) = (0, 0);
    for pace in paces {
        let measured = part(&stage.floor_wire, &stage.floor, plan(options, pace)).await;
        floor.push(measured.map_err(|it| it.of("the floor"))?);
        stage.samples.take_batches();
        let wire = stage.broker_wire.next();
        let part = part(&wire, &stage.broker, plan(options, pace)).await;
        let part = part.map_err(|it| it.of("the broker"))?;
        if broker.is_empty() {
            batches = stage.samples.take_batches();
            records_at_once = part.measured.published + part.measured.delivered;
        }
        broker.push(part);
    }
    let records: u64 = broker.iter().map(|it| it.measured.published + it.measured.delivered).sum();
    let stored = (real(stored()?) - real(before)) / real(records.max(1));
    let batch = real(records_at_once) / real(u64::try_from(batches).unwrap_or(1).max(1));
    let flow = stage.floor_wire.flow(LIMIT_TIME.min(options.time)).await?;
    let dir = stage.dir.clone();
    let time = LIMIT_TIME.min(options.time);
    let batch_bytes = whole(batch * stored.max(1.0));
    let disk = tokio::task::spawn_blocking(move || disk::measure(&dir, batch_bytes, time)).await;
    let disk = disk.map_err(BenchError::task)?.map_err(BenchError::task)?;
    let (floor, broker) = (System::of(floor)?, System::of(broker)?);
    Ok(Round { floor, broker, disk, flow, stored, batch })
}

fn plan(options: &Options, pace: Pace) -> Plan {
    let publishers = if matches!(pace, Pace::InFlight(1)) { 1 } else { options.publishers };
    let Options { subscribers, time, count, .. } = *options;
    Plan { publishers, subscribers, pace, time, count }
}

async fn part<W: Wire>(wire: &W, server: &Server, plan: Plan) -> Result<Part, BenchError> {
    let before = server.usage()?;
    let measured = load::run(wire, plan).await?;
    Ok(Part { measured, usage: server.usage()?.since(before) })
}

impl System {
    fn of(parts: Vec<Part>) -> Result<Self, BenchError> {
        let [full, paced, alone]: [Part; 3] =
            parts.try_into().map_err(|_| BenchError::Wrong("a part is missing"))?;
        let published = real(full.measured.published.max(1));
        Ok(Self {
            published: a_second(full.measured.published, full.measured.published_in),
            delivered: a_second(full.measured.delivered, full.measured.delivered_in),
            cpu_s: full.usage.cpu_s * 100_000.0 / published,
            written: real(full.usage.written) / published,
            receipt: paced.measured.receipts.spread(),
            delivery: paced.measured.deliveries.spread(),
            alone: alone.measured.receipts.spread(),
            alone_delivery: alone.measured.deliveries.spread(),
            memory_kib: alone.usage.memory_kib,
            memory_most_kib: alone.usage.memory_most_kib,
        })
    }
}

fn a_second(count: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { real(count) / time.as_secs_f64() }
}

/// A count as a figure to divide.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(super) const fn real(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size in bytes; the cast saturates at both ends"
)]
const fn whole(figure: f64) -> u64 {
    figure as u64
}
