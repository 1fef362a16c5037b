//! What remains in the files of a broker: every byte as it is, and every body under every key that is left.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use portway::{
    config::Settings,
    domain::Hex,
    journal::{Keys, MasterKey, Segments},
    ledger::Reader,
    record::commitment,
};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

/// The files of a broker that has stopped.
pub(super) struct Remains {
    files: Vec<(PathBuf, Vec<u8>)>,
    /// What bodies hold, opened under whatever key opens them.
    opened: Vec<Vec<u8>>,
    /// How many keys are left, and how many bodies there are.
    pub(super) keys: usize,
    pub(super) bodies: usize,
}

impl Remains {
    /// Reads everything under the broker's directory, and tries every key on every body.
    pub(super) fn of(broker: &Path) -> Self {
        let settings = Settings::read(&broker.join("portway.toml")).unwrap().ledger;
        let keys = keys_left(&settings.journal_dir, &settings.keys_dir, &settings.master_key);
        let bodies = bodies(&Reader::open(&settings).unwrap());
        let opens = |(slot, key): &(u64, LessSafeKey), body: &[u8]| open(*slot, key, body);
        let opened = keys.iter().flat_map(|key| bodies.iter().filter_map(|it| opens(key, it)));
        let opened = opened.collect();
        Self { files: files(broker), opened, keys: keys.len(), bodies: bodies.len() }
    }

    /// Says where something stands, in any of the ways it may be spelled.
    pub(super) fn places_of(&self, marker: &[u8]) -> Vec<String> {
        let hex = Hex(marker).to_string().into_bytes();
        // Base64 of what begins at any of the three places in a group.
        let base64 = (0..3).map(|skip| {
            let whole = &marker[skip..];
            STANDARD.encode(&whole[..whole.len() / 3 * 3]).into_bytes()
        });
        let spellings: Vec<Vec<u8>> = [marker.to_vec(), hex].into_iter().chain(base64).collect();
        let holds = |bytes: &[u8]| spellings.iter().any(|it| contains(bytes, it));
        let files = self.files.iter().filter(|(_, content)| holds(content));
        let files = files.map(|(path, _)| path.display().to_string());
        let opened = self.opened.iter().filter(|content| holds(content));
        files.chain(opened.map(|_| "a body that opens".to_owned())).collect()
    }
}

fn contains(bytes: &[u8], marker: &[u8]) -> bool {
    memchr::memmem::find(bytes, marker).is_some()
}

/// Every key that the master key unwraps, by its slot.
fn keys_left(journal: &Path, dir: &Path, master: &Path) -> Vec<(u64, LessSafeKey)> {
    let id = Segments::journal_id_of(journal).unwrap();
    let keys = Keys::open(dir, id, &MasterKey::load(master).unwrap()).unwrap();
    let left = (0..keys.reserved()).filter_map(|slot| keys.slot(slot).ok().map(|key| (slot, key)));
    left.map(|(slot, key)| {
        let body = commitment::body_key(key.as_bytes());
        (slot, LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &body).unwrap()))
    })
    .collect()
}

fn bodies(reader: &Reader) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let mut next = 0;
    while next < reader.size() {
        for stood in reader.read(next..reader.size()).unwrap() {
            next = stood.index() + 1;
            let Some(entry) = stood.entry() else { continue };
            if !entry.frame.body.is_empty() {
                bodies.push(entry.frame.body.to_vec());
            }
        }
    }
    bodies
}

fn open(slot: u64, key: &LessSafeKey, body: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = body.split_at_checked(12)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let place = [&b"portway/v1/body\0"[..], &slot.to_be_bytes()].concat();
    let mut content = sealed.to_vec();
    let length = key.open_in_place(nonce, Aad::from(place), &mut content).ok()?.len();
    content.truncate(length);
    Some(content)
}

/// Every file under `dir`, with its content.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            let content = fs::read(&path).unwrap();
            found.push((path, content));
        }
    }
    found
}
