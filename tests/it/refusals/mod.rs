//! Every RPC refuses what it must: with the right code and reason, and with a record that the caller's officer
//! finds. Named `refuses_<rpc>_...`: the tidy test holds the names against the protocol.

mod access;
mod agreements;
mod audit;
mod auditor;
mod log;
mod operations;
mod publish;
mod publish_many;
mod pull;
mod retention;
mod rights;
mod stream;
mod subscribe;
mod subscriptions;
