//! Our tree against other people's code, for sizes 0 to 1,000: roots by rs_merkle, ct-merkle and tlog_tiles, proofs by
//! ct-merkle and tlog_tiles; and why rs_merkle is an oracle for roots only.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, digest::Output};
use provlog_core::Hash;
use provlog_core::tree::{
    Frontier, NodeSource, consistency_proof, inclusion_proof, root_of, verify_consistency, verify_inclusion,
};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use tlog_tiles::tlog;

const SIZE_MAX: u64 = 1000;

/// Perfect subtrees by recursion, remembered by level and index.
struct Nodes {
    leaves: Vec<Hash>,
    known: RefCell<std::collections::HashMap<(u32, u64), Hash>>,
}

impl Nodes {
    fn new(count: u64) -> Self {
        let leaves = (0..count).map(|n| Hash::leaf(&n.to_be_bytes())).collect();
        Self { leaves, known: RefCell::default() }
    }

    fn leaf(&self, index: u64) -> Hash {
        self.leaves[usize::try_from(index).unwrap()]
    }
}

impl NodeSource for Nodes {
    type Error = ();

    fn node(&self, level: u32, index: u64) -> Result<Hash, ()> {
        if level == 0 {
            return Ok(self.leaf(index));
        }
        if let Some(hash) = self.known.borrow().get(&(level, index)) {
            return Ok(*hash);
        }
        let hash = Hash::node(&self.node(level - 1, 2 * index)?, &self.node(level - 1, 2 * index + 1)?);
        self.known.borrow_mut().insert((level, index), hash);
        Ok(hash)
    }
}

/// A sample of leaves that has both ends, both sides of every power of two, and a spread between.
fn sample(size: u64) -> impl Iterator<Item = u64> {
    (0..size).filter(move |index| {
        *index < 4
            || index + 4 > size
            || index.is_power_of_two()
            || (index + 1).is_power_of_two()
            || index % 97 == 5
    })
}

/// RFC 6962's hashes in rs_merkle, whose own default has no domain bytes.
#[derive(Clone)]
struct Rfc6962;

impl rs_merkle::Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        Sha256::digest(data).into()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        right.map_or(*left, |right| Hash::node(&Hash(*left), &Hash(*right)).0)
    }
}

#[test]
fn roots_are_those_of_rs_merkle() {
    let nodes = Nodes::new(SIZE_MAX);
    let leaves: Vec<[u8; 32]> = nodes.leaves.iter().map(|leaf| leaf.0).collect();
    let mut frontier = Frontier::new();
    for size in 0..=SIZE_MAX {
        let ours = root_of(&nodes, size).unwrap();
        assert_eq!(frontier.root(), ours, "size {size}");
        let count = usize::try_from(size).unwrap();
        let theirs = rs_merkle::MerkleTree::<Rfc6962>::from_leaves(&leaves[..count]).root();
        // rs_merkle has no root for an empty tree; RFC 6962 has.
        assert_eq!(theirs.map_or(Hash::empty_root(), Hash), ours, "size {size}");
        if let Some(leaf) = nodes.leaves.get(count) {
            frontier.push(*leaf);
        }
    }
}

#[test]
fn roots_and_proofs_are_those_of_ct_merkle() {
    let nodes = Nodes::new(SIZE_MAX);
    let mut theirs = MemoryBackedTree::<Sha256, [u8; 8]>::new();
    let mut roots = vec![theirs.root()];
    for size in 1..=SIZE_MAX {
        theirs.push((size - 1).to_be_bytes());
        let root = theirs.root();
        let ours = root_of(&nodes, size).unwrap();
        assert_eq!(root.as_bytes().as_slice(), ours.0, "size {size}");
        let output =
            |hashes: &[Hash]| hashes.iter().map(|hash| Output::<Sha256>::from(hash.0)).collect::<Vec<_>>();
        for index in sample(size) {
            let proof = inclusion_proof(&nodes, index, size).unwrap();
            let their_proof = theirs.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(their_proof.as_bytes(), proof.iter().flat_map(|hash| hash.0).collect::<Vec<_>>());
            let proof = InclusionProof::<Sha256>::from_digests(&output(&proof));
            root.verify_inclusion(&index.to_be_bytes(), index, &proof).unwrap();
        }
        for old in sample(size).filter(|old| *old > 0) {
            let proof = consistency_proof(&nodes, old, size).unwrap();
            let old_root = &roots[usize::try_from(old).unwrap()];
            let digests = output(&proof);
            root.verify_consistency(old_root, &ConsistencyProof::<Sha256>::from_digests(&digests)).unwrap();
            let old_root = root_of(&nodes, old).unwrap();
            assert_eq!(verify_consistency(old, size, &old_root, &ours, &proof), Ok(()), "{old} to {size}");
        }
        roots.push(root);
    }
}

struct StoredHashes(Vec<tlog::Hash>);

impl tlog::HashReader for StoredHashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

#[test]
fn roots_and_proofs_are_those_of_tlog_tiles() {
    let nodes = Nodes::new(SIZE_MAX);
    let mut stored = StoredHashes(Vec::new());
    for size in 1..=SIZE_MAX {
        let leaf = (size - 1).to_be_bytes();
        let hashes = tlog::stored_hashes(size - 1, &leaf, &stored).unwrap();
        stored.0.extend(hashes);
        let ours = root_of(&nodes, size).unwrap();
        assert_eq!(tlog::tree_hash(size, &stored).unwrap().0, ours.0, "size {size}");
        for index in sample(size) {
            let theirs: Vec<Hash> =
                tlog::prove_record(size, index, &stored).unwrap().iter().map(|hash| Hash(hash.0)).collect();
            assert_eq!(theirs, inclusion_proof(&nodes, index, size).unwrap(), "{index} of {size}");
            assert_eq!(verify_inclusion(index, size, &nodes.leaf(index), &theirs, &ours), Ok(()));
        }
        for old in sample(size).filter(|old| *old > 0) {
            let theirs: Vec<Hash> =
                tlog::prove_tree(size, old, &stored).unwrap().iter().map(|hash| Hash(hash.0)).collect();
            let old_root = root_of(&nodes, old).unwrap();
            assert_eq!(verify_consistency(old, size, &old_root, &ours, &theirs), Ok(()), "{old} to {size}");
        }
    }
}

/// Why rs_merkle verifies nothing here: its multi-proof check pairs nodes by their place in the list, not by index.
/// Given one odd index twice, it takes two helper hashes for that level, sorts them before the two forged leaves, and
/// pairs helper with helper: with the true sibling and the true leaf, both public, it reaches the true root, and the
/// forged leaves are never hashed. Our verification takes one leaf, and index and size fix the number and the sides of
/// its siblings. When this test fails, rs_merkle has mended it (its pull request 52), and README must say so.
#[test]
fn rs_merkle_accepts_forged_leaves_under_a_repeated_index() {
    let forged = Hash::leaf(b"never logged").0;
    for size in 2..=64usize {
        let leaves: Vec<[u8; 32]> = (0..size).map(|n| Hash::leaf(&n.to_be_bytes()).0).collect();
        let tree = rs_merkle::MerkleTree::<Rfc6962>::from_leaves(&leaves);
        for index in (1..size).step_by(2) {
            let mut hashes = tree.proof(&[index]).proof_hashes().to_vec();
            hashes.insert(1, leaves[index]);
            let proof = rs_merkle::MerkleProof::<Rfc6962>::new(hashes);
            let accepts = proof.verify(tree.root().unwrap(), &[index, index], &[forged, forged], size);
            assert!(accepts, "{index} of {size}: rs_merkle refuses the forgery now");
        }
    }
}
