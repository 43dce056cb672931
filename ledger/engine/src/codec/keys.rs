//! The keys part of a frame, which is what its formats differ in.

use super::format::Format;
use super::frame_error::FrameError;
use crate::dedup::DEDUP_KEY_BYTES;

/// The keys of each of `count` records.
pub(super) fn split(
    format: Format,
    count: usize,
    part: &[u8],
) -> Result<Vec<&[[u8; DEDUP_KEY_BYTES]]>, FrameError> {
    match format {
        Format::One => {
            // That a derived key is all zeros has probability 2^-256.
            let none = [0; DEDUP_KEY_BYTES];
            let (keys, _) = part.as_chunks();
            Ok(keys.chunks(1).map(|key| if *key == [none] { &[] } else { key }).collect())
        }
        Format::Two => {
            let short = FrameError::Keys { expected: count, got: part.len() };
            let (numbers, keys) = part.split_at_checked(count).ok_or(short)?;
            let total: usize = numbers.iter().copied().map(usize::from).sum();
            let (mut keys, rest) = keys.as_chunks();
            if keys.len() != total || !rest.is_empty() {
                let expected = count.saturating_add(total.saturating_mul(DEDUP_KEY_BYTES));
                return Err(FrameError::Keys { expected, got: part.len() });
            }
            let take = |number: &u8| {
                let (own, rest) = keys.split_at(usize::from(*number));
                keys = rest;
                own
            };
            Ok(numbers.iter().map(take).collect())
        }
    }
}
