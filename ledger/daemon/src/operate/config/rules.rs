//! What whoever signs for workloads may have them do: rules, the file's `[[issuer.rule]]` and `[[trust_domain.rule]]`.

use crate::access::workloads::{Match, Pattern, Rule, SUBJECT};
use crate::operate::config::error::{ConfigError, WhereSet};
use crate::operate::config::file::{ConfigText, TomlTable};
use crate::operate::config::grants::{self, ENVIRONMENTS, Grant, KINDS, ROLES};
use crate::operate::config::scope::{Scope, each, wrong};
use crate::operate::config::table::{Form, Setting, Unset};
use provlog_evidence::workload::claim_names;
use toml::de::DeTable;

/// The tables in each, of which the first that a workload meets decides.
pub(super) const RULE: &str = "rule";

/// Rules of one issuer. A request looks through all of them at the most.
const RULES_MAX: usize = 64;

/// Names and values that a rule may demand.
const MATCHES_MAX: usize = 64;

static MATCH: Setting = Setting {
    key: "match",
    takes: "NAME=VALUE",
    form: Form::List,
    unset: Unset::None {
        words: "none, and the table has to have it",
        example: "repository_id=123456,ref=refs/heads/main,ref=refs/tags/v*",
    },
    live: true,
    help: "What a token has to say: sub, and the names that an entry keeps of it; of a name that is there twice either value, and a * at the end of a value is any rest. A rule of github that doesn't name event_name takes no pull_request and no pull_request_target; event_name takes no * there",
};

/// The keys of a rule.
pub(super) static RULE_KEYS: [&Setting; 4] = [&MATCH, &ROLES, &KINDS, &ENVIRONMENTS];

/// What a rule has to be like, by whose workloads it is for.
pub(super) trait Demands {
    /// Whether a name may have this value.
    fn check_value(&self, name: &str, pattern: &Pattern) -> Result<(), String>;

    /// Whether a rule says whose workloads it is for.
    fn check_rule(&self, matches: &[Match]) -> Result<(), String>;

    /// What a rule refuses without having said so.
    fn excludes(&self, matches: &[Match]) -> Vec<Match>;
}

/// Reads the rules of one table; `head` is what stands above each of them.
pub(super) fn read(
    scope: &mut Scope<'_>,
    text: &ConfigText,
    keys: &DeTable<'_>,
    head: &str,
    demands: &impl Demands,
) -> Result<Vec<Rule>, ConfigError> {
    let tables = text.tables(keys, RULE, head)?.unwrap_or_default();
    let place = || text.place_of(keys, RULE);
    if tables.is_empty() {
        return Err(scope.missing_key(RULE));
    }
    limit(tables.len(), RULES_MAX, place)?;
    let (mut rules, mut told) = (Vec::new(), Vec::new());
    for TomlTable { keys, head } in tables {
        text.refuse_unknown(keys, &RULE_KEYS, &[])?;
        let mut scope = Scope::of_table(text, keys, head);
        rules.push(rule(&mut scope, demands)?);
        told.push(scope.as_inline_table());
    }
    scope.note_tables(RULE, true, &told);
    Ok(rules)
}

fn rule(scope: &mut Scope<'_>, demands: &impl Demands) -> Result<Rule, ConfigError> {
    let place = scope.place(&MATCH).ok_or_else(|| scope.missing(&MATCH))?;
    let items = scope.list(&MATCH)?;
    if items.is_empty() || items.len() > MATCHES_MAX {
        return Err(wrong(&place, &format!("1 to {MATCHES_MAX}"), items.len().to_string()));
    }
    let mut matches = Vec::<Match>::new();
    for (claim, value) in each(items, |text| demand(text, demands))? {
        match matches.iter_mut().find(|other| other.claim == claim) {
            Some(other) => other.values.push(value),
            None => matches.push(Match { claim, values: vec![value] }),
        }
    }
    demands.check_rule(&matches).map_err(|problem| ConfigError::Value { place, problem })?;
    let Grant { roles, kinds, environments } = grants::read(scope)?;
    Ok(Rule { excludes: demands.excludes(&matches), matches, roles, kinds, environments })
}

/// `NAME=VALUE`.
fn demand(text: &str, demands: &impl Demands) -> Result<(String, Pattern), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("expected NAME=VALUE, got {text:?}"))?;
    if name != SUBJECT && !claim_names().any(|known| known == name) {
        let known: Vec<String> = claim_names().collect();
        return Err(format!("expected one of {SUBJECT}, {} before the =, got {name:?}", known.join(", ")));
    }
    let pattern = match value.strip_suffix('*') {
        Some(start) => Pattern::StartsWith(start.into()),
        None => Pattern::Is(value.into()),
    };
    let (Pattern::StartsWith(fixed) | Pattern::Is(fixed)) = &pattern;
    if fixed.contains('*') {
        return Err(format!("expected a * at the end of the value alone, got {text:?}"));
    }
    demands.check_value(name, &pattern)?;
    Ok((name.into(), pattern))
}

/// Refuses more than so many.
pub(super) fn limit(
    count: usize,
    most: usize,
    place: impl FnOnce() -> Option<WhereSet>,
) -> Result<(), ConfigError> {
    match place().filter(|_| count > most) {
        None => Ok(()),
        Some(place) => Err(wrong(&place, &format!("at most {most}"), count.to_string())),
    }
}
