//! Redaction profiles: named sets of claims to hide, for records that leave the house.
//!
//! A profile either hides what it lists or keeps nothing but what it lists. A claim that this version doesn't know is one
//! that nobody has judged, and is hidden by both. What is hidden stays as name and hash, so records still match their
//! entries.

use crate::local::files;
use crate::show::failure::Failure;
use provlog_core::Record;
use provlog_core::claims::type_of;
use provlog_core::path::{ClaimName, ClaimNameError};
use provlog_core::record::SectionName;
use provlog_core::redact::Redaction;
use serde::Deserialize;
use std::path::Path;

/// The form of the files that this version reads.
const FORMAT: u32 = 1;

/// Largest profile, in bytes: every claim of two sections with a paragraph each.
const PROFILE_BYTES_MAX: usize = 256 * 1024;

/// What stands for every `x-` claim of a section.
const EXTENSIONS: &str = "x-*";

/// The profiles that come with the program.
const BUILTIN: [(&str, &str); 2] = [
    ("regulator", include_str!("../../../profiles/regulator.toml")),
    ("public", include_str!("../../../profiles/public.toml")),
];

/// A named set of claims to hide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Profile {
    name: String,
    about: String,
    rule: Rule,
    claims: Vec<Pattern>,
}

/// What the list of a profile is a list of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    Hide,
    Keep,
}

/// One claim, or all `x-` claims of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Pattern {
    One(ClaimName),
    Extensions(SectionName),
}

/// A profile that can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    /// Neither a built-in name nor a file.
    #[error("{0:?}: expected one of {names}, or a file whose name ends in .toml", names = names())]
    Unknown(String),
    /// A file that isn't a profile.
    #[error("{file}: {problem}")]
    Form {
        /// Which file.
        file: String,
        /// What is wrong, with the row and field.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    format: u32,
    name: String,
    about: String,
    #[serde(default)]
    hide: Vec<ClaimRow>,
    #[serde(default)]
    keep: Vec<ClaimRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimRow {
    claim: String,
    why: String,
}

impl Profile {
    /// The built-in profile of this name, or the one in this file, whose name ends in `.toml`.
    ///
    /// # Errors
    /// An unknown name is refused, as are files that aren't read or are no profiles: nothing is then redacted by halves.
    pub(crate) fn load(name: &str) -> Result<Self, Failure> {
        let malformed = |error: ProfileError| Failure::malformed("redaction profile", error);
        if let Some((_, text)) = BUILTIN.iter().find(|(builtin, _)| *builtin == name) {
            return Self::parse(name, text.as_bytes()).map_err(malformed);
        }
        if !name.ends_with(".toml") {
            return Err(Failure::Usage(ProfileError::Unknown(name.into()).to_string()));
        }
        let bytes = files::read(Path::new(name), PROFILE_BYTES_MAX)?;
        Self::parse(name, &bytes).map_err(malformed)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it shows and hides, in a sentence.
    pub(crate) fn about(&self) -> &str {
        &self.about
    }

    /// The claims of this record that it hides. All of them are there, so [`provlog_core::redact::redact_record`]
    /// takes it.
    pub(crate) fn redaction(&self, record: &Record) -> Redaction {
        let mut hide = Vec::new();
        for section in SectionName::ALL {
            let names = record.section(section).iter().map(|(name, _)| name);
            hide.extend(
                names.map(|name| ClaimName { section, name: name.into() }).filter(|claim| self.hides(claim)),
            );
        }
        Redaction::Hide(hide)
    }

    fn hides(&self, claim: &ClaimName) -> bool {
        let listed = self.claims.iter().any(|pattern| pattern.matches(claim));
        match self.rule {
            Rule::Hide => listed || type_of(&claim.name).is_none(),
            Rule::Keep => !listed,
        }
    }

    fn parse(file: &str, bytes: &[u8]) -> Result<Self, ProfileError> {
        let form = |problem: String| ProfileError::Form { file: file.into(), problem };
        let parsed: ProfileFile =
            toml::from_slice(bytes).map_err(|error| form(error.to_string().trim_end().into()))?;
        if parsed.format != FORMAT {
            return Err(form(format!("format: expected {FORMAT}, got {}", parsed.format)));
        }
        for (field, text) in [("name", &parsed.name), ("about", &parsed.about)] {
            if text.trim().is_empty() {
                return Err(form(format!("{field}: expected some text, got none")));
            }
        }
        let (rule, rows) = match (parsed.hide.as_slice(), parsed.keep.as_slice()) {
            (rows @ [_, ..], []) => (Rule::Hide, rows),
            ([], rows @ [_, ..]) => (Rule::Keep, rows),
            ([], []) => return Err(form("expected rows of hide or of keep, got none".into())),
            _ => return Err(form("expected rows of hide or of keep, got both".into())),
        };
        let mut claims = Vec::new();
        for row in rows {
            let pattern = Pattern::parse(&row.claim)
                .map_err(|problem| form(format!("claim {:?}: {problem}", row.claim)))?;
            if claims.contains(&pattern) {
                return Err(form(format!("claim {:?}: it is there twice", row.claim)));
            }
            if row.why.trim().is_empty() {
                return Err(form(format!("claim {:?}: why: expected a reason, got none", row.claim)));
            }
            claims.push(pattern);
        }
        Ok(Self { name: parsed.name, about: parsed.about, rule, claims })
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some((section, EXTENSIONS)) = text.split_once('.') {
            let section = SectionName::from_name(section);
            return section
                .map(Self::Extensions)
                .ok_or_else(|| "expected submitted.x-* or attested.x-*".into());
        }
        let claim: ClaimName = text.parse().map_err(|error: ClaimNameError| error.to_string())?;
        match type_of(&claim.name) {
            Some(_) => Ok(Self::One(claim)),
            None => Err(format!("there is no claim {}; the submitter's own start with x-", claim.name)),
        }
    }

    fn matches(&self, claim: &ClaimName) -> bool {
        match self {
            Self::One(one) => one == claim,
            Self::Extensions(section) => *section == claim.section && claim.name.starts_with("x-"),
        }
    }
}

fn names() -> String {
    BUILTIN.map(|(name, _)| name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{example, record_of};
    use crate::show::exit::Exit;
    use provlog_core::cbor::Value;
    use provlog_core::record::{Claim, Section};
    use provlog_core::redact::redact_record;

    const EXAMPLES: [&str; 6] = ["generation", "scan", "approval", "promotion", "policy", "event"];

    /// The claims that a profile hides in a record of this kind, after checking what is left.
    fn hidden_by(profile: &str, kind: &str) -> Vec<String> {
        let record = record_of(&example(kind));
        let redaction = Profile::load(profile).unwrap().redaction(&record);
        let Redaction::Hide(names) = &redaction else { panic!("{redaction:?}") };
        let redacted = redact_record(record.clone(), &redaction).unwrap();
        assert!(redacted.digests_match(), "{profile} {kind}");
        for section in SectionName::ALL {
            let claims = record.section(section).iter().zip(redacted.section(section).iter());
            for ((name, before), (after_name, after)) in claims {
                assert_eq!((name, before.hash()), (after_name, after.hash()));
                let claim = ClaimName { section, name: name.into() };
                assert_eq!(
                    matches!(after, Claim::Hidden(_)),
                    names.contains(&claim),
                    "{profile} {kind} {claim}"
                );
            }
        }
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_regulator_sees_who_answers_for_what_and_no_way_into_other_systems() {
        assert_eq!(
            hidden_by("regulator", "generation"),
            ["submitted.context", "submitted.session", "submitted.correlation"]
        );
        assert_eq!(hidden_by("regulator", "promotion"), ["submitted.x-change-window"]);
        assert_eq!(hidden_by("regulator", "event"), ["submitted.x-from", "submitted.x-reason"]);
        assert!(hidden_by("regulator", "approval").is_empty());
    }

    #[test]
    fn the_public_sees_no_person_no_prompt_and_no_workload() {
        assert_eq!(
            hidden_by("public", "approval"),
            ["submitted.intent", "submitted.approval", "attested.workload"]
        );
        for kind in EXAMPLES {
            let record = record_of(&example(kind));
            let redaction = Profile::load("public").unwrap().redaction(&record);
            let bytes = redact_record(record, &redaction).unwrap().to_bytes();
            for secret in
                ["alice", "bob", "carol", "dave", "erin", "release-bot", "ci.example.com", "tickets.", "x-f"]
            {
                let shows = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert_eq!(
                    shows,
                    kind == "event" && secret == "x-f",
                    "{kind}: {secret}: only names of claims stay"
                );
            }
        }
    }

    #[test]
    fn a_claim_that_nobody_has_judged_is_hidden() {
        let mut record = record_of(&example("event"));
        let unknown = vec![("later".to_string(), Claim::disclosed([9; 16], Value::Null))];
        record.attested = Section::from_claims(unknown).unwrap();
        for profile in ["regulator", "public"] {
            let Redaction::Hide(names) = Profile::load(profile).unwrap().redaction(&record) else { panic!() };
            assert!(names.contains(&"attested.later".parse().unwrap()), "{profile}");
        }
    }

    #[test]
    fn every_name_is_that_of_its_profile() {
        for (name, _) in BUILTIN {
            let profile = Profile::load(name).unwrap();
            assert_eq!(profile.name(), name);
            assert!(profile.about().ends_with('.'), "{}", profile.about());
        }
    }

    #[test]
    fn names_and_files_that_are_no_profiles_are_refused() {
        let failure = Profile::load("publik").unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::Usage);
        assert!(failure.to_string().contains("one of regulator, public, or a file"), "{failure}");
        let failure = Profile::load("no/such/file.toml").unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::NotFound);

        let head = "format = 1\nname = \"n\"\nabout = \"a\"\n";
        let hide = |claim: &str| format!("{head}[[hide]]\nclaim = {claim:?}\nwhy = \"w\"\n");
        let cases = [
            (hide("submitted.modell"), "there is no claim modell"),
            (hide("model"), "expected submitted.<claim>"),
            (hide("elsewhere.x-*"), "expected submitted.x-*"),
            (head.into(), "rows of hide or of keep, got none"),
            (
                format!("{}[[keep]]\nclaim = \"submitted.model\"\nwhy = \"w\"\n", hide("submitted.model")),
                "got both",
            ),
            (hide("submitted.model").replace("\"w\"", "\" \""), "why: expected a reason"),
            (hide("submitted.model").replace("why", "reason"), "unknown field `reason`"),
            (hide("submitted.model").replace("format = 1", "format = 2"), "format: expected 1, got 2"),
        ];
        for (text, expected) in cases {
            let error = Profile::parse("own.toml", text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("own.toml: ") && error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_file_of_the_users_own_is_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("own.toml");
        let text = "format = 1\nname = \"own\"\nabout = \"Shows subjects.\"\n[[keep]]\nclaim = \"submitted.subject\"\nwhy = \"w\"\n";
        std::fs::write(&path, text).unwrap();
        let profile = Profile::load(path.to_str().unwrap()).unwrap();
        let Redaction::Hide(names) = profile.redaction(&record_of(&example("scan"))) else { panic!() };
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["submitted.scan", "submitted.attachments", "attested.workload"]);
    }
}
