//! Rotations of every kind under a steady load: calls on a kept connection, calls on connections of their own, and
//! open streams. Nothing of it may fail, and no number may be missing. `tests/campaigns/rotations.sh` runs many.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use portway::{
    client::{Incoming, Operator},
    pb::v1 as pb,
};
use tokio::task::JoinSet;

use super::{following, number, say};
use crate::stage::{Role, Stage, copy_dir, crl, draft, in_force, now, put};

/// How many rotations where nothing else is said.
const FEW: u64 = 25;

#[tokio::test(flavor = "multi_thread")]
async fn rotations_of_every_kind_fail_no_call_and_lose_no_delivery() {
    let (count, seed) = (number("PORTWAY_ROTATIONS", FEW), number("PORTWAY_SEED", 7));
    let stage = Arc::new(stage());
    stage.agree().await;
    for agency in ["council", "housing"] {
        stage.subscribe(agency).await;
    }
    let streams = [stream(&stage, "council").await, stream(&stage, "housing").await];
    let load = Arc::new(Load::default());
    let mut calls = JoinSet::new();
    calls.spawn(publish(Arc::clone(&stage), Arc::clone(&load)));
    calls.spawn(knock(Arc::clone(&stage), Arc::clone(&load)));
    let operator = Operator::local(&stage.path("broker/operate.sock")).await.unwrap();
    let mut rotations = Rotations { stage: Arc::clone(&stage), operator, chance: seed, list: 1 };
    for _ in 0..count {
        rotations.rotate().await;
    }
    load.is_over.store(true, Ordering::Relaxed);
    calls.join_all().await;
    let published = load.published.load(Ordering::Relaxed);
    for stream in streams {
        stream.take(published).await;
    }
    let (knocked, generation) = (load.knocked.load(Ordering::Relaxed), stage.generation().await);
    say(format_args!(
        "rotations {count}, seed {seed}: {} in force, {} refused; {published} publishes, \
         {knocked} new connections, 2 streams: none failed",
        generation.taken, generation.refused
    ));
    assert!(published > count && knocked > 0 && generation.taken > 1);
}

/// Rules in a directory, a list for the council, and fire's CAs as Kubernetes mounts them.
fn stage() -> Stage {
    Stage::start_after(|stage| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        copy_dir(&root.join("config/policy"), &stage.path("broker/rules"));
        let list = crl(&stage.path("ca/council"), 1, &[], now().plus_days(30));
        put(&stage.path("ca/council/crl.pem"), &list);
        mount(stage, "first", &fs::read_to_string(stage.path("ca/fire/ca.pem")).unwrap());
        stage.edit(|text| {
            let council = "ca = \"../ca/council/ca.pem\"\n";
            let listed = format!("{council}crl = \"../ca/council/crl.pem\"\n");
            let text =
                text.replace(council, &listed).replace("../ca/fire/ca.pem", "mounted/ca.pem");
            let text = text.replace("listen", "cut_within_ms = 400\nlisten");
            format!("{text}[policy]\ndir = \"rules\"\n")
        });
    })
}

/// Turns a link to another version of a directory.
fn mount(stage: &Stage, version: &str, pem: &str) {
    use std::os::unix::fs::symlink;
    let dir = stage.path("broker/mounted");
    let own = format!("..{version}");
    fs::create_dir_all(dir.join(&own)).unwrap();
    fs::write(dir.join(&own).join("ca.pem"), pem).unwrap();
    symlink(&own, dir.join("..data_tmp")).unwrap();
    fs::rename(dir.join("..data_tmp"), dir.join("..data")).unwrap();
    if !dir.join("ca.pem").exists() {
        symlink("..data/ca.pem", dir.join("ca.pem")).unwrap();
    }
}

#[derive(Debug, Default)]
struct Load {
    is_over: AtomicBool,
    published: AtomicU64,
    knocked: AtomicU64,
}

/// Publishes one alert after the other on a connection that is kept.
async fn publish(stage: Arc<Stage>, load: Arc<Load>) {
    let police = stage.connect("police", Role::Service).await;
    while !load.is_over.load(Ordering::Relaxed) {
        police.publish(draft(now()), None).await.expect("a publish failed");
        load.published.fetch_add(1, Ordering::Relaxed);
    }
}

/// Comes in anew for each call, as each agency in turn.
async fn knock(stage: Arc<Stage>, load: Arc<Load>) {
    for agency in ["police", "council", "housing", "fire"].into_iter().cycle() {
        if load.is_over.load(Ordering::Relaxed) {
            return;
        }
        let came_in = stage.connect(agency, Role::Officer).await.list_agreements().await;
        came_in.unwrap_or_else(|error| panic!("{agency} was not let in: {error}"));
        load.knocked.fetch_add(1, Ordering::Relaxed);
    }
}

/// A stream that is read all the time; it says when it has got a number.
#[derive(Debug)]
struct Reading {
    until: tokio::sync::watch::Sender<u64>,
    read: JoinSet<()>,
}

async fn stream(stage: &Stage, agency: &str) -> Reading {
    let mut follower = following(stage, agency).await;
    let (until, mut last) = tokio::sync::watch::channel(u64::MAX);
    let mut read = JoinSet::new();
    read.spawn(async move {
        let mut next = 1;
        while next <= *last.borrow_and_update() {
            let incoming = tokio::select! {
                incoming = follower.next() => incoming.expect("a stream was lost"),
                _ = last.changed() => continue,
            };
            match incoming.expect("a stream was ended") {
                Incoming::Delivery(delivered) => {
                    assert_eq!(delivered.number, next, "in order, and none missing");
                    follower.acknowledge(&delivered.position).await.expect("a stream was lost");
                    next += 1;
                }
                Incoming::Heartbeat => {}
                other @ (Incoming::Notice(_) | Incoming::Skipped(_)) => panic!("{other:?}"),
            }
        }
    });
    Reading { until, read }
}

impl Reading {
    /// Reads up to a number, on the stream that was opened first.
    async fn take(self, number: u64) {
        self.until.send_replace(number);
        self.read.join_all().await;
    }
}

/// Who rotates.
struct Rotations {
    stage: Arc<Stage>,
    operator: Operator,
    chance: u64,
    /// The number of the council's list.
    list: u64,
}

impl Rotations {
    /// Draws a number below another: xorshift, so that a seed repeats a run.
    fn below(&mut self, bound: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % bound
    }

    async fn rotate(&mut self) {
        let stage = Arc::clone(&self.stage);
        let before = stage.generation().await;
        match self.below(8) {
            0 => {
                stage.renew_server();
                self.taken(&before).await;
            }
            1 => {
                let school = stage.path("ca/school/ca.pem");
                let more = fs::read_to_string(stage.path("ca/unknown/ca.pem")).unwrap();
                let bundle = fs::read_to_string(&school).unwrap();
                let (own, _) = bundle.split_at(bundle.find("-----END").unwrap() + 26);
                let other =
                    if bundle.len() > own.len() { own.to_owned() } else { own.to_owned() + &more };
                put(&school, &other);
                self.taken(&before).await;
            }
            2 => {
                self.list += 1;
                self.write_list(self.list);
                self.taken(&before).await;
            }
            3 => {
                let path = stage.path("ca/council/crl.pem");
                let list = fs::read_to_string(&path).unwrap();
                self.write_list(self.list - 1);
                self.refused().await;
                // Another one of the same number would be refused as well.
                self.write_list(self.list);
                self.refused().await;
                put(&path, &list);
                self.settled().await;
            }
            4 => self.half_write("broker/server/cert.pem").await,
            5 => self.half_write("broker/rules/children.cedar").await,
            6 => {
                stage.edit(|text| match text.split_once("\n[[agency]]\nid = \"library\"") {
                    Some((before, _)) => before.to_owned(),
                    None => {
                        text + "\n[[agency]]\nid = \"library\"\nca = \"../ca/unknown/ca.pem\"\n"
                    }
                });
                self.taken(&before).await;
            }
            _ => {
                let version = self.below(u64::MAX).to_string();
                let pem = fs::read_to_string(stage.path("ca/fire/ca.pem")).unwrap();
                mount(&stage, &version, &format!("{pem}\n# {version}\n"));
                self.taken(&before).await;
            }
        }
    }

    fn write_list(&self, number: u64) {
        let ca = self.stage.path("ca/council");
        let stranger = self.stage.path("stranger");
        let list = crl(&ca, number, &[&stranger], now().plus_days(30));
        put(&self.stage.path("ca/council/crl.pem"), &list);
    }

    /// Waits until a change is in force: asked for, signalled, or found by the broker itself.
    async fn taken(&mut self, before: &pb::Generation) {
        match self.below(3) {
            0 => drop(self.operator.reload().await.expect("a good generation")),
            1 => self.stage.hang_up(),
            _ => {}
        }
        in_force(&self.stage, |it| it.digest != before.digest && it.fault.is_empty()).await;
    }

    /// Waits until the files are those in force.
    async fn settled(&self) {
        self.operator.reload().await.expect("a good generation");
        in_force(&self.stage, |it| it.fault.is_empty()).await;
    }

    async fn refused(&self) {
        self.operator.reload().await.expect_err("a bad generation was taken");
    }

    /// Cuts a file in two, has that refused, and mends it.
    async fn half_write(&self, name: &str) {
        let path = self.stage.path(name);
        let whole = fs::read_to_string(&path).unwrap();
        let (half, _) = whole.split_at(whole.len() / 2);
        fs::write(&path, half).unwrap();
        self.refused().await;
        fs::write(&path, &whole).unwrap();
        self.settled().await;
    }
}
