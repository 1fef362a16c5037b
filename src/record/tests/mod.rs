//! Goal: what was written reads back the same, for ever, and bytes that are no record of ours are refused.
//! Method: random values there and back, damaged bytes, the proto files themselves, and golden vectors.

mod agreements;
mod codes;
mod drafts;
mod golden;
mod random;
mod rotations;
mod round_trip;
mod sample;
mod views;

use prost_reflect::DescriptorPool;

/// What the proto files say.
fn protos() -> DescriptorPool {
    DescriptorPool::decode(crate::pb::DESCRIPTORS).expect("the descriptor set of the build")
}
