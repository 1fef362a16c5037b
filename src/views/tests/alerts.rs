//! The broker's own look-ups: an alert's record and its recipients, found alike in any state of the index.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU32, Ordering},
};

use proptest::prelude::*;

use super::scene::{AGENCIES, Scene, agency, alert_id, all, asker, at, choices};
use crate::domain::{AgencyId, Field, Fields, SubjectCategory};
use crate::record::Event;
use crate::views::{Asker, Question, Views};

const BLOCK: u64 = 4;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Views that have indexed so many blocks and no more.
fn views(scene: &Scene, blocks: u32) -> (tempfile::TempDir, Views) {
    let dir = tempfile::tempdir().unwrap();
    let views = Views::open_with(dir.path(), scene.log.reader(), BLOCK).unwrap();
    let done = AtomicU32::new(0);
    views.catch_up(&|| done.fetch_add(1, Ordering::Relaxed) >= blocks).unwrap();
    (dir, views)
}

/// The recipients of every alert, by a plain reading of the log.
fn scanned(scene: &Scene) -> BTreeMap<u64, BTreeSet<AgencyId>> {
    let mut found: BTreeMap<u64, BTreeSet<AgencyId>> = BTreeMap::new();
    for entry in all(&scene.log.reader(), scene.size) {
        if let Event::Published(_) = entry.record.event {
            found.entry(entry.index).or_default();
        } else if let Event::Disclosed(it) = entry.record.event {
            found.entry(it.published).or_default().insert(it.recipient);
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_alert_and_its_recipients_are_found_in_any_state_of_the_index(
        choices in choices(0..400),
        blocks in prop_oneof![Just(0), 1..100_u32, Just(u32::MAX)],
    ) {
        let scene = Scene::of(&choices);
        let (_dir, views) = views(&scene, blocks);
        for (published, recipients) in scanned(&scene) {
            let (named, found) = run(views.recipients(published)).unwrap();
            prop_assert_eq!((named.published, found), (published, recipients));
            let alert = scene.log.reader().entry(published).unwrap().unwrap();
            let Event::Published(alert) = alert.record.event else {
                panic!("{alert:?}")
            };
            let found = run(views.published(alert.facts.publisher.clone(), alert.facts.id)).unwrap();
            prop_assert_eq!(found, Some((published, alert)));
        }
    }
}

/// What a plain reading of the log tells an asker of alerts and of the categories that it was given.
fn given(scene: &Scene, by: &Asker) -> (u64, BTreeSet<SubjectCategory>) {
    let entries = all(&scene.log.reader(), scene.size);
    let (mut alerts, mut categories) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries.iter().filter(|it| by.may_see(it)) {
        let (published, known) = if let Event::Published(_) = &entry.record.event {
            (entry.index, Fields::all())
        } else if let Event::Disclosed(it) = &entry.record.event {
            let is_recipient = by.agency() == Some(&it.recipient);
            (it.published, if is_recipient { it.released } else { Fields::all() })
        } else {
            continue;
        };
        alerts.insert(published);
        let alert = &entries[usize::try_from(published).unwrap()].record.event;
        let Event::Published(alert) = alert else { panic!("{alert:?}") };
        if known.contains(Field::SubjectCategories) {
            categories.extend(&alert.facts.categories);
        }
    }
    (alerts.len() as u64, categories)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// One disclosure may have told what another one of the same alert did not.
    #[test]
    fn a_breach_has_every_category_that_its_asker_was_given(choices in choices(0..300)) {
        let scene = Scene::of(&choices);
        let (_dir, views) = views(&scene, u32::MAX);
        for number in 0..5 {
            let by = asker(number);
            let always = Question { from: Some(at(0)), ..Question::default() };
            let breach = run(views.assess(by.clone(), always, scene.size)).unwrap();
            prop_assert_eq!((breach.alerts, breach.categories), given(&scene, &by));
        }
    }
}

#[test]
fn an_alert_is_found_by_publisher_and_id_together() {
    let mut scene = Scene::new();
    scene.add((0, 1, 0, 1));
    let first = scene.size - 1;
    // Another agency takes the same id.
    scene.publish_again(2, 1);
    for blocks in [0, u32::MAX] {
        let (_dir, views) = views(&scene, blocks);
        let found = |number| {
            let found = run(views.published(agency(number), alert_id(1))).unwrap();
            found.map(|(index, _)| index)
        };
        let all: Vec<_> = (0..AGENCIES.len()).map(found).collect();
        assert_eq!(all, [None, Some(first), Some(first + 1), None]);
        assert_eq!(run(views.published(agency(1), alert_id(99))).unwrap(), None);
    }
}

#[test]
fn what_is_no_alert_has_no_recipients() {
    let (_dir, views) = views(&Scene::new(), 0);
    run(views.recipients(0)).expect_err("the log's beginning");
    run(views.recipients(u64::MAX)).expect_err("beyond the log");
}

/// A recall of a rare alert in a long log costs a few blocks; without the index, the log.
#[test]
fn a_look_up_reads_only_blocks_that_may_hold_an_answer() {
    let mut scene = Scene::of(&[(15, 0, 0, 0); 400]);
    let published = scene.size;
    scene.add((0, 0, 0, 3));
    for _ in 0..400 {
        scene.add((15, 1, 0, 0));
    }
    let (_dir, views) = views(&scene, u32::MAX);
    scene.log.read_since();
    assert_eq!(run(views.recipients(published)).unwrap().1, BTreeSet::new());
    assert!(scene.log.read_since() <= 1 + 2 * usize::try_from(BLOCK).unwrap());
}
