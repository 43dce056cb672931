//! The versions of the format.

use crate::json::Json;
use alloc::format;
use alloc::string::String;

/// The format's versions. Packages of all of them are read, and written in the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Version {
    /// `provlog-export/v1`.
    V1,
    /// `provlog-export/v2`: the package of an entry, filters that may come later, and columns for what the log attests.
    V2,
}

impl Version {
    /// Its name, as it stands in a manifest.
    #[must_use]
    pub const fn format(self) -> &'static str {
        match self {
            Self::V1 => "provlog-export/v1",
            Self::V2 => "provlog-export/v2",
        }
    }

    pub(super) fn from_json(json: &Json) -> Result<Self, String> {
        let known = [Self::V1, Self::V2].into_iter().find(|version| json.as_str() == Some(version.format()));
        let expected = || format!("{} or {}", Self::V1.format(), Self::V2.format());
        known.ok_or_else(|| format!("format: expected {}, got {json}", expected()))
    }
}
