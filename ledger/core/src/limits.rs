//! Every limit of the formats, as a named constant with its arithmetic. `SPEC.md` section 9 lists them all.

/// Largest integer any format of this log carries: 2^53 - 1, so that no reader in any language rounds it.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Bytes of an entry: array head 1, version 1, kind 1, time 9, two digests of 34 (head 2, hash 32).
pub const ENTRY_BYTES: usize = 80;

/// Smallest time an entry carries, in milliseconds: below it the CBOR head would be shorter and the entry not 80 bytes.
pub const TIME_MS_MIN: u64 = 1 << 32;

/// Largest time an entry carries, in milliseconds.
pub const TIME_MS_MAX: u64 = INTEGER_MAX;

/// Largest kind number, so that a kind is one CBOR byte.
pub const KIND_MAX: u8 = 23;

/// Longest claim name, in bytes.
pub const CLAIM_NAME_BYTES_MAX: usize = 64;

/// Most claims in one section of a record.
pub const CLAIMS_MAX: usize = 64;

/// Largest disclosed claim (`[salt, value]` in CBOR), in bytes.
pub const CLAIM_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a hidden claim: a byte-string head of 2 and a hash of 32. Every claim counts at least this much towards
/// [`RECORD_BYTES_MAX`], so that hiding a short claim never breaks the limit.
pub const CLAIM_HIDDEN_BYTES: usize = 34;

/// Largest record, in bytes. In base64 it is 64,000 characters, so that the `extra` line of a receipt stays below the
/// 64 KiB that line readers of other implementations allow.
pub const RECORD_BYTES_MAX: usize = 48_000;

/// Bytes of a claim's salt.
pub const SALT_BYTES: usize = 16;

/// Deepest nesting of arrays and maps within a claim's value; a scalar is 0, an empty array 1.
pub const VALUE_DEPTH_MAX: usize = 8;

/// Deepest nesting within a record: the record, a section and a claim, and then the value.
pub const RECORD_DEPTH_MAX: usize = 3 + VALUE_DEPTH_MAX;

/// Longest origin or key name, in bytes.
pub const ORIGIN_BYTES_MAX: usize = 255;

/// Most signature lines on a signed note.
pub const SIGNATURES_MAX: usize = 32;

/// Most hashes in an inclusion proof: a tree of 2^53 - 1 leaves is 53 levels deep, and C2SP allows 63.
pub const PROOF_HASHES_MAX: usize = 63;

/// Largest signed note, in bytes: 32 lines of a 255-byte name and a 2,432-byte ML-DSA-44 cosignature in base64
/// (3,505 together) are 112,160; a checkpoint's text is at most 318.
pub const NOTE_BYTES_MAX: usize = 112 * 1024;

/// Largest receipt, in bytes: an `extra` line of 64,007, 63 hash lines of 45, the header of 46 and a note are 181,576.
pub const RECEIPT_BYTES_MAX: usize = 180 * 1024;

/// Largest trust file, in bytes.
pub const TRUST_BYTES_MAX: usize = 64 * 1024;

/// Most witnesses and groups, together, in a trust file.
pub const TRUST_MEMBERS_MAX: usize = 256;

/// How far ahead of the log's clock a submitted `occurred_at_ms` may lie, in milliseconds: five minutes.
pub const OCCURRED_AHEAD_MS_MAX: u64 = 5 * 60 * 1000;

/// Longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// Largest body of a single submission, in bytes: a record of the greatest size, as JSON with every byte string in
/// hex and a salt a claim, fits three times over.
pub const SUBMISSION_BYTES_MAX: usize = 160 * 1024;

/// Largest body of a batch, in bytes.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Most entries in a batch.
pub const BATCH_ENTRIES_MAX: usize = 10_000;

/// Deepest nesting that the reader of JSON takes; deeper than anything the claim table allows, and shallow enough for any stack.
pub const JSON_DEPTH_MAX: usize = 32;

/// Most files that a package is looked through for: more than the format has, so that spare ones are named.
pub const PACKAGE_FILES_MAX: usize = 32;

/// How many records of a package a reference is looked up in: the last ones before it. With a kind and a leaf hash each, 33 MiB;
/// where no index follows the one before, 49 MiB.
pub const REFERRED_BACK_MAX: usize = 1 << 20;

/// Most entries in a package. Whoever makes one holds an index, a kind and a leaf hash for each: 410 MB.
pub const PACKAGE_ENTRIES_MAX: u64 = 10_000_000;

/// Most parts of a change of a set (`SPEC.md` section 12.1).
pub const CHANGE_PARTS_MAX: u64 = 256;

/// Most entries in the package of an entry: as many as 16 changes of sets in the most parts. Whoever makes one never holds more
/// records than that, of at most 196,608,000 bytes, those that are fetched ahead among them.
pub const ENTRY_PACKAGE_ENTRIES_MAX: u64 = 4096;

/// Most entries that the package of an entry names and doesn't hold: whoever reads one holds their indices, some 1 MiB.
pub const LEFT_OUT_MAX: usize = 1 << 16;

/// Most entries that a manifest lists as left out: in indented JSON 25 bytes each at most, so less than half of it.
pub const LEFT_OUT_LISTED_MAX: usize = 1000;

/// Longest name of a filter, in bytes.
pub const FILTER_NAME_BYTES_MAX: usize = 64;

/// Largest manifest, in bytes: a page, and a few hundred names of claims of up to 74 bytes.
pub const MANIFEST_BYTES_MAX: usize = 64 * 1024;

/// Longest `manifest.sha256`: 64 digits, two spaces, the name of 13 bytes, a newline.
pub const MANIFEST_SHA256_BYTES: usize = 64 + 2 + 13 + 1;

/// Largest item of `records.cbor`, in bytes: the head of an array, an integer of up to 9, and a record.
pub const ITEM_BYTES_MAX: usize = 1 + 9 + RECORD_BYTES_MAX;

/// Largest `consistency.bin`, in bytes: both paths of a tree of 2^53 - 1 leaves.
pub const CONSISTENCY_BYTES_MAX: usize = 2 * 53 * 32;

/// Largest `report.html`, in bytes: the one file whose length nothing else in the package bounds.
pub const REPORT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Largest directory of a ZIP, in bytes: names of this format have at most 20, and writers add some tens each.
pub const ZIP_DIRECTORY_BYTES_MAX: u64 = 16 * 1024;

/// Members that one part of a set's change adds: with `trust`, 61 of the 64 claims of a section.
pub const SET_PART_MEMBERS_MAX: u32 = 60;
