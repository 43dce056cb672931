//! How many requests are taken in a second, of one caller and of all.

use std::num::NonZeroU32;

/// Requests a second, each entry of a batch counted as one; unlimited where there is no number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rates {
    /// Of one caller.
    pub(crate) caller_per_s: Option<NonZeroU32>,
    /// Of all together.
    pub(crate) total_per_s: Option<NonZeroU32>,
}
