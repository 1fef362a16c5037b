//! The campaign: start, load, kill, start again, check; and in the end everything is drained and audited.

use std::{
    io::{self, Write},
    time::Duration,
};

use tokio::time::{self, Instant};

use super::{
    audit::{self, Audit},
    broker::Broker,
    chance::Chance,
    check,
    house::{House, Identities, Wires},
    load::Load,
    notes::Shared,
    plan::{Cut, Plan},
    scene::{self, Subscription},
    tear,
};

/// The longest that a load lasts.
const LOAD_MAX_MS: u64 = 250;
/// How long a system call is waited for that is to kill the broker.
const CUT_MAX: Duration = Duration::from_secs(2);

/// A campaign in progress.
struct Campaign<'a> {
    plan: &'a Plan,
    house: House,
    identities: Identities,
    subscriptions: Vec<Subscription>,
    notes: Shared,
    chance: Chance,
    /// How long the last undisturbed start took.
    start: Duration,
    kills: u64,
    kills_in_start: u64,
    torn: u64,
    unanswered: usize,
}

/// A broker that listens, and everybody's connections to it.
struct Running {
    broker: Broker,
    wires: Wires,
}

/// Runs a whole campaign.
pub(crate) async fn run(plan: &Plan) {
    let (mut campaign, mut running) = Campaign::begin(plan).await;
    for round in 0..plan.crashes {
        running = campaign.crash(running, round).await;
        let wires = &running.wires;
        let Campaign { subscriptions, notes, chance, .. } = &mut campaign;
        check::after_crash(wires, subscriptions, notes, chance).await;
        if plan.audits(round) {
            let log = Audit::of(&audit::gather(wires).await);
            log.check(subscriptions, &notes.open());
        }
    }
    campaign.finish(running).await;
}

/// Kills first starts on their way, each in empty directories, and starts again.
pub(crate) async fn begin(plan: &Plan) {
    let house = House::build();
    let mut chance = Chance::new(plan.seed);
    let began = Instant::now();
    let (broker, _) = Broker::start(&house).await;
    let undisturbed = began.elapsed();
    broker.kill(&house);
    for round in 0..plan.crashes {
        house.clear();
        match plan.cut(round) {
            None => {
                let broker = Broker::spawn(&house, None);
                time::sleep(part(undisturbed, &mut chance)).await;
                broker.kill(&house);
            }
            cut => {
                let mut broker = Broker::spawn(&house, cut);
                if broker.listening(&house).await.is_some() && !broker.died(CUT_MAX).await {
                    broker.kill(&house);
                }
            }
        }
        house.check_vkey();
        let (broker, address) = Broker::start(&house).await;
        let wires = house.enrol().connect(&address).await;
        scene::set(&wires).await;
        broker.kill(&house);
    }
    house.pull_down();
}

/// A part of a time, by chance.
fn part(whole: Duration, chance: &mut Chance) -> Duration {
    let micros = u64::try_from(whole.as_micros()).unwrap();
    Duration::from_micros(chance.below(micros.max(1)))
}

impl<'a> Campaign<'a> {
    async fn begin(plan: &'a Plan) -> (Self, Running) {
        let house = House::build();
        say(&format!("{plan:?} in {}", house.dir.display()));
        let (broker, address) = Broker::start(&house).await;
        let identities = house.enrol();
        let wires = identities.connect(&address).await;
        let subscriptions = scene::set(&wires).await;
        let campaign = Self {
            plan,
            house,
            identities,
            subscriptions,
            notes: Shared::default(),
            chance: Chance::new(plan.seed),
            start: Duration::ZERO,
            kills: 0,
            kills_in_start: 0,
            torn: 0,
            unanswered: 0,
        };
        (campaign, Running { broker, wires })
    }

    /// Crashes a broker under load, and starts it again.
    async fn crash(&mut self, running: Running, round: u64) -> Running {
        match self.plan.cut(round) {
            None => self.crash_at_a_moment(running).await,
            Some(cut) => self.crash_at_a_call(running, cut).await,
        }
        self.kills += 1;
        self.unanswered += self.notes.open().unanswered();
        while self.plan.cut(round).is_none() && self.chance.one_in(3) {
            // In the middle of its recovery.
            let broker = Broker::spawn(&self.house, None);
            time::sleep(part(self.start, &mut self.chance)).await;
            broker.kill(&self.house);
            self.kills_in_start += 1;
        }
        let began = Instant::now();
        let (broker, address) = Broker::start(&self.house).await;
        self.start = began.elapsed();
        Running { broker, wires: self.identities.connect(&address).await }
    }

    async fn crash_at_a_moment(&mut self, running: Running) {
        let load = self.load(&running.wires);
        time::sleep(Duration::from_millis(self.chance.below(LOAD_MAX_MS))).await;
        running.broker.kill(&self.house);
        load.stop().await;
    }

    async fn crash_at_a_call(&mut self, running: Running, cut: Cut) {
        running.broker.kill(&self.house);
        let broker = Broker::spawn(&self.house, Some(cut));
        if self.is_cut_off(broker).await && cut.is_before_sync() {
            // The batch was written and not synced, nobody was told of it, and no anchor knows of it.
            let is_torn = tear::tear(&self.house.dir.join("journal"), &mut self.chance);
            self.torn += u64::from(is_torn);
        }
    }

    /// Loads a broker until a system call kills it; tells whether one did before patience ended.
    async fn is_cut_off(&mut self, mut broker: Broker) -> bool {
        let Some(address) = broker.listening(&self.house).await else {
            self.kills_in_start += 1;
            return true;
        };
        let connected = time::timeout(CUT_MAX, self.identities.try_connect(&address)).await;
        let wires = connected.ok().flatten();
        let load = wires.as_ref().map(|wires| self.load(wires));
        let died = broker.died(CUT_MAX).await;
        if !died {
            broker.kill(&self.house);
        }
        if let Some(load) = load {
            load.stop().await;
        }
        died
    }

    fn load(&mut self, wires: &Wires) -> Load {
        Load::start(wires, &self.subscriptions, &self.notes, &mut self.chance)
    }

    /// Drains every subscription, audits the whole log, and has the binary verify its export.
    async fn finish(self, running: Running) {
        let Running { broker, wires } = running;
        let log = Audit::of(&audit::gather(&wires).await);
        for subscription in &self.subscriptions {
            check::drain(&wires, subscription, log.due(subscription), &self.notes).await;
        }
        let export = audit::gather(&wires).await;
        let log = Audit::of(&export);
        log.check(&self.subscriptions, &self.notes.open());
        log.check_drained(&self.subscriptions, &self.notes.open());
        assert!(log.tails_cut >= self.torn, "{} tails were torn, {} cut", self.torn, log.tails_cut);
        assert!(log.snapshots > 0, "no snapshot was taken");
        audit::verify(&self.house, &wires, &export).await;
        broker.kill(&self.house);
        self.tell(&log, export.entries.len());
        self.house.pull_down();
    }

    fn tell(&self, log: &Audit, entries: usize) {
        let notes = self.notes.open();
        let views = || notes.received.values().flat_map(|it| it.views.values());
        say(&format!(
            "kills: {} under load, {} in start-up\npublishes acknowledged: {}\n\
             unanswered at a kill, asked for again: {}\nviews received: {}, with repeats {}\n\
             redeliveries recorded: {}\nstarts recorded: {}, from a snapshot: {}\n\
             snapshots recorded: {}\ntails torn: {}, cut: {}\nentries: {entries}",
            self.kills,
            self.kills_in_start,
            notes.told(),
            self.unanswered,
            views().count(),
            views().map(|view| view.times).sum::<u64>(),
            log.redelivered,
            log.starts,
            self.house.quick_starts(),
            log.snapshots,
            self.torn,
            log.tails_cut,
        ));
    }
}

fn say(text: &str) {
    writeln!(io::stdout(), "{text}").unwrap();
}
