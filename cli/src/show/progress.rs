//! How far a long command is.

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// What it looks like on a terminal; elsewhere none is shown.
const TEMPLATE: &str = "{msg} {wide_bar} {human_pos}/{human_len}, {eta} to go";

/// Progress on standard error, if that is a terminal; it is gone when this is dropped.
pub(crate) fn progress(what: &'static str, length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length).with_message(what).with_finish(ProgressFinish::AndClear);
    match ProgressStyle::with_template(TEMPLATE) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
