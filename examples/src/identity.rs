//! People and accounts as git names them. Nobody has checked who they are.

/// A name and an address, either of which may be empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Identity {
    /// As the commit or trailer has it, bytes that aren't UTF-8 replaced.
    pub name: String,
    /// The address, without angle brackets.
    pub email: String,
}

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
    }

    #[test]
    fn one_account_in_two_spellings() {
        let alice = Identity::parse("Alice <alice@example.com>");
        assert!(alice.is_same(&Identity::parse("A. <Alice@Example.com>")));
        assert!(!alice.is_same(&Identity::parse("Alice")));
        assert!(Identity::parse("Alice").is_same(&Identity::parse("Alice")));
    }
}
