//! The one binary.

use std::process::ExitCode;

/// A record takes some dozens of small allocations on its way; see docs/performance.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    portway::cli::main(std::env::args_os())
}
