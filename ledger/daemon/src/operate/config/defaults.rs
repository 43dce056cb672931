//! `provlogd config default`: a file with every setting, what it does, and its default.

use crate::operate::config::issuers::{ISSUER, ISSUER_KEYS, JWKS_FILE};
use crate::operate::config::listeners::{LISTENER, LISTENER_KEYS};
use crate::operate::config::live::{PEER, PEER_KEYS};
use crate::operate::config::rules::{RULE, RULE_KEYS};
use crate::operate::config::table::{SETTINGS, Setting};
use crate::operate::config::trust_domains::{BUNDLE_FILE, DOMAIN_RULE_KEYS, TRUST_DOMAIN, TRUST_DOMAIN_KEYS};
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

const ISSUERS: &str = "Issuers of OIDC tokens, such as those that jobs of GitHub, GitLab and Kubernetes get. Whoever sends a token of one, as \
Authorization: Bearer, may do what the first [[issuer.rule]] grants that the token meets, and nothing where it meets none. The daemon fetches \
an issuer's keys by https.";

const RULES: &str = "What workloads of the issuer above may do, the first rule that one meets; one rule at least for each issuer.";

const TRUST_DOMAINS: &str = "Trust domains of SPIFFE. Whoever sends a JWT-SVID of one, as Authorization: Bearer, may do what the first \
[[trust_domain.rule]] grants that it meets, and nothing where it meets none. Exactly one of bundle_file and bundle_url says where its bundle is.";

const DOMAIN_RULES: &str = "What workloads of the trust domain above may do, the first rule that one meets; one rule at least for each trust \
domain.";

/// The text, with a final newline.
pub(crate) fn default_file() -> String {
    let mut text = String::new();
    comment(HEAD, &mut text);
    for setting in SETTINGS {
        text.push('\n');
        describe(setting, &mut text);
    }
    // Writing to a string doesn't fail.
    let head = |table: &str, about: &str, text: &mut String| {
        text.push('\n');
        comment(about, text);
        let _ = writeln!(text, "#[[{table}]]");
    };
    head(LISTENER, LISTENERS, &mut text);
    LISTENER_KEYS.iter().for_each(|setting| shown(setting, &mut text));
    head(PEER, PEERS, &mut text);
    PEER_KEYS.iter().for_each(|setting| describe(setting, &mut text));
    head(ISSUER, ISSUERS, &mut text);
    ISSUER_KEYS.iter().for_each(|setting| describe_unless(setting, &JWKS_FILE, &mut text));
    head(&format!("{ISSUER}.{RULE}"), RULES, &mut text);
    RULE_KEYS.iter().for_each(|setting| describe(setting, &mut text));
    head(TRUST_DOMAIN, TRUST_DOMAINS, &mut text);
    TRUST_DOMAIN_KEYS.iter().for_each(|setting| describe_unless(setting, &BUNDLE_FILE, &mut text));
    head(&format!("{TRUST_DOMAIN}.{RULE}"), DOMAIN_RULES, &mut text);
    DOMAIN_RULE_KEYS.iter().for_each(|setting| describe(setting, &mut text));
    text
}

/// One that stands in place of others is told in words alone: with all of them the file would be refused.
fn describe_unless(setting: &Setting, in_words: &Setting, text: &mut String) {
    if setting.key == in_words.key {
        let words = format!("{}. Default: {}.", setting.help, setting.default_in_words());
        comment(&format!("{} = {}: {words}", setting.key, setting.example()), text);
    } else {
        describe(setting, text);
    }
}

fn describe(setting: &Setting, text: &mut String) {
    let reload = if setting.live { "SIGHUP takes another value." } else { "Another value takes a restart." };
    comment(&format!("{}. Default: {}. {reload}", setting.help, setting.default_in_words()), text);
    shown(setting, text);
}

fn shown(setting: &Setting, text: &mut String) {
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
