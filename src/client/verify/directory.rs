//! An export directory, from the outside in: the seal vouches for the manifest, the manifest for the files,
//! the checkpoint for the tiles, the tiles for the entries, and the entries for the records.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{Finding, Trust, Verified, What, links::Chains, origins::Origins};
use crate::{
    client::{
        audit::Seal,
        export::{Chained, Manifest, README, README_TEXT, parse_line, sha256, vkeys},
    },
    merkle::{Chain, Checkpoint, Frontier, Note, Verifier, WitnessKey, leaf_hash, tiles},
    record::{self, Rotation, RotationError, commitment},
};

/// Verifies the export in `dir`.
pub(super) fn verify(dir: &Path, log: &Trust, since: Option<&str>) -> Result<Verified, Finding> {
    let export = Directory { dir };
    let rotations = export.rotations()?;
    let chain = export.chain(log.key.as_ref(), &rotations)?;
    let (seal, manifest) = export.open_manifest(&chain)?;
    export.check_files(&manifest)?;
    let checkpoint = export.open_checkpoint(&chain)?;
    export.check_witnesses(&log.witnesses)?;
    if seal.size != checkpoint.size || seal.record < seal.size {
        return Err(Finding::new(Manifest::PATH, What::Seal));
    }
    if export.text(VKEYS)? != vkeys(&chain, checkpoint.size) {
        return Err(Finding::new(VKEYS, What::UntrustedKey));
    }
    check_rotations(log, &rotations, checkpoint.size)?;
    check_paths(&manifest, checkpoint.size, !rotations.is_empty())?;
    let entries = export.open_tree(&checkpoint)?;
    let mut chains = Chains::read(&export.text(Chained::PATH)?)?;
    let mut origins = Origins::default();
    let records = export.check_records(&entries, (&mut chains, &mut origins))?;
    let complete = chains.end(&chain, &checkpoint)?;
    if export.text(README)? != README_TEXT {
        return Err(Finding::new(README, What::Form("not what an export says of itself")));
    }
    for rotation in &rotations {
        let fault = |what| Finding::new(Rotation::FILE, what);
        let since = chain.open(&rotation.checkpoint).map_err(|it| fault(What::Checkpoint(it)))?;
        extends(&since, &entries).map_err(fault)?;
    }
    let mut before_rotation = log.is_before_rotation(checkpoint.size);
    if let Some(note) = since {
        let fault = |what| Finding::new("the older checkpoint", what);
        let own = || chain.open(note).map_err(What::Checkpoint);
        let since = origins.open(note).unwrap_or_else(own).map_err(fault)?;
        extends(&since, &entries).map_err(fault)?;
        // A tree that was kept from its own time needs no signature of today.
        before_rotation &= since.size < checkpoint.size;
    }
    let Checkpoint { origin, size, root } = checkpoint;
    let key_was_given = log.key.is_some();
    Ok(Verified { origin, size, root, records, key_was_given, before_rotation, complete })
}

const CHECKPOINT: &str = "checkpoint";
const VKEYS: &str = "log.vkeys";

/// Holds the rotations of an export against those that were known before: a key that was stolen after it handed
/// over could have handed over to any other.
fn check_rotations(known: &Trust, rotations: &[Rotation], size: u64) -> Result<(), Finding> {
    let known = known.rotations.iter().filter(|rotation| rotation.size() <= size);
    let fault = || Finding::new(Rotation::FILE, What::Rotation(RotationError::OtherKey));
    known
        .enumerate()
        .all(|(place, known)| rotations.get(place) == Some(known))
        .then_some(())
        .ok_or_else(fault)
}

/// Holds an older checkpoint against the entries.
fn extends(since: &Checkpoint, entries: &[[u8; 32]]) -> Result<(), What> {
    let first = usize::try_from(since.size).ok().and_then(|size| entries.get(..size));
    let size = entries.len() as u64;
    let first = first.ok_or(What::RolledBack { size, since: since.size })?;
    let root = first.iter().map(|entry| leaf_hash(entry)).collect::<Frontier>().root();
    if root == since.root { Ok(()) } else { Err(What::Rewritten { since: since.size }) }
}

/// An export has the files that its tree calls for, and no others.
fn check_paths(manifest: &Manifest, size: u64, is_rotated: bool) -> Result<(), Finding> {
    let fixed = [README, CHECKPOINT, Chained::PATH, VKEYS, "records.jsonl"].into_iter();
    let fixed = fixed.chain(is_rotated.then_some(Rotation::FILE)).map(str::to_owned);
    let tiles = tiles::tiles_of(size).map(|tile| tile.to_string());
    let bundles = tiles::bundles_of(size).map(|bundle| bundle.to_string());
    let due: BTreeSet<String> = fixed.chain(tiles).chain(bundles).collect();
    if let Some(path) = due.iter().find(|path| !manifest.files.contains_key(*path)) {
        return Err(Finding::new(path, What::Absent));
    }
    match manifest.files.keys().find(|path| !due.contains(*path)) {
        Some(path) => Err(Finding::new(path, What::Extra)),
        None => Ok(()),
    }
}

/// The directory under verification.
struct Directory<'a> {
    dir: &'a Path,
}

impl Directory<'_> {
    /// Reads how the log's keys followed each other; nothing where there was one only.
    fn rotations(&self) -> Result<Vec<Rotation>, Finding> {
        if self.text(VKEYS)?.lines().filter(|line| !line.is_empty()).count() < 2 {
            return Ok(Vec::new());
        }
        let fault = |error| Finding::new(Rotation::FILE, What::Rotation(error));
        Rotation::from_lines(&self.text(Rotation::FILE)?).map_err(fault)
    }

    /// Returns the log's keys: those that the one that is trusted vouches for, or that the export says there are.
    fn chain(&self, log: Option<&Verifier>, rotations: &[Rotation]) -> Result<Chain, Finding> {
        let text = self.text(VKEYS)?;
        let claimed = text.split(' ').next().and_then(|vkey| vkey.parse().ok());
        let claimed = claimed.ok_or_else(|| Finding::new(VKEYS, What::Form("not a verifier key")));
        let trusted = log.cloned().map_or(claimed, Ok)?;
        Rotation::chain(&trusted, rotations)
            .map_err(|error| Finding::new(Rotation::FILE, What::Rotation(error)))
    }

    fn open_manifest(&self, key: &Chain) -> Result<(Seal, Manifest), Finding> {
        let fault = |what| Finding::new(Manifest::PATH, what);
        let text = self.text(Manifest::PATH)?;
        let malformed = || fault(What::Form("not a seal and a sorted list"));
        let (note, manifest) = Manifest::parse(&text).ok_or_else(malformed)?;
        let seal = Seal::open(&note, key).map_err(|_| fault(What::Seal))?;
        if seal.manifest == sha256(manifest.list().as_bytes()) {
            Ok((seal, manifest))
        } else {
            Err(fault(What::Seal))
        }
    }

    /// Every file named is there, as it was, and there is no other.
    fn check_files(&self, manifest: &Manifest) -> Result<(), Finding> {
        let found = self.list()?;
        for (path, digest) in &manifest.files {
            if !found.contains(path) {
                return Err(Finding::new(path, What::Absent));
            }
            if sha256(&self.read(path)?) != *digest {
                return Err(Finding::new(path, What::Digest));
            }
        }
        let is_named =
            |path: &&String| *path == Manifest::PATH || manifest.files.contains_key(*path);
        match found.iter().find(|path| !is_named(path)) {
            Some(path) => Err(Finding::new(path, What::Extra)),
            None => Ok(()),
        }
    }

    fn open_checkpoint(&self, key: &Chain) -> Result<Checkpoint, Finding> {
        let note = self.text(CHECKPOINT)?;
        key.open(&note).map_err(|error| Finding::new(CHECKPOINT, What::Checkpoint(error)))
    }

    /// Every witness that is demanded has cosigned the checkpoint.
    fn check_witnesses(&self, witnesses: &[WitnessKey]) -> Result<(), Finding> {
        let fault = |what| Finding::new(CHECKPOINT, what);
        let note = Note::parse(&self.text(CHECKPOINT)?)
            .map_err(|error| fault(What::Checkpoint(error.into())))?;
        for witness in witnesses {
            let name = || witness.name().to_owned();
            witness.verify(&note).map_err(|_| fault(What::NotCosigned { witness: name() }))?;
        }
        Ok(())
    }

    /// Verifies tiles and entries against the root, and returns the entries.
    fn open_tree(&self, checkpoint: &Checkpoint) -> Result<Vec<[u8; 32]>, Finding> {
        let tile = |what| Finding::new("tile", What::Tile(what));
        let read = |path: String| self.read(&path).ok();
        tiles::verify(checkpoint.size, &checkpoint.root, |id| read(id.to_string()))
            .map_err(tile)?;
        let mut all = Vec::new();
        for bundle in tiles::bundles_of(checkpoint.size) {
            let path = bundle.to_string();
            let fault = |what| Finding::new(&path, what);
            let bytes = self.read(&path)?;
            let leaves = self.read(&bundle.tile().to_string())?;
            tiles::verify_bundle(bundle, &bytes, &leaves)
                .and_then(|()| tiles::decode_bundle(bundle, &bytes))
                .map_err(|error| fault(What::Bundle(error)))?
                .into_iter()
                .try_for_each(|entry| entry.try_into().map(|entry| all.push(entry)))
                .map_err(|_| fault(What::Form("an entry is not 32 bytes long")))?;
        }
        Ok(all)
    }

    /// Holds every record against its entry and the links of its agencies, and returns their number.
    fn check_records(
        &self,
        entries: &[[u8; 32]],
        (chains, origins): (&mut Chains, &mut Origins),
    ) -> Result<u64, Finding> {
        let text = self.text("records.jsonl")?;
        let mut next = 0;
        let mut count = 0;
        for (number, line) in (1_u64..).zip(text.split_inclusive('\n')) {
            let fault = |what| Finding::new(format!("records.jsonl line {number}"), what);
            let malformed = || fault(What::Form("not the line of a record"));
            let line = line.strip_suffix('\n').and_then(parse_line).ok_or_else(malformed)?;
            let index = line.index;
            if index < next {
                return Err(fault(What::Order { index }));
            }
            next = index.saturating_add(1);
            let entry = usize::try_from(index).ok().and_then(|index| entries.get(index));
            let salt = line.salt.as_slice().try_into().map_err(|_| malformed())?;
            if entry != Some(&commitment::record(&salt, &line.record)) {
                return Err(fault(What::Leaf { index }));
            }
            let record = record::decode(&line.record).map_err(|_| malformed())?;
            chains.follow(index, &record).map_err(fault)?;
            origins.follow(index, &record.event);
            count += 1;
        }
        Ok(count)
    }

    fn text(&self, path: &str) -> Result<String, Finding> {
        String::from_utf8(self.read(path)?)
            .map_err(|_| Finding::new(path, What::Form("not a text")))
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Finding> {
        fs::read(self.dir.join(path)).map_err(|error| {
            let is_absent = error.kind() == std::io::ErrorKind::NotFound;
            let what = if is_absent { What::Absent } else { What::Unreadable(error.to_string()) };
            Finding::new(path, what)
        })
    }

    /// Lists every file below the directory by its path from there.
    fn list(&self) -> Result<BTreeSet<String>, Finding> {
        let mut found = BTreeSet::new();
        let mut open: Vec<PathBuf> = vec![PathBuf::new()];
        while let Some(below) = open.pop() {
            let fault = |error: std::io::Error| {
                Finding::new(below.to_string_lossy(), What::Unreadable(error.to_string()))
            };
            for entry in fs::read_dir(self.dir.join(&below)).map_err(fault)? {
                let entry = entry.map_err(fault)?;
                let path = below.join(entry.file_name());
                // A link could show one file to one reader and another to the next: it is none.
                let kind = entry.file_type().map_err(fault)?;
                if kind.is_dir() {
                    open.push(path);
                } else if kind.is_file() {
                    found.insert(path.to_string_lossy().into_owned());
                } else {
                    return Err(Finding::new(path.to_string_lossy(), What::Extra));
                }
            }
        }
        Ok(found)
    }
}
