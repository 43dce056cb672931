//! The same files in a ZIP: forms that are read, and forms that aren't.

use super::super::forge::Files;
use super::super::log::log;
use super::super::zip::{Archive, DEFLATED, LENGTHS_BEHIND, Member, STORED, deflate_stored};
use super::Case;
use super::good::range;
use provlog_core::package::{CSV, MANIFEST, REPORT};

/// Flags of a member's header.
const ENCRYPTED: u16 = 1;
const PATCH: u16 = 1 << 5;
const UTF_8: u16 = 1 << 11;

const BZIP2: u16 = 12;

fn files() -> Files {
    log().package(&[5]).finish()
}

fn stored() -> Archive {
    Archive::stored(&files())
}

pub fn cases() -> Vec<Case> {
    let mut cases = good();
    cases.extend(archives());
    cases.extend(members());
    cases
}

fn good() -> Vec<Case> {
    let good = |name, archive: Archive| Case::archive(name, archive.to_bytes(), &[]);
    let files = range().with_previous(&log(), 6).finish();
    let each = |archive: Archive, change: fn(&mut Member)| {
        archive.with(|archive| archive.members.iter_mut().for_each(change))
    };
    let wide = each(Archive::deflated(&files), |member| member.wide = true);
    // A time of last change, as Unix programs add it.
    let time = |member: &mut Member| member.extra = vec![0x55, 0x54, 5, 0, 1, 0, 0, 0, 0];
    vec![
        good("zip-stored", Archive::stored(&files)),
        good("zip-deflated", Archive::deflated(&files)),
        good(
            "zip-deflated-in-stored-blocks",
            Archive::of(&files, DEFLATED, |bytes| deflate_stored(bytes, 100)),
        ),
        good("zip-64", wide.with(|archive| archive.wide = true)),
        good(
            "zip-lengths-behind-the-data",
            each(Archive::deflated(&files), |member| member.flags = LENGTHS_BEHIND),
        ),
        good("zip-names-in-utf-8", each(stored(), |member| member.flags = UTF_8)),
        good("zip-extra-fields", each(stored(), time)),
        good(
            "zip-64-and-extra-fields",
            each(stored(), |member| {
                member.extra = vec![0x55, 0x54, 5, 0, 1, 0, 0, 0, 0];
                member.wide = true;
            }),
        ),
        good(
            "zip-checksum-and-mode-not-checked",
            each(stored(), |member| (member.checksum, member.mode) = (0, 0)),
        ),
        good(
            "zip-bytes-before-and-between-members",
            each(stored(), |member| member.before = b"nothing".to_vec()),
        ),
        good("zip-64-said-twice", stored().with(|archive| (archive.wide, archive.said_twice) = (true, true))),
        good("zip-members-in-another-order", stored().with(|archive| archive.members.reverse())),
    ]
}

fn archives() -> Vec<Case> {
    let malformed =
        |name, change: fn(&mut Archive)| Case::archive(name, stored().with(change).to_bytes(), &["format"]);
    let good = stored().to_bytes();
    vec![
        Case::archive("zip-empty", Vec::new(), &["format"]),
        Case::archive("zip-cut", good[..good.len() - 1].to_vec(), &["format"]),
        malformed("zip-comment", |archive| archive.comment = b"a comment".to_vec()),
        malformed("zip-bytes-behind", |archive| archive.behind = vec![0]),
        malformed("zip-bytes-before-the-end-record", |archive| archive.between = vec![0]),
        malformed("zip-second-volume", |archive| archive.volume = 1),
        malformed("zip-more-members-than-there-are", |archive| archive.more_members = 1),
        malformed("zip-64-of-another-place", |archive| {
            archive.wide = true;
            archive.between = vec![0];
        }),
        malformed("zip-64-said-otherwise", |archive| {
            (archive.wide, archive.said_twice, archive.said_more) = (true, true, 1);
        }),
        malformed("zip-64-elsewhere-but-nowhere", |archive| archive.said_more = u32::MAX),
        malformed("zip-directory-over-16384", |archive| {
            archive.members[0].extra =
                [&[0x55, 0x54][..], &16_384_u16.to_le_bytes(), &vec![0; 16_384]].concat();
        }),
        malformed("zip-members-33", |archive| {
            for number in archive.members.len()..33 {
                archive.members.push(Member::new(&format!("{number}.txt"), b"", STORED, Vec::new()));
            }
        }),
        malformed("zip-without-a-manifest", |archive| {
            archive.members.retain(|member| member.name != MANIFEST)
        }),
        malformed("zip-of-a-folder", |archive| {
            for member in &mut archive.members {
                member.name.insert_str(0, "package/");
                member.local_name.insert_str(0, "package/");
            }
        }),
    ]
}

fn members() -> Vec<Case> {
    let more = |name: &'static str, member: &'static str| {
        let archive =
            stored().with(|archive| archive.members.push(Member::new(member, b"", STORED, Vec::new())));
        Case::archive(name, archive.to_bytes(), &["format"])
    };
    let csv = |name, change: fn(&mut Member), refused: &[&str]| {
        Case::archive(name, stored().with(|archive| change(archive.member(CSV))).to_bytes(), refused)
    };
    let unread = ["file:records.csv", "csv"];
    // Not a folder, because in many a file system it couldn't be.
    let by_case = stored().with(|archive| {
        archive.members.push(Member::new("Manifest.json", b"{}", STORED, b"{}".to_vec()));
    });
    let manifest = stored().with(|archive| archive.member(MANIFEST).local_name = "manifest.JSON".into());
    let mut left_over = Archive::deflated(&files());
    left_over.member(CSV).packed.push(0);
    let mut inflates_to_more = Archive::deflated(&files());
    inflates_to_more.member(CSV).bytes -= 1;
    let mut not_utf_8 = stored()
        .with(|archive| archive.members.push(Member::new("8.txt", b"", STORED, Vec::new())))
        .to_bytes();
    while let Some(place) = not_utf_8.windows(5).position(|found| found == b"8.txt") {
        not_utf_8[place] = 0xff;
    }
    let mut corrupt = Archive::deflated(&files());
    corrupt.member(REPORT).packed[0] = 0b111;
    vec![
        more("zip-member-in-a-folder", "more/notes.txt"),
        more("zip-member-outside", "../notes.txt"),
        more("zip-member-with-a-backslash", "more\\notes.txt"),
        more("zip-member-a-folder", "more/"),
        more("zip-member-without-a-name", ""),
        more("zip-member-dot", "."),
        more("zip-member-two-dots", ".."),
        more("zip-member-with-a-nul", "notes\0.txt"),
        Case::archive("zip-member-name-not-utf-8", not_utf_8, &["format"]),
        more("zip-member-twice", CSV),
        csv("zip-member-encrypted", |member| member.flags = ENCRYPTED, &["format"]),
        csv("zip-member-bzip2", |member| (member.method, member.local_method) = (BZIP2, BZIP2), &["format"]),
        csv("zip-member-patch", |member| member.flags = PATCH, &["format"]),
        csv("zip-member-in-another-volume", |member| member.volume = 1, &["format"]),
        csv("zip-member-of-a-folder-s-mode", |member| member.mode = 0o040_755, &["format"]),
        csv("zip-member-a-link", |member| member.mode = 0o120_777, &["format"]),
        csv(
            "zip-member-named-otherwise-in-its-header",
            |member| member.local_name = "records.CSV".into(),
            &unread,
        ),
        csv("zip-member-of-another-method-in-its-header", |member| member.local_method = DEFLATED, &unread),
        csv("zip-member-reaches-into-the-directory", |member| member.overstated = 1 << 20, &unread),
        csv("zip-member-longer-than-it-says", |member| member.bytes -= 1, &unread),
        csv("zip-member-shorter-than-it-says", |member| member.bytes += 1, &unread),
        Case::archive("zip-member-inflates-to-more-than-it-says", inflates_to_more.to_bytes(), &unread),
        Case::archive("zip-member-with-bytes-behind-deflate", left_over.to_bytes(), &unread),
        Case::archive("zip-member-not-listed-by-case", by_case.to_bytes(), &["file:Manifest.json"]),
        Case::archive("zip-manifest-named-otherwise-in-its-header", manifest.to_bytes(), &["format"]),
        Case::archive("zip-member-not-deflate", corrupt.to_bytes(), &["file:report.html"]),
    ]
}
