//! Properties of any tree: what is proven verifies, and nothing else does.

use std::sync::LazyLock;

use proptest::prelude::*;
use ring::signature::Ed25519KeyPair;

use crate::merkle::{
    Checkpoint, Frontier, Hash, MemoryTree, Nodes, Note, Signer, Verifier, consistency, inclusion,
    leaf_hash, peaks, root,
    tiles::{
        BundleId, TileError, TileId, TileTree, bundles_of, decode_bundle, decode_tile,
        encode_bundle, encode_tile, tiles_of, verify, verify_bundle,
    },
    verify_consistency, verify_inclusion,
};

/// Large enough for three tile levels.
const SIZE_MAX: u64 = 70_000;

/// One tree stands for all sizes: a proof names the size it is made for.
static TREE: LazyLock<MemoryTree> = LazyLock::new(|| (0..SIZE_MAX).map(leaf).collect());

fn leaf(index: u64) -> Hash {
    leaf_hash(&index.to_be_bytes())
}

fn root_of(size: u64) -> Hash {
    root(&*TREE, size).unwrap()
}

fn tile(tile: &TileId) -> Vec<u8> {
    encode_tile(&*TREE, tile).unwrap()
}

/// Sizes of all magnitudes: small ones and those around powers of two are the odd ones.
fn sizes() -> impl Strategy<Value = u64> {
    let near_power = (0..16_u32, 0..3_u64).prop_map(|(bit, more)| (1 << bit) + more);
    prop_oneof![1..=20_u64, near_power, 1..=SIZE_MAX]
}

/// As [`sizes`], and as often one with a full tile above full tiles.
fn tiled_sizes() -> impl Strategy<Value = u64> {
    prop_oneof![sizes(), 65_536..=SIZE_MAX]
}

fn flip(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash::from_bytes(bytes)
}

/// Every proof that differs from `proof` by one bit, by one hash less or by one hash more, as
/// far as `bit` picks it.
fn wrong_proofs(proof: &[Hash], bit: usize) -> Vec<Vec<Hash>> {
    let mut wrong = (0..proof.len())
        .map(|place| {
            let mut proof = proof.to_vec();
            proof[place] = flip(&proof[place], bit);
            proof
        })
        .collect::<Vec<_>>();
    wrong.extend(proof.split_last().map(|(_, rest)| rest.to_vec()));
    wrong.extend(proof.split_first().map(|(_, rest)| rest.to_vec()));
    wrong.push([proof, &[leaf(0)]].concat());
    wrong.push([&[leaf(0)], proof].concat());
    wrong
}

proptest! {
    #[test]
    fn an_inclusion_proof_verifies_and_no_other_does(
        size in sizes(), place: prop::sample::Index, bit in 0..256_usize, shift in 0..64_u32,
    ) {
        let index = place.index(usize::try_from(size).unwrap()) as u64;
        let (leaf, root) = (leaf(index), root_of(size));
        let proof = inclusion(&*TREE, index, size).unwrap();

        prop_assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
        prop_assert!(verify_inclusion(&flip(&leaf, bit), index, size, &proof, &root).is_err());
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &flip(&root, bit)).is_err());
        prop_assert!(verify_inclusion(&leaf, index ^ (1 << shift), size, &proof, &root).is_err());
        for wrong in wrong_proofs(&proof, bit) {
            prop_assert!(verify_inclusion(&leaf, index, size, &wrong, &root).is_err());
        }
    }

    /// A proof speaks for one tree: it never verifies under the root of another size.
    #[test]
    fn an_inclusion_proof_is_of_one_tree(
        size in sizes(), other in sizes(), place: prop::sample::Index,
    ) {
        prop_assume!(size != other);
        let index = place.index(usize::try_from(size.min(other)).unwrap()) as u64;
        let proof = inclusion(&*TREE, index, size).unwrap();
        let (leaf, root) = (leaf(index), root_of(other));

        prop_assert!(verify_inclusion(&leaf, index, other, &proof, &root).is_err());
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &root).is_err());
    }

    #[test]
    fn a_consistency_proof_verifies_and_no_other_does(
        sizes in (sizes(), sizes()), bit in 0..256_usize, shift in 0..64_u32,
    ) {
        let (from, to) = (sizes.0.min(sizes.1), sizes.0.max(sizes.1));
        let (old, new) = (root_of(from), root_of(to));
        let proof = consistency(&*TREE, from, to).unwrap();

        prop_assert_eq!(verify_consistency(from, &old, to, &new, &proof), Ok(()));
        let other = from ^ (1 << shift);
        prop_assert!(verify_consistency(other, &old, to, &new, &proof).is_err());
        prop_assert!(verify_consistency(from, &flip(&old, bit), to, &new, &proof).is_err());
        prop_assert!(verify_consistency(from, &old, to, &flip(&new, bit), &proof).is_err());
        for wrong in wrong_proofs(&proof, bit) {
            prop_assert!(verify_consistency(from, &old, to, &new, &wrong).is_err());
        }
    }

    /// A log that changed one old entry cannot show that it only grew.
    #[test]
    fn a_rewritten_log_is_never_consistent(
        from in 1..200_u64, more in 1..200_u64, place: prop::sample::Index,
    ) {
        let (to, changed) = (from + more, place.index(usize::try_from(from).unwrap()) as u64);
        let forged: MemoryTree =
            (0..to).map(|index| leaf(if index == changed { SIZE_MAX } else { index })).collect();
        let proof = consistency(&forged, from, to).unwrap();
        let new = root(&forged, to).unwrap();

        prop_assert!(verify_consistency(from, &root_of(from), to, &new, &proof).is_err());
    }

    #[test]
    fn a_frontier_has_the_root_of_its_tree(size in 0..2_000_u64, stop: prop::sample::Index) {
        let stop = stop.index(usize::try_from(size).unwrap() + 1) as u64;
        let mut frontier = Frontier::restore(stop, peaks(&*TREE, stop).unwrap()).unwrap();

        frontier.extend((stop..size).map(leaf));

        prop_assert_eq!(frontier.size(), size);
        prop_assert_eq!(frontier.root(), root_of(size));
        prop_assert_eq!(frontier.peaks(), peaks(&*TREE, size).unwrap());
    }

    #[test]
    fn entries_come_out_of_a_bundle_as_they_went_in(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..=256),
        bit: prop::sample::Index,
    ) {
        let bundle = BundleId::new(0, u16::try_from(entries.len()).unwrap()).unwrap();
        let leaves = entries.iter().flat_map(|entry| *leaf_hash(entry).as_bytes());
        let leaves = leaves.collect::<Vec<_>>();
        let mut bytes = encode_bundle(&entries).unwrap();

        prop_assert_eq!(decode_bundle(bundle, &bytes).unwrap(), entries);
        prop_assert_eq!(verify_bundle(bundle, &bytes, &leaves), Ok(()));
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_bundle(bundle, &bytes, &leaves).is_err());
    }

    #[test]
    fn a_path_names_one_tile(level in 0..=63_u8, index in 0..1_u64 << 56, width in 1..=256_u16) {
        let tile = TileId::new(level, index, width).unwrap();
        let bundle = BundleId::new(index, width).unwrap();

        prop_assert_eq!(tile.to_string().parse(), Ok(tile));
        prop_assert_eq!(bundle.to_string().parse(), Ok(bundle));
    }

    #[test]
    fn no_bit_of_a_signed_checkpoint_can_change(
        size in 1..=u64::MAX, seed: [u8; 32], bit: prop::sample::Index,
    ) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let signer = Signer::new("example.org/portway/log", pair).unwrap();
        let origin = signer.name().to_owned();
        let checkpoint = Checkpoint { origin, size, root: leaf(size) };
        let note = checkpoint.sign(&signer).unwrap();
        prop_assert_eq!(Checkpoint::open(&note, signer.verifier()), Ok(checkpoint));

        let mut bytes = note.into_bytes();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);

        let opened = String::from_utf8(bytes).map(|note| Checkpoint::open(&note, signer.verifier()));
        prop_assert!(!matches!(opened, Ok(Ok(_))));
    }

    /// Parsers take bytes from anybody: whatever they are, there is an answer, and what is read
    /// is written back as it was.
    #[test]
    fn no_text_confuses_a_parser(text in "[—+ \n0-9a-zA-Z=/.\u{0}-\u{20}]{0,120}") {
        if let Ok(note) = Note::parse(&text) {
            prop_assert_eq!(note.to_string(), text.as_str());
        }
        if let Ok(verifier) = text.parse::<Verifier>() {
            prop_assert_eq!(verifier.to_string(), text.as_str());
        }
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert!(text.starts_with(&checkpoint.text()));
        }
    }
}

proptest! {
    // Each case reads a tree of up to 70,000 leaves.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn tiles_give_back_the_tree(size in tiled_sizes()) {
        let tiles = tiles_of(size).filter(|tile| tile.level() == 0);
        let leaves = tiles.flat_map(|id| decode_tile(&id, &tile(&id)).unwrap());
        let frontier: Frontier = leaves.collect();

        prop_assert_eq!(frontier.size(), size);
        prop_assert_eq!(frontier.root(), root_of(size));
        prop_assert_eq!(verify(size, &root_of(size), |id| Some(tile(id))), Ok(()));
        let bundles = bundles_of(size).map(|bundle| u64::from(bundle.width()));
        prop_assert_eq!(bundles.sum::<u64>(), size);
    }

    #[test]
    fn proofs_can_be_made_from_tiles(
        size in tiled_sizes(), place: prop::sample::Index, from: prop::sample::Index,
    ) {
        let count = usize::try_from(size).unwrap();
        let (index, from) = (place.index(count) as u64, from.index(count) as u64 + 1);
        let lookup = |id: &TileId| Some(tile(id));
        let tiles = TileTree::new(size, &lookup);

        prop_assert_eq!(root(&tiles, size), Ok(root_of(size)));
        prop_assert_eq!(inclusion(&tiles, index, size), inclusion(&*TREE, index, size));
        prop_assert_eq!(consistency(&tiles, from, size), consistency(&*TREE, from, size));
        prop_assert!(tiles.node(0, size).is_err());
    }

    #[test]
    fn one_altered_bit_is_found_and_its_tile_named(
        size in tiled_sizes(), place: prop::sample::Index, bit: prop::sample::Index,
    ) {
        let ids = tiles_of(size).collect::<Vec<_>>();
        let altered = *place.get(&ids);
        let lookup = |id: &TileId| {
            let mut bytes = tile(id);
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= u8::from(*id == altered) << (bit % 8);
            Some(bytes)
        };

        let partial_leaves = altered.level() == 0 && altered.width() < 256;
        let expected =
            if partial_leaves { TileError::Unvouched(altered) } else { TileError::Altered(altered) };
        prop_assert_eq!(verify(size, &root_of(size), lookup), Err(expected));
    }
}
