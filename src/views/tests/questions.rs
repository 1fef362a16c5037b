//! What a question finds and what it does not, and what it costs.

use std::{sync::Arc, time::Duration};

use super::scene::{Scene, agency, alert_id, asked, at, certificate, token};
use crate::domain::{Field, RecordKind};
use crate::record::Event;
use crate::views::{Place, PlaceForged, Question, Views};

const BLOCK: u64 = 4;

const POLICE: usize = 0;
const COUNCIL: usize = 1;

fn views(scene: &Scene) -> (tempfile::TempDir, Views) {
    let dir = tempfile::tempdir().unwrap();
    let views = Views::open_with(dir.path(), scene.log.reader(), BLOCK).unwrap();
    views.catch_up(&|| false).unwrap();
    (dir, views)
}

fn found(views: &Views, scene: &Scene, by: usize, question: &Question) -> Vec<u64> {
    let found = asked(views, &agency(by).into(), question, (scene.size, 3));
    found.into_iter().map(|(index, _)| index).collect()
}

fn about(code: u8) -> Question {
    Question { subject: Some(token(code)), ..Question::default() }
}

/// The police publish about a person and disclose it to the council, with the tokens or without.
fn disclosed(with_tokens: bool) -> (Scene, u64, u64) {
    let mut scene = Scene::new();
    let published = scene.size;
    // The second alert of the scene; its token is the third.
    scene.add((0, POLICE, 0, 3));
    let disclosed = scene.size;
    scene.add((3, 1, 0, if with_tokens { 2 } else { 1 }));
    (scene, published, disclosed)
}

#[test]
fn a_person_is_found_by_those_who_know_the_tokens() {
    for with_tokens in [true, false] {
        let (scene, published, disclosed) = disclosed(with_tokens);
        let (_dir, views) = views(&scene);
        assert_eq!(found(&views, &scene, POLICE, &about(3)), [published, disclosed]);
        let council = found(&views, &scene, COUNCIL, &about(3));
        assert_eq!(council, if with_tokens { vec![disclosed] } else { vec![] });
        assert_eq!(found(&views, &scene, POLICE, &about(2)), [0; 0], "another person");
    }
}

#[test]
fn a_person_is_not_found_once_the_key_is_destroyed() {
    let (scene, published, disclosed) = disclosed(true);
    let (_dir, views) = views(&scene);
    scene.log.erase(*scene.slots.last().unwrap());
    for by in [POLICE, COUNCIL] {
        assert_eq!(found(&views, &scene, by, &about(3)), [0; 0]);
    }
    let alert = Question { alert: Some(alert_id(1)), ..Question::default() };
    assert_eq!(found(&views, &scene, POLICE, &alert), [published, disclosed]);
}

/// The council's own watch-list holds the person; that is for the council to know.
#[test]
fn a_watch_list_is_found_by_its_own_agency() {
    let mut scene = Scene::new();
    let index = scene.size;
    scene.add((1, COUNCIL, 0, 3));
    let (_dir, views) = views(&scene);
    assert_eq!(found(&views, &scene, COUNCIL, &about(3)), [index]);
    assert_eq!(found(&views, &scene, POLICE, &about(3)), [0; 0]);
}

/// Both sides' certificates stand behind a disclosure; each agency finds it by its own.
#[test]
fn a_certificate_is_asked_for_by_its_own_agency() {
    let (scene, published, disclosed) = disclosed(true);
    let (_dir, views) = views(&scene);
    let by = |agency| Question {
        certificate: Some(certificate(agency, false)),
        kind: Some(RecordKind::Disclosed),
        ..Question::default()
    };
    assert!(found(&views, &scene, POLICE, &by(POLICE)).contains(&disclosed));
    assert_eq!(found(&views, &scene, COUNCIL, &by(POLICE)), [0; 0]);
    let kind = Question { kind: Some(RecordKind::Published), ..by(POLICE) };
    assert!(found(&views, &scene, POLICE, &kind).contains(&published));
}

#[test]
fn nobody_is_answered_what_concerns_others_only() {
    let (scene, published, _) = disclosed(true);
    let (_dir, views) = views(&scene);
    let all = Question::default();
    assert!(found(&views, &scene, POLICE, &all).contains(&published));
    for by in [COUNCIL, 2, 3] {
        let found = found(&views, &scene, by, &all);
        assert!(!found.contains(&published));
        assert!(found.contains(&0), "the log's beginning concerns nobody, and is for all");
    }
}

#[test]
fn times_hold_their_first_moment_and_not_their_last() {
    let scene = Scene::of(&[(15, POLICE, 0, 0); 60]);
    let (_dir, views) = views(&scene);
    let between = Question { from: Some(at(10)), to: Some(at(12)), ..Question::default() };
    assert_eq!(found(&views, &scene, POLICE, &between), [30, 31, 32, 33, 34, 35]);
    let after = Question { from: Some(at(20)), ..Question::default() };
    assert_eq!(found(&views, &scene, POLICE, &after).first(), Some(&60));
}

/// With the index, a rare thing in a long log costs a few blocks; without it, the log.
#[test]
fn a_question_reads_only_blocks_that_may_hold_an_answer() {
    let mut scene = Scene::of(&[(15, POLICE, 0, 0); 400]);
    let published = scene.size;
    scene.add((0, POLICE, 0, 3));
    for _ in 0..401 {
        scene.add((15, POLICE, 0, 0));
    }
    let (_dir, views) = views(&scene);
    let alert = Question { alert: Some(alert_id(1)), ..Question::default() };
    scene.log.read_since();
    assert_eq!(found(&views, &scene, POLICE, &alert), [published]);
    let read = scene.log.read_since();
    assert!(read <= 16, "{read} entries read");

    let late = Question { from: Some(at(260)), to: Some(at(262)), ..Question::default() };
    found(&views, &scene, POLICE, &late);
    let read = scene.log.read_since();
    assert!(read <= 24, "{read} entries read");

    // One record, with its link, by itself.
    let place = Place::new(published, published + 1);
    let shown = views.ask(&agency(POLICE).into(), &Question::default(), place, 1).unwrap().shown;
    assert!(matches!(shown[0].entry.record.event, Event::Published(_)));
    assert_eq!(shown[0].link.as_ref().unwrap().previous, published);
    let read = scene.log.read_since();
    assert!(read <= 16, "{read} entries read");
}

/// What is recorded after the first page shifts nothing: all pages cover one size of the log.
#[test]
fn pages_cover_the_log_as_it_was_asked() {
    let mut scene = Scene::of(&[(15, POLICE, 0, 0); 50]);
    let (_dir, views) = views(&scene);
    let (by, all, size) = (agency(POLICE).into(), Question::default(), scene.size);
    let before = asked(&views, &by, &all, (size, 5));
    let first = views.ask(&by, &all, Place::new(0, size), 5).unwrap();
    for _ in 0..50 {
        scene.add((15, POLICE, 0, 0));
    }
    views.catch_up(&|| false).unwrap();
    let rest = views.ask(&by, &all, first.next.unwrap(), 1000).unwrap();
    let pages = first.shown.into_iter().chain(rest.shown);
    let pages: Vec<_> = pages.map(|it| (it.entry.index, it.link)).collect();
    assert_eq!(pages, before);
    assert_eq!(rest.next, None);
}

#[test]
fn a_place_is_ours_for_this_question_or_none() {
    let scene = Scene::of(&[(15, POLICE, 0, 0); 20]);
    let (_dir, views) = views(&scene);
    let answer = views
        .ask(&agency(POLICE).into(), &Question::default(), Place::new(0, scene.size), 5)
        .unwrap();
    let place = answer.next.unwrap();
    let bytes = views.place_bytes(place, b"one");
    assert_eq!(views.place(&bytes, b"one"), Ok(place));
    assert_eq!(views.place(&bytes, b"other"), Err(PlaceForged));
    for at in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        assert_eq!(views.place(&forged, b"one"), Err(PlaceForged), "byte {at}");
    }
    assert_eq!(views.place(&bytes[1..], b"one"), Err(PlaceForged));
    assert_eq!(views.place(b"", b"one"), Err(PlaceForged));
}

/// The field that decides whether a recipient knows the tokens.
#[test]
fn the_scene_releases_what_it_says() {
    for with_tokens in [true, false] {
        let (scene, _, disclosed) = disclosed(with_tokens);
        let entry = scene.log.reader().entry(disclosed).unwrap().unwrap();
        let Event::Disclosed(it) = entry.record.event else { panic!("{entry:?}") };
        assert_eq!(it.released.contains(Field::Subject), with_tokens);
        assert_eq!((it.publisher, it.recipient), (agency(POLICE), agency(COUNCIL)));
    }
}

/// Else a caller that asks and gives up again and again would fill the machine.
#[test]
fn a_question_that_was_given_up_keeps_its_turn_until_its_work_ends() {
    let scene = Scene::new();
    let (_dir, views) = views(&scene);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let ask = || views.answer(agency(POLICE), Arc::default(), Place::new(0, scene.size), 9);
    runtime.block_on(async {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || wait.recv());
        for _ in 0..8 {
            tokio::time::timeout(Duration::ZERO, ask()).await.expect_err("it waits");
        }
        assert_eq!(views.turns(), 0);
        go.send(()).unwrap();
        busy.await.unwrap().unwrap();
        ask().await.unwrap();
    });
}
