//! Which identities in trailers are coding assistants, and what they say of a model.
//!
//! An address decides, where there is one: people are called Claude, too, and the makers of assistants have staff who
//! commit under addresses of the same domain. A name decides only where a trailer has no address.

use crate::git::Trailer;
use crate::identity::Identity;

/// An assistant that signs commits.
#[derive(PartialEq, Eq, Debug)]
pub struct Assistant {
    /// What it is called.
    pub name: &'static str,
    /// Whose models it runs, where that is one provider for sure.
    pub provider: Option<&'static str>,
    /// Addresses that it alone signs with.
    pub addresses: &'static [&'static str],
    /// Its GitHub accounts.
    pub logins: &'static [&'static str],
    /// What it is called in trailers without an address, in lowercase and without spaces and dashes.
    names: &'static [&'static str],
}

/// The known ones, by what they write into commits.
pub static ASSISTANTS: &[Assistant] = &[
    Assistant {
        name: "Claude",
        provider: Some("anthropic"),
        addresses: &["noreply@anthropic.com"],
        logins: &["claude[bot]"],
        names: &["claude", "claudecode"],
    },
    Assistant {
        name: "Codex",
        provider: Some("openai"),
        addresses: &["noreply@openai.com", "codex@openai.com"],
        logins: &[],
        names: &["codex", "codexcli", "chatgpt"],
    },
    Assistant {
        name: "Copilot",
        provider: None,
        addresses: &["copilot@github.com"],
        logins: &["Copilot", "copilot-swe-agent[bot]"],
        names: &["copilot", "githubcopilot", "copilotcli"],
    },
    Assistant {
        name: "Gemini",
        provider: Some("google"),
        addresses: &["gemini-cli-agent@google.com"],
        logins: &["gemini-code-assist[bot]"],
        names: &["gemini", "geminicli"],
    },
    Assistant {
        name: "Jules",
        provider: Some("google"),
        addresses: &[],
        logins: &["google-labs-jules[bot]"],
        names: &["jules"],
    },
    Assistant {
        name: "Cursor",
        provider: None,
        addresses: &["cursoragent@cursor.com"],
        logins: &[],
        names: &["cursor", "cursoragent"],
    },
    Assistant {
        name: "aider",
        provider: None,
        addresses: &["noreply@aider.chat", "aider@aider.chat"],
        logins: &[],
        names: &["aider"],
    },
    Assistant {
        name: "Devin",
        provider: None,
        addresses: &[],
        logins: &["devin-ai-integration[bot]"],
        names: &["devin"],
    },
    Assistant {
        name: "opencode",
        provider: None,
        addresses: &["noreply@opencode.ai"],
        logins: &[],
        names: &["opencode"],
    },
];

/// What a trailer or an author says of a model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assistance {
    /// Whose model it was, if that is certain.
    pub provider: Option<&'static str>,
    /// The model's name: the name that was signed with, or the agent's in the kernel's form.
    pub model: String,
    /// The model's version, which only the kernel's form tells.
    pub version: Option<String>,
    /// The agent's name.
    pub agent: String,
    /// Analysis tools that the kernel's form names.
    pub tools: Vec<String>,
}

/// Ends of a name or of an address's local part that mark an account as a bot's: GitHub's own mark, and a custom.
const BOT_SUFFIXES: [&str; 2] = ["[bot]", "-bot"];

/// The committer of every change that was merged on GitHub's pages.
const GITHUB_WEB: &str = "noreply@github.com";

/// Whether an identity is no person: marked as a bot, GitHub's web pages, or a known assistant.
#[must_use]
pub fn is_bot(identity: &Identity) -> bool {
    let local = identity.email.rsplit_once('@').map_or("", |(local, _)| local);
    let marked = |text: &str| {
        let text = text.to_ascii_lowercase();
        BOT_SUFFIXES.iter().any(|suffix| text.ends_with(suffix))
    };
    marked(&identity.name)
        || marked(local)
        || identity.email.eq_ignore_ascii_case(GITHUB_WEB)
        || known(identity).is_some()
}

/// The assistant that an identity is.
#[must_use]
pub fn known(identity: &Identity) -> Option<&'static Assistant> {
    if identity.email.is_empty() {
        let name = plain(&identity.name);
        return ASSISTANTS.iter().find(|assistant| assistant.names.contains(&name.as_str()));
    }
    let is_one_of = |text: &str, list: &[&str]| list.iter().any(|item| item.eq_ignore_ascii_case(text));
    ASSISTANTS.iter().find(|assistant| {
        is_one_of(&identity.email, assistant.addresses)
            || identity.github_login().is_some_and(|login| is_one_of(login, assistant.logins))
    })
}

/// The assistance that an author, or the identity in a trailer, stands for.
#[must_use]
pub fn by_identity(identity: &Identity) -> Option<Assistance> {
    let assistant = known(identity)?;
    let model = if identity.name.is_empty() { assistant.name } else { &identity.name };
    Some(Assistance {
        provider: assistant.provider,
        model: model.into(),
        version: None,
        agent: assistant.name.into(),
        tools: Vec::new(),
    })
}

/// The assistance that a trailer states: the identity of a known assistant under `Assisted-by` or `Co-authored-by`, or
/// the Linux kernel's `Assisted-by: AGENT_NAME:MODEL_VERSION [TOOL1] [TOOL2]` of any agent.
#[must_use]
pub fn by_trailer(trailer: &Trailer) -> Option<Assistance> {
    let assisted = trailer.is("Assisted-by");
    if !assisted && !trailer.is("Co-authored-by") {
        return None;
    }
    by_identity(&Identity::parse(&trailer.value))
        .or_else(|| assisted.then(|| kernel_form(&trailer.value)).flatten())
}

fn kernel_form(value: &str) -> Option<Assistance> {
    let (agent, rest) = value.split_once(':')?;
    let agent = agent.trim();
    // A space after the colon is prose, two slashes are a URL.
    let is_version = !rest.starts_with(char::is_whitespace) && !rest.starts_with("//");
    if agent.is_empty() || value.contains('<') || !is_version {
        return None;
    }
    let mut words = rest.split_whitespace();
    let version = words.next()?;
    let tools = words.map(|word| word.trim_matches(['[', ']'])).filter(|word| !word.is_empty());
    let named = Identity { name: agent.into(), email: String::new() };
    Some(Assistance {
        provider: known(&named).and_then(|assistant| assistant.provider),
        model: agent.into(),
        version: Some(version.into()),
        agent: agent.into(),
        tools: tools.map(String::from).collect(),
    })
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailer(line: &str) -> Option<Assistance> {
        let (key, value) = line.split_once(": ").unwrap();
        by_trailer(&Trailer { key: key.into(), value: value.into() })
    }

    #[test]
    fn known_assistants_are_told_by_their_addresses() {
        let found = trailer("Co-Authored-By: Claude Opus 4.7 (1M context) <noreply@anthropic.com>").unwrap();
        assert_eq!(
            (found.provider, found.model.as_str()),
            (Some("anthropic"), "Claude Opus 4.7 (1M context)")
        );
        assert_eq!((found.agent.as_str(), found.version), ("Claude", None));
        let found = trailer("Co-authored-by: Copilot <12345+Copilot@users.noreply.github.com>").unwrap();
        assert_eq!((found.provider, found.agent.as_str()), (None, "Copilot"));
        assert_eq!(trailer("Assisted-by: Gemini CLI").unwrap().provider, Some("google"));
    }

    #[test]
    fn people_are_no_models() {
        for line in [
            "Co-authored-by: Claude <claude@example.com>",
            "Co-authored-by: Alice <alice@anthropic.com>",
            "Co-authored-by: Alice <copilot@users.noreply.example.com>",
            "Assisted-by: Alice <alice@example.com>",
            "Assisted-by: Alice: the tests",
            "Assisted-by: https://example.com/issue",
            "Assisted-by: :model-1",
            "Reviewed-by: Claude <noreply@anthropic.com>",
        ] {
            assert_eq!(trailer(line), None, "{line}");
        }
    }

    #[test]
    fn the_form_of_the_kernel() {
        let found = trailer("Assisted-by: Claude Code:model-1:b [coccinelle] sparse []").unwrap();
        assert_eq!(found.provider, Some("anthropic"));
        assert_eq!((found.model.as_str(), found.version.as_deref()), ("Claude Code", Some("model-1:b")));
        assert_eq!(found.tools, ["coccinelle", "sparse"]);
        let found = trailer("assisted-by: some-agent:model-2").unwrap();
        assert_eq!((found.provider, found.version.as_deref()), (None, Some("model-2")));
    }

    #[test]
    fn names_are_written_as_they_are_compared() {
        for assistant in ASSISTANTS {
            assert!(assistant.names.contains(&plain(assistant.name).as_str()), "{}", assistant.name);
            for name in assistant.names {
                assert_eq!(plain(name), **name);
            }
        }
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
            assert_eq!(is_bot(&Identity::parse(text)), expected, "{text}");
        }
    }
}
