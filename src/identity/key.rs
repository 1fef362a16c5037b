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

/// RFC 5915 §3: the number has as many bytes as the curve's order. `GnuTLS` writes it as though it were signed, so
/// that every second key has a zero in front, which ring does not take.
fn in_full_width(key: PrivateSec1KeyDer<'static>) -> PrivateSec1KeyDer<'static> {
    let zeroed = without_zero(key.secret_sec1_der());
    zeroed.map_or(key, |mut der| std::mem::take(&mut *der).into())
}

/// Returns the key without the zero; nothing where it has none, or is not one of the two curves' keys.
fn without_zero(der: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (header, fields) = match der {
        [0x30, 0x81, length, fields @ ..] if usize::from(*length) == fields.len() => (3, fields),
        [0x30, length @ ..=0x7f, fields @ ..] if usize::from(*length) == fields.len() => {
            (2, fields)
        }
        _ => return None,
    };
    let [0x02, 0x01, 0x01, 0x04, width @ (33 | 49), 0x00, rest @ ..] = fields else { return None };
    let length = u8::try_from(fields.len() - 1).ok()?;
    // Neither curve's key is so long that the length would take another form.
    let mut out = Zeroizing::new(Vec::with_capacity(der.len()));
    out.extend_from_slice(if header == 3 { &[0x30, 0x81] } else { &[0x30] });
    out.extend_from_slice(&[length, 0x02, 0x01, 0x01, 0x04, width - 1]);
    out.extend_from_slice(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::provider;

    /// As certtool 3.7.9 writes keys whose top bit is set. The broker's own test reads some that it made.
    #[test]
    fn a_zero_in_front_is_taken_away() {
        for (width, curve) in [(32_u8, P256), (48, P384)] {
            let mut number = vec![0; usize::from(width)];
            number[0] = 0x80;
            number[usize::from(width) - 1] = 1;
            let key = |number: &[u8]| {
                let mut fields = vec![2, 1, 1, 4, u8::try_from(number.len()).unwrap()];
                fields.extend(number);
                fields.extend([0xa0, u8::try_from(curve.len()).unwrap()]);
                fields.extend(curve);
                let mut der = vec![0x30, u8::try_from(fields.len()).unwrap()];
                der.extend(fields);
                der
            };
            let good = key(&number);
            number.insert(0, 0);

            let put_right = without_zero(&key(&number)).expect("one zero too many");

            assert_eq!(*put_right, good);
            assert!(without_zero(&good).is_none(), "it is as it should be");
        }
    }

    const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];

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
            assert!(without_zero(der).is_none());
        }
    }
}
