//! One frame of the journal: a group of records that became durable together.
//!
//! ```text
//! header, 100 bytes
//!   0  magic "PLF2"                     4  length of the frame, all of it       8  index of its first entry
//!  16  number of entries               20  length of the sections part         24  root before it
//!  56  size of the tree after it       64  root after it                       96  CRC32C of the 96 bytes before
//! body
//!      entries, 80 bytes each
//!      keys part: for each record the number of its keys (1), then all keys in order, 32 bytes each
//!      sections part, for each record: length of submitted (4), length of attested (4), submitted, attested
//!      CRC32C of the body before it (4)
//! ```
//! Integers are big endian. Frames of format 1, with the magic "PLF1", are read and written no more: their keys part is one
//! key for each record, zeros for none.
//!
//! [`decode`] checks that the bytes are a whole frame and may be handed anything; whether the
//! sections are what the entries commit to is [`Frame::check_sections`], and whether the frame follows on the log is
//! the edge's matter.

use super::fields::Fields;
use super::keys;
use crate::dedup::{DEDUP_KEY_BYTES, DedupKey};
use provlog_core::Hash;
use provlog_core::entry::Entry;
use provlog_core::limits::{ENTRY_BYTES, INTEGER_MAX};
use provlog_core::record::{Section, SectionName};

pub use super::format::Format;
pub use super::frame_error::FrameError;

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 100;

/// Largest frame: what a batch alone may make, 32 MiB. A segment of 64 MiB holds one beside its header.
pub const FRAME_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes that a group is gathered up to, 8 MiB; a batch alone may make more.
pub(crate) const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of a frame that belong to no record: the header and the body's checksum.
pub(crate) const FRAME_OVERHEAD_BYTES: usize = HEADER_BYTES + CHECKSUM_BYTES;

/// Bytes of the two lengths before a record's sections.
pub(super) const LENGTHS_BYTES: usize = 8;

const CHECKSUM_BYTES: usize = 4;

/// What a frame says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// What its keys part looks like.
    pub format: Format,
    /// Bytes of the whole frame.
    pub frame_bytes: usize,
    /// Index of the first entry.
    pub first_index: u64,
    /// Number of entries, at least 1.
    pub count: usize,
    /// Bytes of the sections part.
    pub sections_bytes: usize,
    /// Root of the tree before the frame.
    pub previous_root: Hash,
    /// Size of the tree after it.
    pub new_size: u64,
    /// Root of the tree after it.
    pub new_root: Hash,
}

/// One record of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameRecord<'a> {
    /// The entry.
    pub entry: Entry,
    keys: &'a [[u8; DEDUP_KEY_BYTES]],
    /// The submitted section's CBOR.
    pub submitted: &'a [u8],
    /// The attested section's CBOR.
    pub attested: &'a [u8],
    /// Where in the frame the two sections' lengths start.
    pub offset: u32,
}

/// A whole frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    header: Header,
    records: Vec<FrameRecord<'a>>,
}

/// Reads a header from the front of `bytes`.
///
/// # Errors
/// [`FrameError`]; [`FrameError::Nothing`] when there are only zeros.
pub fn decode_header(bytes: &[u8]) -> Result<Header, FrameError> {
    let short = FrameError::Short { expected: HEADER_BYTES, got: bytes.len() };
    let header: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(short)?;
    if header.iter().all(|byte| *byte == 0) {
        return Err(FrameError::Nothing);
    }
    let mut fields = Fields(header);
    let magic = fields.take::<4>();
    let format = Format::of_magic(magic).ok_or(FrameError::Magic(magic))?;
    let (frame_bytes, first_index) = (fields.u32(), fields.u64());
    let (count, sections_bytes, previous_root) = (fields.u32(), fields.u32(), Hash(fields.take()));
    let (new_size, new_root) = (fields.u64(), Hash(fields.take()));
    if fields.u32() != crc32c::crc32c(&header[..HEADER_BYTES - CHECKSUM_BYTES]) {
        return Err(FrameError::HeaderChecksum);
    }
    let size = |value: u32| usize::try_from(value).map_err(|_| FrameError::Lengths);
    let (frame_bytes, entries, sections_bytes) = (size(frame_bytes)?, size(count)?, size(sections_bytes)?);
    let keys_bytes = entries
        .checked_mul(ENTRY_BYTES)
        .and_then(|n| n.checked_add(FRAME_OVERHEAD_BYTES)?.checked_add(sections_bytes))
        .and_then(|n| frame_bytes.checked_sub(n));
    let fits = keys_bytes.is_some_and(|bytes| format.may_have(entries, bytes))
        && frame_bytes <= FRAME_BYTES_MAX
        && entries > 0
        && first_index.checked_add(u64::from(count)) == Some(new_size)
        && new_size <= INTEGER_MAX;
    let header = Header {
        format,
        frame_bytes,
        first_index,
        count: entries,
        sections_bytes,
        previous_root,
        new_size,
        new_root,
    };
    if fits { Ok(header) } else { Err(FrameError::Lengths) }
}

/// Reads a whole frame, which must be all of `bytes`.
///
/// # Errors
/// [`FrameError`] says what is wrong with it.
pub fn decode(bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
    let header = decode_header(bytes)?;
    let (expected, got) = (header.frame_bytes, bytes.len());
    if got < expected {
        return Err(FrameError::Short { expected, got });
    }
    if got > expected {
        return Err(FrameError::Trailing { expected, got });
    }
    // The header's arithmetic holds and the bytes are all there: none of the splits below is out of range.
    let (body, checksum) = bytes[HEADER_BYTES..].split_at(expected - FRAME_OVERHEAD_BYTES);
    if checksum != crc32c::crc32c(body).to_be_bytes() {
        return Err(FrameError::BodyChecksum);
    }
    let (entries, rest) = body.split_at(header.count * ENTRY_BYTES);
    let (keys, sections) = rest.split_at(rest.len() - header.sections_bytes);
    let keys = keys::split(header.format, header.count, keys)?;
    let records = decode_records(&header, entries, &keys, sections)?;
    Ok(Frame { header, records })
}

fn decode_records<'a>(
    header: &Header,
    entries: &[u8],
    keys: &[&'a [[u8; DEDUP_KEY_BYTES]]],
    sections: &'a [u8],
) -> Result<Vec<FrameRecord<'a>>, FrameError> {
    let (entries, _) = entries.as_chunks::<ENTRY_BYTES>();
    let sections_start = header.frame_bytes - CHECKSUM_BYTES - sections.len();
    let (mut records, mut rest) = (Vec::with_capacity(header.count), sections);
    for ((entry, keys), index) in entries.iter().zip(keys).zip(header.first_index..) {
        let lengths = FrameError::SectionLengths { index };
        let offset =
            u32::try_from(sections_start + (sections.len() - rest.len())).map_err(|_| FrameError::Lengths)?;
        let (submitted, attested, after) = split_sections(rest).ok_or(lengths)?;
        let entry = Entry::parse(entry).map_err(|source| FrameError::Entry { index, source })?;
        records.push(FrameRecord { entry, keys, submitted, attested, offset });
        rest = after;
    }
    if rest.is_empty() { Ok(records) } else { Err(FrameError::SectionLengths { index: header.new_size - 1 }) }
}

/// Splits a record's two sections off the front of a sections part: submitted, attested, and what follows.
pub(crate) fn split_sections(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (lengths, rest) = bytes.split_first_chunk::<LENGTHS_BYTES>()?;
    let mut fields = Fields(lengths);
    let mut length = || usize::try_from(fields.u32()).unwrap_or(usize::MAX);
    let (submitted, attested) = (length(), length());
    let (submitted, rest) = rest.split_at_checked(submitted)?;
    let (attested, rest) = rest.split_at_checked(attested)?;
    Some((submitted, attested, rest))
}

impl<'a> Frame<'a> {
    /// What the frame says of itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Its records, in order.
    #[must_use]
    pub fn records(&self) -> &[FrameRecord<'a>] {
        &self.records
    }

    /// Recomputes every section's digest and compares it with the one in its entry.
    ///
    /// # Errors
    /// [`FrameError::Section`] or [`FrameError::Digest`], for the first record that is wrong.
    pub fn check_sections(&self) -> Result<(), FrameError> {
        for (record, index) in self.records.iter().zip(self.header.first_index..) {
            record.sections(index)?;
        }
        Ok(())
    }
}

impl FrameRecord<'_> {
    /// The keys that the entry took.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = DedupKey> {
        self.keys.iter().copied().map(DedupKey::from_stored)
    }

    /// The two sections, parsed and compared with the digests in the entry. `index` is for the errors.
    ///
    /// # Errors
    /// As [`Frame::check_sections`].
    pub fn sections(&self, index: u64) -> Result<(Section, Section), FrameError> {
        let check = |section, bytes, expected| {
            let parsed =
                Section::parse(bytes).map_err(|source| FrameError::Section { index, section, source })?;
            let got = parsed.digest(section, self.entry.kind);
            if got == expected {
                Ok(parsed)
            } else {
                Err(FrameError::Digest { index, section, expected, got })
            }
        };
        let submitted = check(SectionName::Submitted, self.submitted, self.entry.submitted_digest)?;
        Ok((submitted, check(SectionName::Attested, self.attested, self.entry.attested_digest)?))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::codec::encode::{encode, record_bytes};
    use crate::edge::Edge;
    use crate::submission::Submission;
    use crate::terms::{KEYS_MAX, Terms};
    use crate::tests::{key, keyed, submission};
    use proptest::prelude::*;
    use provlog_core::entry::{EntryError, TimeMs};

    /// A frame of three records on the empty log.
    fn sample() -> (Vec<u8>, Vec<Submission>) {
        let keys = |range: std::ops::Range<u8>| range.map(|n| key(&n.to_string())).collect();
        let terms = Terms { retries: keys(0..2), once: keys(2..5), absent: keys(5..6), ..Terms::default() };
        let submissions = vec![submission(1), keyed(2, "key"), Submission { terms, ..submission(6) }];
        (frame_of(&submissions), submissions)
    }

    fn frame_of(submissions: &[Submission]) -> Vec<u8> {
        let entries: Vec<Entry> =
            submissions.iter().map(|submission| submission.sealed.entry(TimeMs::MIN)).collect();
        let edge = Edge::empty();
        let after = Edge { frontier: edge.extend(entries.iter().copied()).after().clone(), ..edge.clone() };
        encode(&edge.head(), &entries, &submissions.iter().collect::<Vec<_>>(), &after.head())
    }

    /// Makes both checksums right again after a change.
    fn seal(bytes: &mut [u8]) {
        let header = crc32c::crc32c(&bytes[..HEADER_BYTES - CHECKSUM_BYTES]);
        bytes[HEADER_BYTES - CHECKSUM_BYTES..HEADER_BYTES].copy_from_slice(&header.to_be_bytes());
        let end = bytes.len() - CHECKSUM_BYTES;
        let body = crc32c::crc32c(&bytes[HEADER_BYTES..end]);
        bytes[end..].copy_from_slice(&body.to_be_bytes());
    }

    /// The same frame in format 1, of records that have a key at the most.
    pub(crate) fn in_format_1(bytes: &[u8]) -> Vec<u8> {
        let frame = decode(bytes).unwrap();
        let Header { count, sections_bytes, .. } = *frame.header();
        let keys = frame
            .records()
            .iter()
            .flat_map(|record| record.keys().next().map_or([0; DEDUP_KEY_BYTES], |key| *key.stored()));
        let (before_keys, end) = (HEADER_BYTES + count * ENTRY_BYTES, bytes.len() - CHECKSUM_BYTES);
        let mut old = bytes[..before_keys].to_vec();
        old.extend(keys);
        old.extend_from_slice(&bytes[end - sections_bytes..]);
        let length = u32::try_from(old.len()).unwrap();
        old[..4].copy_from_slice(b"PLF1");
        old[4..8].copy_from_slice(&length.to_be_bytes());
        seal(&mut old);
        old
    }

    #[test]
    fn frames_of_format_1_are_read() {
        let submissions = [submission(1), keyed(2, "key")];
        let bytes = frame_of(&submissions);
        let old = in_format_1(&bytes);
        let (new_frame, frame) = (decode(&bytes).unwrap(), decode(&old).unwrap());
        frame.check_sections().unwrap();
        assert_eq!((frame.header().format, new_frame.header().format), (Format::One, Format::Two));
        for ((record, new_record), submission) in
            frame.records().iter().zip(new_frame.records()).zip(&submissions)
        {
            assert!(record.keys().eq(submission.terms.keys().copied()));
            let parts = |record: &FrameRecord<'_>| (record.entry, record.submitted.to_vec());
            assert_eq!(parts(record), parts(new_record));
            let at = usize::try_from(record.offset).unwrap();
            assert_eq!(split_sections(&old[at..]).unwrap().0, record.submitted);
        }
        for position in 0..old.len() * 8 {
            let mut flipped = old.clone();
            flipped[position / 8] ^= 1 << (position % 8);
            assert!(decode(&flipped).is_err(), "bit {position}");
        }
        // A keys part that is no key for each record, and one of format 2 under the magic of format 1.
        let sections_bytes = u32::try_from(frame.header().sections_bytes).unwrap();
        for (mut wrong, sections_bytes) in
            [(old.clone(), sections_bytes + 1), (old, sections_bytes - 1), (bytes, sections_bytes)]
        {
            wrong[3] = b'1';
            wrong[20..24].copy_from_slice(&sections_bytes.to_be_bytes());
            seal(&mut wrong);
            assert_eq!(decode(&wrong), Err(FrameError::Lengths));
        }
    }

    #[test]
    fn a_record_may_have_as_many_keys_as_a_byte_counts() {
        for count in [0, 1, KEYS_MAX] {
            let keys: Vec<DedupKey> = (0..count).map(|n| key(&n.to_string())).collect();
            let terms = Terms { once: keys.clone(), ..Terms::default() };
            let bytes = frame_of(&[Submission { terms, ..submission(1) }]);
            assert!(decode(&bytes).unwrap().records()[0].keys().eq(keys));
        }
        // Written by nobody so far.
        let mut bytes = frame_of(&[submission(1)]);
        let number = HEADER_BYTES + ENTRY_BYTES;
        bytes[number] = 255;
        bytes.splice(number + 1..number + 1, vec![7; 255 * DEDUP_KEY_BYTES]);
        let length = u32::try_from(bytes.len()).unwrap();
        bytes[4..8].copy_from_slice(&length.to_be_bytes());
        seal(&mut bytes);
        assert_eq!(decode(&bytes).unwrap().records()[0].keys().len(), 255);
    }

    #[test]
    fn round_trip() {
        let (bytes, submissions) = sample();
        let frame = decode(&bytes).unwrap();
        frame.check_sections().unwrap();
        assert_eq!((frame.header().first_index, frame.header().new_size), (0, 3));
        assert_eq!(frame.records().iter().map(|record| record.keys().len()).collect::<Vec<_>>(), [0, 1, 5]);
        for (record, submission) in frame.records().iter().zip(&submissions) {
            assert_eq!(record.entry, submission.sealed.entry(TimeMs::MIN));
            assert_eq!(
                (record.submitted, record.attested),
                SectionName::ALL.map(|name| submission.sealed.section(name)).into()
            );
            assert!(record.keys().eq(submission.terms.keys().copied()));
            let at = usize::try_from(record.offset).unwrap();
            assert_eq!(split_sections(&bytes[at..]).unwrap().0, record.submitted);
        }
        assert_eq!(bytes.len(), FRAME_OVERHEAD_BYTES + submissions.iter().map(record_bytes).sum::<usize>());
    }

    #[test]
    fn every_flipped_bit_and_every_other_length_is_refused() {
        let (bytes, _) = sample();
        for position in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[position / 8] ^= 1 << (position % 8);
            assert!(decode(&flipped).is_err(), "bit {position}");
        }
        for length in 0..bytes.len() {
            assert!(matches!(decode(&bytes[..length]), Err(FrameError::Short { .. })), "{length} bytes");
        }
        let (expected, got) = (bytes.len(), bytes.len() + 1);
        assert_eq!(decode(&[bytes, vec![0]].concat()), Err(FrameError::Trailing { expected, got }));
        assert_eq!(decode(&[0; 200]), Err(FrameError::Nothing));
    }

    #[test]
    fn right_checksums_over_wrong_contents_are_refused() {
        let (bytes, submissions) = sample();
        let numbers = HEADER_BYTES + 3 * ENTRY_BYTES;
        let sections = numbers + 3 + 6 * DEDUP_KEY_BYTES;
        let second = sections + LENGTHS_BYTES + submissions[0].sealed.bytes();
        let lengths = |index| FrameError::SectionLengths { index };
        let by_numbers = |keys: usize| 3 + keys * DEDUP_KEY_BYTES;
        let keys = |number| FrameError::Keys { expected: by_numbers(number), got: by_numbers(6) };
        let keys_part = |got| FrameError::Keys { expected: by_numbers(6), got };
        let sections_bytes = decode_header(&bytes).unwrap().sections_bytes;
        let lengthened = |by| u32::try_from(sections_bytes + by).unwrap().to_be_bytes();
        let cases: [(usize, &[u8], FrameError); 16] = [
            (numbers, &[1], keys(7)),
            (numbers + 2, &[4], keys(5)),
            (numbers, &[0xff; 3], keys(3 * 255)),
            (4, &[0xff; 4], FrameError::Lengths),
            (8, &[0xff; 8], FrameError::Lengths),
            (16, &[0, 0, 0, 0], FrameError::Lengths),
            (16, &[0xff; 4], FrameError::Lengths),
            (20, &[0xff; 4], FrameError::Lengths),
            (20, &lengthened(6 * DEDUP_KEY_BYTES + 1), FrameError::Lengths),
            (20, &lengthened(6 * DEDUP_KEY_BYTES), keys_part(3)),
            (20, &lengthened(1), keys_part(2 + 6 * DEDUP_KEY_BYTES)),
            (56, &[0, 0, 0, 0, 0, 0, 0, 9], FrameError::Lengths),
            (HEADER_BYTES, &[0x84], FrameError::Entry { index: 0, source: EntryError::Head }),
            (sections, &[0xff; 4], lengths(0)),
            (second, &[0, 0, 0, 0], lengths(2)),
            (second + 4, &[0x7f; 4], lengths(1)),
        ];
        for (position, change, expected) in cases {
            let mut changed = bytes.clone();
            changed[position..position + change.len()].copy_from_slice(change);
            seal(&mut changed);
            assert_eq!(decode(&changed), Err(expected), "byte {position}");
        }
        let mut changed = bytes.clone();
        changed[second + LENGTHS_BYTES + 40] ^= 1;
        seal(&mut changed);
        let error = decode(&changed).unwrap().check_sections().unwrap_err();
        assert!(
            matches!(error, FrameError::Digest { index: 1, section: SectionName::Submitted, .. }),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_no_frame_and_do_no_harm(
            position in 0..400_usize, change in prop::collection::vec(any::<u8>(), 1..40), sealed in any::<bool>(),
        ) {
            let (mut bytes, _) = sample();
            let end = bytes.len().min(position + change.len());
            bytes[position..end].copy_from_slice(&change[..end - position]);
            if sealed {
                seal(&mut bytes);
            }
            if let Ok(frame) = decode(&bytes) {
                prop_assert_eq!(frame.records().len(), frame.header().count);
                let _checked = frame.check_sections();
            }
        }
    }
}
