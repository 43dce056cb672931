//! What the first start of a log tells its operator: what was made, where it lies, and lines to paste.
//!
//! Nothing secret is printed; of the signing key only where it lies.

use std::env;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The submission in the lines to paste: valid, and of the kind that links all that provlog is about.
const EXAMPLE: &str = include_str!("first_entry.json");

/// What there is to tell.
#[derive(Debug)]
pub(crate) struct FirstStart<'a> {
    /// The log's name.
    pub(crate) origin: &'a str,
    /// Where it is served, if it is.
    pub(crate) url: Option<&'a str>,
    /// The data folder.
    pub(crate) data_dir: &'a Path,
    /// The signing key.
    pub(crate) log_key: &'a Path,
    /// The trust file.
    pub(crate) trust: &'a Path,
    /// Fingerprint of the key.
    pub(crate) fingerprint: &'a str,
    /// The companion program.
    pub(crate) provlog: &'a Path,
}

impl FirstStart<'_> {
    /// The text, with a final newline.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("A new log was made.\n\n");
        let mut fact = |name: &str, value: &dyn std::fmt::Display, remark: &str| {
            // Writing to a string doesn't fail.
            let _ = writeln!(text, "  {name:<12} {value}{remark}");
        };
        fact("origin", &self.origin, "  (permanent: it is in every checkpoint)");
        if let Some(url) = self.url {
            fact("url", &url, "");
        }
        fact("data", &self.data_dir.display(), "");
        fact("key", &self.log_key.display(), "  (back this up: without it the log can't go on)");
        fact("trust file", &self.trust.display(), "  (give this to whoever verifies)");
        fact("fingerprint", &self.fingerprint, "");
        text.push('\n');
        if let Some(url) = self.url {
            self.lines_to_paste(url, &mut text);
        }
        text
    }

    fn lines_to_paste(&self, url: &str, text: &mut String) {
        let provlog = shell_word(self.provlog);
        let _ = write!(
            text,
            "Append an entry, and verify its receipt, for which no daemon has to run:\n\n  \
             export PROVLOG_URL={url} PROVLOG_TRUST={trust}\n  \
             echo '{example}' | {provlog} append --json -\n  \
             {provlog} verify .provlog/receipts\n\n\
             The same with curl:\n\n  \
             curl -sSf -H 'Content-Type: application/json' -H 'Accept: text/plain' --data '{example}' \
             {url}/v1/entries -o first.tlog-proof\n  \
             {provlog} verify first.tlog-proof\n\n",
            trust = shell_word(self.trust),
            example = EXAMPLE.trim_end(),
        );
    }
}

/// The companion built beside this program, else whatever the shell finds.
pub(crate) fn companion() -> PathBuf {
    let beside = env::current_exe().ok().and_then(|own| Some(own.parent()?.join("provlog")));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| "provlog".into())
}

/// A path as one word of a shell's line.
fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provlog_core::submission::Submission;

    #[test]
    fn the_example_is_valid_and_fits_a_shell_line() {
        let submission = Submission::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(submission.kind().name, "promotion");
        assert_eq!(EXAMPLE.trim_end().lines().count(), 1);
        assert!(!EXAMPLE.contains('\''));
    }

    #[test]
    fn words() {
        for (path, word) in
            [("/srv/a-b/c", "/srv/a-b/c"), ("/a b", "'/a b'"), ("it's", r"'it'\''s'"), ("$HOME", "'$HOME'")]
        {
            assert_eq!(shell_word(Path::new(path)), word);
        }
    }

    #[test]
    fn everything_is_told() {
        let first = FirstStart {
            origin: "localhost/provlog/0011223344556677",
            url: Some("http://127.0.0.1:4180"),
            data_dir: Path::new("/srv/my log"),
            log_key: Path::new("/srv/my log/keys/log.key"),
            trust: Path::new("/srv/my log/trust.tlog-policy"),
            fingerprint: "c0ffee",
            provlog: Path::new("/opt/bin/provlog"),
        };
        let text = first.text();
        for expected in [
            "origin       localhost/provlog/0011223344556677  (permanent",
            "key          /srv/my log/keys/log.key  (back this up",
            "PROVLOG_URL=http://127.0.0.1:4180 PROVLOG_TRUST='/srv/my log/trust.tlog-policy'\n",
            "| /opt/bin/provlog append --json -\n",
            "/opt/bin/provlog verify first.tlog-proof\n",
            "fingerprint  c0ffee\n",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
    }
}
