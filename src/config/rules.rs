//! The rules' directory, read whole. Where none is named, the rules that are built in are used.

use std::{fs, io, path::Path, sync::Arc};

use super::ConfigError;
use crate::policy::{RULES_BYTES_MAX, Rules, Source};

/// Reads the rules of a directory, or takes those that are built in.
///
/// # Errors
///
/// [`ConfigError`] names the directory or the file, and the rule or the example that is in the way.
pub fn rules(dir: Option<&Path>) -> Result<Arc<Rules>, ConfigError> {
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |source| ConfigError::Rules { path, source }
    };
    let Some(dir) = dir else {
        return Rules::built_in().map_err(wrong(Path::new("built-in rules")));
    };
    Rules::load(&sources(dir)?).map(Arc::new).map_err(wrong(dir))
}

fn sources(dir: &Path) -> Result<Vec<Source>, ConfigError> {
    let unread = |path: &Path| {
        let path = path.to_owned();
        move |source| ConfigError::Read { path, source }
    };
    let mut sources = Vec::new();
    for entry in fs::read_dir(dir).map_err(unread(dir))? {
        let path = entry.map_err(unread(dir))?.path();
        if is_of_mount(&path) {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let size = fs::metadata(&path).map_err(unread(&path))?.len();
        if usize::try_from(size).map_or(true, |size| size > RULES_BYTES_MAX) {
            return Err(unread(&path)(io::Error::other("it is too large for a rule set")));
        }
        let text = fs::read_to_string(&path).map_err(unread(&path))?;
        sources.push(Source { name, text });
    }
    sources.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(sources)
}

/// Where Kubernetes mounts a directory, its files are links into others whose names begin with two dots.
pub(super) fn is_of_mount(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".."))
}
