//! What can become of an index between two starts, or while it is used, one case at a time.

use std::{fs, path::Path};

use super::scene::{AGENCIES, Scene, TOKENS, asked, asker, scanned, token};
use crate::ledger::LinkPlace;
use crate::views::{
    Question, Views, ViewsError, keys,
    store::{Batch, Store},
};

const BLOCK: u64 = 4;

/// A log of many kinds of record, without chance.
fn scene(count: u8) -> Scene {
    let choices: Vec<_> = (0..count)
        .map(|it| (it.wrapping_mul(7), usize::from(it) / 3, usize::from(it) / 5, it))
        .collect();
    Scene::of(&choices)
}

fn open(dir: &Path, scene: &Scene) -> Views {
    Views::open_with(dir, scene.log.reader(), BLOCK).unwrap()
}

fn indexed(dir: &Path, scene: &Scene) -> u64 {
    let views = open(dir, scene);
    views.catch_up(&|| false).unwrap();
    views.flush();
    views.standing().indexed
}

/// Everything, asked by everybody.
fn compare(views: &Views, scene: &Scene) {
    for number in 0..=AGENCIES.len() {
        let by = asker(number);
        let all = Question::default();
        let expected = scanned(&scene.log.reader(), &by, &all, scene.size);
        assert_eq!(asked(views, &by, &all, (scene.size, 7)), expected, "{by:?}");
    }
}

fn index_dir(dir: &Path) -> std::path::PathBuf {
    let mut entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.is_dir() && !path.ends_with("damaged")).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn an_index_is_gone_on_with_at_the_next_start() {
    let (dir, scene) = (tempfile::tempdir().unwrap(), scene(200));
    let whole = indexed(dir.path(), &scene);
    assert_eq!(whole, scene.size / BLOCK * BLOCK);
    let name = index_dir(dir.path());
    let views = open(dir.path(), &scene);
    assert_eq!((views.standing().indexed, index_dir(dir.path())), (whole, name));
}

#[test]
fn an_index_of_another_log_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    indexed(dir.path(), &scene(200));
    let other = scene(200);
    let views = open(dir.path(), &other);
    assert_eq!(views.standing().indexed, 0);
    compare(&views, &other);
    assert!(dir.path().join("damaged").exists());
}

/// A restored journal is behind its index; one that then went on otherwise is not behind, and not the same.
#[test]
fn an_index_ahead_of_its_log_or_of_a_fork_is_made_anew() {
    let (dir, mut scene) = (tempfile::tempdir().unwrap(), scene(200));
    indexed(dir.path(), &scene);
    let aside = tempfile::tempdir().unwrap();
    copy(dir.path(), aside.path());

    scene.log = scene.log.older(100);
    scene.size = 100;
    assert_eq!(open(dir.path(), &scene).standing().indexed, 0);
    for number in 0..150 {
        scene.add((15, number, 0, 0));
    }
    let views = open(aside.path(), &scene);
    assert_eq!(views.standing().indexed, 0);
    views.catch_up(&|| false).unwrap();
    compare(&views, &scene);
}

/// A kill leaves the files as they are at some moment, and what the engine has buffered is lost.
#[test]
fn a_rebuild_that_is_killed_is_gone_on_with() {
    let (dir, scene) = (tempfile::tempdir().unwrap(), scene(250));
    let views = open(dir.path(), &scene);
    let blocks = std::cell::Cell::new(0_u64);
    let killed = tempfile::tempdir().unwrap();
    let stops = || {
        let number = blocks.replace(blocks.get() + 1);
        if number % 20 == 5 {
            views.flush();
        }
        if number % 10 == 7 {
            copy(dir.path(), &killed.path().join(number.to_string()));
        }
        false
    };
    views.catch_up(&stops).unwrap();
    drop(views);
    let copies: Vec<_> =
        fs::read_dir(killed.path()).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(copies.len() > 4);
    for copy in copies {
        let views = open(&copy, &scene);
        compare(&views, &scene);
        views.catch_up(&|| false).unwrap();
        assert_eq!(views.standing().indexed, scene.size / BLOCK * BLOCK);
        compare(&views, &scene);
    }
}

/// sled takes a snapshot that it was killed over for its newest, and would refuse to open.
#[test]
fn a_snapshot_that_was_not_finished_is_no_damage() {
    let (dir, scene) = (tempfile::tempdir().unwrap(), scene(100));
    let whole = indexed(dir.path(), &scene);
    let left_over = index_dir(dir.path()).join("snap.ffffffffffffffff.generating");
    fs::write(&left_over, b"half").unwrap();
    assert_eq!(open(dir.path(), &scene).standing().indexed, whole);
    assert!(!left_over.exists());
}

/// A place of links that is sound as bytes, and wrong: what the records commit to says so.
#[test]
fn links_that_stand_elsewhere_are_found_out_when_they_are_used() {
    let (dir, scene) = (tempfile::tempdir().unwrap(), scene(200));
    indexed(dir.path(), &scene);
    let store = Store::open(&index_dir(dir.path())).unwrap();
    let wrong = keys::place(LinkPlace { number: 1000, previous: 1000 });
    let mut batch = Batch::default();
    for (key, value) in store.with_prefix(&[4]).unwrap() {
        let (places, _) = value.as_chunks::<17>();
        let wrong = places.iter().flat_map(|place| [&place[..1], &wrong].concat());
        batch.insert(&key, &wrong.collect::<Vec<_>>());
    }
    store.write(batch).unwrap();
    drop(store);
    let views = open(dir.path(), &scene);
    assert!(views.standing().indexed > 0, "nothing looks wrong yet");
    compare(&views, &scene);
    assert_eq!(views.standing().indexed, 0, "given up");
    views.catch_up(&|| false).unwrap();
    assert_eq!(views.standing().indexed, scene.size / BLOCK * BLOCK);
    compare(&views, &scene);
}

fn files(dir: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|it| if it.is_dir() { files(&it) } else { vec![fs::read(it).unwrap()] })
        .collect()
}

/// Terms stand in the files as they are in memory, and no token does.
#[test]
fn no_token_stands_in_a_file() {
    let (dir, scene) = (tempfile::tempdir().unwrap(), scene(250));
    let views = open(dir.path(), &scene);
    views.catch_up(&|| false).unwrap();
    views.flush();
    drop(views);
    let files = files(dir.path());
    let holds = |marker: &[u8]| {
        files.iter().any(|file| file.windows(marker.len()).any(|bytes| bytes == marker))
    };
    assert!(holds(AGENCIES[0].as_bytes()), "the search finds things");
    for number in 0..TOKENS {
        assert!(!holds(&token(number).value[..8]), "token {number}");
    }
}

#[test]
fn views_that_are_in_use_are_left_alone() {
    let (dir, scene) = (tempfile::tempdir().unwrap(), scene(50));
    let views = open(dir.path(), &scene);
    let second = Views::open_with(dir.path(), scene.log.reader(), BLOCK);
    assert!(matches!(second, Err(ViewsError::InUse { .. })), "{second:?}");
    drop(views);
    open(dir.path(), &scene);
}

#[test]
fn an_empty_log_has_no_views() {
    let dir = tempfile::tempdir().unwrap();
    let log = crate::ledger::sample::Log::new();
    let views = Views::open_with(dir.path(), log.reader(), BLOCK);
    assert!(matches!(views, Err(ViewsError::NoLog)), "{views:?}");
}

/// What is looked at is not mended.
#[test]
fn looking_changes_nothing() {
    let (dir, scene) = (tempfile::tempdir().unwrap(), scene(100));
    let none = dir.path().join("none");
    assert_eq!(Views::look(&none, scene.log.reader()).unwrap().indexed, 0);
    assert!(!none.exists());
    indexed(dir.path(), &scene);
    let binding = dir.path().join("binding");
    let bound = fs::read(&binding).unwrap();
    // Its blocks are not those of a broker: to a broker it is damaged.
    let looked = Views::look(dir.path(), scene.log.reader());
    assert!(matches!(looked, Err(ViewsError::Damaged(_))), "{looked:?}");
    assert_eq!(fs::read(&binding).unwrap(), bound);
    assert!(!dir.path().join("damaged").exists());
}
