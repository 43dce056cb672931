use super::*;
use crate::hash::Hash;
use crate::hex;
use alloc::vec::Vec;
use proptest::prelude::*;
use std::format;
use std::string::{String, ToString};

/// Stores every leaf and computes nodes by definition: slow, and obviously RFC 6962.
pub(crate) struct Leaves(pub(crate) Vec<Hash>);

impl NodeSource for Leaves {
    type Error = ();

    fn node(&self, level: u32, index: u64) -> Result<Hash, ()> {
        let width = 1usize << level;
        let start = usize::try_from(index).unwrap() * width;
        self.0.get(start..start + width).map(by_definition).ok_or(())
    }
}

fn by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Hash::node(&by_definition(left), &by_definition(right))
        }
    }
}

pub(super) fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| Hash::leaf(&n.to_be_bytes())).collect()
}

#[test]
fn the_eight_reference_leaves_of_rfc_6962() {
    let leaves =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::new();
    for (size, root) in roots.iter().enumerate() {
        assert_eq!(frontier.root().to_hex(), *root, "size {size}");
        if let Some(leaf) = leaves.get(size) {
            frontier.push(Hash::leaf(&hex::decode(leaf).unwrap()));
        }
    }
}

#[test]
fn every_inclusion_proof_up_to_size_130() {
    let source = Leaves(leaves(130));
    for size in 1..=130u64 {
        let root = root_of(&source, size).unwrap();
        assert_eq!(root, by_definition(&source.0[..usize::try_from(size).unwrap()]));
        for index in 0..size {
            let leaf = source.0[usize::try_from(index).unwrap()];
            let proof = inclusion_proof(&source, index, size).unwrap();
            assert_eq!(inclusion_length(index, size), Some(proof.len()), "{index} of {size}");
            assert_eq!(verify_inclusion(index, size, &leaf, &proof, &root), Ok(()));
            // A proof holds for its own index alone. (Another size can share path and root's shape: sizes are signed.)
            for other in 0..size {
                let elsewhere = verify_inclusion(other, size, &leaf, &proof, &root);
                assert_eq!(elsewhere.is_ok(), other == index, "{index} as {other} of {size}");
            }
            let mut longer = proof.clone();
            longer.push(root);
            assert!(matches!(
                verify_inclusion(index, size, &leaf, &longer, &root),
                Err(ProofError::Length { .. })
            ));
            if let Some((_, shorter)) = proof.split_last() {
                assert!(matches!(
                    verify_inclusion(index, size, &leaf, shorter, &root),
                    Err(ProofError::Length { .. })
                ));
            }
        }
        assert!(matches!(verify_inclusion(size, size, &root, &[], &root), Err(ProofError::Index { .. })));
    }
    assert_eq!(inclusion_length(0, 0), None);
}

#[test]
fn every_consistency_proof_up_to_size_80() {
    let source = Leaves(leaves(80));
    let roots: Vec<Hash> = (0..=80).map(|size| root_of(&source, size).unwrap()).collect();
    for new in 1..=80u64 {
        for old in 1..=new {
            let proof = consistency_proof(&source, old, new).unwrap();
            let (old_root, new_root) =
                (&roots[usize::try_from(old).unwrap()], &roots[usize::try_from(new).unwrap()]);
            assert_eq!(verify_consistency(old, new, old_root, new_root, &proof), Ok(()), "{old} to {new}");
            let other = Hash([1; 32]);
            assert!(verify_consistency(old, new, &other, new_root, &proof).is_err());
            assert!(verify_consistency(old, new, old_root, &other, &proof).is_err(), "{old} to {new}");
            for position in 0..proof.len() {
                let mut bad = proof.clone();
                bad[position] = other;
                assert!(verify_consistency(old, new, old_root, new_root, &bad).is_err());
            }
            let mut longer = proof.clone();
            longer.push(other);
            assert!(verify_consistency(old, new, old_root, new_root, &longer).is_err());
        }
    }
    let error = verify_consistency(2, 1, &roots[2], &roots[1], &[]);
    assert_eq!(error, Err(ProofError::Sizes { old: 2, new: 1 }));
    let error = verify_consistency(0, 1, &roots[0], &roots[1], &[]);
    assert_eq!(error, Err(ProofError::Sizes { old: 0, new: 1 }));
}

#[test]
fn a_frontier_needs_one_hash_a_bit() {
    assert!(Frontier::from_parts(5, leaves(2)).is_ok());
    let error = Frontier::from_parts(5, leaves(3)).unwrap_err();
    assert_eq!(error.to_string(), "the right edge of a tree of 5 leaves has 2 hashes, got 3");
}

#[test]
fn tiles_of_the_standard_s_examples() {
    let paths = [
        ("tile/0/000", Some((0, 0, 256))),
        ("tile/1/000.p/1", Some((1, 0, 1))),
        ("tile/0/273.p/112", Some((0, 273, 112))),
        ("tile/0/x001/x234/067", Some((0, 1_234_067, 256))),
        ("tile/entries/x001/000.p/255", Some((0, 1000, 255))),
        ("tile/0/0", None),
        ("tile/0/0000", None),
        ("tile/00/000", None),
        ("tile/+1/000", None),
        ("tile/64/000", None),
        ("tile/0/x000/001", None),
        ("tile/0/001/001", None),
        ("tile/0/x001", None),
        ("tile/0/000.p/0", None),
        ("tile/0/000.p/256", None),
        ("tile/0/000.p/01", None),
        ("tile/0/000.p/1/..", None),
        ("tile/0/../../log.key", None),
        ("tile/0/x999/x999/x999/x999/x999/x999/x999/999", None),
        ("/tile/0/000", None),
        ("tile/entries", None),
    ];
    for (path, expected) in paths {
        let got = path.parse::<Resource>().ok();
        let tile = got.map(|resource| match resource {
            Resource::Hashes(tile) | Resource::Entries(tile) => (tile.level, tile.index, tile.width),
        });
        assert_eq!(tile, expected, "{path}");
        if let Some(resource) = got {
            assert_eq!(resource.to_string(), path);
        }
    }
    let tile = |level, index| Tile::holding(level, index, 70_000).map(|tile| (tile.index, tile.width));
    assert_eq!(tile(0, 69_999), Some((273, 112)));
    assert_eq!(tile(0, 70_000), None);
    assert_eq!(tile(1, 272), Some((1, 17)));
    assert_eq!(tile(2, 0), Some((0, 1)));
    assert!(Tile { level: 0, index: 273, width: 112 }.exists_at(70_000));
    assert!(!Tile { level: 0, index: 273, width: 113 }.exists_at(70_000));
    assert!(!Tile { level: 0, index: u64::MAX, width: 256 }.exists_at(70_000));
}

proptest! {
    #[test]
    fn an_extension_proves_its_leaves_and_is_the_tree(before in 0u64..600, added in 1u64..300) {
        let all = leaves(before + added);
        let (old, new) = all.split_at(usize::try_from(before).unwrap());
        let mut frontier = Frontier::new();
        old.iter().for_each(|leaf| frontier.push(*leaf));
        let extension = Extension::new(&frontier, new);
        let root = by_definition(&all);
        prop_assert_eq!(extension.after().root(), root);
        for index in before..before + added {
            let proof = extension.inclusion_proof(index).unwrap();
            let leaf = &all[usize::try_from(index).unwrap()];
            prop_assert_eq!(verify_inclusion(index, before + added, leaf, &proof, &root), Ok(()));
        }
        prop_assert!(extension.inclusion_proof(before + added).is_err());
        if let Some(last_old) = before.checked_sub(1) {
            prop_assert!(extension.inclusion_proof(last_old).is_err());
        }
    }

    #[test]
    fn tile_paths_round_trip(level in 0u8..7, index in 0u64..(1 << 45), width in 1u16..=256) {
        let resource = Resource::Hashes(Tile { level, index, width });
        prop_assert_eq!(resource.to_string().parse::<Resource>(), Ok(resource));
    }

    #[test]
    fn large_sizes_neither_panic_nor_pass(index: u64, size: u64, count in 0usize..64) {
        let proof: Vec<Hash> = (0..count).map(|_| Hash([3; 32])).collect();
        let root = Hash([9; 32]);
        let text: String = format!("{:?}", verify_inclusion(index, size, &root, &proof, &root));
        prop_assert!(text.starts_with("Err"), "{}", text);
        prop_assert!(verify_consistency(index, size, &root, &root, &proof).is_err() || index == size);
    }
}
