//! The text of the file of tokens: TOML, read as strictly as it is written, since an unknown key may be a restriction that this
//! version doesn't know. No file is read or written here.

use crate::access::date::Expiry;
use crate::access::role::{Role, listed};
use crate::access::secret::TokenId;
use crate::access::tokens::{RESTRICTED_MAX, TOKENS_MAX, Token, Tokens, kind, name};
use provlog_core::Hash;
use provlog_core::time::{read_rfc3339_s, rfc3339_s};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt::Write;

/// Version of the file's form.
const VERSION: u32 = 1;

/// Bytes of a row, at most: 450 without its restrictions, and those are 16 kinds of 16 bytes and 16 environments of 67.
const ROW_BYTES_MAX: usize = 2_048;

/// Bytes of the file, at most; a row's more for its head.
pub(crate) const FILE_BYTES_MAX: usize = (TOKENS_MAX + 1) * ROW_BYTES_MAX;

const HEAD: &str = "# Who may call this log. Written by provlogd token alone; rows are added and revoked, and never removed.\n";

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensForm {
    #[serde(rename = "version")]
    _version: u32,
    #[serde(default)]
    token: Vec<TokenForm>,
}

/// What every version of the file has.
#[derive(Deserialize)]
struct VersionForm {
    version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenForm {
    id: String,
    name: String,
    sha256: String,
    roles: Vec<String>,
    #[serde(default)]
    kinds: Option<Vec<String>>,
    #[serde(default)]
    environments: Option<Vec<String>>,
    created: String,
    expires: String,
    #[serde(default)]
    revoked: Option<String>,
}

/// Reads the file's text.
///
/// # Errors
/// What is wrong with it, and where.
pub(crate) fn parse(text: &str) -> Result<Tokens, String> {
    let VersionForm { version } = read(text)?;
    if version != VERSION {
        return Err(format!("version: expected {VERSION}, got {version}"));
    }
    let form: TokensForm = read(text)?;
    let mut tokens = Tokens::default();
    for (number, form) in (1..).zip(form.token) {
        let added = form.check().and_then(|token| tokens.add(token).map_err(|error| error.to_string()));
        added.map_err(|problem| format!("token {number}: {problem}"))?;
    }
    Ok(tokens)
}

/// Writes the file's text.
pub(crate) fn to_text(tokens: &Tokens) -> String {
    let mut text = format!("{HEAD}version = {VERSION}\n");
    tokens.rows().for_each(|token| write(token, &mut text));
    text
}

/// Reads TOML. What is told of a text that is none is where and why, and never the text: a token may have got into it.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: {}", before.matches('\n').count() + 1, error.message())
    })
}

fn write(token: &Token, text: &mut String) {
    // Nothing of it holds a quote, a backslash or a line's end; writing to a string doesn't fail.
    let _ = write!(text, "\n[[token]]\nid = \"{}\"\nname = \"{}\"\n", token.id, token.name);
    let _ = writeln!(text, "sha256 = \"{}\"", token.sha256.to_hex());
    let mut list = |key: &str, items: &[String]| {
        if !items.is_empty() {
            let _ = writeln!(text, "{key} = [\"{}\"]", items.join("\", \""));
        }
    };
    list("roles", &token.roles.iter().map(Role::to_string).collect::<Vec<_>>());
    list("kinds", &token.kinds);
    list("environments", &token.environments);
    let (created, expires) = (rfc3339_s(token.created_s), token.expires.to_text());
    let _ = writeln!(text, "created = \"{created}\"\nexpires = \"{expires}\"");
    if let Some(revoked_s) = token.revoked_s {
        let _ = writeln!(text, "revoked = \"{}\"", rfc3339_s(revoked_s));
    }
}

impl TokenForm {
    /// A row, if it is one that could have been written.
    fn check(self) -> Result<Token, String> {
        let time = |key: &str, text: &str| {
            read_rfc3339_s(text).ok_or_else(|| format!("{key}: expected a UTC time, got {text:?}"))
        };
        let roles =
            self.roles.iter().map(|name| Role::named(name).ok_or(name)).collect::<Result<Vec<_>, _>>();
        let roles =
            roles.map_err(|name| format!("roles: expected append, read, audit or admin, got {name:?}"))?;
        if roles.is_empty() {
            return Err("roles: expected at least one".into());
        }
        let kinds = restriction("kinds", self.kinds, kind)?;
        let environments = restriction("environments", self.environments, name)?;
        for (key, restricts) in [("kinds", !kinds.is_empty()), ("environments", !environments.is_empty())] {
            if restricts && !roles.contains(&Role::Append) {
                return Err(format!("{key}: they restrict role append, got roles {}", listed(&roles)));
            }
        }
        let bytes = "lowercase hex digits";
        Ok(Token {
            // What stands in these isn't told: it may be a token that somebody put there by mistake.
            id: TokenId::from_hex(&self.id).ok_or_else(|| format!("id: expected 8 {bytes}"))?,
            name: name(&self.name).map_err(|problem| format!("name: {problem}"))?,
            sha256: Hash::from_hex(&self.sha256).ok_or_else(|| format!("sha256: expected 64 {bytes}"))?,
            roles,
            kinds,
            environments,
            created_s: time("created", &self.created)?,
            expires: match &*self.expires {
                "never" => Expiry::Never,
                text => Expiry::At(time("expires", text)?),
            },
            revoked_s: self.revoked.map(|text| time("revoked", &text)).transpose()?,
        })
    }
}

/// What a token is restricted to. A restriction to nothing isn't the same as none, and is refused.
fn restriction(
    key: &str,
    items: Option<Vec<String>>,
    check: fn(&str) -> Result<String, String>,
) -> Result<Vec<String>, String> {
    let Some(items) = items else { return Ok(Vec::new()) };
    if items.is_empty() || items.len() > RESTRICTED_MAX {
        return Err(format!("{key}: expected 1 to {RESTRICTED_MAX}, got {}", items.len()));
    }
    items.iter().map(|item| check(item).map_err(|problem| format!("{key}: {problem}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::secret::Secret;
    use crate::access::tokens::tests::token;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    #[test]
    fn what_provlogd_would_not_write_is_refused_and_told() {
        let mut tokens = Tokens::default();
        tokens.add(token(&Secret::draw().unwrap(), "ci", &[Role::Append])).unwrap();
        tokens.add(token(&Secret::draw().unwrap(), "two", &[Role::Read, Role::Audit])).unwrap();
        let text = to_text(&tokens);
        let [id, other] =
            tokens.rows().map(|token| token.id.to_string()).collect::<Vec<_>>().try_into().unwrap();
        let cases = [
            (text.replace("version = 1", "version = 2\nmore = 1"), "version: expected 1, got 2"),
            (text.replace("version = 1\n", ""), "version"),
            (text.replace("version = 1", "version = 1\nextra = 1"), "unknown field `extra`"),
            (text.replacen("name =", "scope = \"x\"\nname =", 1), "unknown field `scope`"),
            (text.replacen("expires = \"never\"\n", "", 1), "missing field `expires`"),
            (text.replacen("\"never\"", "\"2027-01-01\"", 1), "expires: expected a UTC time"),
            (text.replacen("\"append\"", "\"appends\"", 1), "got \"appends\""),
            (text.replacen("[\"append\"]", "[]", 1), "roles: expected at least one"),
            (text.replacen("[\"append\"]", "[\"append\"]\nkinds = []", 1), "kinds: expected 1 to 16, got 0"),
            (text.replacen("[\"append\"]", "[\"append\"]\nkinds = [\"genesis\"]", 1), "got \"genesis\""),
            (
                text.replacen("[\"append\"]", "[\"append\"]\nenvironments = [\"A\"]", 1),
                "environments: expected 1",
            ),
            (text.replacen("[\"append\"]", "[\"read\"]\nkinds = [\"scan\"]", 1), "restrict role append"),
            (text.replacen("\"ci\"", "\"CI\"", 1), "name: expected"),
            (text.replacen("\"two\"", "\"ci\"", 1), "token 2: the name ci was given"),
            (text.replacen(&other, &id, 1), "token 2: the id"),
            (
                text.replacen(&id, &id.to_uppercase().replace(|c: char| c.is_ascii_digit(), "G"), 1),
                "id: expected 8",
            ),
            (text.replacen("sha256 = \"", "sha256 = \"0", 1), "sha256: expected 64"),
            (text[..text.len() - 3].into(), ""),
            (text.replacen("[[token]]", "[[tokens]]", 1), "unknown field `tokens`"),
        ];
        for (damaged, expected) in cases {
            assert_ne!(damaged, text);
            let problem = parse(&damaged).unwrap_err();
            assert!(problem.contains(expected), "expected {expected:?}, got {problem}\n{damaged}");
        }
        assert!(parse("").is_err(), "an empty file is no file without tokens");
    }

    fn any_token() -> impl Strategy<Value = Token> {
        let names = || "[a-z0-9][a-z0-9._-]{0,62}";
        let kinds =
            ["generation", "scan", "approval", "promotion", "policy", "event"].map(String::from).to_vec();
        let restrictions = (subsequence(kinds, 0..=6), vec(names(), 0..4));
        let time = || 0_u64..=253_402_300_799;
        let times = (
            time(),
            prop_oneof![Just(Expiry::Never), time().prop_map(Expiry::At)],
            proptest::option::of(time()),
        );
        let roles = vec(select(vec![Role::Append, Role::Read, Role::Audit, Role::Admin]), 1..4);
        (any::<([u8; 4], [u8; 32])>(), names(), roles, restrictions, times).prop_map(
            |((id, sha256), name, roles, (kinds, environments), (created_s, expires, revoked_s))| {
                let appends = roles.contains(&Role::Append);
                let only = |items: Vec<String>| if appends { items } else { Vec::new() };
                let (kinds, environments) = (only(kinds), only(environments));
                let (id, sha256) = (TokenId(id), Hash(sha256));
                Token { id, name, sha256, roles, kinds, environments, created_s, expires, revoked_s }
            },
        )
    }

    proptest! {
        /// Every row that was added is there again, as it was, in its place.
        #[test]
        fn no_row_is_ever_lost(added in vec(any_token(), 0..20), revoked in vec(0_usize..20, 0..5)) {
            let mut tokens = Tokens::default();
            let mut expected: Vec<Token> = Vec::new();
            for token in added {
                if !tokens.has(token.id) && tokens.add(token.clone()).is_ok() {
                    expected.push(token);
                }
                tokens = parse(&to_text(&tokens)).unwrap();
            }
            for place in revoked {
                if place >= expected.len() {
                    continue;
                }
                let name = expected[place].name.clone();
                let at_s = tokens.revoke(&name, 7).unwrap();
                expected[place].revoked_s = Some(at_s);
                tokens = parse(&to_text(&tokens)).unwrap();
            }
            prop_assert!(tokens.rows().eq(&expected));
            prop_assert!(to_text(&tokens).len() <= FILE_BYTES_MAX);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}", presented in ".{0,80}") {
            let mut tokens = parse(&format!("version = 1\n{text}")).unwrap_or_default();
            tokens.add(token(&Secret::draw().unwrap(), "ci", &[Role::Append])).unwrap();
            prop_assert_eq!(tokens.find(&presented), None);
        }
    }
}
