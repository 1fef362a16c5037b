//! Portway: a secure inter-agency information exchange.
//!
//! Agencies publish and subscribe to minimal, purpose-limited case alerts over gRPC with mutual TLS;
//! every disclosure is recorded in an append-only log before it leaves. The rooms and the floors they
//! stand on are drawn in ARCHITECTURE.md; a room uses only rooms on the floors below its own.

pub mod adapters;
pub mod bench;
pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
pub mod domain;
pub mod endpoint;
pub mod exchange;
pub mod feed;
pub mod grpc;
pub mod identity;
pub mod journal;
pub mod ledger;
pub mod merkle;
pub mod metrics;
pub mod pb;
pub mod pki;
pub mod policy;
pub mod record;
pub mod reports;
pub mod server;
pub mod tasks;
pub mod views;
pub mod witness;
