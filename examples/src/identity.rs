//! People and accounts as git names them. Nobody has checked who they are.

use provlog_core::json::Json;

/// A name and an address, either of which may be empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Identity {
    /// As the commit or trailer has it, bytes that aren't UTF-8 replaced.
    pub name: String,
    /// The address, without angle brackets.
    pub email: String,
}

/// Ends of a name or of an address's local part that mark an account as a bot's: GitHub's own mark, and a custom.
const BOT_SUFFIXES: [&str; 2] = ["[bot]", "-bot"];

/// The committer of every change that was merged on GitHub's pages.
const GITHUB_WEB: &str = "noreply@github.com";

/// Where GitHub keeps the addresses of accounts: `<login>@` or `<number>+<login>@` before it.
const GITHUB_ACCOUNTS: &str = "users.noreply.github.com";

impl Identity {
    /// Reads `Name <address>`; text without angle brackets is a name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let bracketed = text.split_once('<').and_then(|(name, rest)| Some((name, rest.split_once('>')?.0)));
        let (name, email) = bracketed.unwrap_or((text, ""));
        Self { name: name.trim().into(), email: email.trim().into() }
    }

    /// What it is known by: the address, or the name where there is none. `None` when both are empty.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        [&self.email, &self.name].into_iter().map(String::as_str).find(|text| !text.is_empty())
    }

    /// The GitHub account that the address belongs to.
    #[must_use]
    pub fn github_login(&self) -> Option<&str> {
        let (local, domain) = self.email.rsplit_once('@')?;
        let login = match local.split_once('+') {
            Some((number, login)) if number.bytes().all(|byte| byte.is_ascii_digit()) => login,
            _ => local,
        };
        domain.eq_ignore_ascii_case(GITHUB_ACCOUNTS).then_some(login)
    }

    /// Whether both are the same account: by address, or by name where neither has an address.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.email.is_empty(), other.email.is_empty()) {
            (false, false) => self.email.eq_ignore_ascii_case(&other.email),
            (true, true) => self.name == other.name,
            _ => false,
        }
    }

    /// Whether it is no person: marked as a bot, GitHub's web pages, or a known assistant.
    #[must_use]
    pub fn is_bot(&self) -> bool {
        let local = self.email.rsplit_once('@').map_or("", |(local, _)| local);
        let marked = |text: &str| {
            let text = text.to_ascii_lowercase();
            BOT_SUFFIXES.iter().any(|suffix| text.ends_with(suffix))
        };
        marked(&self.name)
            || marked(local)
            || self.email.eq_ignore_ascii_case(GITHUB_WEB)
            || crate::assistants::known(self).is_some()
    }

    /// The `principal` of the claim table: kind `bot` or `unknown`, never `human`, as git proves nobody's identity.
    /// `None` when both name and address are empty.
    #[must_use]
    pub fn principal(&self) -> Option<Json> {
        let id = self.id()?;
        let mut members = vec![("id", crate::promotion::text(id))];
        if !self.name.is_empty() && self.name != id {
            members.push(("name", crate::promotion::text(&self.name)));
        }
        members.push(("kind", Json::from(if self.is_bot() { "bot" } else { "unknown" })));
        Some(crate::promotion::object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_identity() {
        let cases = [
            ("Alice <alice@example.com>", "Alice", "alice@example.com"),
            ("Alice <alice@example.com> # v2", "Alice", "alice@example.com"),
            ("<alice@example.com>", "", "alice@example.com"),
            ("Alice", "Alice", ""),
            ("Alice <alice", "Alice <alice", ""),
            ("Alice <>", "Alice", ""),
            (" ", "", ""),
        ];
        for (text, name, email) in cases {
            let identity = Identity::parse(text);
            assert_eq!((identity.name.as_str(), identity.email.as_str()), (name, email), "{text:?}");
        }
        assert_eq!(Identity::parse("Alice").id(), Some("Alice"));
        assert_eq!(Identity::parse("").principal(), None);
    }

    #[test]
    fn bots_are_told_from_people() {
        let cases = [
            ("dependabot[bot] <1+dependabot[bot]@users.noreply.github.com>", true),
            ("Updater <release-bot@example.com>", true),
            ("GitHub <noreply@github.com>", true),
            ("Claude Sonnet <noreply@anthropic.com>", true),
            ("Claude <claude@example.com>", false),
            ("Jan Bot <jan@example.com>", false),
            ("Abbot <abbot@example.com>", false),
        ];
        for (text, expected) in cases {
            assert_eq!(Identity::parse(text).is_bot(), expected, "{text}");
        }
    }

    #[test]
    fn one_account_in_two_spellings() {
        let alice = Identity::parse("Alice <alice@example.com>");
        assert!(alice.is_same(&Identity::parse("A. <Alice@Example.com>")));
        assert!(!alice.is_same(&Identity::parse("Alice")));
        assert!(Identity::parse("Alice").is_same(&Identity::parse("Alice")));
    }
}
