//! `portway restore`: a backup is verified, and put back into empty directories.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::{Value, json};

use super::output::{Failure, Output};
use crate::{
    config::Settings,
    domain::{Clock, Hex, SystemClock},
    journal::{AnchorFile, MasterKey},
    ledger::{self, Behind, RestoreFrom, Restored, VerifiedBackup},
    merkle::next_origin,
};

/// Arguments of `restore`.
#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// Directory of the journal's backup
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Directory of the backup of its keys
    #[arg(long, value_name = "DIR", required_unless_present = "verify")]
    keys_from: Option<PathBuf>,
    /// Configuration file: its directories, which have to be empty, and its master key
    #[arg(long, value_name = "FILE", required_unless_present = "verify")]
    config: Option<PathBuf>,
    /// The newest anchor there is, file or directory: it knows which keys were erased since
    #[arg(long, value_name = "PATH", required_unless_present_any = ["verify", "anchor_lost"])]
    anchor: Option<PathBuf>,
    /// Goes on without an anchor: what was erased after the backup comes back. Only where every copy of it is lost, and
    /// with --new-origin
    #[arg(long, conflicts_with = "anchor", requires = "new_origin")]
    anchor_lost: bool,
    /// Goes on under another origin and key, where entries are lost for good: every client has to be enrolled anew
    #[arg(long)]
    new_origin: bool,
    /// A checkpoint of this log that somebody holds and the backup lacks
    #[arg(long, value_name = "FILE", requires = "new_origin")]
    checkpoint: Option<PathBuf>,
    /// Verifies the backup with whatever else is given, and writes nothing
    #[arg(long, conflicts_with_all = ["new_origin", "anchor_lost"])]
    verify: bool,
}

/// Runs `portway restore`.
pub(super) fn run(args: &RestoreArgs, out: Output) -> Result<(), Failure> {
    if args.verify {
        return verify(args, out);
    }
    let (Some(config), Some(keys)) = (&args.config, &args.keys_from) else {
        return Err(Failure::usage("--config and --keys-from are wanted"));
    };
    let settings = Settings::read(config)?.ledger;
    let from = RestoreFrom {
        journal: args.from.clone(),
        keys: keys.clone(),
        anchor: args.anchor.clone(),
        new_origin: args.new_origin,
        checkpoint: args.checkpoint.clone(),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let done = ledger::restore(&settings, &from, &clock)?;
    if let Some(vkey) = &done.vkey {
        say_anew(&done, vkey, out);
    } else {
        say(&done.backup, Some((done.behind, done.erased)), "restored", out);
    }
    Ok(())
}

fn verify(args: &RestoreArgs, out: Output) -> Result<(), Failure> {
    let settings = args.config.as_deref().map(Settings::read).transpose()?;
    let master = settings.map(|it| MasterKey::load(&it.ledger.master_key)).transpose();
    let master = master.map_err(Failure::failed)?;
    let anchor = match &args.anchor {
        None => None,
        Some(path) => {
            let id = ledger::journal_of_backup(&args.from)?;
            Some(AnchorFile::read_at(path, id).map_err(Failure::failed)?)
        }
    };
    let keys = args.keys_from.as_deref();
    let backup = ledger::verify_backup(&args.from, keys, master.as_ref(), anchor.as_ref())?;
    let behind = anchor.map(|it| (ledger::standing(&backup, &it), it.erased.count()));
    say(&backup, behind, "verified", out);
    Ok(())
}

/// Says under which origin the log goes on, and what there is to do.
fn say_anew(done: &Restored, vkey: &str, out: Output) {
    let (size, old) = (done.backup.manifest.size, &done.backup.manifest.origin);
    let origin = next_origin(old);
    out.either(
        &json!({
            "done": "restored",
            "origin": origin,
            "vkey": vkey,
            "old_origin": old,
            "size": size,
            "root": Hex(done.backup.root.as_bytes()).to_string(),
            "slots_erased": done.erased,
        }),
        format_args!("restored: {size} entries of {old}; it goes on as {origin}, key {vkey}"),
    );
    out.say("hand the new log.vkey to every agency, by the way of enrolment: none believes this log before it has it");
}

fn say(backup: &VerifiedBackup, behind: Option<(Behind, u64)>, what: &str, out: Output) {
    let (manifest, root) = (&backup.manifest, Hex(backup.root.as_bytes()).to_string());
    let (size, at) = (manifest.size, manifest.at.to_string());
    let anchored = behind.map(|(behind, _)| match behind {
        Behind::Nothing => Value::Null,
        Behind::Lost { anchored } | Behind::Other { anchored } => json!(anchored),
    });
    let is_behind = anchored.as_ref().map(|it| !it.is_null());
    out.either(
        &json!({
            "done": what,
            "origin": manifest.origin,
            "size": size,
            "root": root,
            "made_at": at,
            "behind": is_behind,
            "anchored": anchored,
            "slots_erased": behind.map(|(_, erased)| erased),
        }),
        format_args!(
            "{what}: {size} entries of {}, backed up at {at}, root {root}",
            manifest.origin
        ),
    );
    match behind {
        Some((Behind::Lost { anchored }, _)) => out.say(format_args!(
            "behind: the anchor knows {anchored} entries and the backup holds {size}; look for a newer one. A start \
             of this one is refused; where there is none, restore with --new-origin"
        )),
        Some((Behind::Other { anchored }, _)) => out.say(format_args!(
            "behind: the anchor knows {anchored} entries of another history than the backup; a start of this one is \
             refused. Where there is no other, restore with --new-origin"
        )),
        Some((Behind::Nothing, _)) | None => {}
    }
}
