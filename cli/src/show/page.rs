//! Text for people: lines with marks, colours where a terminal takes them, and nothing that drives the terminal.
//!
//! Receipts are written by strangers: whatever is shown of one is escaped, so that no claim can hide, recolour or
//! reorder what this program says about it.

use super::failure::Failure;
use super::printable::{json_printable, mixed_scripts, printable, told_spaces};
use provlog_core::check::Status;
use provlog_core::json::Json;
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write as _};

/// Longest value that is shown on a line, in characters; `--json` shows all of it.
const VALUE_CHARS_MAX: usize = 400;

/// Colours of the eight that every terminal has, as SGR parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Colour {
    /// For what holds.
    Green,
    /// For what doesn't.
    Red,
    /// For what someone should look at.
    Yellow,
}

impl Colour {
    const fn sgr(self) -> &'static str {
        match self {
            Self::Green => "32",
            Self::Red => "31",
            Self::Yellow => "33",
        }
    }
}

/// Columns of a line of strangers' text, where no terminal says how many it has.
const COLUMNS_DEFAULT: usize = 80;

/// Fewest columns that lines are broken to.
const COLUMNS_MIN: usize = 40;

/// What the rest of a broken line starts with, so that it is never taken for a line of its own.
const CONTINUED: &str = "      | ";

/// Text that is being put together.
#[derive(Debug)]
pub(crate) struct Page {
    colours: bool,
    /// The terminal's, if there is one.
    columns: Option<usize>,
    text: String,
}

impl Page {
    /// For standard output: colours only on a terminal that wants them.
    pub(crate) fn new() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let size = terminal_size::terminal_size_of(io::stdout());
        let columns = size.map(|(width, _)| usize::from(width.0));
        Self { colours: io::stdout().is_terminal() && !refused, columns, text: String::new() }
    }

    /// A line, escaped, and broken where it is longer than the terminal is wide.
    pub(crate) fn line(&mut self, text: &str) {
        self.broken(&printable(text), 0, self.columns);
    }

    /// A line that holds strangers' text: as [`Page::line`], and broken wherever it is printed.
    pub(crate) fn strangers_line(&mut self, text: &str) {
        self.broken(&printable(text), 0, Some(self.columns.unwrap_or(COLUMNS_DEFAULT)));
    }

    /// As [`Page::strangers_line`], broken between words where they fit on a line.
    pub(crate) fn sentence(&mut self, text: &str) {
        let columns = self.columns.unwrap_or(COLUMNS_DEFAULT).max(COLUMNS_MIN);
        let mut used = 0;
        for word in printable(text).split_inclusive(' ') {
            let (word, space) = word.strip_suffix(' ').map_or((word, ""), |word| (word, " "));
            let length: usize = word.chars().map(width).sum();
            if used + length > columns && CONTINUED.len() + length <= columns {
                self.text.truncate(self.text.trim_end_matches(' ').len());
                used = self.go_on();
            }
            used = self.write_broken(word, used, columns) + space.len();
            self.text.push_str(space);
        }
        self.text.push('\n');
    }

    /// Writes a line that starts at column `used`, as several where it is longer than `columns`.
    fn broken(&mut self, text: &str, used: usize, columns: Option<usize>) {
        self.write_broken(text, used, columns.map_or(usize::MAX, |columns| columns.max(COLUMNS_MIN)));
        self.text.push('\n');
    }

    /// Tells the column behind what was written.
    fn write_broken(&mut self, text: &str, mut used: usize, columns: usize) -> usize {
        for character in text.chars() {
            if used + width(character) > columns {
                used = self.go_on();
            }
            self.text.push(character);
            used += width(character);
        }
        used
    }

    /// Starts the rest of a broken line.
    fn go_on(&mut self) -> usize {
        self.text.push('\n');
        self.text.push_str(CONTINUED);
        CONTINUED.len()
    }

    /// A line whose first word is coloured.
    pub(crate) fn coloured(&mut self, colour: Colour, first: &str, rest: &str) {
        if self.colours {
            self.text.push_str(&format!("\u{1b}[{}m{}\u{1b}[0m", colour.sgr(), printable(first)));
        } else {
            self.text.push_str(&printable(first));
        }
        self.broken(&printable(rest), first.len(), self.columns);
    }

    /// A line of a check.
    pub(crate) fn marked(&mut self, status: Status, text: &str) {
        let (colour, mark) = match status {
            Status::Pass => (Colour::Green, "\u{2713}"),
            Status::Fail | Status::NotDisclosed => (Colour::Red, "\u{2717}"),
            Status::Warn => (Colour::Yellow, "!"),
            Status::Skip => return self.line(&format!("- {text}")),
        };
        self.coloured(colour, mark, &format!(" {text}"));
    }

    /// Prints what has come together, and empties the page.
    pub(crate) fn print(&mut self) -> Result<(), Failure> {
        print(std::mem::take(&mut self.text).as_bytes())
    }

    /// A page without colours, for tests.
    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self { colours: false, columns: None, text: String::new() }
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// Columns that a character takes: most others are wider than a letter, and none that is shown takes more than two.
const fn width(character: char) -> usize {
    if character.is_ascii() { 1 } else { 2 }
}

/// Writes bytes to standard output. A reader that has gone away, such as `head`, has what it wanted.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    match write_out(bytes) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| Failure::Internal(format!("standard output: {error}"))),
    }
}

/// Writes bytes to standard output, where somebody has to be there to take them.
pub(crate) fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Prints JSON, indented.
pub(crate) fn print_json(json: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(json).map_err(|error| Failure::Internal(error.to_string()))?;
    print(format!("{}\n", json_printable(&text)).as_bytes())
}

/// Says something of our own on standard error, whose line ends are ours; if it is closed, there is nobody to tell.
pub(crate) fn say(text: &str) {
    let lines: Vec<String> = text.split('\n').map(printable).collect();
    let _ = writeln!(io::stderr().lock(), "provlog: {}", lines.join("\n"));
}

/// A value on one line, cut where it is very long.
pub(crate) fn value_text(value: &Json) -> String {
    let text = told_spaces(&value.to_string());
    let mixed = mixed_scripts(&text).map_or_else(String::new, |mixed| format!(" [{mixed}]"));
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((cut, _)) => {
            format!("{}... (cut: {} characters; --json shows all){mixed}", &text[..cut], text.chars().count())
        }
        None => text + &mixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_text_does_not_drive_the_terminal() {
        let mut page = Page::plain();
        page.line("a\u{1b}[2Jb\r\u{202e}c\u{9b}d\u{7f}");
        assert_eq!(page.text(), "a\\u{1b}[2Jb\\u{d}\\u{202e}c\\u{9b}d\\u{7f}\n");
    }

    #[test]
    fn only_the_mark_is_coloured() {
        let mut page = Page { colours: true, ..Page::plain() };
        page.marked(Status::Fail, "root");
        assert_eq!(page.text(), "\u{1b}[31m\u{2717}\u{1b}[0m root\n");
        let mut page = Page::plain();
        page.marked(Status::Pass, "root");
        page.marked(Status::Skip, "subject: not compared");
        assert_eq!(page.text(), "\u{2713} root\n- subject: not compared\n");
    }

    #[test]
    fn no_text_wraps_into_a_line_of_its_own() {
        let forged = format!("x{}\u{2713} root: as expected", "-".repeat(79));
        let mut page = Page { columns: Some(80), ..Page::plain() };
        page.line(&forged);
        page.marked(Status::Pass, &forged);
        let mut piped = Page::plain();
        piped.strangers_line(&forged);
        for text in [page.text(), piped.text()] {
            assert!(text.contains("root: as"), "{text}");
            for line in text.lines() {
                assert!(line.chars().count() <= 80 && !line.starts_with("\u{2713} root"), "{text}");
            }
        }
    }

    #[test]
    fn sentences_are_broken_between_words() {
        let mut page = Page { columns: Some(40), ..Page::plain() };
        page.sentence("  What the submitter says of it: one that is long.");
        page.sentence("  What nobody has proved of this, or one entry.");
        page.sentence(&format!("  {}", "x".repeat(50)));
        let expected = "  What the submitter says of it: one\n      | that is long.\n  What nobody has proved of this, or one\n      | entry.\n";
        assert_eq!(page.text(), format!("{expected}  {}\n      | {}\n", "x".repeat(38), "x".repeat(12)));
    }

    #[test]
    fn long_values_are_cut_and_say_so() {
        let long = Json::String("ä".repeat(VALUE_CHARS_MAX));
        assert!(value_text(&long).ends_with("(cut: 402 characters; --json shows all)"));
        assert_eq!(value_text(&Json::Integer(5)), "5");
    }
}
