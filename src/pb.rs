//! The generated messages and services of `proto/portway/v1`, fenced off: the one place with an allow.
//! Nothing but the codec is written by hand here, and nothing of it appears in `domain`.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::BufferSettings;
use tonic_prost::{ProstDecoder, ProstEncoder};

/// Package `portway.v1`.
#[expect(clippy::allow_attributes, reason = "the attribute below is for generated code")]
#[allow(
    warnings,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated code"
)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/portway.v1.rs"));
}

/// The encoded descriptor set of the proto files: for reflection and for canonical JSON.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/portway.fds.bin"));

/// What a stream of messages encodes into at a time. A message or two more than is handed on still fits, so that the
/// buffer does not grow, which would copy what is in it; and it fits one frame of HTTP/2 and one record of TLS.
const BUFFER_BYTES: usize = 16 << 10;
const HANDED_ON_BYTES: usize = 13 << 10;

/// Protobuf, in smaller pieces than tonic's own codec.
#[derive(Debug)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> ProstEncoder<T> {
        ProstEncoder::new(BufferSettings::new(BUFFER_BYTES, HANDED_ON_BYTES))
    }

    fn decoder(&mut self) -> ProstDecoder<U> {
        ProstDecoder::default()
    }
}
