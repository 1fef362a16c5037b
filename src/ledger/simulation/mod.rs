//! The whole core on one thread: a journal in memory that fails on demand, one clock, agencies that do
//! what the dice say, and after every step the promises, by name. The same seed gives the same run.

mod ask;
mod audit;
mod counted;
mod drain;
mod entries;
mod evaluate;
mod kept;
mod op;
mod promises;
mod random;
mod replayed;
mod rights;
mod sample;
mod settle;
mod snapshots;
mod stream;
mod trace;
mod ways;
mod world;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use op::Op;
use random::Random;
use world::{Keyring, World};

const SEEDS: u64 = 80;
const STEPS: u64 = 150;
/// The state is read anew and compared this often.
const REPLAY_EVERY: u64 = 15;

/// Records are erased whole this often, whatever else happens.
const ERASE_EVERY: u64 = 17;

type Counts = BTreeMap<&'static str, u64>;

/// What has to happen somewhere in every run of the test, so that its checks are not idle.
const HAPPENS: [&str; 65] = [
    "ACKNOWLEDGED_BEYOND_DELIVERED",
    "AGENCY_NOT_SUSPENDED",
    "AGENCY_SUSPENDED",
    "AGREEMENT_NOT_IN_FORCE",
    "AGREEMENT_UNKNOWN",
    "AHEAD_OF_TIME",
    "Acknowledged",
    "AgencyReinstated",
    "AgencySuspended",
    "AgreementWithdrawn",
    "AlertRecalled",
    "AlertRestricted",
    "BrokerStarted",
    "CREDIT_OUT_OF_BOUNDS",
    "CertificateIssued",
    "ERASED",
    "ERASURE_UNKNOWN",
    "ErasureOrdered",
    "ErasureWithdrawn",
    "EvidenceHeld",
    "HoldReleased",
    "NOT_PUBLISHED",
    "SAME_OFFICER",
    "SWEEP_NOT_HALTED",
    "SweepConfirmed",
    "SweepHalted",
    "died in an erasure",
    "erased by order",
    "erased by term",
    "filter erased",
    "released and erased",
    "Consulted",
    "Disclosed",
    "FENCED",
    "KeyRotated",
    "NOT_A_PARTY",
    "NoticeAcknowledged",
    "NoticeSent",
    "NoticesDue",
    "NumberSkipped",
    "POSITION_FORGED",
    "PURPOSE_NOT_AGREED",
    "Published",
    "REQUEST_ID_REUSED",
    "REQUEST_ID_TOO_OLD",
    "Rectified",
    "RecordsErased",
    "Redelivered",
    "RestrictionLifted",
    "STALE",
    "SnapshotTaken",
    "SUBSCRIPTION_EXISTS",
    "SUBSCRIPTION_UNKNOWN",
    "SubscriptionDeleted",
    "WRONG_ROLE",
    "disclosed anew",
    "fault",
    "fenced",
    "got",
    "held at delivery",
    "quick start",
    "erased in part",
    "record erased",
    "refused at delivery",
    "repeated",
];

#[test]
fn the_promises_hold_whatever_happens() {
    let keyring = Keyring::create();
    let mut counts = Counts::new();
    let seeds = seeds();
    for seed in seeds.clone() {
        for (what, count) in simulate(&keyring, seed) {
            *counts.entry(what).or_default() += count;
        }
    }
    // One seed that is repeated alone does not show everything.
    if seeds.end - seeds.start >= SEEDS {
        let idle: Vec<_> = HAPPENS.iter().filter(|it| !counts.contains_key(*it)).collect();
        assert!(idle.is_empty(), "never happened: {idle:?}; what did: {counts:#?}");
        assert!(counts["got"] > 4 * SEEDS, "hardly anything was disclosed: {counts:#?}");
    }
}

/// The fixed list, or as many as a campaign asks for, beyond it.
#[expect(clippy::disallowed_methods, reason = "a campaign has no other way into a test")]
fn seeds() -> std::ops::Range<u64> {
    match std::env::var("PORTWAY_SIMULATION_SEEDS") {
        Ok(text) => {
            let (from, to) = text.split_once("..").expect("from..to");
            from.parse().expect("a number")..to.parse().expect("a number")
        }
        Err(_) => 0..SEEDS,
    }
}

fn simulate(keyring: &Keyring, seed: u64) -> Counts {
    let mut done: Vec<String> = Vec::new();
    let run = catch_unwind(AssertUnwindSafe(|| run(keyring, seed, &mut done)));
    run.unwrap_or_else(|cause| {
        let from = done.len().saturating_sub(25);
        let last = done[from..].join("\n");
        let text = cause.downcast_ref::<String>().cloned();
        let text = text.or(cause.downcast_ref::<&str>().map(ToString::to_string));
        let Some(text) = text else { resume_unwind(cause) };
        panic!("seed {seed}, step {}: {text}\nafter\n{last}", done.len());
    })
}

fn run(keyring: &Keyring, seed: u64, done: &mut Vec<String>) -> Counts {
    let mut random = Random::new(seed);
    let mut world = World::new(keyring);
    for op in Op::prelude(&mut random) {
        world.run(&op);
    }
    for step in 0..STEPS {
        let op = Op::draw(&mut random);
        done.push(format!("{op:?}"));
        world.run(&op);
        if (seed + step).is_multiple_of(ERASE_EVERY) {
            let stops_after = (!step.is_multiple_of(3)).then_some(step % 3);
            let op = Op::EraseRecords { dies: step.is_multiple_of(5), stops_after };
            done.push(format!("{op:?}"));
            world.run(&op);
        }
        if world.now() < world.latest && random.chance(50) {
            world.set_clock(world.latest);
        }
        if step % REPLAY_EVERY == 0 {
            replayed::replay_is_the_live_state(&world);
            kept::p5_just_what_is_erased_does_not_open(&world);
        }
    }
    done.push("drain".to_owned());
    world.drain();
    kept::p5_just_what_is_erased_does_not_open(&world);
    replayed::replay_is_the_live_state(&world);
    snapshots::a_start_from_any_batch_is_a_full_replay(&world, seed);
    world.audit.counts
}
