//! The checks: what was received, refused and recorded against what is due.

use std::collections::BTreeMap;

use super::{
    Account, expect,
    play::{Outcome, Played},
    samples::Parts,
    stage::Stage,
    witnessed::Evidence,
};
use crate::domain::{AgencyId, Subscription};
use crate::record::Event;

/// Makes the account; what does not hold stands in its faults.
pub(super) fn check(
    stage: &Stage,
    parts: &Parts,
    subscriptions: &[(AgencyId, Subscription)],
    played: &Played,
    evidence: &Evidence,
) -> Account {
    let mut faults = Vec::new();
    check_outcomes(parts, played, &mut faults);
    check_views(stage, parts, subscriptions, played, &mut faults);
    let recorded = Recorded::of(evidence);
    check_recorded(played, &recorded, &mut faults);
    let undelivered = expect::undelivered(&played.rows, parts, subscriptions, &stage.domain);
    if undelivered != recorded.undelivered {
        faults.push(format!(
            "refused at delivery: the log says {:?}, due are {undelivered:?}",
            recorded.undelivered
        ));
    }
    let missing = evidence.size - u64::try_from(evidence.records.len()).unwrap_or(u64::MAX);
    if missing > 0 {
        faults.push(format!("{missing} records are open to no officer"));
    }
    check_silence(parts, evidence, &mut faults);
    let mut refused = recorded.undelivered;
    for (reason, count) in recorded.refused {
        *refused.entry(reason).or_default() += count;
    }
    Account {
        connect: stage.connect.clone(),
        rows: played.rows.len() + played.unreadable,
        unreadable: played.unreadable,
        published: played.published(),
        refused,
        disclosures: recorded.disclosures,
        origin: evidence.origin.clone(),
        size: evidence.size,
        root: evidence.root.clone(),
        faults,
    }
}

/// Each row was taken, or refused for the reason it had to be.
fn check_outcomes(parts: &Parts, played: &Played, faults: &mut Vec<String>) {
    for outcome in &played.rows {
        let due = expect::refusal(outcome, parts, played.play);
        let was = outcome.published.as_ref().err().map(String::as_str);
        if due != was {
            let Outcome { agency, row, .. } = outcome;
            faults.push(format!("{agency} line {}: {was:?}, due is {due:?}", row.line));
        }
    }
}

/// Each subscription received what it is due and nothing else, in order, under numbers without gaps.
fn check_views(
    stage: &Stage,
    parts: &Parts,
    subscriptions: &[(AgencyId, Subscription)],
    played: &Played,
    faults: &mut Vec<String>,
) {
    let due = expect::views(&played.rows, parts, subscriptions, &stage.domain);
    for ((agency, name), due) in &due {
        let nothing = Vec::new();
        let received = played.received.get(&(agency.clone(), name.clone())).unwrap_or(&nothing);
        if due.len() != received.len() {
            faults.push(format!(
                "{agency}/{name}: {} views received, due are {}",
                received.len(),
                due.len()
            ));
        }
        for ((place, due), received) in (1..).zip(due).zip(received) {
            if received.number != place || received.view != *due {
                faults.push(format!("{agency}/{name}: view {place} is not the one due"));
                break;
            }
        }
    }
}

/// What the log says, counted.
#[derive(Debug, Default)]
struct Recorded {
    refused: BTreeMap<String, u64>,
    undelivered: BTreeMap<String, u64>,
    disclosures: BTreeMap<(String, String), u64>,
    indexes: Vec<u64>,
    published: usize,
}

impl Recorded {
    fn of(evidence: &Evidence) -> Self {
        let mut counted = Self::default();
        for (index, record) in &evidence.records {
            match &record.event {
                Event::Disclosed(it) => {
                    let pair = (it.publisher.to_string(), it.recipient.to_string());
                    *counted.disclosures.entry(pair).or_default() += 1;
                    counted.indexes.push(*index);
                }
                Event::Published(_) => counted.published += 1,
                Event::Refused(it) => {
                    let kind = if it.published.is_some() {
                        &mut counted.undelivered
                    } else {
                        &mut counted.refused
                    };
                    let count = u64::from(it.suppressed) + 1;
                    *kind.entry(it.reason.to_string()).or_default() += count;
                }
                Event::Acknowledged { .. }
                | Event::AgreementApproved(_)
                | Event::AgreementProposed { .. }
                | Event::AgreementWithdrawn(_)
                | Event::Barred { .. }
                | Event::BrokerStarted { .. }
                | Event::CertificateIssued(_)
                | Event::Consulted { .. }
                | Event::Exported { .. }
                | Event::KeyRotated { .. }
                | Event::LogRestored(_)
                | Event::LogStarted { .. }
                | Event::NumberSkipped { .. }
                | Event::Redelivered { .. }
                | Event::Reloaded(_)
                | Event::Access(_)
                | Event::Retention(_)
                | Event::Rights(_)
                | Event::SnapshotTaken(_)
                | Event::StreamOpened { .. }
                | Event::SubscriptionCreated { .. }
                | Event::SubscriptionDeleted { .. }
                | Event::TailCut { .. } => {}
            }
        }
        counted
    }
}

/// P2: whatever was received stands in the log, and what was published too.
fn check_recorded(played: &Played, recorded: &Recorded, faults: &mut Vec<String>) {
    let mut received: Vec<u64> =
        played.received.values().flatten().map(|received| received.index).collect();
    received.sort_unstable();
    if received != recorded.indexes {
        faults.push(format!(
            "{} views were received, the log discloses {}",
            received.len(),
            recorded.indexes.len()
        ));
    }
    if played.published() != recorded.published {
        faults.push(format!(
            "{} alerts were acknowledged, the log holds {}",
            played.published(),
            recorded.published
        ));
    }
}

/// No free text of an extract stands in any record.
fn check_silence(parts: &Parts, evidence: &Evidence, faults: &mut Vec<String>) {
    let said = format!("{:?}", evidence.records);
    for extract in &parts.extracts {
        if expect::canaries(extract).iter().any(|note| said.contains(note)) {
            faults.push(format!("free text of {} stands in the log", extract.agency));
        }
    }
}
