//! Who is speaking: accepts connections, checks certificates inside the handshake, keeps the list of
//! live connections and cuts them. It never reads a request, and never takes an identity from one.

mod acceptor;
mod bundle;
mod certificates;
mod check;
mod connection;
mod credentials;
mod crl;
mod desk;
mod diagnosis;
mod generations;
mod key;
mod leaf;
mod lobby;
mod local;
mod marks;
mod peer;
mod rejection;
mod trust;
mod turns;

pub use acceptor::{Acceptor, AcceptorSettings};
pub use bundle::{Source, key_of_authority};
pub use certificates::{Certificates, Seen};
pub use connection::{Bounds, Connection, Connections};
pub use credentials::{
    Credentials, Fault, TrustError, authorities, last_moment, provider, read_private,
};
pub use generations::{GenerationStanding, Generations};
pub use key::private_key;
pub use local::{LocalAcceptor, LocalStream};
pub use marks::CrlMarks;
pub use peer::{Peer, PeerStream};
pub use rejection::{Rejection, Rejections};
pub use trust::{Authority, CrlStanding, Sources, Trust};

#[cfg(test)]
mod mint;
#[cfg(test)]
mod tests;
