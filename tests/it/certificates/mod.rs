//! Certificates that other programs made, good and bad, shown to the real binary by OpenSSL's own client.

mod corpus;
mod endings;
mod keys;
pub(crate) mod openssl;
mod outside;
mod tls;
