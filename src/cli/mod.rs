//! The command line: parses, calls one function, and turns what comes back into output and an exit
//! status.

mod access;
mod agreement;
mod arguments;
mod audit;
mod backup;
mod bench;
mod breach;
pub mod cert;
mod code;
mod connect;
mod demo;
mod erase;
mod event;
mod follow;
mod keeper;
mod keys;
mod notices;
mod operate;
pub mod output;
mod prove;
mod publish;
mod pull;
mod query;
mod reconcile;
mod register;
mod release;
mod restore;
mod rights;
mod serve;
mod status;
mod subscription;
#[cfg(test)]
mod tests;
mod views;
mod wait;
mod witness;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

pub use arguments::{Arguments, Command};
pub use connect::Global;
use output::{Failure, Output};
use wait::{wait, wait_serving};

/// Runs the command that `line` names, the program's own name first, and returns its exit status.
pub fn main(line: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line: Vec<OsString> = line.into_iter().collect();
    let json = line.iter().any(|argument| argument == "--json");
    match Arguments::try_parse_from(&line) {
        Ok(arguments) => {
            let out = Output { json: arguments.global.json };
            run(arguments, out).map_or_else(|failure| fail(out, &failure), |()| ExitCode::SUCCESS)
        }
        Err(error) if error.use_stderr() && json => {
            fail(Output { json }, &Failure::usage(error.to_string().trim_end()))
        }
        Err(error) => {
            // Help and version are data; a reader that went away is no failure of ours.
            drop(error.print());
            u8::try_from(error.exit_code()).unwrap_or(2).into()
        }
    }
}

fn run(arguments: Arguments, out: Output) -> Result<(), Failure> {
    let Arguments { command, global } = arguments;
    match command {
        Command::Agreement(command) => wait(agreement::run(command, &global, out)),
        Command::Audit(command) => wait(audit::run(command, &global, out)),
        Command::Backup(args) => wait(async { at_a_limit(|| backup::run(&args, out)) }),
        Command::Bench(args) => wait(bench::run(args, out)),
        Command::Cert(command) => cert::run(command, &global, out),
        Command::Config(command) => serve::config(&command, out),
        Command::Demo(args) => wait(demo::run(args, out)),
        Command::Erase(command) => wait(erase::run(command, &global, out)),
        Command::Follow(args) => wait(follow::run(args, &global, out)),
        Command::Keys(command) => wait(keys::run(&command, &global, out)),
        Command::Notices(args) => wait(notices::run(args, &global, out)),
        Command::Operate(command) => wait(operate::run(command, &global, out)),
        Command::Publish(args) => wait(publish::run(args, &global, out)),
        Command::Restore(args) => wait(async { at_a_limit(|| restore::run(&args, out)) }),
        Command::Reconcile(args) => wait(reconcile::run(args, &global, out)),
        Command::Rights(command) => wait(rights::run(command, &global, out)),
        Command::Serve(args) => wait_serving(serve::serve(args, out)),
        Command::Status => wait(status::run(&global, out)),
        Command::Subscription(command) => wait(subscription::run(command, &global, out)),
        Command::Views(command) => views::run(command, out),
        Command::Witness(args) => wait(witness::run(args, out)),
    }
}

/// Runs a command that writes much: where a file reaches a limit of its size the write fails, and not the process.
fn at_a_limit(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let heard = serve::size_limit()?;
    let done = work();
    drop(heard);
    done
}

fn fail(out: Output, failure: &Failure) -> ExitCode {
    out.fail(failure);
    failure.exit.status().into()
}
