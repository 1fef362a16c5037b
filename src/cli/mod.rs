//! The command line: parses, calls one function, and turns what comes back into output and an exit
//! status.

pub mod cert;
pub mod output;
