//! Names that can only be a folder's: `new/` is one, whether it is there or not.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Whether a path ends in a slash, or in a folder's own name.
pub(crate) fn is_folder_name(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    [&b"/"[..], b"/.", b"/.."].iter().any(|end| bytes.ends_with(end)) || bytes == b"." || bytes == b".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_makes_a_folder() {
        for path in ["new/", "a/b/", "/", ".", "..", "a/.", "a/.."] {
            assert!(is_folder_name(Path::new(path)), "{path}");
        }
        for path in ["new", "a/b", "-", ".hidden", "a/...", "a..", ""] {
            assert!(!is_folder_name(Path::new(path)), "{path}");
        }
    }
}
