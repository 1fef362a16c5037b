//! After erasures the index is made anew under a new key, and nothing of the one before is left.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio::sync::watch;

use super::scene::{AGENCIES, Scene, asked, asker, scanned};
use crate::views::{Question, Views, home::Home};

const BLOCK: u64 = 4;

fn directories(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

/// P5: the keyed hashes of erased tokens go with the key and the directory of the index that held them.
#[tokio::test]
async fn p5_the_index_is_made_anew_after_erasures() {
    let dir = tempfile::tempdir().unwrap();
    let scene = Scene::of(&(0..60).map(|it| (it, 3, 5, it)).collect::<Vec<_>>());
    let views = Views::open_with(dir.path(), scene.log.reader(), BLOCK).unwrap();
    views.catch_up(&|| false).unwrap();
    views.flush();
    fs::create_dir(dir.path().join("damaged")).unwrap();
    let before = fs::read_to_string(dir.path().join("binding")).unwrap();
    let old: Vec<PathBuf> = directories(dir.path());
    assert_eq!(old.len(), 2, "the index, and one that was set aside");
    for slot in &scene.slots {
        scene.log.erase(*slot);
    }

    let (_, erasures) = watch::channel(scene.slots.len() as u64);
    views.make_anew(&erasures).await.unwrap();

    let now = directories(dir.path());
    assert!(now.len() == 1 && !old.contains(&now[0]), "{now:?}");
    let after = fs::read_to_string(dir.path().join("binding")).unwrap();
    let line =
        |text: &str, name: &str| text.lines().find(|it| it.starts_with(name)).unwrap().to_owned();
    assert_ne!(line(&before, "key "), line(&after, "key "));
    assert_eq!(line(&after, "erased "), format!("erased {}", scene.slots.len()));
    for number in 0..=AGENCIES.len() {
        let (by, all) = (asker(number), Question::default());
        let expected = scanned(&scene.log.reader(), &by, &all, scene.size);
        assert_eq!(asked(&views, &by, &all, (scene.size, 7)), expected, "{by:?}");
    }
    let indexed = views.standing().indexed;
    assert!(indexed > 0);
    views.flush();
    drop(views);
    // The next start goes on with it.
    let views = Views::open_with(dir.path(), scene.log.reader(), BLOCK).unwrap();
    assert_eq!(views.standing().indexed, indexed);
    drop(views);
    assert_eq!(Home::open(dir.path()).unwrap().binding().unwrap().erased, scene.slots.len() as u64);
}
