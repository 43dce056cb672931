//! What a person sees of a run: a line for each step that is done, and how far a long one is.
//!
//! Nothing that strangers wrote is printed: no names, no messages, only ids and what this program itself says.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Least time between two looks at the progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Least time between two lines of progress, where they stay on the page.
const PROGRESS_LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Standard output and standard error.
#[derive(Debug)]
pub struct Console {
    colours: bool,
    rewrites: bool,
    shown: Instant,
}

impl Console {
    /// Colours only on a terminal that wants them; progress is rewritten in place only on a terminal.
    #[must_use]
    pub fn new() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            colours: io::stdout().is_terminal() && !refused,
            rewrites: io::stderr().is_terminal(),
            shown: Instant::now(),
        }
    }

    /// A step that is done: its name and what came of it.
    pub fn done(&self, step: &str, result: impl Display) {
        let tick = if self.colours { "\u{1b}[32m\u{2713}\u{1b}[0m" } else { "\u{2713}" };
        self.line(format_args!("{tick} {step:<10} {result}"));
    }

    /// A line that belongs to the step above it.
    pub fn detail(&self, text: impl Display) {
        self.line(format_args!("  {:<10} {text}", ""));
    }

    /// How far a step is; shown now and then, on standard error.
    pub fn progress(&mut self, step: &str, done: u64, total: u64) {
        let interval = if self.rewrites { PROGRESS_INTERVAL } else { PROGRESS_LINE_INTERVAL };
        if self.shown.elapsed() < interval {
            return;
        }
        self.shown = Instant::now();
        let end = if self.rewrites { '\r' } else { '\n' };
        // Nobody to show it to is no reason to stop.
        let _ = write!(io::stderr(), "  {step:<10} {} of {}{end}", grouped(done), grouped(total));
    }

    fn line(&self, text: impl Display) {
        if self.rewrites {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
        // A reader that has gone away, such as `head`, has seen what it wanted; the exit code still tells the outcome.
        let _ = writeln!(io::stdout(), "{text}");
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

/// A number in groups of three digits.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let (mut text, length) = (String::new(), digits.len());
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (length - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of a thing, whose plural takes an s.
#[must_use]
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A time in seconds, to a hundredth.
#[must_use]
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (12345, "12,345"), (1_000_000, "1,000,000")]
        {
            assert_eq!(grouped(number), text);
        }
        assert_eq!([counted(1, "commit"), counted(2000, "commit")], ["1 commit", "2,000 commits"]);
    }
}
