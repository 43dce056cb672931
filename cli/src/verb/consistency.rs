//! `consistency`: does a later tree of the log extend an earlier one, so that nothing was changed or removed between?
//!
//! Both checkpoints are verified against the trust file, and the proof is verified here: the log only hands it out.

use crate::local::files;
use crate::log::access::{LogArgs, fetch_proof, newest};
use crate::log::client::{ANSWER_BYTES_MAX, Client};
use crate::proof::head::{Head, compare, parse_proof};
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::page::Page;
use clap::Args;
use provlog_core::check::Status;
use provlog_core::checkpoint::Checkpoint;
use std::cell::OnceCell;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ConsistencyArgs {
    /// The earlier checkpoint, or a receipt with it; - is standard input
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The later checkpoint, or a receipt with it [default: the log's latest]
    #[arg(value_name = "NEW")]
    new: Option<PathBuf>,
    /// The proof, in a file as the log's /v1/consistency answers it, instead of asking the log
    #[arg(long, value_name = "FILE", requires = "new")]
    proof: Option<PathBuf>,
    #[command(flatten)]
    log: LogArgs,
}

pub(crate) fn run(args: &ConsistencyArgs) -> Result<Exit, Failure> {
    let log = args.log.open()?;
    let trust = &log.trust.trust;
    // Made once, where it is needed at all: a token may come through a pipe.
    let made = OnceCell::new();
    let client = || match made.get() {
        Some(client) => Ok::<&Client, Failure>(client),
        None => log.client().map(|client| made.get_or_init(|| client)),
    };
    let old = Head::read(&args.old, trust)?;
    let new = match &args.new {
        Some(path) => Head::read(path, trust)?,
        None => newest(client()?, trust)?,
    };
    if old.checkpoint.size > new.checkpoint.size {
        return Err(Failure::Usage(format!(
            "{} is later than {}: expected the earlier first",
            old.source, new.source
        )));
    }
    let proof = match &args.proof {
        Some(path) => parse_proof(&path.display().to_string(), &files::read(path, ANSWER_BYTES_MAX)?)?,
        // Equal sizes have an empty proof, and demand equal roots.
        None if old.checkpoint.size == new.checkpoint.size => Vec::new(),
        None => fetch_proof(client()?, &old.checkpoint, &new.checkpoint)?,
    };
    compare(&old, &new, &proof)?;
    let mut page = Page::new();
    for head in [&old, &new] {
        let Checkpoint { origin, size, root } = &head.checkpoint;
        page.marked(
            Status::Pass,
            &format!("checkpoint: {origin}, {size} entries, root {root} ({})", head.source),
        );
    }
    page.marked(Status::Pass, &format!("consistency: {} hashes of proof", proof.len()));
    let (old, new) = (old.checkpoint.size, new.checkpoint.size);
    page.line(&format!("verdict: consistent: the tree of {new} entries extends the one of {old}"));
    page.print()?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OneLog, Reply, serve};
    use provlog_core::Hash;
    use provlog_core::tree::Frontier;

    fn tree(leaves: &[u8]) -> Frontier {
        let mut tree = Frontier::new();
        leaves.iter().for_each(|leaf| tree.push(Hash::leaf(&[*leaf])));
        tree
    }

    fn head(log: &OneLog, leaves: &[u8]) -> Head {
        let trust = log.trust();
        Head::verified(format!("{leaves:?}"), log.checkpoint(&tree(leaves)).as_bytes(), &trust).unwrap()
    }

    #[test]
    fn an_extension_is_told_from_a_fork() {
        let log = OneLog::new();
        let (two, three, fork) = (head(&log, &[1, 2]), head(&log, &[1, 2, 3]), head(&log, &[1, 9, 3]));
        let proof = Hash::leaf(&[3]);
        let body = format!(r#"{{"old":2,"new":3,"proof":["{}"]}}"#, proof.to_base64());
        let server = serve(1, move |_, _| Reply::new(200, body.clone()));
        let client = Client::new(&server.url, None, None).unwrap();
        let fetched = fetch_proof(&client, &two.checkpoint, &three.checkpoint).unwrap();
        assert_eq!(server.finish()[0].line, "GET /v1/consistency?old=2&new=3 HTTP/1.1");
        assert_eq!(fetched, [proof]);
        compare(&two, &three, &fetched).unwrap();
        let cases = [(&two, &fork, fetched), (&two, &three, vec![]), (&three, &fork, vec![])];
        for (old, new, proof) in cases {
            let failure = compare(old, new, &proof).unwrap_err();
            assert_eq!(Exit::of_failure(&failure), Exit::NotProven, "{failure}");
        }
        assert!(matches!(compare(&head(&log, &[]), &two, &[]), Err(Failure::Usage(_))));
    }

    #[test]
    fn checkpoints_are_read_alone_and_out_of_receipts() {
        let (log, home) = (OneLog::new(), tempfile::tempdir().unwrap());
        let trust = log.trust();
        let path = home.path().join("file");
        let receipt = log.receipt(provlog_core::Kind::new(22).unwrap(), Default::default());
        for (bytes, size) in [(log.checkpoint(&tree(&[1, 2, 3])).into_bytes(), 3), (receipt, 2)] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(Head::read(&path, &trust).unwrap().checkpoint.size, size);
        }
        let foreign = OneLog::with_seed([8; 32]).checkpoint(&tree(&[1]));
        std::fs::write(&path, foreign).unwrap();
        assert_eq!(Exit::of_failure(&Head::read(&path, &trust).unwrap_err()), Exit::Untrusted);
        std::fs::write(&path, "nonsense").unwrap();
        assert_eq!(Exit::of_failure(&Head::read(&path, &trust).unwrap_err()), Exit::Malformed);
    }
}
