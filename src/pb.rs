//! The generated messages and services of `proto/portway/v1`, fenced off: the one place with an allow.
//! Nothing but the codec and what it takes is written by hand here, and nothing of it appears in `domain`.

use std::{fmt, marker::PhantomData};

use bytes::BufMut;
use prost::Message;
use tonic::{
    Status,
    codec::{BufferSettings, EncodeBuf},
};
use tonic_prost::ProstDecoder;

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

    /// The exchange's server, whose answers are [`Written`](super::Written) where there are many.
    pub mod written {
        include!(concat!(env!("OUT_DIR"), "/servers/portway.v1.rs"));
    }
}

/// The encoded descriptor set of the proto files: for reflection and for canonical JSON.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/portway.fds.bin"));

/// What a stream of messages encodes into at a time. A message or two more than is handed on still fits, so that the
/// buffer does not grow, which would copy what is in it; and it fits one frame of HTTP/2 and one record of TLS.
const BUFFER_BYTES: usize = 16 << 10;
const HANDED_ON_BYTES: usize = 13 << 10;

/// A message that is written already: what a generated one would be filled with need not be copied for it.
pub struct Written(Vec<u8>);

impl Written {
    /// Takes the bytes of a message.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// It may show what an alert says: nothing of it stands in a log line.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written(withheld)")
    }
}

impl<M: Message> From<&M> for Written {
    fn from(message: &M) -> Self {
        Self(message.encode_to_vec())
    }
}

/// What is sent as one message.
pub trait Encode {
    /// Writes it.
    ///
    /// # Errors
    ///
    /// `INTERNAL` where it does not fit.
    fn write(&self, to: &mut EncodeBuf<'_>) -> Result<(), Status>;
}

impl<M: Message> Encode for M {
    fn write(&self, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        self.encode(to).map_err(|_| Status::internal("a message does not fit"))
    }
}

impl Encode for Written {
    fn write(&self, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&self.0);
        Ok(())
    }
}

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
    T: Encode + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Encoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Encoder<T> {
        Encoder(PhantomData)
    }

    fn decoder(&mut self) -> ProstDecoder<U> {
        ProstDecoder::default()
    }
}

/// The codec's half that writes.
#[derive(Debug)]
pub struct Encoder<T>(PhantomData<T>);

impl<T: Encode> tonic::codec::Encoder for Encoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.write(to)
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, HANDED_ON_BYTES)
    }
}
