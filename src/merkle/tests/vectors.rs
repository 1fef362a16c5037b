//! Known answers: the files of `tests/vectors/merkle`, computed by `generate.py` there from the
//! definitions alone, and published by others.

use ring::signature::Ed25519KeyPair;
use serde::{Deserialize, de::DeserializeOwned};

use crate::merkle::{
    Checkpoint, Frontier, Hash, MemoryTree, Note, NoteError, Signer, Verifier, WitnessKey,
    consistency, empty_root, inclusion, leaf_hash, root, verify_consistency, verify_inclusion,
};

const ROOTS: &str = include_str!("../../../tests/vectors/merkle/roots.json");
const INCLUSION: &str = include_str!("../../../tests/vectors/merkle/inclusion.json");
const CONSISTENCY: &str = include_str!("../../../tests/vectors/merkle/consistency.json");
const COSIGNED: &str = include_str!("../../../tests/vectors/merkle/cosigned.json");
const NOTES: &str = include_str!("../../../tests/vectors/merkle/notes.json");

#[derive(Deserialize)]
struct Roots {
    entries: Vec<String>,
    by_size: Vec<String>,
    numbered: Vec<SizedRoot>,
}

#[derive(Deserialize)]
struct SizedRoot {
    size: u64,
    root: String,
}

#[derive(Deserialize)]
struct Inclusion {
    index: u64,
    size: u64,
    proof: Vec<String>,
}

#[derive(Deserialize)]
struct Consistency {
    from: u64,
    to: u64,
    proof: Vec<String>,
}

#[derive(Deserialize)]
struct Notes {
    published: SignedNote,
    checkpoint: SignedCheckpoint,
}

#[derive(Deserialize)]
struct SignedNote {
    vkey: String,
    note: String,
}

#[derive(Deserialize)]
struct SignedCheckpoint {
    keys: Vec<Key>,
    size: u64,
    root: String,
    note: String,
}

#[derive(Deserialize)]
struct Key {
    name: String,
    seed_byte: u8,
    vkey: String,
}

fn read<T: DeserializeOwned>(vectors: &str) -> T {
    serde_json::from_str(vectors).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn hash(hex: &str) -> Hash {
    Hash::try_from(bytes(hex).as_slice()).unwrap()
}

fn hashes(hexes: &[String]) -> Vec<Hash> {
    hexes.iter().map(|hex| hash(hex)).collect()
}

/// The eight leaves of the Certificate Transparency reference tree, and its nine roots.
fn reference_tree() -> (Vec<Hash>, MemoryTree, Vec<Hash>) {
    let file: Roots = read(ROOTS);
    let leaves = file.entries.iter().map(|entry| leaf_hash(&bytes(entry))).collect::<Vec<_>>();
    let tree = leaves.iter().copied().collect();
    (leaves, tree, hashes(&file.by_size))
}

#[test]
fn the_reference_tree_has_the_published_roots() {
    let (leaves, tree, roots) = reference_tree();
    let mut frontier = Frontier::new();

    assert_eq!(roots.len(), 9);
    assert_eq!(roots[0], empty_root());
    let first = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    let last = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
    assert_eq!([roots[1], roots[8]], [hash(first), hash(last)]);
    for (size, expected) in (0..).zip(&roots) {
        assert_eq!(root(&tree, size), Ok(*expected));
        assert_eq!(frontier.root(), *expected);
        if let Some(leaf) = usize::try_from(size).ok().and_then(|index| leaves.get(index)) {
            frontier.append(*leaf);
        }
    }
}

#[test]
fn larger_trees_have_the_roots_of_the_definition() {
    let file: Roots = read(ROOTS);
    let tree: MemoryTree = (0..70_000_u64).map(|entry| leaf_hash(&entry.to_be_bytes())).collect();

    assert_eq!(file.numbered.len(), 7);
    for expected in file.numbered {
        assert_eq!(root(&tree, expected.size), Ok(hash(&expected.root)), "{}", expected.size);
    }
}

#[test]
fn inclusion_proofs_are_those_of_the_definition() {
    let (leaves, tree, roots) = reference_tree();
    let vectors: Vec<Inclusion> = read(INCLUSION);

    assert_eq!(vectors.len(), 36);
    for Inclusion { index, size, proof } in vectors {
        let proof = hashes(&proof);
        let place = usize::try_from(index).unwrap();
        let root = roots[usize::try_from(size).unwrap()];
        assert_eq!(inclusion(&tree, index, size).as_ref(), Ok(&proof), "{index} in {size}");
        assert_eq!(verify_inclusion(&leaves[place], index, size, &proof, &root), Ok(()));
    }
}

#[test]
fn consistency_proofs_are_those_of_the_definition() {
    let (_, tree, roots) = reference_tree();
    let vectors: Vec<Consistency> = read(CONSISTENCY);

    assert_eq!(vectors.len(), 36);
    for Consistency { from, to, proof } in vectors {
        let proof = hashes(&proof);
        let [old, new] = [from, to].map(|size| roots[usize::try_from(size).unwrap()]);
        assert_eq!(consistency(&tree, from, to).as_ref(), Ok(&proof), "{from} to {to}");
        assert_eq!(verify_consistency(from, &old, to, &new, &proof), Ok(()));
    }
}

#[test]
fn the_published_note_verifies() {
    let SignedNote { vkey, note } = read::<Notes>(NOTES).published;
    let verifier: Verifier = vkey.parse().unwrap();

    assert_eq!(verifier.to_string(), vkey);
    assert_eq!(verifier.key_id().to_string(), "c74f20a3");
    assert_eq!(verifier.verify(&Note::parse(&note).unwrap()), Ok(()));
    let altered = Note::parse(&note.replacen("problem", "Problem", 1)).unwrap();
    assert_eq!(verifier.verify(&altered), Err(NoteError::BadSignature));
}

#[derive(Deserialize)]
struct Cosigned {
    witnesses: Vec<String>,
    seconds: u64,
    note: String,
}

#[test]
fn cosignatures_of_public_witnesses_verify() {
    let Cosigned { witnesses, seconds, note } = read(COSIGNED);
    let other = Note::parse(&note.replacen("1432088532", "1432088533", 1)).unwrap();
    let note = Note::parse(&note).unwrap();

    assert_eq!(witnesses.len(), 4);
    for vkey in witnesses {
        let key: WitnessKey = vkey.parse().unwrap();
        assert_eq!(key.to_string(), vkey);
        assert_eq!(key.verify(&note), Ok(seconds), "{vkey}");
        assert_eq!(key.verify(&other), Err(NoteError::BadSignature), "{vkey}");
    }
}

/// Ed25519 is deterministic (RFC 8032 §5.1.6): the same keys give the same note, byte for byte.
#[test]
fn a_checkpoint_is_signed_as_another_implementation_signs_it() {
    let vector = read::<Notes>(NOTES).checkpoint;
    let signers = vector.keys.iter().map(|key| {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[key.seed_byte; 32]).unwrap();
        Signer::new(&key.name, pair).unwrap()
    });
    let signers = signers.collect::<Vec<_>>();
    let origin = vector.keys[0].name.clone();
    let checkpoint = Checkpoint { origin, size: vector.size, root: hash(&vector.root) };

    let note = checkpoint.signed(&signers.iter().collect::<Vec<_>>()).unwrap();

    assert_eq!(note.to_string(), vector.note);
    assert_eq!(signers.len(), 2);
    for (signer, key) in signers.iter().zip(&vector.keys) {
        assert_eq!(signer.vkey(), key.vkey);
        let verifier = key.vkey.parse().unwrap();
        assert_eq!(Checkpoint::open(&vector.note, &verifier).as_ref(), Ok(&checkpoint));
    }
}
