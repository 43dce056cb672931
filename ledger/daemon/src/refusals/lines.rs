//! Which refusals have a line in the daemon's own log: a few of each code a minute, so that whoever is refused again and again can't
//! fill a disk with them.

use crate::http::codes::Code;
use std::collections::BTreeMap;

/// Lines of one code a minute.
const LINES_MAX: u64 = 10;

/// Refusals of this minute, by code.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<&'static str, u64>);

impl Lines {
    /// Counts a refusal, and says whether it has a line.
    pub(super) fn is_next(&mut self, code: &'static Code) -> bool {
        let count = self.0.entry(code.code).or_default();
        *count += 1;
        *count <= LINES_MAX
    }

    /// How many refusals of which codes had none, and begins anew.
    pub(super) fn next_minute(&mut self) -> Vec<(&'static str, u64)> {
        let counts = std::mem::take(&mut self.0).into_iter();
        counts
            .filter_map(|(code, count)| Some((code, count.checked_sub(LINES_MAX).filter(|more| *more > 0)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::codes::{ROLE_DENIED, TOKEN_UNKNOWN};

    #[test]
    fn a_flood_is_a_few_lines_and_a_count() {
        let mut lines = Lines::default();
        for _ in 0..2 {
            let told = (0..1_000).filter(|_| lines.is_next(&TOKEN_UNKNOWN)).count();
            assert_eq!(told, 10);
            assert!(lines.is_next(&ROLE_DENIED), "one code's flood hides no other one");
            assert_eq!(lines.next_minute(), [("token.unknown", 990)]);
        }
    }
}
