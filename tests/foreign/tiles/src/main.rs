//! Verifies an export of a Portway log and proofs of its records, with the crates `signed_note` and `tlog_tiles`.
//!
//! Usage: tiles EXPORT PROOFS VKEY. EXPORT is what `portway audit export` writes, PROOFS what `portway audit query --json`
//! prints, VKEY a file with the key that signed the checkpoints. Exit 0 where everything holds, 1 where something does
//! not, with the first fault on stderr. Of the export it reads the checkpoint, the tiles and the entries.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Error, Hash, HashReader, Tile, TileHashReader, TileReader, check_record,
    record_hash, stored_hash_index,
};

const HEIGHT: u8 = 8;
/// Entries in a bundle, and bytes of each with the two of its length.
const WIDTH: u64 = 256;
const ENTRY: usize = 34;
/// Bundles that are read at once.
const STRETCH: u64 = 64;

type Fault = Box<dyn std::error::Error>;

struct Tiles(PathBuf);

impl Tiles {
    /// C2SP tlog-tiles leaves the height out of the path, and has bundles where Go's tiles have data.
    fn path(&self, tile: &Tile) -> PathBuf {
        let path = tile.path();
        let path = path.strip_prefix("tile/8/").unwrap_or(&path);
        self.0.join("tile").join(path)
    }
}

impl TileReader for Tiles {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile| {
            let path = self.path(tile);
            fs::read(&path).map_err(|error| Error::InvalidInput(format!("{}: {error}", path.display())))
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn open(note: &[u8], vkey: &str) -> Result<Checkpoint, Fault> {
    let note = Note::from_bytes(note)?;
    let verifier = StandardVerifier::new(vkey)?;
    let known = VerifierList::new(vec![Box::new(verifier)]);
    note.verify(&known)?;
    Checkpoint::from_bytes(note.text()).map_err(|error| error.to_string().into())
}

/// Reads the path of the entry bundle that begins at an index.
fn bundle(export: &Path, first: u64, size: u64) -> PathBuf {
    let width = u32::try_from((size - first).min(WIDTH)).unwrap_or(u32::MAX);
    let tile = Tile::new(HEIGHT, 0, first / WIDTH, width, false).path();
    let number = tile.strip_prefix("tile/8/0/").unwrap_or(&tile).to_owned();
    export.join("tile/entries").join(number)
}

/// Holds every entry against the leaves of the tiles, which the reader holds against the root.
fn check_export(export: &Path, vkey: &str) -> Result<Checkpoint, Fault> {
    let checkpoint = open(&fs::read(export.join("checkpoint"))?, vkey)?;
    let size = checkpoint.size();
    let tiles = Tiles(export.to_owned());
    let reader = TileHashReader::new(size, *checkpoint.hash(), &tiles);
    let mut first = 0;
    while first < size {
        let end = (first + STRETCH * WIDTH).min(size);
        let indexes: Vec<u64> = (first..end).map(|it| stored_hash_index(0, it)).collect();
        let mut leaves = reader.read_hashes(&indexes)?.into_iter();
        for start in (first..end).step_by(WIDTH as usize) {
            let path = bundle(export, start, size);
            let entries = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let count = usize::try_from((size - start).min(WIDTH))?;
            if entries.len() != count * ENTRY {
                return Err(format!("{}: of another length", path.display()).into());
            }
            for (entry, index) in entries.chunks(ENTRY).zip(start..) {
                let (length, commitment) = entry.split_at(2);
                let leaf = leaves.next().ok_or("a leaf is missing")?;
                if length != [0, 32] || record_hash(commitment) != leaf {
                    return Err(format!("entry {index} is not the leaf").into());
                }
            }
        }
        first = end;
    }
    Ok(checkpoint)
}

/// Holds a record with its salt and audit path against the checkpoint that it came with.
fn check_proof(line: &str, vkey: &str) -> Result<(), Fault> {
    let proof: Value = serde_json::from_str(line)?;
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("a text is missing");
    let bytes = |value: &Value| -> Result<Vec<u8>, Fault> { Ok(BASE64_STANDARD.decode(text(value)?)?) };
    let checkpoint = open(text(&proof["checkpoint"])?.as_bytes(), vkey)?;
    let record = &proof["record"];
    // Canonical protobuf JSON leaves zero out.
    let index = record["index"].as_str().unwrap_or("0").parse()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&bytes(&record["salt"])?)?;
    mac.update(b"portway/v1/record\0");
    mac.update(&bytes(&record["record"])?);
    let commitment = mac.finalize().into_bytes();
    if commitment.as_slice() != bytes(&record["leaf"])? {
        return Err("the record is not what its leaf commits to".into());
    }
    let path = proof["inclusion"].as_array().into_iter().flatten();
    let path = path.map(|hash| Ok(Hash(bytes(hash)?.try_into().map_err(|_| "a hash of another length")?)));
    let path = path.collect::<Result<Vec<_>, Fault>>()?;
    let leaf = record_hash(&commitment);
    Ok(check_record(&path, checkpoint.size(), *checkpoint.hash(), index, leaf)?)
}

fn run() -> Result<String, Fault> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [export, proofs, vkey] = arguments.as_slice() else {
        return Err("usage: tiles EXPORT PROOFS VKEY".into());
    };
    let vkey = fs::read_to_string(vkey)?.trim().to_owned();
    let checkpoint = check_export(Path::new(export), &vkey)?;
    let proofs = fs::read_to_string(proofs)?;
    let mut count = 0;
    for (line, number) in proofs.lines().zip(1..) {
        check_proof(line, &vkey).map_err(|fault| format!("proof {number}: {fault}"))?;
        count = number;
    }
    Ok(format!("tlog_tiles: {} entries, {count} proofs", checkpoint.size()))
}

fn main() -> ExitCode {
    match run() {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("tlog_tiles: {fault}");
            ExitCode::FAILURE
        }
    }
}
