//! Subject tokens under one partnership key: HMAC-SHA-256 (RFC 2104) over the canonical parts.
//! Stands in for blind matching: whoever holds the key can try names against tokens, so the key
//! stays with the agencies' adapters and never reaches the broker.

use std::fmt;

use ring::hmac;

use super::normalise::Postcode;
use crate::domain::{SubjectToken, TokenKind};

/// The epoch that tokens are made in.
pub const EPOCH: u32 = 1;

/// The partnership's key, 32 bytes; shows none of them.
#[derive(Clone)]
pub struct TokenKey(hmac::Key);

impl TokenKey {
    /// Takes the key's bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Reads the key from 64 hexadecimal digits.
    pub fn from_hex(digits: &str) -> Option<Self> {
        let nibble = |letter: u8| char::from(letter).to_digit(16);
        let digits: Vec<u8> = digits
            .bytes()
            .map(|letter| nibble(letter).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        let bytes = digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, it| byte << 4 | it));
        let key: Vec<u8> = bytes.collect();
        (digits.len() == 64).then_some(())?;
        key.as_slice().try_into().ok().map(Self::new)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(withheld)")
    }
}

/// The canonical parts of one person, as [`normalise`](super::normalise) gives them; shows none.
#[derive(Clone, Default)]
pub struct Person {
    /// NHS number, ten digits.
    pub nhs_number: Option<String>,
    /// Surname, A to Z.
    pub surname: Option<String>,
    /// Forename, A to Z.
    pub forename: Option<String>,
    /// Date of birth, `yyyy-mm-dd`.
    pub born: Option<String>,
    /// Postcode.
    pub postcode: Option<Postcode>,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(withheld)")
    }
}

impl Person {
    /// Derives every token whose parts are all there, strong ones first; empty where there is none.
    pub fn tokens(&self, key: &TokenKey) -> Vec<SubjectToken> {
        let nhs_number = self.nhs_number.as_deref();
        let surname = self.surname.as_deref();
        let forename = self.forename.as_deref();
        let initial = forename.and_then(|name| name.get(..1));
        let born = self.born.as_deref();
        let whole = self.postcode.as_ref().map(Postcode::whole);
        let postcode = whole.as_deref();
        [
            (TokenKind::Nhs, "nhs", [nhs_number].as_slice()),
            (TokenKind::Nfd, "nfd", &[surname, forename, born]),
            (TokenKind::Ndp, "ndp", &[surname, initial, born, postcode]),
            (TokenKind::Nfp, "nfp", &[surname, forename, postcode]),
        ]
        .into_iter()
        .filter_map(|(kind, label, parts)| {
            let parts: Vec<&str> = parts.iter().copied().collect::<Option<_>>()?;
            // No canonical part holds a bar, so two people never write the same line.
            let line = format!("pmk1|{label}|{}", parts.join("|"));
            let tag = hmac::sign(&key.0, line.as_bytes());
            Some(SubjectToken { kind, epoch: EPOCH, value: tag.as_ref().try_into().ok()? })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Person {
        Person {
            nhs_number: Some("9434765919".to_owned()),
            surname: Some("SORENSEN".to_owned()),
            forename: Some("SIAN".to_owned()),
            born: Some("1986-02-08".to_owned()),
            postcode: Postcode::read("PO1 3AB"),
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// Vectors made with another implementation of HMAC-SHA-256, key = the bytes 0 to 31.
    #[test]
    fn tokens_are_the_hmac_of_their_lines() {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(0..).for_each(|(byte, index)| *byte = index);
        let tokens = person().tokens(&TokenKey::new(&bytes));
        let made: Vec<_> = tokens.iter().map(|token| (token.kind, hex(&token.value))).collect();
        let expected = [
            (TokenKind::Nhs, "2376c2df33467321334a74af248074fa212835171b1a67d67971ed96e08ca8c3"),
            (TokenKind::Nfd, "b391ca15b229aae763f220f0253dd7fbf1a1de1dd528bb953d25c4da5e69ba52"),
            (TokenKind::Ndp, "665969d6d07ef2ab7a1c6e629d2b55f371f4b5356bbecca2ac69ebadf7a75f24"),
            (TokenKind::Nfp, "1b8ae97f6ae64f7decd3e0ca329cc33904c6f5499bd58453c673ace07b009aad"),
        ];
        assert_eq!(made, expected.map(|(kind, value)| (kind, value.to_owned())));
        assert!(tokens.iter().all(|token| token.epoch == 1));
    }

    #[test]
    fn a_missing_part_makes_no_token() {
        let key = TokenKey::new(&[7; 32]);
        let kinds = |person: Person| -> Vec<_> {
            person.tokens(&key).iter().map(|token| token.kind).collect()
        };
        assert_eq!(kinds(Person { born: None, nhs_number: None, ..person() }), [TokenKind::Nfp]);
        assert_eq!(
            kinds(Person { postcode: None, nhs_number: None, ..person() }),
            [TokenKind::Nfd]
        );
        assert_eq!(kinds(Person { surname: None, ..person() }), [TokenKind::Nhs]);
        assert_eq!(kinds(Person::default()), []);
    }

    #[test]
    fn another_key_makes_other_tokens() {
        let one = person().tokens(&TokenKey::new(&[1; 32]));
        let other = person().tokens(&TokenKey::new(&[2; 32]));
        assert!(one.iter().zip(&other).all(|(a, b)| a.value != b.value));
    }

    #[test]
    fn a_key_is_read_from_its_digits_and_nothing_else() {
        let tokens = |key: TokenKey| person().tokens(&key);
        let read = TokenKey::from_hex(&"0b".repeat(32)).expect("a key");
        assert_eq!(tokens(read), tokens(TokenKey::new(&[11; 32])));
        for bad in ["", &"0b".repeat(31), &"0b".repeat(33), &"0g".repeat(32), &"b".repeat(63)] {
            assert!(TokenKey::from_hex(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn neither_key_nor_person_shows_itself() {
        let shown = format!("{:?} {:?}", person(), TokenKey::new(&[1; 32]));
        assert_eq!(shown, "Person(withheld) TokenKey(withheld)");
    }
}
