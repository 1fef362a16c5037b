//! What `--help` shows, command by command, held against `tests/golden/cli`. After a change that is meant:
//! `PORTWAY_WRITE_GOLDEN=1 cargo test --test it cli::help`, and read the diff.

use std::{collections::BTreeSet, fs, path::PathBuf};

use clap::CommandFactory;

use crate::stage::Cli;

#[test]
fn help_is_what_was_last_read() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cli");
    let writes = std::env::var_os("PORTWAY_WRITE_GOLDEN").is_some_and(|it| it == "1");
    fs::create_dir_all(&dir).unwrap();
    let mut due = BTreeSet::new();
    for path in paths(&portway::cli::Arguments::command(), Vec::new()) {
        let shown = Cli::nobody().run(path.iter().map(String::as_str).chain(["--help"])).done();
        let name = format!(
            "{}.txt",
            ["portway".to_owned()].into_iter().chain(path).collect::<Vec<_>>().join("-")
        );
        let file = dir.join(&name);
        if writes {
            fs::write(&file, &shown).unwrap();
        }
        let golden = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(shown, golden, "{name}; if it is meant, run with PORTWAY_WRITE_GOLDEN=1");
        due.insert(name);
    }
    let entries = fs::read_dir(&dir).unwrap();
    let there: BTreeSet<String> =
        entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, due, "files of commands that are no more");
}

/// Every command with its subcommands, the first one being none.
fn paths(command: &clap::Command, path: Vec<String>) -> Vec<Vec<String>> {
    let children = command.get_subcommands().filter(|it| it.get_name() != "help");
    let below = children.flat_map(|child| {
        let path = path.iter().cloned().chain([child.get_name().to_owned()]).collect();
        paths(child, path)
    });
    let below: Vec<_> = below.collect();
    [path].into_iter().chain(below).collect()
}
