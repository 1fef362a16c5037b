//! What a power cut does and a kill does not: a part of what was written and not synced is gone.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::chance::Chance;

const MAGIC: &[u8] = b"PWBATCH1";
/// Size of a batch's header (docs/journal-format.md, "Batch").
const HEADER: usize = 40;

/// Takes the end of the journal's last batch away, from a place of chance on. Call it where that batch was not
/// synced. Returns whether what is left is torn: not when nothing is left, or only zeros are gone.
pub(crate) fn tear(journal: &Path, chance: &mut Chance) -> bool {
    let (path, mut bytes, batch) = last_batch(journal);
    let number = |at: usize, size: usize| {
        let field = &bytes[batch + at..batch + at + size];
        field.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    let size = HEADER + number(28, 4) + number(16, 8);
    let left = usize::try_from(chance.below(size as u64)).unwrap();
    let gone = &mut bytes[batch + left..batch + size];
    let is_torn = left > 0 && gone.iter().any(|&byte| byte != 0);
    gone.fill(0);
    fs::write(path, bytes).unwrap();
    is_torn
}

/// Returns the segment that the last batch stands in, its content, and where in it the batch begins.
fn last_batch(journal: &Path) -> (PathBuf, Vec<u8>, usize) {
    let entries = fs::read_dir(journal).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|it| it == "seg")).collect();
    segments.sort();
    segments
        .into_iter()
        .rev()
        .find_map(|path| {
            let bytes = fs::read(&path).unwrap();
            let batch = bytes.windows(MAGIC.len()).rposition(|window| window == MAGIC)?;
            Some((path, bytes, batch))
        })
        .expect("the journal has a batch")
}
