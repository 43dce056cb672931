//! What a token is for, and what a route asks of its caller.

use clap::ValueEnum;
use std::fmt;

/// What a token is for. One may have several roles; none has another one in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Debug)]
pub(crate) enum Role {
    /// Appends entries, and gets their receipts.
    Append,
    /// Reads records and receipts.
    Read,
    /// Reads the same, to audit and export it.
    Audit,
    /// Administers the log.
    Admin,
}

impl Role {
    /// As the command line and the file of tokens have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Read => "read",
            Self::Audit => "audit",
            Self::Admin => "admin",
        }
    }

    /// The role of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::value_variants().iter().copied().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a route asks of its caller, where it asks for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// To append.
    Append,
    /// To read what not everybody may: records, receipts, and how the daemon fares.
    Read,
}

impl Access {
    /// The roles of which a caller has to have one.
    pub(crate) const fn roles(self) -> &'static [Role] {
        match self {
            Self::Append => &[Role::Append],
            Self::Read => &[Role::Read, Role::Audit, Role::Admin],
        }
    }
}

/// Names of roles, as sentences have them.
pub(crate) fn listed(roles: &[Role]) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_and_the_file_call_a_role_the_same() {
        for role in Role::value_variants() {
            assert_eq!(role.to_possible_value().unwrap().get_name(), role.name());
            assert_eq!(Role::named(role.name()), Some(*role));
        }
        assert_eq!(Role::named("Append"), None);
    }
}
