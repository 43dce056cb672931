//! The flags of `append`: one for each claim of the table that a client may submit, and the ones that make claims.

use super::value::{self, claim_json};
use crate::local::files::{self, DASH};
use crate::local::{digest, git};
use crate::show::failure::Failure;
use crate::show::page;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use provlog_core::claims::{CLAIMS, ClaimSpec, KINDS, KindSpec, OPTIONAL_ON_ANY};
use provlog_core::json::Json;
use provlog_core::limits::SUBMISSION_BYTES_MAX;
use provlog_core::submission::Submission;
use std::path::{Path, PathBuf};

/// Everything that says what is submitted.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("claims").multiple(true))]
pub(crate) struct RequestArgs {
    /// What the entry states
    #[arg(long, value_parser = kinds(), required_unless_present = "json", group = "claims")]
    kind: Option<String>,
    /// A whole request in JSON, as the log takes it: {"kind": ..., "claims": {...}}; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "claims")]
    json: Option<PathBuf>,
    /// Adds a subject: this file, by its name and sha256, computed here
    #[arg(long, value_name = "FILE", group = "claims")]
    artifact: Vec<PathBuf>,
    /// Adds a subject: this git commit, with its own tree; a tag counts as the commit that it is of. A full hash needs no
    /// repository, and is then not checked
    #[arg(long, value_name = "REVISION", group = "claims")]
    commit: Vec<String>,
    /// Adds this file's sha256 to prompt_hash; the prompt never leaves the machine. - is standard input
    #[arg(long, value_name = "FILE", group = "claims")]
    prompt_file: Vec<PathBuf>,
    /// Any claim in JSON, such as one of your own: x-ticket='"T-1"'
    #[arg(long = "claim", value_name = "NAME=JSON", group = "claims")]
    others: Vec<String>,
    /// Key under which a retry finds the same entry; without it one is drawn and kept in the pending file.
    /// Give it where a job may start again on another machine
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    claims: ClaimFlags,
}

/// The values of each claim's own flag.
#[derive(Debug)]
struct ClaimFlags(Vec<(&'static ClaimSpec, Vec<String>)>);

impl RequestArgs {
    /// The submission that the flags describe, checked as a log checks it; without salts unless the JSON has them.
    pub(crate) fn submission(&self) -> Result<Submission, Failure> {
        let submission = match &self.json {
            Some(path) => {
                let submission = Submission::parse(&files::read(path, SUBMISSION_BYTES_MAX)?);
                submission.map_err(|error| Failure::malformed(path.display().to_string(), error))?
            }
            None => Submission::from_json(self.request()?)?,
        };
        match &self.idempotency_key {
            Some(key) => Ok(submission.with_idempotency_key(key)?),
            None => Ok(submission),
        }
    }

    fn request(&self) -> Result<Json, Failure> {
        let mut claims = Vec::new();
        for (spec, given) in &self.claims.0 {
            if !given.is_empty() {
                let json = claim_json(spec.ty, given);
                let json = json.map_err(|error| Failure::malformed(flag_name(spec.name), error))?;
                claims.push((spec.name.to_string(), json));
            }
        }
        add(&mut claims, "subject", self.subjects()?, Many::List)?;
        let prompts = self.prompt_file.iter().map(|path| digest::sha256_json(path));
        add(&mut claims, "prompt_hash", prompts.collect::<Result<_, _>>()?, Many::OneOrMany)?;
        for text in &self.others {
            let form = || Failure::Usage(format!("--claim {text:?}: expected NAME=JSON"));
            let (name, json) = text.split_once('=').ok_or_else(form)?;
            if claims.iter().any(|(known, _)| known == name) {
                return Err(Failure::Usage(format!("claim {name} is given twice")));
            }
            let json = Json::parse(json.as_bytes());
            claims.push((
                name.into(),
                json.map_err(|error| Failure::malformed(format!("--claim {name}"), error))?,
            ));
        }
        let kind = self.kind.as_deref().unwrap_or_default();
        Ok(Json::Object(vec![("kind".into(), kind.into()), ("claims".into(), Json::Object(claims))]))
    }

    fn subjects(&self) -> Result<Vec<Json>, Failure> {
        let mut subjects = Vec::with_capacity(self.artifact.len() + self.commit.len());
        for path in &self.artifact {
            let digest = ("digest".to_string(), digest::sha256_json(path)?);
            let name = name_of(path).map(|name| ("name".to_string(), Json::String(name)));
            subjects.push(Json::Object(name.into_iter().chain([digest]).collect()));
        }
        for revision in &self.commit {
            let commit = git::commit(revision)?;
            for remark in
                commit.unchecked.iter().map(|why| git::not_checked(&commit.id, why)).chain(commit.remarks)
            {
                page::say(&remark);
            }
            let mut digest = vec![("gitCommit".to_string(), Json::String(commit.id))];
            digest.extend(commit.tree.map(|tree| ("gitTree".to_string(), Json::String(tree))));
            subjects.push(Json::Object(vec![("digest".into(), Json::Object(digest))]));
        }
        Ok(subjects)
    }
}

/// How a claim holds several values.
#[derive(Clone, Copy)]
enum Many {
    List,
    OneOrMany,
}

/// Adds values to a claim that its own flag may have begun.
fn add(claims: &mut Vec<(String, Json)>, name: &str, more: Vec<Json>, many: Many) -> Result<(), Failure> {
    if more.is_empty() {
        return Ok(());
    }
    let mut values = match claims.iter().position(|(known, _)| known == name) {
        None => Vec::new(),
        Some(place) => match claims.swap_remove(place).1 {
            absence if absence.get("absent").is_some() => {
                return Err(Failure::Usage(format!("claim {name} is given both as absent and with a value")));
            }
            Json::Array(values) => values,
            single => vec![single],
        },
    };
    values.extend(more);
    let value = match many {
        Many::OneOrMany if values.len() == 1 => values.remove(0),
        _ => Json::Array(values),
    };
    claims.push((name.into(), value));
    Ok(())
}

fn name_of(path: &Path) -> Option<String> {
    let name = path.file_name().filter(|name| *name != DASH)?;
    Some(name.to_string_lossy().into_owned())
}

fn submittable() -> impl Iterator<Item = &'static KindSpec> {
    KINDS.iter().filter(|kind| kind.accepted)
}

fn kinds() -> PossibleValuesParser {
    submittable().map(|kind| clap::builder::PossibleValue::new(kind.name).help(kind.meaning)).into()
}

fn flagged() -> impl Iterator<Item = &'static ClaimSpec> {
    CLAIMS.iter().filter(|claim| submittable().any(|kind| kind.allows(claim.name)))
}

fn flag_name(claim: &str) -> String {
    format!("--{}", long_of(claim))
}

fn long_of(claim: &str) -> String {
    claim.replace('_', "-")
}

/// The kinds that take a claim, for its help.
fn kinds_of(claim: &ClaimSpec) -> String {
    if OPTIONAL_ON_ANY.contains(&claim.name) && submittable().all(|kind| !kind.required.contains(&claim.name))
    {
        return "optional on any kind".into();
    }
    let named = |word: &str, wanted: bool| {
        let takes =
            |kind: &&KindSpec| kind.allows(claim.name) && kind.required.contains(&claim.name) == wanted;
        let names: Vec<&str> = submittable().filter(takes).map(|kind| kind.name).collect();
        (!names.is_empty()).then(|| format!("{word} on {}", names.join(", ")))
    };
    let parts: Vec<String> =
        [named("required", true), named("optional", false)].into_iter().flatten().collect();
    parts.join("; ")
}

impl Args for ClaimFlags {
    fn augment_args(command: Command) -> Command {
        command.args(flagged().map(|claim| {
            Arg::new(claim.name)
                .long(long_of(claim.name))
                .value_name(value::form(claim.ty))
                .help(format!("{} [{}]", claim.help, kinds_of(claim)))
                .help_heading("Claims (each also takes JSON or @FILE; repeat a flag for several values)")
                .action(ArgAction::Append)
                .group("claims")
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ClaimFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let values = |claim: &'static ClaimSpec| {
            let given = matches.get_many::<String>(claim.name).unwrap_or_default();
            (claim, given.cloned().collect())
        };
        Ok(Self(flagged().map(values).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        request: RequestArgs,
    }

    fn submission(arguments: &[&str]) -> Result<Submission, Failure> {
        Line::parse_from(std::iter::once(&"append").chain(arguments)).request.submission()
    }

    #[test]
    fn files_become_digests_and_join_what_the_claims_own_flag_said() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"abc").unwrap();
        let path = file.path().to_str().unwrap();
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let arguments = [
            "--kind=event",
            "--type=https://example.com/e",
            &format!("--subject=gitCommit:{commit}"),
            "--artifact",
            path,
            "--claim",
            "x-note=\"n\"",
        ];
        let json = submission(&arguments).unwrap().to_json();
        let subjects = json.get("claims").unwrap().get("subject").unwrap().to_string();
        let name = file.path().file_name().unwrap().to_str().unwrap();
        let expected = format!(
            r#"[{{"digest":{{"gitCommit":"{commit}"}}}},{{"name":"{name}","digest":{{"sha256":"{sha256}"}}}}]"#
        );
        assert_eq!(subjects, expected);
        assert_eq!(json.get("claims").unwrap().get("x-note").unwrap().as_str(), Some("n"));
    }

    #[test]
    fn mistakes_are_told_before_anything_is_sent() {
        let cases: [(&[&str], &str); 5] = [
            (&["--kind=event", "--type=t"], "subject"),
            (&["--kind=event", "--claim=nonsense"], "expected NAME=JSON"),
            (&["--kind=event", "--type=t", "--claim=type=\"u\""], "given twice"),
            (&["--kind=scan", "--scan=clean"], "--scan: expected"),
            (
                &["--kind=promotion", "--prompt-hash=absent:withheld", "--prompt-file=Cargo.toml"],
                "both as absent and with a value",
            ),
        ];
        for (arguments, expected) in cases {
            let error = submission(arguments).unwrap_err().to_string();
            assert!(error.contains(expected), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn a_whole_request_stands_alone() {
        assert!(Line::try_parse_from(["append", "--json=-", "--environment=e"]).is_err());
        assert!(Line::try_parse_from(["append", "--json=-", "--kind=event"]).is_err());
        assert!(Line::try_parse_from(["append", "--json=-", "--idempotency-key=k"]).is_ok());
        assert!(Line::try_parse_from(["append", "--environment=e"]).is_err());
    }
}
