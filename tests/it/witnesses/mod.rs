//! Witnesses as processes of their own: what they cosign, what they refuse, and what the broker makes of them.

mod alone;
mod asked;
mod believed;
mod conditional;
mod forks;
