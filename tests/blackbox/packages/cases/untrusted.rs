//! Checkpoints, earlier checkpoints and consistency proofs: not believed, or not the ones that the manifest names.

use super::super::forge::{Files, Package, bytes_of};
use super::super::log::{SIZE, event, log};
use super::Case;
use super::good::{RANGE, range};
use crate::vectors::forge::{ORIGIN, Witness, edges, log_signer, signature_line};
use provlog_core::Hash;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::note::{LogSigner, VerifierKey};
use provlog_core::package::{
    CHECKPOINT, CONSISTENCY, CSV, Head, JSON_LINES, PREVIOUS_CHECKPOINT, PROOF, RECORDS, REPORT,
};
use provlog_core::tree::consistency_proof;

pub fn cases() -> Vec<Case> {
    [signed(), signature_edges(), witnesses(), checkpoints(), unread(), previous(), consistency()]
        .into_iter()
        .flatten()
        .collect()
}

const ANOTHER: &str = "example.com/another";

fn other_key() -> LogSigner {
    LogSigner::from_seed(ORIGIN, &[9; 32]).unwrap()
}

/// The log's checkpoint under this origin, signed by this key.
fn note(origin: &str, size: u64, signer: &LogSigner) -> String {
    Checkpoint { origin: origin.into(), ..log().checkpoint(size) }.sign(signer)
}

fn text() -> String {
    log().checkpoint(SIZE).text()
}

fn with_checkpoint(note: String) -> Package {
    range().with_file(CHECKPOINT, note)
}

fn signed() -> Vec<Case> {
    let another = |signer: LogSigner| {
        with_checkpoint(note(ANOTHER, SIZE, &signer)).stating(|manifest| manifest.origin = ANOTHER.into())
    };
    let good = note(ORIGIN, SIZE, &log_signer(ORIGIN));
    let of_10 = note(ORIGIN, 10, &log_signer(ORIGIN));
    let line = |note: &str| note[note.find('\u{2014}').unwrap()..].to_string();
    let unknown = signature_line("example.org/other", &[7; 68]);
    let with_lines = |lines: &[String]| with_checkpoint(format!("{}\n{}", text(), lines.concat())).finish();
    let signature = ["log-signature"];
    vec![
        Case::new("other-origin", another(log_signer(ANOTHER)).finish(), &["origin", "log-signature"]),
        Case::new(
            "origin-of-another-log-signed-by-this-key",
            with_checkpoint({
                let text = text().replace(ORIGIN, ANOTHER);
                log_signer(ORIGIN).sign(&text)
            })
            .stating(|manifest| manifest.origin = ANOTHER.into())
            .finish(),
            &["origin"],
        ),
        Case::new("other-key", with_checkpoint(note(ORIGIN, SIZE, &other_key())).finish(), &signature),
        Case::new("signature-of-another-checkpoint", with_lines(&[line(&of_10)]), &signature),
        Case::new("signature-missing", with_lines(&[unknown]), &signature),
        Case::new("signature-twice-one-bad", with_lines(&[line(&good), line(&of_10)]), &signature),
        Case::good("signature-twice", with_lines(&[line(&good), line(&good)])),
    ]
}

/// Where Ed25519 implementations differ.
fn signature_edges() -> Vec<Case> {
    let signed = |name: &str, (key, line): (VerifierKey, String), refused: &[&str]| {
        let files = with_checkpoint(format!("{}\n{line}", text())).finish();
        Case::new(name, files, refused).trusting(format!("log {key}\nquorum none\n"))
    };
    vec![
        signed("signature-s-plus-l", edges::s_plus_l(&text()), &["log-signature"]),
        signed("signature-r-identity", edges::r_identity(&text()), &["log-signature"]),
        signed("signature-needs-cofactor", edges::mixed_order(&text(), false), &["log-signature"]),
        signed("signature-by-mixed-order-key", edges::mixed_order(&text(), true), &[]),
    ]
}

const WITNESSES: [&str; 3] = ["witness.example/a", "witness.example/b", "witness.example/c"];

fn two_of_three(quorum: &str) -> String {
    let lines = WITNESSES.iter().zip(["a", "b", "c"]);
    let lines: String =
        lines.map(|(name, short)| format!("witness {short} {}\n", Witness::new(name).key)).collect();
    format!("log {}\n{lines}group two 2 a b c\nquorum {quorum}\n", log_signer(ORIGIN).verifier())
}

/// The checkpoint at `size`, cosigned by these witnesses.
fn cosigned(size: u64, by: &[usize]) -> String {
    let mut note = note(ORIGIN, size, &log_signer(ORIGIN));
    let text = log().checkpoint(size).text();
    for (time_s, witness) in (1_767_225_700..).zip(by) {
        note += &Witness::new(WITNESSES[*witness]).cosign(time_s, &text);
    }
    note
}

fn witnesses() -> Vec<Case> {
    let by = |by: &[usize]| with_checkpoint(cosigned(SIZE, by)).finish();
    let of_10 = Witness::new(WITNESSES[0]).cosign(1, &log().checkpoint(10).text());
    let bad = with_checkpoint(cosigned(SIZE, &[1, 2]) + &of_10).finish();
    let edge = Witness::new(WITNESSES[0]).cosign(1 << 63, &text());
    let late = with_checkpoint(cosigned(SIZE, &[1, 2]) + &edge).finish();
    let last_second = Witness::new(WITNESSES[0]).cosign((1 << 63) - 1, &text());
    let previous = |by: &[usize]| {
        let package = with_checkpoint(cosigned(SIZE, &[0, 1])).with_previous(&log(), 6);
        package.with_file(PREVIOUS_CHECKPOINT, cosigned(6, by)).finish()
    };
    let trusting = |case: Case| case.trusting(two_of_three("two"));
    vec![
        trusting(Case::good("quorum-reached", by(&[0, 2]))),
        trusting(Case::good("quorum-reached-by-previous", previous(&[1, 2]))),
        trusting(Case::good(
            "cosignature-time-2-63-less-1",
            with_checkpoint(cosigned(SIZE, &[1]) + &last_second).finish(),
        )),
        Case::good("cosigned-without-quorum", by(&[1])).trusting(two_of_three("none")),
        trusting(Case::new("quorum-missing", by(&[]), &["quorum"])),
        trusting(Case::new("quorum-short", by(&[2]), &["quorum"])),
        trusting(Case::new("quorum-one-witness-twice", by(&[2, 2]), &["quorum"])),
        trusting(Case::new("cosignature-invalid", bad, &["cosignatures"])),
        trusting(Case::new("cosignature-time-over-2-63", late, &["cosignatures"])),
        trusting(Case::new("quorum-short-of-previous", previous(&[1]), &["previous-checkpoint"])),
    ]
}

fn checkpoints() -> Vec<Case> {
    let refused = |name: &str, note: String| {
        Case::new(format!("checkpoint-{name}"), with_checkpoint(note).finish(), &["checkpoint"])
    };
    let signed = |text: &str| log_signer(ORIGIN).sign(text);
    let good = note(ORIGIN, SIZE, &log_signer(ORIGIN));
    let stated = |name: &str, state: fn(&mut Head)| {
        let package = range().stating(|manifest| state(&mut manifest.checkpoint));
        Case::new(format!("checkpoint-{name}"), package.finish(), &["checkpoint"])
    };
    let other_origin = range().stating(|manifest| manifest.origin = ANOTHER.into());
    vec![
        refused("extension", signed(&(text() + "extension\n"))),
        refused("size-leading-zero", signed(&text().replace("\n11\n", "\n011\n"))),
        refused("root-unpadded", signed(&text().replace("=\n", "\n"))),
        refused("not-a-note", "no note\n".into()),
        refused("empty", String::new()),
        refused("no-final-newline", good.trim_end().into()),
        refused("byte-order-mark", format!("\u{feff}{good}")),
        refused("crlf", good.replace('\n', "\r\n")),
        refused("signature-line-malformed", format!("{good}\u{2014} other AAAA\n")),
        stated("size-other", |head| head.size = 12),
        stated("root-other", |head| head.root = Hash::plain(b"another root")),
        Case::new("checkpoint-origin-other", other_origin.finish(), &["checkpoint"]),
    ]
}

/// Everything about records is wrong, and none of it is read where the checkpoint isn't believed.
fn unread() -> Vec<Case> {
    let all_wrong = |note: &str| {
        let mut files = with_checkpoint(note.into()).finish_listing(|files| {
            let report = files.iter_mut().find(|file| file.name == REPORT).unwrap();
            report.sha256 = Hash::plain(b"another page");
        });
        for name in [RECORDS, JSON_LINES, CSV, PROOF] {
            files.insert(name.into(), b"nothing that belongs here".to_vec());
        }
        files
    };
    let without = |mut files: Files, names: &[&str]| {
        names.iter().for_each(|name| drop(files.remove(*name)));
        files
    };
    let good = note(ORIGIN, SIZE, &log_signer(ORIGIN));
    let other = note(ORIGIN, SIZE, &other_key());
    let missing = [RECORDS, JSON_LINES, CSV, PROOF, REPORT];
    let of_files = missing.map(|name| format!("file:{name}"));
    let all_missing: Vec<&str> = of_files.iter().map(String::as_str).chain(["log-signature"]).collect();
    let nothing_there = without(all_wrong(&other), &missing);
    let mut one_missing = without(all_wrong("no note\n"), &[RECORDS]);
    one_missing.insert("notes.txt".into(), Vec::new());
    let read = ["file:records.cbor", "file:report.html", "quorum", "records"];
    let of_10 = Witness::new(WITNESSES[0]).cosign(1, &log().checkpoint(10).text());
    vec![
        Case::new("unread-by-another-key", all_wrong(&other), &["log-signature"]),
        Case::new("unread-without-a-checkpoint", all_wrong("no note\n"), &["checkpoint"]),
        Case::new("unread-cosignature-invalid", all_wrong(&(good.clone() + &of_10)), &["cosignatures"])
            .trusting(two_of_three("none")),
        Case::new("unread-and-missing", nothing_there, &all_missing),
        Case::new(
            "unread-and-one-missing",
            one_missing,
            &["file:notes.txt", "file:records.cbor", "checkpoint"],
        ),
        Case::new("read-though-the-quorum-is-missing", all_wrong(&good), &read).trusting(two_of_three("two")),
    ]
}

fn package() -> Package {
    range().with_previous(&log(), 6)
}

fn previous() -> Vec<Case> {
    let refused = |name: &str, note: String| {
        let package = package().with_file(PREVIOUS_CHECKPOINT, note);
        Case::new(format!("previous-{name}"), package.finish(), &["previous-checkpoint"])
    };
    let signer = log_signer(ORIGIN);
    let text = log().checkpoint(6).text();
    let other_line = note(ORIGIN, 7, &signer).replace(&log().checkpoint(7).text(), &text);
    let mut later = log();
    later.insert(SIZE, event(SIZE, &[]));
    let stated = package().stating(|manifest| {
        manifest.previous = Some(Head { size: 7, root: log().checkpoint(7).root });
    });
    let proof = consistency_proof(&log(), 7, SIZE).unwrap();
    vec![
        refused("by-another-key", note(ORIGIN, 6, &other_key())),
        refused("signature-of-another-checkpoint", other_line),
        refused("of-another-log", note(ANOTHER, 6, &log_signer(ANOTHER))),
        refused("origin-of-another-log-signed-by-this-key", signer.sign(&text.replace(ORIGIN, ANOTHER))),
        refused("extension", signer.sign(&(text.clone() + "extension\n"))),
        refused("not-the-one-that-is-named", note(ORIGIN, 7, &signer)),
        Case::new(
            "previous-named-is-another",
            stated.with_file(CONSISTENCY, bytes_of(&proof)).finish(),
            &["previous-checkpoint"],
        ),
        Case::new(
            "previous-later-than-the-checkpoint",
            range().with_previous(&later, SIZE + 1).with_file(CONSISTENCY, "").finish(),
            &["consistency"],
        ),
        Case::new("previous-of-size-0", range().with_previous(&log(), 0).finish(), &["consistency"]),
    ]
}

fn consistency() -> Vec<Case> {
    let refused = |name: &str, change: fn(&mut Vec<u8>)| {
        let package = package().changing(CONSISTENCY, change);
        Case::new(format!("consistency-{name}"), package.finish(), &["consistency"])
    };
    let fork = log().with(2, event(2, &[]));
    let same_size = log().package(&RANGE).with_previous(&log(), SIZE);
    let fork_of = |size| {
        let forked = log().package(&RANGE).with_previous(&fork, size);
        let proof = consistency_proof(&log(), size, SIZE).unwrap();
        Case::new(
            format!("consistency-fork-at-{size}"),
            forked.with_file(CONSISTENCY, bytes_of(&proof)).finish(),
            &["consistency"],
        )
    };
    vec![
        refused("hash-changed", |bytes| bytes[33] ^= 1),
        refused("hash-missing", |bytes| bytes.truncate(bytes.len() - 32)),
        refused("empty", Vec::clear),
        refused("hash-left-over", |bytes| bytes.extend([0; 32])),
        refused("byte-left-over", |bytes| bytes.push(0)),
        refused("hashes-swapped", |bytes| bytes[..64].rotate_left(32)),
        fork_of(6),
        fork_of(8),
        fork_of(SIZE),
        Case::new(
            "consistency-hash-for-the-same-size",
            same_size.with_file(CONSISTENCY, [0; 32]).finish(),
            &["consistency"],
        ),
        Case::new(
            "consistency-over-limit",
            package().with_file(CONSISTENCY, vec![0; 3424]).finish(),
            &["file:consistency.bin", "consistency"],
        ),
    ]
}
