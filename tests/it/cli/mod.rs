//! The command line as CONTRACT promises it: data on stdout, messages on stderr, one exit status for each kind
//! of end, and one JSON document, or one per line, for scripts.

mod agreement;
mod audit;
mod bench;
mod cert;
mod extract;
mod follow;
mod help;
mod prove;
mod publish;
mod query;
mod rights;
mod serve;
mod subscription;
mod usage;
mod views;
