//! The fuzz targets' seeds, replayed on stable: what was once found stays found.

use crate::support::repository;
use std::fs;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// What a fuzz target does with its bytes.
type Target = fn(&[u8]);

#[test]
fn every_seed_passes_its_target() {
    let targets: [(&str, Target); 16] = [
        ("cbor", targets::cbor),
        ("checkpoint", targets::checkpoint),
        ("receipt", targets::receipt),
        ("trust", targets::trust),
        ("submission", targets::submission),
        ("cbor_submission", targets::cbor_submission),
        ("frame", targets::frame),
        ("package", targets::package),
        ("multiproof", targets::multiproof),
        ("bundle", targets::bundle),
        ("sshsig", targets::sshsig),
        ("roster", targets::roster),
        ("statement", targets::statement),
        ("jwt", targets::jwt),
        ("jwk", targets::jwk),
        ("svid", targets::svid),
    ];
    let folder = repository().join("fuzz/seeds");
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        targets.len(),
        "every folder of seeds has its target here"
    );
    for (name, target) in targets {
        let mut count = 0;
        for seed in fs::read_dir(folder.join(name)).unwrap() {
            target(&fs::read(seed.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 0, "{name} has seeds");
    }
}

/// The vectors are hostile bytes too.
#[test]
fn every_vector_passes_the_receipt_and_trust_targets() {
    for folder in fs::read_dir(repository().join("tests/vectors/receipts")).unwrap() {
        let folder = folder.unwrap().path();
        targets::receipt(&fs::read(folder.join("receipt.tlog-proof")).unwrap());
        targets::trust(&fs::read(folder.join("trust.tlog-policy")).unwrap());
    }
}

/// So are the packages, each as its files one after the other.
#[test]
fn every_package_vector_passes_the_package_target() {
    for folder in fs::read_dir(repository().join("tests/vectors/packages")).unwrap() {
        let folder = folder.unwrap().path().join("package");
        // The target reads no archives.
        let Ok(files) = fs::read_dir(folder) else { continue };
        let mut bytes = Vec::new();
        for file in files.map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
            let content = fs::read(&file).unwrap();
            bytes.extend(format!("{} {}\n", file.file_name().unwrap().display(), content.len()).into_bytes());
            bytes.extend(content);
        }
        targets::package(&bytes);
    }
}
