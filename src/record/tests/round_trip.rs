//! There and back for every kind of entry, and damaged bytes.

use proptest::{prelude::*, sample::Index, test_runner::Config};
use prost::Message;

use super::random::record;
use crate::pb::v1 as pb;
use crate::record::{Malformed, decode, encode};

proptest! {
    #![proptest_config(Config::with_cases(1500))]

    #[test]
    fn a_record_reads_back_as_it_was_written(record in record()) {
        let bytes = encode(&record);
        prop_assert_eq!(decode(&bytes), Ok(record.clone()));
        prop_assert_eq!(encode(&record), bytes);
    }

    /// What is written by hand is what generated code writes, whatever the event.
    #[test]
    fn a_record_is_written_as_generated_code_writes_it(record in record()) {
        let bytes = encode(&record);
        let read = pb::Record::decode(bytes.clone()).expect("a record");
        prop_assert_eq!(read.encode_to_vec(), bytes);
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_read_and_never_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        if let Ok(record) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&record)), Ok(record));
        }
    }

    #[test]
    fn a_cut_or_flipped_record_is_never_a_panic(
        record in record(),
        place in any::<Index>(),
        bit in 0..8_u8,
    ) {
        let bytes = encode(&record);
        let place = place.index(bytes.len());
        if let Ok(cut) = decode(&bytes[..place]) {
            prop_assert_eq!(decode(&encode(&cut)), Ok(cut));
        }
        let mut flipped = bytes.to_vec();
        flipped[place] ^= 1 << bit;
        if let Ok(read) = decode(&flipped) {
            prop_assert_eq!(decode(&encode(&read)), Ok(read));
        }
    }
}

#[test]
fn a_record_without_an_event_is_refused() {
    assert_eq!(decode(&[]), Err(Malformed));
    let only_a_time = [0x08, 0x01];
    assert_eq!(decode(&only_a_time), Err(Malformed));
}

/// An event of a newer version is an unknown field to us: the record then has none.
#[test]
fn an_event_of_a_newer_version_is_refused() {
    let event_99 = [0x08, 0x01, 0x9a, 0x06, 0x00];
    assert_eq!(decode(&event_99), Err(Malformed));
}
