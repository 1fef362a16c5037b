//! What agencies do with the exchange, and what it promises them, through stops, crashes and withdrawals.

mod answers;
mod auditor;
mod bulk;
mod canary;
mod delivery;
mod keys;
mod minimisation;
mod pull;
mod reconcile;
mod renewal;
mod rights;
mod rollback;
mod services;
mod snapshots;
mod staff;
mod stopping;
mod streams;
mod withdrawal;
mod written;
