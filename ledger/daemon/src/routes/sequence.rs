//! A batch as a CBOR sequence (RFC 8742): where one submission ends and the next begins.

use crate::http::problem::Problem;
use provlog_core::cbor::Sequence;
use provlog_core::limits::{BATCH_ENTRIES_MAX, JSON_DEPTH_MAX};
use provlog_core::submission::SubmissionError;

/// Deepest nesting of an item, above what any submission has: what is too deep is told by whoever reads the item.
const DEPTH_MAX: usize = 2 * JSON_DEPTH_MAX;

/// The items of a body, unread, and one more than a batch may have, to tell that there are too many.
///
/// # Errors
/// 400 that names the first item whose end can't be told, as a line is named.
pub(crate) fn items(body: &[u8]) -> Result<Vec<&[u8]>, Problem> {
    let items = Sequence::new(body, DEPTH_MAX).take(BATCH_ENTRIES_MAX + 1);
    let named = |(number, item): (usize, Result<_, _>)| {
        item.map_err(|error| Problem::from(SubmissionError::from(error)).on_line(number))
    };
    (1..).zip(items).map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::codes::CBOR_MALFORMED;

    #[test]
    fn bodies_are_split_at_their_items() {
        assert_eq!(items(b"").unwrap(), Vec::<&[u8]>::new());
        assert_eq!(items(b"\x82\x16\xa0\x00").unwrap(), [&b"\x82\x16\xa0"[..], b"\x00"]);
        let problem = items(b"\x00\x82\x16").unwrap_err();
        assert_eq!(problem.code(), &CBOR_MALFORMED);
        assert_eq!(problem.detail(), "line 2: CBOR at byte 0: the input ends within an item");
        // What follows the one too many isn't looked at.
        let many = [&[0; BATCH_ENTRIES_MAX + 1][..], b"\xff"].concat();
        assert_eq!(items(&many).unwrap().len(), BATCH_ENTRIES_MAX + 1);
    }
}
