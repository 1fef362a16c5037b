//! Nothing is lost, nobody overtakes within a lane, no lane outgrows its bound, and whoever asks little is
//! served beside whoever asks much.

use std::{collections::BTreeMap, future::Future, pin::pin, task::Poll};

use proptest::prelude::*;

use super::{Lane, NotQueued, gate::Taken, queue};

const LANES: usize = 6;
const UNITS: usize = 100;

fn lane(number: usize) -> Lane {
    let agency = ["police", "housing", "probation"][number % 3].parse().unwrap();
    match number {
        0 => Lane::Operators,
        1 | 2 => Lane::Services(agency),
        3 | 4 => Lane::Officers(agency),
        _ => Lane::Streams(agency),
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    HandIn { lane: usize, units: u32 },
    HandInAlways { lane: usize },
    Take { units: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..LANES, prop_oneof![9 => Just(1), 1 => 1u32..200])
            .prop_map(|(lane, units)| Step::HandIn { lane, units }),
        1 => (0..LANES).prop_map(|lane| Step::HandInAlways { lane }),
        1 => (1usize..300).prop_map(|units| Step::Take { units }),
    ]
}

/// What is known from outside: what each lane was handed and has not been taken, by number and units.
type Model = BTreeMap<usize, Vec<(u64, usize, bool)>>;

fn counted(model: &Model, lane: usize) -> usize {
    model.get(&lane).into_iter().flatten().filter(|it| it.2).map(|it| it.1).sum()
}

fn check(model: &mut Model, taken: &Taken<(usize, u64)>) -> usize {
    let mut units = 0;
    for (lane, number) in &taken.commands {
        let waiting = model.get_mut(lane).expect("a lane that was handed something");
        assert_eq!(waiting.first().map(|it| it.0), Some(*number), "in the order of the lane");
        units += waiting.remove(0).1;
    }
    units
}

proptest! {
    #[test]
    fn nothing_is_lost_or_overtaken_and_every_lane_is_bounded(
        steps in prop::collection::vec(step(), 1..400)
    ) {
        let (entrance, exit) = queue::<(usize, u64)>(UNITS);
        let mut model = Model::new();
        for (number, step) in (0u64..).zip(steps) {
            match step {
                Step::HandIn { lane: at, units } => {
                    let fits = usize::try_from(units).unwrap().min(UNITS);
                    let due = counted(&model, at) + fits <= UNITS;
                    let done = entrance.hand_in(&lane(at), (at, number), units);
                    prop_assert_eq!(done, if due { Ok(()) } else { Err(NotQueued::Full) });
                    if due {
                        model.entry(at).or_default().push((number, fits, true));
                    }
                }
                Step::HandInAlways { lane: at } => {
                    prop_assert_eq!(entrance.hand_in_always(&lane(at), (at, number)), Ok(()));
                    model.entry(at).or_default().push((number, 1, false));
                }
                Step::Take { units } => {
                    let waited: usize = model.values().flatten().map(|it| it.1).sum();
                    let taken = check(&mut model, &exit.take(units, false));
                    prop_assert!(taken >= units.min(waited), "{taken} of {waited}");
                    prop_assert!(taken < units + UNITS, "{taken} of {units} asked for");
                }
            }
        }
        entrance.stop();
        prop_assert_eq!(entrance.hand_in_always(&lane(0), (0, 0)), Err(NotQueued::Stopping));
        while !model.values().all(Vec::is_empty) {
            check(&mut model, &exit.take(50, true));
        }
        prop_assert!(exit.take(1, true).is_last);
    }

    /// However many storm, whoever hands in one command has it in the next batch, as long as a batch
    /// has a share for everybody.
    #[test]
    fn one_command_waits_behind_no_more_than_a_share_of_each_storm(storms in 1usize..20) {
        let (entrance, exit) = queue::<usize>(5000);
        let stormy: Vec<Lane> =
            (0..storms).map(|it| Lane::Services(format!("agency-{it}").parse().unwrap())).collect();
        for lane in &stormy {
            while entrance.hand_in(lane, 1, 1).is_ok() {}
        }
        let quiet = Lane::Services("quiet".parse().unwrap());
        prop_assert_eq!(entrance.hand_in(&quiet, 0, 1), Ok(()));
        let taken = exit.take(64 * (storms + 1), false).commands;
        prop_assert!(taken.contains(&0));
        let refilled = stormy.iter().filter(|lane| entrance.hand_in(lane, 1, 1).is_ok()).count();
        prop_assert_eq!(refilled, storms, "each storm has been served as well");
    }
}

#[test]
fn a_command_larger_than_a_share_gets_in_beside_a_storm() {
    let (entrance, exit) = queue::<usize>(4096);
    let stormy = Lane::Services("police".parse().unwrap());
    let large = Lane::Officers("housing".parse().unwrap());
    entrance.hand_in(&large, 0, 1024).unwrap();
    let mut batches = 0;
    loop {
        while entrance.hand_in(&stormy, 1, 1).is_ok() {}
        batches += 1;
        if exit.take(100, false).commands.contains(&0) {
            break;
        }
    }
    assert!(batches <= 20, "{batches}");
}

/// Polls once.
async fn now<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn who_waits_gets_in_when_there_is_room_and_is_told_when_there_never_will_be() {
    let (entrance, exit) = queue::<u32>(2);
    let lane = Lane::Bulk("police".parse().unwrap());
    for number in [1, 2] {
        entrance.hand_in_waiting(&lane, number, 1).await.unwrap();
    }
    let mut third = pin!(entrance.hand_in_waiting(&lane, 3, 1));
    let mut fourth = pin!(entrance.hand_in_waiting(&lane, 4, 1));
    assert_eq!(now(third.as_mut()).await, None);
    assert_eq!(now(fourth.as_mut()).await, None);
    assert_eq!(entrance.hand_in(&lane, 5, 1), Err(NotQueued::Full), "those who wait come first");
    assert_eq!(exit.take(1, false).commands, [1]);
    assert_eq!(now(fourth.as_mut()).await, None, "it waits behind the third");
    assert_eq!(now(third.as_mut()).await, Some(Ok(())));
    assert_eq!(exit.take(9, false).commands, [2, 3]);
    assert_eq!(now(fourth.as_mut()).await, Some(Ok(())));
    entrance.hand_in(&lane, 6, 1).unwrap();
    let mut seventh = pin!(entrance.hand_in_waiting(&lane, 7, 1));
    assert_eq!(now(seventh.as_mut()).await, None);
    entrance.stop();
    assert_eq!(now(seventh.as_mut()).await, Some(Err(NotQueued::Stopping)));
    assert_eq!(exit.take(9, true).commands, [4, 6], "what waits is still done");
}

#[tokio::test]
async fn who_goes_away_while_waiting_leaves_the_room_to_others() {
    let (entrance, exit) = queue::<u32>(1);
    let lane = Lane::Bulk("police".parse().unwrap());
    entrance.hand_in(&lane, 1, 1).unwrap();
    {
        let mut gone = pin!(entrance.hand_in_waiting(&lane, 2, 1));
        assert_eq!(now(gone.as_mut()).await, None);
    }
    assert_eq!(exit.take(9, false).commands, [1]);
    assert_eq!(entrance.hand_in(&lane, 3, 1), Ok(()));
}

#[test]
fn a_tick_gives_the_writer_a_turn_without_commands() {
    let (entrance, exit) = queue::<u32>(1);
    entrance.tick();
    let taken = exit.take(9, true);
    assert!(taken.commands.is_empty() && !taken.is_last);
}

#[test]
fn the_writer_is_woken_by_what_is_handed_in_and_by_the_last_entrance_gone() {
    let (entrance, exit) = queue::<u32>(10);
    let other = entrance.clone();
    let writer = std::thread::spawn(move || {
        let mut taken = Vec::new();
        loop {
            let it = exit.take(3, true);
            taken.extend(it.commands);
            if it.is_last {
                return taken;
            }
        }
    });
    for number in 0..8 {
        other.hand_in(&Lane::Operators, number, 1).unwrap();
    }
    drop((entrance, other));
    assert_eq!(writer.join().unwrap(), (0..8).collect::<Vec<_>>());
}

#[test]
fn once_the_writer_is_gone_nothing_is_taken_in_and_what_waited_is_let_go() {
    let (entrance, exit) = queue(10);
    let (answer, mut answered) = tokio::sync::oneshot::channel::<()>();
    entrance.hand_in(&Lane::Operators, Some(answer), 1).unwrap();
    drop(exit);
    assert!(
        answered
            .try_recv()
            .is_err_and(|it| it == tokio::sync::oneshot::error::TryRecvError::Closed)
    );
    assert_eq!(entrance.hand_in(&Lane::Operators, None, 1), Err(NotQueued::Stopping));
}
