//! Reads private keys in the forms that tools write them: PKCS #8, PKCS #1, SEC 1. One that is not quite as its
//! standard has it, but plain enough, is put right; nothing is guessed.

use rustls::pki_types::{PrivateKeyDer, PrivateSec1KeyDer, pem::PemObject};
use zeroize::Zeroizing;

/// Reads the first private key of a PEM file; nothing where there is none.
pub fn private_key(pem: &[u8]) -> Option<PrivateKeyDer<'static>> {
    let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
    let PrivateKeyDer::Sec1(key) = key else { return Some(key) };
    Some(PrivateKeyDer::Sec1(in_full_width(key)))
}

/// RFC 5915 §3: the number has as many bytes as the curve's order. `GnuTLS` writes it as though it were signed and as
/// short as can be: every second key has a zero in front, one in some hundreds lacks a byte, and ring takes neither.
fn in_full_width(key: PrivateSec1KeyDer<'static>) -> PrivateSec1KeyDer<'static> {
    let widened = of_full_width(key.secret_sec1_der());
    widened.map_or(key, |mut der| std::mem::take(&mut *der).into())
}

/// Returns the key with its number in full width; nothing where it is so, or is not one of the two curves' keys.
fn of_full_width(der: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let fields = match der {
        [0x30, 0x81, length, fields @ ..] if usize::from(*length) == fields.len() => fields,
        [0x30, length @ ..=0x7f, fields @ ..] if usize::from(*length) == fields.len() => fields,
        _ => return None,
    };
    let [0x02, 0x01, 0x01, 0x04, length, number @ ..] = fields else { return None };
    let (number, rest) = number.split_at_checked(usize::from(*length))?;
    let width = CURVES.iter().find(|(curve, _)| rest.starts_with(curve))?.1;
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..).filter(|it| it.len() <= width && number.len() != width)?;
    let length = u8::try_from(5 + width + rest.len()).ok()?;
    let mut out = Zeroizing::new(Vec::with_capacity(3 + usize::from(length)));
    out.extend_from_slice(if length > 0x7f { &[0x30, 0x81] } else { &[0x30] });
    out.extend_from_slice(&[length, 0x02, 0x01, 0x01, 0x04, u8::try_from(width).ok()?]);
    out.extend(std::iter::repeat_n(0, width - number.len()));
    out.extend_from_slice(number);
    out.extend_from_slice(rest);
    Some(out)
}

/// The parameters behind the number, and its width: P-256 and P-384.
const CURVES: [(&[u8], usize); 2] = [
    (&[0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], 32),
    (&[0xa0, 7, 6, 5, 0x2b, 0x81, 4, 0, 0x22], 48),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::provider;

    /// As certtool 3.7.9 writes keys whose top bit is set, and those whose first bytes are zero. The broker's own test
    /// reads some that it made.
    #[test]
    fn a_number_is_brought_to_its_full_width() {
        for (curve, width) in CURVES {
            let key = |number: &[u8]| {
                let mut fields = vec![2, 1, 1, 4, u8::try_from(number.len()).unwrap()];
                fields.extend(number);
                fields.extend(curve);
                let mut der = vec![0x30, u8::try_from(fields.len()).unwrap()];
                der.extend(fields);
                der
            };
            let number = |zeros: usize| {
                let mut number = vec![0x80; width];
                number[..zeros].fill(0);
                number
            };
            let good = key(&number(0));
            assert!(of_full_width(&good).is_none(), "it is as it should be");
            let longer = [vec![0], number(0)].concat();
            assert_eq!(*of_full_width(&key(&longer)).expect("one zero too many"), good);
            for zeros in [1, 2] {
                let shorter = key(&number(zeros)[zeros..]);
                assert_eq!(*of_full_width(&shorter).expect("too short"), key(&number(zeros)));
            }
            let other = [vec![1], number(0)].concat();
            assert!(of_full_width(&key(&other)).is_none(), "a larger number than the curve has");
        }
    }

    /// One key of 256 begins with a zero: written without it, it is loaded as what it is.
    #[test]
    fn a_key_that_lacks_a_byte_is_loaded() {
        let made = std::iter::repeat_with(|| rcgen::KeyPair::generate().unwrap().serialize_der());
        // PKCS #8 as rcgen writes it: the number at 36, the public key behind it.
        let is_short = |der: &Vec<u8>| der[36] == 0 && der[37] != 0;
        let der = made.take(100_000).find(is_short).expect("one of 256");
        let (number, public) = (&der[36..68], &der[68..]);
        let fields = [&[2, 1, 1, 4, 31][..], &number[1..], CURVES[0].0, public].concat();
        let sec1 = [&[0x30, u8::try_from(fields.len()).unwrap()][..], &fields].concat();
        let load = |der: Vec<u8>| {
            let key = PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der));
            provider().key_provider.load_private_key(key).is_ok()
        };
        assert!(!load(sec1.clone()), "ring takes it now: this is not needed any more");
        assert!(load(of_full_width(&sec1).unwrap().to_vec()));
    }

    /// Whatever is no such key stays as it is.
    #[test]
    fn nothing_else_is_touched() {
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = key.serialize_pem();
        let read = private_key(pem.as_bytes()).unwrap();
        assert_eq!(read.secret_der(), key.serialized_der());
        assert!(provider().key_provider.load_private_key(read).is_ok());
        assert!(private_key(b"no key").is_none());
        for der in [&[][..], &[0x30], &[0x30, 0x81], &[0x30, 5, 2, 1, 1, 4, 33], &[0x31, 0]] {
            assert!(of_full_width(der).is_none());
        }
    }
}
