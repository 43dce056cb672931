//! Issuers of tokens, and what their workloads may do: the file's `[[issuer]]` and its `[[issuer.rule]]`.

use crate::access::workloads::IssuerRules;
use crate::identity::issuer::{Issuer, KeySource};
use crate::operate::config::error::{ConfigError, WhereSet};
use crate::operate::config::file::{ConfigText, TomlTable};
use crate::operate::config::preset::Preset;
use crate::operate::config::rules::{self, RULE, limit};
use crate::operate::config::scope::{Found, Scope};
use crate::operate::config::table::{Form, Setting, Unset};
use axum::http::Uri;
use provlog_evidence::jwt;
use toml::de::DeTable;

/// The tables of the file, each an issuer.
pub(super) const ISSUER: &str = "issuer";

/// Issuers: some hosts of code, and some clusters.
const ISSUERS_MAX: usize = 32;

/// Bytes of an issuer's URL, and of an audience: both are in every token, which has at most 8,192.
const NAME_BYTES_MAX: usize = 512;

const fn demanded(
    key: &'static str,
    takes: &'static str,
    example: &'static str,
    help: &'static str,
) -> Setting {
    let unset = Unset::None { words: "none, and the table has to have it", example };
    Setting { key, takes, form: Form::Text, unset, live: true, help }
}

static URL: Setting = demanded(
    "url",
    "URL",
    "https://token.actions.githubusercontent.com",
    "The issuer as its tokens name it in iss, byte for byte: https, without user info, query and fragment",
);

static PRESET: Setting = Setting {
    key: "preset",
    takes: "github|gitlab|kubernetes|generic",
    form: Form::Text,
    unset: Unset::None { words: "generic", example: "github" },
    live: true,
    help: "What each rule has to name: of github repository_id or repository_owner_id, of gitlab project_id or namespace_id, of kubernetes kubernetes.io/namespace with kubernetes.io/serviceaccount/name, or sub",
};

pub(super) static AUDIENCE: Setting = demanded(
    "audience",
    "TEXT",
    "https://log.example.com",
    "What a job asks its issuer for, and tokens have in aud; never the log's origin",
);

static JWKS_URL: Setting = Setting {
    key: "jwks_url",
    takes: "URL",
    form: Form::Text,
    unset: Unset::None {
        words: "where its discovery document says",
        example: "https://token.actions.githubusercontent.com/.well-known/jwks",
    },
    live: true,
    help: "Where its keys are fetched from: https, without user info, query and fragment",
};

pub(super) static JWKS_FILE: Setting = Setting {
    key: "jwks_file",
    takes: "FILE",
    form: Form::Path,
    unset: Unset::None { words: "none, and its keys are fetched", example: "/etc/provlog/cluster.jwks" },
    live: true,
    help: "Its keys, a JWKS, in place of jwks_url and ca; a changed file holds from the next token on",
};

pub(super) static CA: Setting = Setting {
    key: "ca",
    takes: "FILE",
    form: Form::Path,
    unset: Unset::None { words: "the system's", example: "/etc/provlog/issuer-ca.crt" },
    live: true,
    help: "Roots that the host of its keys is verified with, in PEM",
};

/// The keys of an `[[issuer]]`.
pub(super) static ISSUER_KEYS: [&Setting; 6] = [&URL, &PRESET, &AUDIENCE, &JWKS_URL, &JWKS_FILE, &CA];

/// Reads all issuers, each with its rules.
pub(super) fn read(
    scope: &mut Scope<'_>,
    file: Option<(&ConfigText, &DeTable<'_>)>,
) -> Result<Vec<IssuerRules>, ConfigError> {
    let (mut issuers, mut told) = (Vec::<IssuerRules>::new(), Vec::new());
    if let Some((text, root)) = file {
        let tables = text.tables(root, ISSUER, ISSUER)?.unwrap_or_default();
        limit(tables.len(), ISSUERS_MAX, || text.place_of(root, ISSUER))?;
        for TomlTable { keys, head } in tables {
            text.refuse_unknown(keys, &ISSUER_KEYS, &[RULE])?;
            let mut scope = Scope::of_table(text, keys, head);
            let (of_issuer, place) = issuer(&mut scope, text, keys)?;
            if issuers.iter().any(|other| other.issuer.name == of_issuer.issuer.name) {
                return Err(ConfigError::SameIssuer { place, url: of_issuer.issuer.name.to_string() });
            }
            told.push(scope.as_inline_table());
            issuers.push(of_issuer);
        }
    }
    scope.note_tables(ISSUER, true, &told);
    Ok(issuers)
}

/// One issuer with its rules, and where its URL is.
fn issuer(
    scope: &mut Scope<'_>,
    text: &ConfigText,
    keys: &DeTable<'_>,
) -> Result<(IssuerRules, WhereSet), ConfigError> {
    let Found { value: url, place } = scope.read(&URL, https)?.ok_or_else(|| scope.missing(&URL))?;
    let preset = scope.read(&PRESET, Preset::named)?;
    let preset_place = preset.as_ref().map_or(&place, |preset| &preset.place).clone();
    let preset = preset.map(|preset| preset.value).unwrap_or_default();
    preset.check_url(&url).map_err(|problem| ConfigError::Value { place: preset_place, problem })?;
    let audience = scope.read(&AUDIENCE, audience)?.ok_or_else(|| scope.missing(&AUDIENCE))?.value;
    let (keys_at, ca) = keys_of(scope)?;
    let rules = rules::read(scope, text, keys, "issuer.rule", &preset)?;
    let issuer = Issuer { name: jwt::Issuer::Oidc(url), audience: Some(audience), keys: keys_at, ca };
    Ok((IssuerRules { issuer, rules }, place))
}

/// Where an issuer's keys are, and the roots that they are fetched by.
fn keys_of(scope: &mut Scope<'_>) -> Result<(KeySource, Option<std::path::PathBuf>), ConfigError> {
    let url = scope.read(&JWKS_URL, https)?;
    let file = scope.path(&JWKS_FILE)?;
    let ca = scope.path(&CA)?;
    if file.is_some()
        && let Some((key, place)) =
            url.as_ref().map(|url| (JWKS_URL.key, &url.place)).or(ca.as_ref().map(|ca| (CA.key, &ca.place)))
    {
        let problem = format!(
            "expected no {key} beside jwks_file, since nothing is fetched then, got both; leave one out"
        );
        return Err(ConfigError::Value { place: place.clone(), problem });
    }
    let source = match (url, file) {
        (_, Some(file)) => KeySource::File(file.value),
        (Some(url), None) => KeySource::Url(url.value),
        (None, None) => KeySource::Discovery,
    };
    Ok((source, ca.map(|ca| ca.value)))
}

/// What a token has in `aud`.
pub(super) fn audience(text: &str) -> Result<String, String> {
    if text.len() <= NAME_BYTES_MAX && !text.contains(char::is_control) {
        return Ok(text.into());
    }
    Err(format!(
        "expected at most {NAME_BYTES_MAX} bytes without control characters, got {} bytes",
        text.len()
    ))
}

/// An `https` URL of a host, as it stands: in a query there may be a key, and the URL is told in lines and errors.
pub(super) fn https(text: &str) -> Result<String, String> {
    let fits = text.len() <= NAME_BYTES_MAX
        && text.starts_with("https://")
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && !text.contains(['#', '?']);
    let uri = text.parse::<Uri>().ok().filter(|_| fits);
    // Host and port alone: a name or a password before them would be sent to whoever is there.
    let is_host = uri.as_ref().and_then(Uri::authority).is_some_and(|authority| {
        let host = authority.host();
        let whole = authority.port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        !host.is_empty() && whole == authority.as_str()
    });
    if is_host {
        return Ok(text.into());
    }
    // Of the text itself it tells nothing: a password may be in it.
    Err(format!(
        "expected an https:// URL of at most {NAME_BYTES_MAX} bytes, without user info, query and fragment, got another text"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_host_and_a_path() {
        for text in [
            "https://a.example",
            "https://a.example/",
            "https://a.example:8443/path/x",
            "https://127.0.0.1:1",
            "https://[::1]:1/x",
            "https://A.example/%20",
        ] {
            assert_eq!(https(text).as_deref(), Ok(text));
        }
        let long = format!("https://a.example/{}", "a".repeat(NAME_BYTES_MAX));
        for text in [
            "http://a.example",
            "HTTPS://a.example",
            "a.example",
            "https://",
            "https:///x",
            "https://u@a.example",
            "https://u:secret@a.example",
            "https://a.example:",
            "https://a.example:99999",
            "https://a.example:080",
            "https://a.example?q",
            "https://a.example/jwks?key=secret",
            "https://a.example/#f",
            "https://a b",
            "https://ä.example",
            &long,
        ] {
            let refusal = https(text).unwrap_err();
            assert!(!refusal.contains("secret"), "{text}: {refusal}");
        }
    }
}
