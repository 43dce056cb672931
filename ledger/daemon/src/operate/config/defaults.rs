//! `provlogd config default`: a file with every setting, what it does, and its default.

use crate::operate::config::listeners::{LISTENER, LISTENER_KEYS};
use crate::operate::config::live::{PEER, PEER_KEYS};
use crate::operate::config::table::{SETTINGS, Setting};
use std::fmt::Write;

/// Columns of a comment.
const WIDTH: usize = 110;

const HEAD: &str = "The settings of provlogd. Each line that is a setting is commented out, and shows its default, or else an example. A flag \
(--data-dir) wins over a variable (PROVLOGD_DATA_DIR), a variable over this file. Keys that provlogd doesn't know are refused: \
`provlogd config check --config FILE` says whether a start would take the file. On SIGHUP a running daemon reads it again.";

const LISTENERS: &str = "More listeners, each with its own of the settings above that have these names; whoever needs one listener alone needs none of these.";

const PEERS: &str = "Callers over a Unix socket, by the user that their process runs as. The daemon's own user and root may do everything; once \
there is a [[peer]], or a token, others may do what is granted here, and nothing else. What a proxy passes on, with \
X-Forwarded-For or Forwarded, is never its user's.";

/// The text, with a final newline.
pub(crate) fn default_file() -> String {
    let mut text = String::new();
    comment(HEAD, &mut text);
    for setting in SETTINGS {
        text.push('\n');
        describe(setting, &mut text);
    }
    for (table, about, keys) in [(LISTENER, LISTENERS, &LISTENER_KEYS), (PEER, PEERS, &PEER_KEYS)] {
        text.push('\n');
        comment(about, &mut text);
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "#[[{table}]]");
        for setting in keys.iter() {
            if table == PEER {
                describe(setting, &mut text);
            } else {
                let _ = writeln!(text, "#{} = {}", setting.key, setting.example());
            }
        }
    }
    text
}

fn describe(setting: &Setting, text: &mut String) {
    let reload = if setting.live { "SIGHUP takes another value." } else { "Another value takes a restart." };
    comment(&format!("{}. Default: {}. {reload}", setting.help, setting.default_in_words()), text);
    // Writing to a string doesn't fail.
    let _ = writeln!(text, "#{} = {}", setting.key, setting.example());
}

/// Lines that begin with `# `, wrapped at spaces. Settings begin with `#` alone.
fn comment(words: &str, text: &mut String) {
    let mut line = String::from("#");
    for word in words.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            text.push_str(&line);
            text.push_str("\n#");
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}
