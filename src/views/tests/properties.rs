//! By index and by plain reading: the same answer, over random logs and questions, in every state of the index.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
};

use proptest::{collection::vec, prelude::*};

use super::scene::{Choice, Scene, asked, asker, choices, question, scanned};
use crate::views::{Question, Views};

const BLOCK: u64 = 4;

/// Compares what every agency is answered.
fn compare(views: &Views, scene: &Scene, questions: &[Question], limit: usize) {
    for (number, question) in questions.iter().enumerate() {
        let by = asker(number);
        let expected = scanned(&scene.log.reader(), &by, question, scene.size);
        let found = asked(views, &by, question, (scene.size, limit));
        assert_eq!(found, expected, "{by:?}: {question:?}");
    }
}

/// Indexes so many blocks more.
fn index(views: &Views, blocks: usize) {
    let left = Cell::new(blocks);
    let stops = || left.replace(left.get().saturating_sub(1)) == 0;
    views.catch_up(&stops).unwrap();
}

fn open(dir: &Path, scene: &Scene) -> Views {
    Views::open_with(dir, scene.log.reader(), BLOCK).unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// What goes wrong with the files of a stopped broker's views.
#[derive(Clone, Debug)]
enum Harm {
    /// A file is gone.
    Delete(usize),
    /// Some bits are others.
    Flip(usize, Vec<(usize, u8)>),
    /// A file is cut short.
    Truncate(usize, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (0..8_usize).prop_map(Harm::Delete),
        (0..8_usize, vec((any::<usize>(), 0..8_u8), 1..6))
            .prop_map(|(it, bits)| Harm::Flip(it, bits)),
        (0..8_usize, any::<usize>()).prop_map(|(it, length)| Harm::Truncate(it, length)),
    ]
}

fn apply(harm: &Harm, dir: &Path) {
    let files = files(dir);
    let file = |number: usize| &files[number % files.len()];
    match harm {
        Harm::Delete(number) => fs::remove_file(file(*number)).unwrap(),
        Harm::Flip(number, bits) => {
            let mut bytes = fs::read(file(*number)).unwrap();
            for (place, bit) in bits.iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
                let place = place % bytes.len();
                bytes[place] ^= 1 << bit;
            }
            fs::write(file(*number), bytes).unwrap();
        }
        Harm::Truncate(number, length) => {
            let bytes = fs::read(file(*number)).unwrap();
            fs::write(file(*number), &bytes[..length % (bytes.len() + 1)]).unwrap();
        }
    }
}

/// A log that is indexed in part, and then grows.
fn log() -> impl Strategy<Value = (Vec<Choice>, Vec<Choice>)> {
    (choices(0..360), choices(0..40))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_does_not_depend_on_how_far_the_index_is(
        ((first, then), questions) in (log(), vec(question(), 1..12)),
        (blocks, limit) in (0..120_usize, 1..9_usize),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut scene = Scene::of(&first);
        let views = open(dir.path(), &scene);
        compare(&views, &scene, &questions, limit);
        index(&views, blocks);
        compare(&views, &scene, &questions, limit);
        if limit % 2 == 0 {
            views.flush();
        }
        drop(views);
        let views = open(dir.path(), &scene);
        for choice in &then {
            scene.add(*choice);
        }
        compare(&views, &scene, &questions, limit);
        views.catch_up(&|| false).unwrap();
        prop_assert_eq!(views.standing().indexed, scene.size / BLOCK * BLOCK);
        compare(&views, &scene, &questions, limit);
    }

    #[test]
    fn an_answer_does_not_depend_on_the_indexs_files(
        ((first, then), questions) in (log(), vec(question(), 1..6)),
        (harms, limit) in (vec(harm(), 1..4), 1..50_usize),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut scene = Scene::of(&first);
        let views = open(dir.path(), &scene);
        views.catch_up(&|| false).unwrap();
        views.flush();
        drop(views);
        for harm in &harms {
            apply(harm, dir.path());
        }
        for choice in &then {
            scene.add(*choice);
        }
        let views = open(dir.path(), &scene);
        compare(&views, &scene, &questions, limit);
        views.catch_up(&|| false).unwrap();
        compare(&views, &scene, &questions, limit);
        prop_assert_eq!(views.standing().indexed, scene.size / BLOCK * BLOCK);
    }
}
