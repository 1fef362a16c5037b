//! Backups of a running broker's log, and what they are worth: restored elsewhere, read, started, harmed.

mod erased;
mod harmed;
mod origin;
mod running;

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::stage::{Cli, Said, Stage, copy_dir};

/// Backs the stage's log up to `<name>/journal` and `<name>/keys`.
pub(crate) fn backup(stage: &Stage, name: &str) -> Said {
    fs::create_dir_all(stage.path(name)).unwrap();
    let [to, keys] = ["journal", "keys"].map(|it| stage.path(name).join(it));
    let config = stage.path("broker/portway.toml");
    let args = ["backup", "--json", "--config", text(&config)];
    Cli::nobody().run(args.iter().copied().chain(["--to", text(&to), "--keys-to", text(&keys)]))
}

/// Another house for the log, without any: configuration, certificates, and the copy of the master key.
pub(crate) fn house(stage: &Stage, name: &str) -> PathBuf {
    let house = stage.path(name);
    fs::create_dir_all(house.join("keys")).unwrap();
    fs::copy(stage.path("broker/portway.toml"), house.join("portway.toml")).unwrap();
    copy_dir(&stage.path("broker/server"), &house.join("server"));
    fs::copy(stage.path("broker/keys/master.key"), house.join("keys/master.key")).unwrap();
    house
}

/// Restores a backup into a house, with the anchor that stands in `anchor`.
pub(crate) fn restore(
    stage: &Stage,
    (backup, house): (&str, &str),
    anchor: &str,
    more: &[&str],
) -> Said {
    let [from, keys] = ["journal", "keys"].map(|it| stage.path(backup).join(it));
    let (config, anchor) = (stage.path(house).join("portway.toml"), stage.path(anchor));
    let args = ["restore", "--json", "--from", text(&from), "--keys-from", text(&keys)];
    let args = args.into_iter().chain(["--config", text(&config), "--anchor", text(&anchor)]);
    Cli::nobody().run(args.chain(more.iter().copied()))
}

fn verify(stage: &Stage, backup: &str) -> Said {
    let [from, keys] = ["journal", "keys"].map(|it| stage.path(backup).join(it));
    let config = stage.path("broker/portway.toml");
    let args = ["restore", "--verify", "--json", "--from", text(&from), "--keys-from", text(&keys)];
    Cli::nobody().run(args.into_iter().chain(["--config", text(&config)]))
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name} in {value}"))
}
