//! What blocks are found by, as short keys. Two terms may share a key: a block that is found by mistake
//! costs a read and changes no answer. Tokens are hashed under the index's own key.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::domain::{
    AgencyId, AgreementId, AlertId, Fingerprint, Purpose, Reason, RecordKind, SubjectToken,
};
use crate::record::commitment::Secret;

/// Something that a record can be asked by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Term<'a> {
    /// The record concerns the agency: it has a link.
    Linked(&'a AgencyId),
    /// The record concerns no agency, and every officer may read it.
    Open,
    /// The record names the agency.
    Named(&'a AgencyId),
    Purpose(Purpose),
    Kind(RecordKind),
    Agreement(&'a AgreementId),
    Alert(AlertId),
    Reason(Reason),
    Certificate(Fingerprint),
    Token(&'a SubjectToken),
}

/// A term as it stands in the index: its kind, and the first 8 bytes of its value or hash.
pub(super) type TermKey = [u8; 9];

/// The key that tokens are hashed under. It stands in the views' directory and goes with the index.
pub(super) struct TokenKey(Secret);

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(withheld)")
    }
}

impl TokenKey {
    pub(super) fn new(bytes: &Zeroizing<[u8; 32]>) -> Self {
        Self(Secret::new(bytes))
    }

    /// Returns the term's key.
    pub(super) fn term(&self, term: Term<'_>) -> TermKey {
        match term {
            Term::Linked(agency) => hashed(1, agency.as_str().as_bytes()),
            Term::Open => numbered(2, 0),
            Term::Named(agency) => hashed(3, agency.as_str().as_bytes()),
            Term::Purpose(purpose) => numbered(4, purpose.number()),
            Term::Kind(kind) => numbered(5, kind.number()),
            Term::Agreement(id) => hashed(6, id.as_str().as_bytes()),
            Term::Alert(id) => hashed(7, id.as_bytes()),
            Term::Reason(reason) => numbered(8, reason.number()),
            Term::Certificate(fingerprint) => hashed(9, &fingerprint.0),
            Term::Token(token) => self.token(token),
        }
    }

    fn token(&self, token: &SubjectToken) -> TermKey {
        let (kind, epoch) = ([token.kind.number()], token.epoch.to_be_bytes());
        of(10, &self.0.derive(&[&kind, &epoch, &token.value]))
    }
}

fn hashed(kind: u8, value: &[u8]) -> TermKey {
    of(kind, &Sha256::digest(value))
}

fn numbered(kind: u8, number: u8) -> TermKey {
    of(kind, &u64::from(number).to_be_bytes())
}

fn of(kind: u8, value: &[u8]) -> TermKey {
    let mut key = [kind; 9];
    for (to, from) in key.iter_mut().skip(1).zip(value) {
        *to = *from;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::TokenKind;

    #[test]
    fn a_token_is_found_under_its_own_index_key_only() {
        let token = SubjectToken { kind: TokenKind::Nfd, epoch: 1, value: [7; 32] };
        let key = |byte| TokenKey::new(&Zeroizing::new([byte; 32]));
        assert_eq!(key(1).term(Term::Token(&token)), key(1).term(Term::Token(&token)));
        assert_ne!(key(1).term(Term::Token(&token)), key(2).term(Term::Token(&token)));
        for other in [
            SubjectToken { kind: TokenKind::Nhs, ..token },
            SubjectToken { epoch: 2, ..token },
            SubjectToken { value: [8; 32], ..token },
        ] {
            assert_ne!(key(1).term(Term::Token(&token)), key(1).term(Term::Token(&other)));
        }
    }

    #[test]
    fn kinds_of_term_never_meet() {
        let key = TokenKey::new(&Zeroizing::new([1; 32]));
        let agency = "police".parse().unwrap();
        let agreement = "police".parse().unwrap();
        let keys = [Term::Linked(&agency), Term::Named(&agency), Term::Agreement(&agreement)];
        let keys = keys.map(|term| key.term(term));
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    }
}
