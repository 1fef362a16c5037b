//! Strangers crowd the door, and those who belong get in and are served all the while.
//!
//! Without more said it is a small crowd, and nothing is measured. `PORTWAY_STRANGERS` says how many, and
//! `PORTWAY_STRANGERS_PER_SECOND` how many of them come a second: then figures are printed; see
//! `tests/campaigns/handshakes.sh`.

use std::time::Duration;

use portway::pb::v1 as pb;
use tokio::{task::JoinSet, time::Instant};

use super::{
    counted,
    crowd::{Crowd, Kind, Stranger, thrown_out},
};
use crate::stage::{Cli, Door, Role, Speaker, Stage};

/// Places for 16 that have said hello and 64 that have not. Of four times as many who come and stay, the newest
/// keep their places; everybody who belongs gets in all the same, one after the other and all at once.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_lock_nobody_out_and_are_bounded() {
    const COME: usize = 320;
    for (kind, places) in [(Kind::Silent, 64), (Kind::Half, 64), (Kind::Stalled, 16)] {
        let stage = Stage::start_editing(|text| {
            text.replace(
                "[server]\n",
                "[server]\nhandshakes_max = 16\nhandshake_timeout_ms = 60000\n",
            )
        });
        let kept = stage.speak("police", Role::Service).await;
        let stranger = Stranger::at(&stage);
        let mut crowd: Vec<_> = (0..COME).map(|_| stranger.come(kind).unwrap()).collect();
        crowd.drain(..COME - places).for_each(thrown_out);

        for _ in 0..20 {
            ask(&stage.speak("council", Role::Service).await).await;
        }
        ask(&kept).await;

        let operator = Cli::of(&stage, "", Role::Operator);
        // A stranger may see it a moment before it is counted.
        while counted(&operator)["HANDSHAKE_EVICTED"].parse::<usize>().unwrap() < COME - places {}
    }
}

/// The broker takes as many descriptors as its settings may need, where it may.
#[tokio::test(flavor = "multi_thread")]
async fn there_are_descriptors_for_all_who_may_come() {
    let mut stage = Stage::set();
    stage.serve_under("--nofile=256:9000");
    stage.enrol();
    // 1024 connections, 1280 places of handshakes and as many who are on their way out, and 256 files.
    assert_eq!(stage.descriptors(), [3840, 9000]);
    assert!(!stage.log_lines().contains("fewer descriptors"));
    stage.terminate();
    stage.serve_under("--nofile=256:300");
    assert_eq!(stage.descriptors(), [300, 300]);
    assert!(stage.log_lines().contains("fewer descriptors than connections may need"));
}

/// Where there are fewer than strangers want, those who belong get in all the same.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_that_take_every_descriptor_lock_nobody_out() {
    for kind in [Kind::Silent, Kind::Stalled] {
        let mut stage = Stage::set();
        let config = stage.path("broker/portway.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("[server]\n", "[server]\nhandshake_timeout_ms = 60000\n");
        std::fs::write(&config, text).unwrap();
        stage.serve_under("--nofile=200:200");
        stage.enrol();
        let kept = stage.speak("police", Role::Service).await;
        let stranger = Stranger::at(&stage);
        let crowd: Vec<_> = (0..400).map(|_| stranger.come(kind).unwrap()).collect();

        for _ in 0..5 {
            ask(&stage.speak("council", Role::Service).await).await;
        }
        ask(&kept).await;

        assert!(stage.log_lines().contains("accept failed"), "{kind:?}: they took all there are");
        drop(crowd);
    }
}

/// Calls on, and opens new connections, while a crowd of every kind comes and comes again.
#[tokio::test(flavor = "multi_thread")]
async fn honest_peers_are_served_while_strangers_come_and_go() {
    let plan = Plan::read();
    // Measured, it is as it comes; otherwise nothing may depend on how slow the machine is.
    let patient = if plan.is_measured { "" } else { "handshake_timeout_ms = 60000\n" };
    let stage =
        Stage::start_editing(|text| text.replace("[server]\n", &format!("[server]\n{patient}")));
    let mut kinds: Vec<Vec<Kind>> = Kind::ALL.iter().map(|kind| vec![*kind]).collect();
    kinds.push(Kind::ALL.to_vec());
    for kinds in kinds {
        let name = if kinds.len() == 1 { format!("{:?}", kinds[0]) } else { "All".to_owned() };
        let mut rounds = Vec::new();
        for _ in 0..plan.rounds {
            let round = plan.round(&stage, &kinds).await;
            assert_eq!((round.0.locked_out, round.1.locked_out), (0, 0), "{name}: {round:?}");
            rounds.push(round);
        }
        plan.print(&stage, &name, &rounds);
    }
    if plan.is_measured {
        plan.say(&format!("turned away: {:?}", counted(&Cli::of(&stage, "", Role::Operator))));
    }
}

/// How many strangers, and for how long. Without more said, few, and no longer than they need.
#[derive(Debug)]
struct Plan {
    is_measured: bool,
    strangers: u64,
    per_second: u64,
    seconds: u64,
    rounds: u64,
}

impl Plan {
    fn read() -> Self {
        let strangers = number("PORTWAY_STRANGERS");
        Self {
            is_measured: strangers.is_some(),
            strangers: strangers.unwrap_or(200),
            per_second: number("PORTWAY_STRANGERS_PER_SECOND").unwrap_or(200),
            seconds: number("PORTWAY_SECONDS").unwrap_or(0),
            rounds: number("PORTWAY_ROUNDS").unwrap_or(1),
        }
    }

    /// Looks how those who belong fare in calm, and then while a crowd of these kinds is there.
    async fn round(&self, stage: &Stage, kinds: &[Kind]) -> (Shown, Shown) {
        let calm = Shown::over(stage, self.seconds).await;
        let size = usize::try_from(self.strangers).unwrap();
        let crowd = Crowd::gather(Stranger::at(stage), kinds.to_vec(), size, self.per_second);
        while crowd.came() < self.strangers {
            tokio::task::yield_now().await;
            ask(&stage.speak("council", Role::Service).await).await;
        }
        let crowded = Shown::over(stage, self.seconds).await;
        crowd.leave();
        (calm, crowded)
    }

    fn print(&self, stage: &Stage, name: &str, rounds: &[(Shown, Shown)]) {
        if !self.is_measured {
            return;
        }
        self.say(&format!("{name}: {} strangers at a time", self.strangers));
        for (calm, crowded) in rounds {
            self.say(&format!("  calm     {calm}\n  crowded  {crowded}"));
        }
        let mut ratios: Vec<f64> =
            rounds.iter().map(|(calm, it)| it.kept_p99 / calm.kept_p99).collect();
        let [ratio, ..] = percentiles(&mut ratios);
        let [now, peak] = ["VmRSS", "VmHWM"].map(|name| stage.usage(name));
        self.say(&format!(
            "  p99 of kept connections, crowded to calm: {ratio:.2} (median of the rounds); \
             the broker's memory: {now} kB, at most {peak} kB"
        ));
    }

    #[expect(clippy::print_stdout, reason = "the campaign's figures")]
    fn say(&self, text: &str) {
        assert!(self.is_measured, "nobody reads it");
        println!("{text}");
    }
}

/// How it went for those who belong.
#[derive(Debug)]
struct Shown {
    kept_p50: f64,
    kept_p99: f64,
    calls: usize,
    newcomer_p50: f64,
    newcomer_max: f64,
    newcomers: usize,
    locked_out: usize,
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kept_p50, kept_p99, calls, newcomer_p50, newcomer_max, newcomers, locked_out } =
            self;
        write!(
            f,
            "kept: {calls} calls, p50 {kept_p50:.2} ms, p99 {kept_p99:.2} ms; new connections: {newcomers}, \
             p50 {newcomer_p50:.1} ms, slowest {newcomer_max:.1} ms, locked out {locked_out}"
        )
    }
}

impl Shown {
    /// Has four kept connections call, one call after the other with a pause, and newcomers come one after the
    /// other, for so many seconds, and at least once.
    async fn over(stage: &Stage, seconds: u64) -> Self {
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut kept = JoinSet::new();
        for _ in 0..4 {
            let speaker = stage.speak("police", Role::Service).await;
            ask(&speaker).await;
            kept.spawn(async move {
                let mut times = Vec::new();
                while times.is_empty() || Instant::now() < until {
                    let begun = Instant::now();
                    ask(&speaker).await;
                    times.push(begun.elapsed().as_secs_f64() * 1e3);
                    tokio::time::sleep(CALL_PAUSE).await;
                }
                times
            });
        }
        let door = Door::of(&stage.home("council", Role::Service));
        let (mut newcomers, mut locked_out) = (Vec::new(), 0);
        while newcomers.is_empty() || Instant::now() < until {
            let begun = Instant::now();
            match door.channel(&stage.address).await {
                Ok(channel) => {
                    let asked = Speaker { channel }.operations().get_status(REQUEST).await;
                    locked_out += usize::from(asked.is_err());
                }
                Err(_) => locked_out += 1,
            }
            newcomers.push(begun.elapsed().as_secs_f64() * 1e3);
            tokio::time::sleep(CALL_PAUSE).await;
        }
        let mut calls = kept.join_all().await.concat();
        let [kept_p50, kept_p99, _] = percentiles(&mut calls);
        let [newcomer_p50, _, newcomer_max] = percentiles(&mut newcomers);
        let (calls, newcomers) = (calls.len(), newcomers.len());
        Self { kept_p50, kept_p99, calls, newcomer_p50, newcomer_max, newcomers, locked_out }
    }
}

const REQUEST: pb::GetStatusRequest = pb::GetStatusRequest {};
/// Between two calls: a load that leaves both processors time, so that waiting shows and not only work.
const CALL_PAUSE: Duration = Duration::from_millis(5);

async fn ask(speaker: &Speaker) {
    speaker.operations().get_status(REQUEST).await.expect("one of us");
}

fn percentiles(times: &mut [f64]) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [50, 99, 100].map(|percent| times[(times.len() * percent / 100).min(times.len() - 1)])
}

#[expect(clippy::disallowed_methods, reason = "a campaign is larger than the gate's own run")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}
