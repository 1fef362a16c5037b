//! The project's files, and which lines of a source are tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A Rust source of the project.
pub(crate) struct Source {
    /// Its path from the project's root, parts separated by `/`.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
    /// Whether it is compiled for tests only.
    pub(crate) is_test: bool,
}

/// Directories that hold nothing of the project's own.
const OUTSIDE: [&str; 5] = [".git", ".venv", "__pycache__", "node_modules", "target"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Returns the place of a project file on this machine.
pub(crate) fn place(path: &str) -> PathBuf {
    root().join(path)
}

/// Reads a project file.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(place(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Lists every file of the project by its path from the root.
pub(crate) fn files() -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a directory") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().expect("a kind");
            if kind.is_dir() && !OUTSIDE.contains(&name.as_str()) {
                open.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path().strip_prefix(root()).expect("below the root").to_owned();
                found.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

/// Lists the files whose names end so.
pub(crate) fn files_ending(ends: &[&str]) -> Vec<String> {
    files().into_iter().filter(|path| ends.iter().any(|end| path.ends_with(end))).collect()
}

/// Reads the Rust sources of `src`, `tests` and the build script.
pub(crate) fn sources() -> Vec<Source> {
    let paths = files_ending(&[".rs"]);
    let texts: Vec<String> = paths.iter().map(|path| read(path)).collect();
    let mut of_tests = Vec::new();
    for (path, text) in paths.iter().zip(&texts) {
        for name in test_modules(text) {
            of_tests.push(format!("{}/{name}", module_dir(path)));
        }
    }
    let is_test = |path: &str| {
        path.starts_with("tests/")
            || of_tests.iter().any(|module| {
                path == format!("{module}.rs") || path.starts_with(&format!("{module}/"))
            })
    };
    let sources = paths.into_iter().zip(texts);
    sources.map(|(path, text)| Source { is_test: is_test(&path), path, text }).collect()
}

/// Where the modules stand that a file declares.
fn module_dir(path: &str) -> String {
    let (dir, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file {
        "lib.rs" | "main.rs" | "mod.rs" => dir.to_owned(),
        other => format!("{dir}/{}", other.trim_end_matches(".rs")),
    }
}

/// The modules in files of their own that are compiled for tests only.
fn test_modules(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.windows(2).filter(|pair| pair[0].trim() == CFG_TEST);
    pairs.filter_map(|pair| module_name(pair[1])).collect()
}

/// The name in `mod name;`, with or without a visibility.
pub(crate) fn module_name(line: &str) -> Option<&str> {
    let declaration = line.trim().strip_suffix(';')?;
    let (before, name) = declaration.rsplit_once("mod ")?;
    let is_plain = before.is_empty() || before.starts_with("pub");
    is_plain.then_some(name)
}

const CFG_TEST: &str = "#[cfg(test)]";

/// Parts a source into what is compiled always and the items that are compiled for tests only.
pub(crate) fn parted(text: &str) -> (String, String) {
    let (mut always, mut for_tests) = (String::new(), String::new());
    let mut end: Option<String> = None;
    for line in text.lines() {
        let kept = if let Some(closing) = &end {
            // An item ends with a brace as deep as it began, or with a `;` as deep.
            let is_as_deep = !line.starts_with(&format!("{}    ", closing.trim_end_matches('}')));
            if line == closing || (line.ends_with(';') && is_as_deep) {
                end = None;
            }
            &mut for_tests
        } else if line.trim() == CFG_TEST {
            end = Some(line.replace(CFG_TEST, "}"));
            &mut for_tests
        } else {
            &mut always
        };
        kept.push_str(line);
        kept.push('\n');
    }
    (always, for_tests)
}

/// Returns the code of a source: no comments. Whatever follows `//` on a line is one.
pub(crate) fn code(text: &str) -> String {
    let bare = |line: &str| line.split_once("//").map_or(line, |(code, _)| code).to_owned();
    text.lines().map(bare).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_compiled_for_tests_only_is_told_apart() {
    let text = "use a;\n#[cfg(test)]\nmod sample;\nfn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() {\n    }\n}\nfn h() {}\n";

    assert_eq!(test_modules(text), ["sample"]);
    let (always, for_tests) = parted(text);
    assert_eq!(always, "use a;\nfn f() {}\nfn h() {}\n");
    assert!(for_tests.contains("sample") && for_tests.contains("fn g"));
    assert_eq!(module_name("pub(crate) mod conformance;"), Some("conformance"));
    assert_eq!(code("a; // b\n//! c"), "a; \n");
    let sources = sources();
    let is_test = |path: &str| sources.iter().any(|it| it.path == path && it.is_test);
    assert!(is_test("src/identity/tests/cutting.rs") && is_test("src/client/sample.rs"));
    assert!(!is_test("src/identity/acceptor.rs"));
}
