//! What agencies do with the exchange, and what it promises them, through stops, crashes and withdrawals.

mod canary;
mod delivery;
mod minimisation;
mod rollback;
mod services;
mod snapshots;
mod stopping;
mod streams;
mod withdrawal;
