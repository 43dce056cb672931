//! The names of streams that whoever started this program handed over.

use std::path::Path;

/// What stands for standard input or output in place of a file's name.
pub(crate) const DASH: &str = "-";

/// Whether this is standard input. Its other names are not opened: what is behind them, such as a socket, may not allow it.
pub(super) fn is_stdin(path: &Path) -> bool {
    is_one_of(path, [DASH, "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
}

/// Whether this is standard output.
pub(crate) fn is_stdout(path: &Path) -> bool {
    is_one_of(path, [DASH, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
}

/// Whether this names an open descriptor of this process, as a shell's `<(...)` does.
pub(super) fn is_handed_over(path: &Path) -> bool {
    path.parent().is_some_and(|folder| is_one_of(folder, ["/dev/fd", "/proc/self/fd"]))
}

fn is_one_of<const N: usize>(path: &Path, names: [&str; N]) -> bool {
    names.iter().any(|name| path.as_os_str() == *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_handed_over_is_a_stream() {
        assert!(is_stdin(Path::new("/dev/stdin")) && is_stdout(Path::new("/dev/stdout")));
        assert!(is_handed_over(Path::new("/dev/fd/63")) && is_handed_over(Path::new("/proc/self/fd/3")));
        for name in ["./-", "/dev/stdin/", "dev/stdin", "/dev/null", "/dev/fd/../null", "/dev/fd"] {
            let path = Path::new(name);
            assert!(!is_stdin(path) && !is_stdout(path) && !is_handed_over(path), "{name}");
        }
    }
}
