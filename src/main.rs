//! The one binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    portway::cli::main(std::env::args_os())
}
