//! Trust domains of SPIFFE, and what their workloads may do: the file's `[[trust_domain]]` and its `[[trust_domain.rule]]`.

use crate::access::workloads::{IssuerRules, Match, Pattern, SUBJECT};
use crate::identity::issuer::{Issuer, KeySource};
use crate::operate::config::error::{ConfigError, WhereSet};
use crate::operate::config::file::{ConfigText, TomlTable};
use crate::operate::config::grants::{ENVIRONMENTS, KINDS, ROLES};
use crate::operate::config::issuers::{CA, audience, https};
use crate::operate::config::rules::{self, Demands, RULE, limit};
use crate::operate::config::scope::{Found, Scope};
use crate::operate::config::table::{Form, Setting, Unset};
use provlog_evidence::jwt;
use provlog_evidence::spiffe::{SpiffeId, TrustDomain};
use std::path::PathBuf;
use toml::de::DeTable;

/// The tables of the file, each a trust domain.
pub(super) const TRUST_DOMAIN: &str = "trust_domain";

/// Trust domains: an organisation's own, and some that it federates with.
const TRUST_DOMAINS_MAX: usize = 32;

static NAME: Setting = Setting {
    key: "name",
    takes: "NAME",
    form: Form::Text,
    unset: Unset::None { words: "none, and the table has to have it", example: "example.org" },
    live: true,
    help: "The trust domain, as SPIFFE IDs have it behind spiffe://",
};

pub(super) static BUNDLE_FILE: Setting = Setting {
    key: "bundle_file",
    takes: "FILE",
    form: Form::Path,
    unset: Unset::None { words: "none", example: "/run/provlog/bundle.json" },
    live: true,
    help: "Its bundle in SPIFFE's JSON, which has its CAs and its keys for JWT-SVIDs, in place of bundle_url and ca; a changed file holds from the next request on",
};

static BUNDLE_URL: Setting = Setting {
    key: "bundle_url",
    takes: "URL",
    form: Form::Text,
    unset: Unset::None { words: "none", example: "https://spire.example.org:8443/" },
    live: true,
    help: "Where its bundle is fetched from, every hour or, where the bundle says so, sooner: https, without user info, query and fragment",
};

static AUDIENCE: Setting = Setting {
    key: "audience",
    takes: "TEXT",
    form: Form::Text,
    unset: Unset::None {
        words: "none, and then no JWT-SVID lets anybody in",
        example: "https://log.example.com",
    },
    live: true,
    help: "What a workload asks for in its JWT-SVID, which has it in aud; never the log's origin",
};

static MATCH: Setting = Setting {
    key: "match",
    takes: "NAME=VALUE",
    form: Form::List,
    unset: Unset::None {
        words: "none, and the table has to have it",
        example: "sub=spiffe://example.org/ci/*",
    },
    live: true,
    help: "SPIFFE IDs of the trust domain, each behind sub=, of which a workload has one; a * at the end is any rest",
};

/// The keys of a `[[trust_domain]]`.
pub(super) static TRUST_DOMAIN_KEYS: [&Setting; 5] = [&NAME, &BUNDLE_FILE, &BUNDLE_URL, &CA, &AUDIENCE];

/// The keys of a `[[trust_domain.rule]]`: those of an `[[issuer.rule]]`, of which one is told otherwise.
pub(super) static DOMAIN_RULE_KEYS: [&Setting; 4] = [&MATCH, &ROLES, &KINDS, &ENVIRONMENTS];

/// Reads all trust domains, each with its rules.
pub(super) fn read(
    scope: &mut Scope<'_>,
    file: Option<(&ConfigText, &DeTable<'_>)>,
) -> Result<Vec<IssuerRules>, ConfigError> {
    let (mut domains, mut told) = (Vec::<IssuerRules>::new(), Vec::new());
    if let Some((text, root)) = file {
        let tables = text.tables(root, TRUST_DOMAIN, TRUST_DOMAIN)?.unwrap_or_default();
        limit(tables.len(), TRUST_DOMAINS_MAX, || text.place_of(root, TRUST_DOMAIN))?;
        for TomlTable { keys, head } in tables {
            text.refuse_unknown(keys, &TRUST_DOMAIN_KEYS, &[RULE])?;
            let mut scope = Scope::of_table(text, keys, head);
            let (domain, place) = trust_domain(&mut scope, text, keys)?;
            if domains.iter().any(|other| other.issuer.name == domain.issuer.name) {
                let name = domain.issuer.name.to_string();
                return Err(ConfigError::SameTrustDomain { place, name });
            }
            told.push(scope.as_inline_table());
            domains.push(domain);
        }
    }
    scope.note_tables(TRUST_DOMAIN, true, &told);
    Ok(domains)
}

/// One trust domain with its rules, and where its name is.
fn trust_domain(
    scope: &mut Scope<'_>,
    text: &ConfigText,
    keys: &DeTable<'_>,
) -> Result<(IssuerRules, WhereSet), ConfigError> {
    let name = |text: &str| TrustDomain::parse(text).map_err(|error| error.to_string());
    let Found { value: name, place } = scope.read(&NAME, name)?.ok_or_else(|| scope.missing(&NAME))?;
    let (bundle, ca) = bundle(scope)?;
    let audience = scope.read(&AUDIENCE, audience)?.map(|found| found.value);
    let rules = rules::read(scope, text, keys, "trust_domain.rule", &name)?;
    let issuer = Issuer { name: jwt::Issuer::Spiffe(name), audience, keys: bundle, ca };
    Ok((IssuerRules { issuer, rules }, place))
}

/// Where its bundle is, and the roots that it is fetched by.
fn bundle(scope: &mut Scope<'_>) -> Result<(KeySource, Option<PathBuf>), ConfigError> {
    let file = scope.path(&BUNDLE_FILE)?;
    let url = scope.read(&BUNDLE_URL, https)?;
    let ca = scope.path(&CA)?;
    let refuse = |place, problem: &str| Err(ConfigError::Value { place, problem: problem.into() });
    match (file, url) {
        (Some(_), Some(url)) => {
            refuse(url.place, "expected no bundle_url beside bundle_file, got both; leave one out")
        }
        (Some(file), None) => match ca {
            Some(ca) => refuse(
                ca.place,
                "expected no ca beside bundle_file, since nothing is fetched then, got both; leave one out",
            ),
            None => Ok((KeySource::File(file.value), None)),
        },
        (None, Some(url)) => Ok((KeySource::Url(url.value), ca.map(|ca| ca.value))),
        (None, None) => Err(scope.missing(&BUNDLE_FILE)),
    }
}

/// Whatever its workloads are, SPIFFE names them by their ID alone.
impl Demands for TrustDomain {
    fn check_value(&self, name: &str, pattern: &Pattern) -> Result<(), String> {
        if name != SUBJECT {
            return Err(format!("expected {SUBJECT}= and a SPIFFE ID of {self}, got {name}="));
        }
        let fits = match pattern {
            Pattern::Is(text) => SpiffeId::parse(text).is_ok_and(|id| id.trust_domain() == self),
            // Whatever follows is within the trust domain.
            Pattern::StartsWith(start) => {
                start.strip_prefix(&*self.to_string()).is_some_and(|rest| rest.starts_with('/'))
            }
        };
        if fits {
            return Ok(());
        }
        let (Pattern::Is(got) | Pattern::StartsWith(got)) = pattern;
        Err(format!("expected a SPIFFE ID below {self}/, got {got:?}"))
    }

    fn check_rule(&self, _: &[Match]) -> Result<(), String> {
        Ok(())
    }

    fn excludes(&self, _: &[Match]) -> Vec<Match> {
        Vec::new()
    }
}
