//! What a table of the file grants its callers: a `[[peer]]` and a rule of an `[[issuer]]` say it with the same keys.

use crate::access::role::{Role, listed};
use crate::access::tokens::{RESTRICTED_MAX, kind, name};
use crate::operate::config::error::ConfigError;
use crate::operate::config::scope::{Scope, each, wrong};
use crate::operate::config::table::{Form, Setting, Unset};

pub(super) static ROLES: Setting = Setting {
    key: "roles",
    takes: "ROLES",
    form: Form::List,
    unset: Unset::None { words: "none, and the table has to have it", example: "append" },
    live: true,
    help: "What they may do: append, read, audit, admin",
};

pub(super) static KINDS: Setting = Setting {
    key: "kinds",
    takes: "KINDS",
    form: Form::List,
    unset: Unset::None { words: "all", example: "promotion" },
    live: true,
    help: "The only kinds of entries that they may append",
};

pub(super) static ENVIRONMENTS: Setting = Setting {
    key: "environments",
    takes: "NAMES",
    form: Form::List,
    unset: Unset::None { words: "all", example: "staging" },
    live: true,
    help: "The only environments that they may append for, where a kind has the claim",
};

/// What callers may do.
pub(super) struct Grant {
    /// One at least.
    pub(super) roles: Vec<Role>,
    pub(super) kinds: Vec<String>,
    pub(super) environments: Vec<String>,
}

/// Reads the three keys.
pub(super) fn read(scope: &mut Scope<'_>) -> Result<Grant, ConfigError> {
    let role = |text: &str| {
        Role::named(text).ok_or_else(|| format!("expected append, read, audit or admin, got {text:?}"))
    };
    let place = scope.place(&ROLES).ok_or_else(|| scope.missing(&ROLES))?;
    let roles = distinct(each(scope.list(&ROLES)?, role)?);
    if roles.is_empty() {
        return Err(wrong(&place, "at least one role", "none".into()));
    }
    let mut restriction = |setting: &'static Setting, read: fn(&str) -> Result<String, String>| {
        let Some(place) = scope.place(setting) else { return Ok(Vec::new()) };
        let items = scope.list(setting)?;
        if items.is_empty() || items.len() > RESTRICTED_MAX {
            return Err(wrong(&place, &format!("1 to {RESTRICTED_MAX}"), items.len().to_string()));
        }
        if !roles.contains(&Role::Append) {
            let problem = format!(
                "expected role append beside it, since it restricts what that appends, got roles {}",
                listed(&roles)
            );
            return Err(ConfigError::Value { place, problem });
        }
        Ok(distinct(each(items, read)?))
    };
    let kinds = restriction(&KINDS, kind)?;
    let environments = restriction(&ENVIRONMENTS, |text| {
        name(text).map_err(|expected| format!("{expected}, got {text:?}"))
    })?;
    Ok(Grant { roles, kinds, environments })
}

/// Each item once, sorted.
fn distinct<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort();
    items.dedup();
    items
}
