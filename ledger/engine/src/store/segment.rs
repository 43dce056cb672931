//! The 4 KiB header of a segment file.
//!
//! ```text
//!   0  "provlog journal\n"     16  log id, 16 bytes       32  format version (4)      36  sequence (8)
//!  44  first index (8)         52  size (8)               60  root, 32 bytes          92  last time in ms (8)
//! 100  number of peaks (4)    104  peaks, 32 bytes each, largest first            4092  CRC32C of all before (4)
//! ```
//! Integers are big endian; the rest is zeros. The first index is the size: a segment starts where the log ended.
//!
//! The version is the format of the frames that the segment holds. A segment of version 1 is read, and takes no frame more:
//! the next one begins a new segment, which a program that knows version 1 alone refuses instead of misreading it.

use super::{Place, StoreError};
use crate::codec::fields::Fields;
use crate::codec::frame::Format;
use crate::edge::Edge;
use crate::log_id::LogId;
use provlog_core::Hash;
use provlog_core::entry::TimeMs;
use provlog_core::tree::Frontier;

/// Bytes of a segment's header: one page.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 4096;

const MAGIC: [u8; 16] = *b"provlog journal\n";
const CHECKSUM_AT: usize = SEGMENT_HEADER_BYTES - 4;
const PEAKS_AT: usize = 104;

/// What is wrong with a segment's header.
pub(crate) enum HeaderFault {
    /// It never was one, or not in full: the segment counts as absent if it is the newest.
    Invalid(&'static str),
    /// It is one, but not for us.
    Refused(StoreError),
}

/// What a segment's header says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SegmentHeader {
    /// Where the log ended when the segment was begun.
    pub(crate) edge: Edge,
    /// Which frames it holds.
    pub(crate) format: Format,
}

/// The header of segment `sequence`, which starts at `edge`.
pub(crate) fn encode(log: LogId, sequence: u64, edge: &Edge) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
    let peaks = edge.frontier.peaks();
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&log.0);
    bytes.extend_from_slice(&Format::NEWEST.number().to_be_bytes());
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&edge.size().to_be_bytes());
    bytes.extend_from_slice(&edge.size().to_be_bytes());
    bytes.extend_from_slice(&edge.frontier.root().0);
    bytes.extend_from_slice(&edge.last_time.get().to_be_bytes());
    // One for each bit set in the size: 64 at the most, 2,048 bytes.
    bytes.extend_from_slice(&edge.size().count_ones().to_be_bytes());
    peaks.iter().for_each(|peak| bytes.extend_from_slice(&peak.0));
    bytes.resize(CHECKSUM_AT, 0);
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes
}

/// The header of segment `sequence`.
pub(crate) fn decode(
    bytes: &[u8],
    log: LogId,
    sequence: u64,
    name: &str,
) -> Result<SegmentHeader, HeaderFault> {
    let bytes: &[u8; SEGMENT_HEADER_BYTES] =
        bytes.try_into().map_err(|_| HeaderFault::Invalid("the file is shorter than a segment's header"))?;
    let (content, checksum) = bytes.split_at(CHECKSUM_AT);
    if checksum != crc32c::crc32c(content).to_be_bytes() {
        return Err(HeaderFault::Invalid("the segment header's CRC32C is wrong"));
    }
    let mut fields = Fields(content);
    if fields.take() != MAGIC {
        return Err(HeaderFault::Invalid("the file doesn't start like a journal segment"));
    }
    let (id, version, number) = (LogId(fields.take()), fields.u32(), fields.u64());
    let Some(format) = Format::of_number(version) else {
        return Err(HeaderFault::Refused(StoreError::Version {
            name: name.into(),
            expected: Format::NEWEST.number(),
            got: version,
        }));
    };
    if id != log {
        let (expected, got) = (log.to_hex(), id.to_hex());
        return Err(HeaderFault::Refused(StoreError::Foreign { name: name.into(), expected, got }));
    }
    let (first, size, root, last_time) = (fields.u64(), fields.u64(), Hash(fields.take()), fields.u64());
    let count = usize::try_from(fields.u32()).unwrap_or(usize::MAX);
    let (peaks, _) = content[PEAKS_AT..].as_chunks::<32>();
    let peaks = peaks.get(..count).map(|peaks| peaks.iter().copied().map(Hash).collect());
    let frontier = peaks.and_then(|peaks| Frontier::from_parts(size, peaks).ok());
    match (frontier, TimeMs::new(last_time)) {
        (Some(frontier), Some(last_time))
            if frontier.root() == root && first == size && number == sequence =>
        {
            Ok(SegmentHeader { edge: Edge { frontier, last_time }, format })
        }
        _ => {
            let detail = "the segment's header contradicts itself or the file's name: right edge, root, size and sequence don't belong together. Put the file back from a copy";
            Err(HeaderFault::Refused(StoreError::Damaged {
                place: Place { name: name.into(), byte: 0 },
                detail: detail.into(),
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(size: u8) -> Edge {
        let mut frontier = Frontier::new();
        (0..size).for_each(|n| frontier.push(Hash([n; 32])));
        Edge { frontier, last_time: TimeMs::MIN }
    }

    #[test]
    fn round_trip_and_refusals() {
        let (log, other) = (LogId([1; 16]), LogId([2; 16]));
        for size in [0, 1, 2, 200, 255] {
            let bytes = encode(log, 7, &edge(size));
            assert_eq!(bytes.len(), SEGMENT_HEADER_BYTES);
            assert!(
                decode(&bytes, log, 7, "f")
                    .is_ok_and(|read| read == SegmentHeader { edge: edge(size), format: Format::Two })
            );
            assert!(matches!(
                decode(&bytes, other, 7, "f"),
                Err(HeaderFault::Refused(StoreError::Foreign { .. }))
            ));
            assert!(matches!(
                decode(&bytes, log, 8, "f"),
                Err(HeaderFault::Refused(StoreError::Damaged { .. }))
            ));
            for position in [0, 20, 35, 60, 104, 4000, 4095] {
                let mut bad = bytes.clone();
                bad[position] ^= 1;
                assert!(matches!(decode(&bad, log, 7, "f"), Err(HeaderFault::Invalid(_))), "byte {position}");
            }
        }
        let of_version = |version| {
            let mut bytes = encode(log, 7, &edge(3));
            bytes[35] = version;
            let checksum = crc32c::crc32c(&bytes[..CHECKSUM_AT]);
            bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_be_bytes());
            decode(&bytes, log, 7, "f")
        };
        let one = SegmentHeader { edge: edge(3), format: Format::One };
        assert!(of_version(1).is_ok_and(|read| read == one));
        for version in [0, 3] {
            let Err(HeaderFault::Refused(error)) = of_version(version) else { panic!("version {version}") };
            let expected = format!(
                "f has format version {version}, this program knows 2 and earlier ones: use the version that wrote it, or a later one"
            );
            assert_eq!(error.to_string(), expected);
        }
    }
}
