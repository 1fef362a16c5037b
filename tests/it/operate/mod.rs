//! Operating a broker that runs: other certificates, CAs, lists and rules without a restart, and what becomes of
//! whoever may not take part any more.

mod bars;
mod cutting;
mod lists;
mod reload;
mod replaced;
mod rotations;
mod socket;

use portway::{
    client::{Connection, Error, FollowOptions, Follower, Identity, Incoming},
    record::Event,
};

use crate::stage::{Cli, PURPOSE, Role, SUBSCRIPTION, Stage, events};

/// An operator at the command line.
fn operator(stage: &Stage) -> Cli {
    Cli::of(stage, "", Role::Operator)
}

/// Does something and returns the index of its record.
fn done(cli: &Cli, arguments: &[&str]) -> u64 {
    let said = cli.run([&["operate"], arguments, &["--json"]].concat()).done();
    let said: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    said["index"].as_u64().unwrap()
}

/// A subscriber, with its stream open.
async fn following(stage: &Stage, agency: &str) -> Follower {
    let council = stage.connect(agency, Role::Service).await;
    let name = SUBSCRIPTION.parse().unwrap();
    council.follow(&name, PURPOSE, FollowOptions::default()).await.unwrap()
}

/// The next delivery's number.
async fn next_number(follower: &mut Follower) -> u64 {
    loop {
        if let Some(Incoming::Delivery(delivered)) = follower.next().await.unwrap() {
            return delivered.number;
        }
    }
}

/// Tells how many disclosures to the council the log has, and how many of them after an index.
async fn disclosures(stage: &Stage, after: u64) -> (usize, usize) {
    let officer = stage.connect("police", Role::Officer).await;
    let events = events(&officer).await;
    let to_council =
        |it: &Event| matches!(it, Event::Disclosed(it) if it.recipient.as_str() == "council");
    let all: Vec<u64> =
        events.iter().filter(|(_, it)| to_council(it)).map(|(index, _)| *index).collect();
    (all.len(), all.iter().filter(|index| **index > after).count())
}

/// Tries to come in, and to ask for anything at all.
async fn comes_in(stage: &Stage, agency: &str, role: Role) -> bool {
    let identity = Identity::load(&stage.home(agency, role)).unwrap();
    let asked = async { Connection::connect(&stage.address, identity).await?.status().await };
    match asked.await {
        Ok(_) => true,
        Err(Error::Unreachable { .. }) => false,
        Err(error) => panic!("{error:?}"),
    }
}

/// A number that a campaign sets.
fn number(name: &str, usual: u64) -> u64 {
    let text = std::env::var_os(name);
    text.map_or(usual, |text| text.to_str().and_then(|it| it.parse().ok()).expect("a number"))
}

/// Tells a campaign what came of it.
fn say(what: std::fmt::Arguments<'_>) {
    use std::io::Write;
    writeln!(std::io::stderr(), "{what}").unwrap();
}
