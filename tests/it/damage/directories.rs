//! Journal, anchor and keys.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::{House, first_segment};
use crate::stage::Stage;

/// Where the first entries stand: behind the segment's header, before anything that is only filled ahead.
const WITHIN: usize = 600;

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Spoils a file.
type Spoil = fn(&Path);

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_was_flipped_cut_or_lost_is_told_and_everything_comes_back_with_it() {
    let mut house = House::build().await;
    let journal = house.at("journal");
    let segment = first_segment(&journal);
    let cases: [(&str, Spoil, &str); 4] = [
        ("a bit flipped", |it| change(it, |bytes| bytes[WITHIN] ^= 1), "damaged at entry"),
        ("cut short", |it| change(it, |bytes| bytes.truncate(2000)), "entry"),
        ("emptied", |it| fs::write(it, b"").unwrap(), "holds no journal"),
        ("another header", |it| change(it, |bytes| bytes[..64].fill(7)), "journal"),
    ];
    for (what, spoil, said) in cases {
        spoil(&segment);
        let message = house.refuses();
        assert!(message.contains(said), "{what}: {message}");
        let after = fs::read(&segment).unwrap();
        assert_eq!(house.refuses(), message, "{what}: a second start says the same");
        assert_eq!(fs::read(&segment).unwrap(), after, "{what}: and changes nothing");
        house.put_back();
    }
    fs::remove_dir_all(&journal).unwrap();
    let message = house.refuses();
    assert!(message.contains("holds no journal"), "{message}");
    fs::create_dir(&journal).unwrap();
    house.put_back();
    house.starts_with_everything().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_older_than_its_anchor_is_told() {
    let mut house = House::build().await;
    let older = house.stage.path("older");
    crate::stage::copy_dir(&house.at("journal"), &older);
    house.starts_with_everything().await;
    let newer = house.stage.path("newer");
    fs::rename(house.at("journal"), &newer).unwrap();
    crate::stage::copy_dir(&older, &house.at("journal"));
    let message = house.refuses();
    assert!(message.contains("but its anchor says that it held"), "{message}");
    fs::remove_dir_all(house.at("journal")).unwrap();
    fs::rename(&newer, house.at("journal")).unwrap();
    house.starts_with_everything().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_that_is_lost_or_damaged_is_told() {
    let mut house = House::build().await;
    let anchor = house.at("anchor");
    fs::remove_file(anchor.join("anchor")).unwrap();
    let message = house.refuses();
    assert!(message.contains("--accept-lost-anchor"), "{message}");
    house.put_back();
    change(&anchor.join("anchor"), |bytes| bytes[30] ^= 1);
    let message = house.refuses();
    assert!(message.contains("anchor"), "{message}");
    house.put_back();
    house.starts_with_everything().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_missing_damaged_exposed_or_of_another_journal_are_told() {
    let mut house = House::build().await;
    let keys = house.at("keys");
    fs::remove_dir_all(&keys).unwrap();
    let message = house.refuses();
    assert!(message.contains("no keys in"), "{message}");
    fs::create_dir(&keys).unwrap();
    house.put_back();

    fs::remove_file(keys.join("master.key")).unwrap();
    let message = house.refuses();
    assert!(message.contains("no keys in"), "{message}");
    house.put_back();

    let mut open = fs::metadata(keys.join("master.key")).unwrap().permissions();
    open.set_mode(0o644);
    fs::set_permissions(keys.join("master.key"), open).unwrap();
    let message = house.refuses();
    assert!(message.contains("set its mode to 600"), "{message}");
    house.put_back();

    // The keys of another log, whole in themselves.
    let mut other = Stage::start();
    other.terminate();
    fs::remove_dir_all(&keys).unwrap();
    crate::stage::copy_dir(&other.path("broker/keys"), &keys);
    let message = house.refuses();
    assert!(message.contains("of another journal"), "{message}");
    house.put_back();

    // Another master key over the right ones.
    fs::copy(other.path("broker/keys/master.key"), keys.join("master.key")).unwrap();
    let message = house.refuses();
    assert!(message.contains("master key"), "{message}");
    house.put_back();
    house.starts_with_everything().await;
}

/// Who may write everywhere is not kept out by a mode: then the directory is a file system that may not be
/// written, or it cannot be shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_in_use_or_cannot_be_written_is_told() {
    let mut house = House::build().await;
    house.stage.serve_again();
    let message = house.refuses();
    assert!(message.contains("in use by another process"), "{message}");
    house.stage.terminate();

    // A directory in the place of a file that has to be written: refused to root as well.
    let lock = first_lock(&house.at("journal"));
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let message = house.refuses();
    assert!(message.contains(lock.to_str().unwrap()), "{message}");
    house.put_back();
    house.starts_with_everything().await;
}

fn first_lock(journal: &Path) -> std::path::PathBuf {
    let mut names = fs::read_dir(journal).unwrap().map(|it| it.unwrap().path());
    names.find(|it| it.to_string_lossy().contains("lock")).expect("a lock file")
}
