//! Writes an export: into a directory of its own, which gets its name only when it is whole.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Chained, Export, Manifest, sha256, write_line};
use crate::{
    client::{Error, identity::wrong},
    merkle::{Chain, MemoryTree, Span, leaf_hash, tiles},
    record::Rotation,
};

/// Writes `export` to `dir`, which must not exist yet, or be empty. `seal` is asked once for the seal over
/// the manifest's list, given the size of the tree and the list's SHA-256.
///
/// # Errors
///
/// [`Error::Configuration`] where the directory is in use or cannot be written, and what `seal` answers.
pub async fn write<S>(dir: &Path, export: &Export, seal: S) -> Result<(), Error>
where
    S: AsyncFnOnce(u64, [u8; 32]) -> Result<String, Error>,
{
    let in_use = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    if in_use || dir.is_file() {
        return Err(wrong(dir, "exists already"));
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let draft = tempfile::Builder::new().prefix(".export-").tempdir_in(parent);
    let draft = draft.map_err(|error| wrong(parent, error))?;
    let mut files = Files { dir: draft.path().to_owned(), manifest: Manifest::default() };
    files.put_tree(export)?;
    files.put_records(export)?;
    files.put(README, README_TEXT.as_bytes())?;
    let size = export.seen.size();
    let note = seal(size, sha256(files.manifest.list().as_bytes())).await?;
    let manifest = files.manifest.sealed(&note);
    files.put(Manifest::PATH, manifest.as_bytes())?;
    fs::rename(draft.path(), dir).map_err(|error| wrong(dir, error))?;
    // Nothing is left under the first name, so there is nothing to clean up.
    drop(draft.keep());
    Ok(())
}

/// The file that tells whoever finds an export what to do with it.
pub(in crate::client) const README: &str = "README.txt";
/// What it says.
pub(in crate::client) const README_TEXT: &str = include_str!("README.txt");

/// The files written so far.
struct Files {
    dir: PathBuf,
    manifest: Manifest,
}

impl Files {
    fn put_tree(&mut self, export: &Export) -> Result<(), Error> {
        let size = export.seen.size();
        self.put("checkpoint", export.seen.note.as_bytes())?;
        self.put("log.vkeys", vkeys(&export.log, size).as_bytes())?;
        if !export.rotations.is_empty() {
            let lines: String = export.rotations.iter().map(Rotation::to_line).collect();
            self.put(Rotation::FILE, lines.as_bytes())?;
        }
        let tree: MemoryTree = export.entries.iter().map(|entry| leaf_hash(entry)).collect();
        for tile in tiles::tiles_of(size) {
            let bytes =
                tiles::encode_tile(&tree, &tile).map_err(|error| wrong(&self.dir, error))?;
            self.put(&tile.to_string(), &bytes)?;
        }
        for (bundle, entries) in
            tiles::bundles_of(size).zip(export.entries.chunks(tiles::WIDTH_MAX.into()))
        {
            let bytes = tiles::encode_bundle(entries).map_err(|error| wrong(&self.dir, error))?;
            self.put(&bundle.to_string(), &bytes)?;
        }
        Ok(())
    }

    fn put_records(&mut self, export: &Export) -> Result<(), Error> {
        let mut lines = String::new();
        for (index, shown) in &export.records {
            let line = write_line(*index, &shown.salt, &shown.record)
                .ok_or_else(|| Error::configuration(format!("record {index} cannot be read")))?;
            lines.push_str(&line);
            lines.push('\n');
        }
        self.put("records.jsonl", lines.as_bytes())?;
        let mut chains = String::new();
        for (agency, chained) in &export.links {
            let lines = chained.to_lines(agency).map_err(|error| wrong(&self.dir, error))?;
            chains.push_str(&lines);
        }
        self.put(Chained::PATH, chains.as_bytes())
    }

    fn put(&mut self, path: &str, content: &[u8]) -> Result<(), Error> {
        let file = self.dir.join(path);
        let write = || {
            if let Some(parent) = file.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&file, content)
        };
        write().map_err(|error| wrong(&file, error))?;
        if path != Manifest::PATH {
            self.manifest.add(path.to_owned(), content);
        }
        Ok(())
    }
}

/// Returns the content of `log.vkeys`: each key, and the sizes of the trees up to `size` that it signed.
pub(in crate::client) fn vkeys(log: &Chain, size: u64) -> String {
    let mut lines = String::new();
    for Span { key, first, last } in log.spans() {
        let sizes = [first, last.unwrap_or(size)].map(|size| size.to_string());
        lines.extend([&key.to_string(), " ", &sizes.join(" "), "\n"]);
    }
    lines
}
