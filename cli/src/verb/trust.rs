//! `trust fetch` makes a trust file of a log's key, once the user has named the key by its fingerprint; `trust add` keeps a
//! fingerprint, so that repositories may bring the trust file.
//!
//! Never trusts a key because the log itself says so: the fingerprint comes from elsewhere, or nothing is written.

use crate::local::files::{Over, Same};
use crate::local::folder_name::is_folder_name;
use crate::local::known;
use crate::local::settings::{self, TRUST};
use crate::log::access::UrlArgs;
use crate::log::client::{ANSWER_BYTES_MAX, Client};
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::output::hand_out;
use crate::show::page;
use clap::{Args, Subcommand};
use provlog_core::json::Json;
use provlog_core::note::VerifierKey;
use provlog_core::trust::Trust;
use std::path::{Path, PathBuf};

/// What to do about trust files.
#[derive(Debug, Subcommand)]
pub(crate) enum TrustVerb {
    /// Write the trust file of the log at a URL whose key has this fingerprint
    Fetch(FetchArgs),
    /// Say that a log's key has this fingerprint: a repository's .provlog/trust and url then count where it is the key of
    /// that trust file. Kept in the home directory, as .provlog/fingerprints
    Add(AddArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The log key's fingerprint: SHA-256 of its verifier key line, 64 lowercase hex digits. From the log's operator,
    /// never from the log or the repository
    #[arg(value_name = "HEX", value_parser = settings::fingerprint)]
    fingerprint: String,
}

#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// The log key's fingerprint: SHA-256 of its verifier key line, 64 lowercase hex digits. From the log's operator,
    /// never from the log
    #[arg(long, env = "PROVLOG_FINGERPRINT", hide_env_values = true, value_name = "HEX", value_parser = settings::fingerprint)]
    fingerprint: Option<String>,
    /// Where to write the trust file
    #[arg(short, long, value_name = "FILE", default_value = TRUST)]
    output: PathBuf,
    #[command(flatten)]
    url: UrlArgs,
}

const NO_FINGERPRINT: &str = "\
--fingerprint is missing, and nothing was fetched. It names the key that you mean to trust: the daemon prints it at its \
first start, beside the path of the trust file. Get it from whoever operates the log, over a channel that you believe \
already; taken from the log's own answers it would prove nothing.";

pub(crate) fn run(verb: &TrustVerb) -> Result<Exit, Failure> {
    match verb {
        TrustVerb::Fetch(args) => fetched(args),
        TrustVerb::Add(args) => print_path(&known::add_at_home(&args.fingerprint)?),
    }
}

fn fetched(args: &FetchArgs) -> Result<Exit, Failure> {
    let fingerprint = args.fingerprint.as_deref().ok_or_else(|| Failure::Usage(NO_FINGERPRINT.into()))?;
    if is_folder_name(&args.output) {
        return Err(Failure::Usage(format!(
            "--output {}: expected a file's name, got a folder's",
            args.output.display()
        )));
    }
    let client = args.url.client()?;
    let text = fetch(&client, fingerprint)?;
    keep(&args.output, &text)?;
    // The user has named it: the file counts from now on, wherever it lies. Without a home it needs to be named again.
    if let Err(error) = known::add_at_home(fingerprint) {
        page::say(&format!("the fingerprint is not kept: {error}"));
    }
    Ok(Exit::Ok)
}

fn print_path(path: &Path) -> Result<Exit, Failure> {
    page::print(format!("{}\n", path.display()).as_bytes())?;
    Ok(Exit::Ok)
}

/// The trust file's text.
fn fetch(client: &Client, fingerprint: &str) -> Result<String, Failure> {
    let what = format!("{}/v1/log", client.base());
    let answer = client.get("/v1/log", ANSWER_BYTES_MAX)?;
    let answer = Json::parse(&answer).map_err(|error| Failure::malformed(&what, error))?;
    let vkey = answer.get("key").and_then(Json::as_str);
    let vkey =
        vkey.ok_or_else(|| Failure::malformed(&what, "expected an object with the member key, a string"))?;
    let key = VerifierKey::parse(vkey).map_err(|error| Failure::malformed(&what, error))?;
    let got = key.fingerprint();
    if got != fingerprint {
        return Err(Failure::Fingerprint { expected: fingerprint.into(), got });
    }
    let text = Trust::text_for(&key, Some(client.base()));
    // Of another key type or name than a log's, the key would make a file that nobody can load.
    Trust::parse(text.as_bytes()).map_err(|error| Failure::malformed(&what, error))?;
    Ok(text)
}

/// Writes the file, but never over another one: that may name witnesses, which this text doesn't.
fn keep(output: &Path, text: &str) -> Result<(), Failure> {
    let same = Same {
        is: &|there| there == text.as_bytes(),
        name: "this trust file",
        way_out: "name another one, or remove it first",
    };
    hand_out(output, text.as_bytes(), Over::Same(&same))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OneLog, Reply, serve};

    fn fetched(log: &OneLog, body: String, fingerprint: &str) -> Result<String, Failure> {
        let server = serve(1, move |_, _| Reply::new(200, body.clone()));
        let fetched = fetch(&Client::new(&server.url, None, None).unwrap(), fingerprint);
        let requests = server.finish();
        assert_eq!(requests[0].line, "GET /v1/log HTTP/1.1");
        fetched.inspect(|text| assert_eq!(Trust::parse(text.as_bytes()).unwrap().log(), log.trust().log()))
    }

    #[test]
    fn the_key_must_be_the_one_that_was_named() {
        let log = OneLog::new();
        let body = format!(r#"{{"origin":"{}","key":"{}","size":1}}"#, log.origin(), log.vkey());
        assert!(fetched(&log, body.clone(), &log.fingerprint()).unwrap().contains("quorum none\n"));
        let other = OneLog::with_seed([8; 32]).fingerprint();
        let failure = fetched(&log, body, &other).unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::Untrusted);
        assert!(failure.to_string().contains(&log.fingerprint()), "{failure}");
        let failure = fetched(&log, "{}".into(), &log.fingerprint()).unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::Malformed);
    }

    #[test]
    fn another_file_is_never_written_over() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".provlog/trust");
        keep(&path, "one\n").unwrap();
        keep(&path, "one\n").unwrap();
        let failure = keep(&path, "two\n").unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::Usage, "{failure}");
        assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
    }
}
