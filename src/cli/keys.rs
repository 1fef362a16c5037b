//! `portway keys`: operators rotate the log's key; anybody lists the keys that the log has had, verified.

use clap::Subcommand;
use serde_json::json;

use super::{
    Global,
    output::{Failure, Output},
};

/// What to do with the log's key.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum KeysCommand {
    /// Lists the log's keys and the sizes of the trees that each signed, verified from the one that is trusted
    #[command(after_help = "Example:\n  portway keys list")]
    List,
    /// Makes a new key for the log, to which the old one hands over; operators only
    #[command(after_help = "Example:\n  portway keys rotate")]
    Rotate,
}

/// Runs `portway keys`.
pub(super) async fn run(
    command: &KeysCommand,
    global: &Global,
    out: Output,
) -> Result<(), Failure> {
    match command {
        KeysCommand::List => list(global, out).await,
        KeysCommand::Rotate => rotate(global, out).await,
    }
}

async fn list(global: &Global, out: Output) -> Result<(), Failure> {
    let connection = global.connect().await?;
    connection.follow_keys().await?;
    let chain = connection.identity().memory().chain();
    for span in chain.spans() {
        let (vkey, first, last) = (span.key.to_string(), span.first, span.last);
        let until = last.map_or("now".to_owned(), |last| last.to_string());
        out.either(
            &json!({ "vkey": vkey, "first_size": first, "last_size": last }),
            format_args!("{vkey} {first} {until}"),
        );
    }
    Ok(())
}

async fn rotate(global: &Global, out: Output) -> Result<(), Failure> {
    let connection = global.connect().await?;
    let index = connection.rotate_log_key().await?;
    let chain = connection.identity().memory().chain();
    let (vkey, size) = (chain.newest().to_string(), chain.newest_from());
    out.either(
        &json!({ "index": index, "size": size, "vkey": vkey }),
        format_args!("rotated: {vkey} signs from tree size {size} on, recorded as {index}"),
    );
    Ok(())
}
