//! `inspect`: what a receipt says, for people who want to look before they verify. It checks nothing but the form.

use crate::local::time;
use crate::proof::receipt::{self, SCHEMA_VERSION, checkpoint_json, kind_text};
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::page::{self, Colour, Page, value_text};
use clap::Args;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::claims::to_json;
use provlog_core::json::Json;
use provlog_core::note::Note;
use provlog_core::receipt::Receipt;
use provlog_core::record::{AnyRecord, Claim, Record, SectionName};
use provlog_core::record_json::RecordJson;
use serde::Serialize;
use std::path::PathBuf;

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The receipt; - is standard input
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A receipt's parts, none of which is checked.
struct Parts {
    receipt: Receipt,
    note: Note,
    checkpoint: Checkpoint,
    record: AnyRecord,
}

/// Runs `inspect`.
pub(crate) fn run(args: &InspectArgs) -> Result<Exit, Failure> {
    let bytes = receipt::read(&args.receipt)?;
    let parts = Parts::read(&bytes)
        .map_err(|problem| Failure::malformed(args.receipt.display().to_string(), problem))?;
    if args.json {
        page::print_json(&parts.answer())?;
    } else {
        let mut page = Page::new();
        parts.write(&mut page);
        page.print()?;
    }
    Ok(Exit::Ok)
}

impl Parts {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let (receipt, note) = Receipt::parse(bytes).map_err(|error| error.to_string())?;
        let checkpoint = Checkpoint::parse(&note.text).map_err(|error| error.to_string())?;
        let record = Record::parse(&receipt.record).map_err(|error| error.to_string())?;
        Ok(Self { receipt, note, checkpoint, record })
    }

    fn write(&self, page: &mut Page) {
        page.coloured(
            Colour::Yellow,
            "NOT VERIFIED",
            ": nothing below is checked; `provlog verify` checks it",
        );
        page.line(&format!(
            "index      {}, with {} hashes of proof",
            self.receipt.index,
            self.receipt.proof.len()
        ));
        page.line(&format!("origin     {}", self.checkpoint.origin));
        page.line(&format!("tree       {} entries, root {}", self.checkpoint.size, self.checkpoint.root));
        for line in &self.note.signatures {
            page.line(&format!("signature  {}", line.name));
        }
        page.line(&format!("leaf hash  {}", self.record.leaf_hash()));
        match &self.record {
            AnyRecord::Known(record) => {
                page.line(&format!("kind       {}", kind_text(record)));
                page.line(&format!("time       {}", time::rfc3339(record.entry.time_ms.get())));
                write_claims(page, record);
            }
            AnyRecord::UnknownVersion { version, .. } => {
                page.line(&format!("version    {version}, whose claims this program can't read"));
            }
        }
    }

    fn answer(&self) -> PartsAnswer<'_> {
        let (index, leaf_hash) = (self.receipt.index, self.record.leaf_hash());
        let (record, version) = match &self.record {
            AnyRecord::Known(record) => (Some(RecordJson::new(index, record)), None),
            AnyRecord::UnknownVersion { version, .. } => (None, Some(*version)),
        };
        PartsAnswer {
            schema_version: SCHEMA_VERSION,
            verified: false,
            index,
            leaf_hash: leaf_hash.to_hex(),
            proof: self.receipt.proof.iter().map(|hash| hash.to_hex()).collect(),
            checkpoint: checkpoint_json(&self.checkpoint),
            signatures: self.note.signatures.iter().map(|line| line.name.as_str()).collect(),
            record,
            version,
        }
    }
}

/// What is printed as JSON.
#[derive(Serialize)]
struct PartsAnswer<'p> {
    schema_version: i64,
    verified: bool,
    index: u64,
    leaf_hash: String,
    proof: Vec<String>,
    checkpoint: Json,
    signatures: Vec<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<RecordJson<'p>>,
    /// That of the entry, where this program doesn't know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u8>,
}

fn write_claims(page: &mut Page, record: &Record) {
    for section in SectionName::ALL {
        page.line(section.as_str());
        for (name, claim) in record.section(section).iter() {
            let shown = match claim {
                Claim::Disclosed { value, .. } => value_text(&to_json(value)),
                Claim::Hidden(hash) => format!("hidden, claim hash {hash}"),
            };
            page.strangers_line(&format!("  {name} = {shown}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::OneLog;
    use provlog_core::Kind;
    use provlog_core::record::{Claim, Section};

    #[test]
    fn a_strangers_receipt_is_shown_under_a_heading_and_escaped() {
        let claim = Claim::disclosed([1; 16], "\u{1b}[2Jhello\u{202e}".into());
        let mut section =
            Section::from_claims(vec![("x-a".into(), claim.clone()), ("x-b".into(), claim)]).unwrap();
        section.hide("x-b");
        let receipt = OneLog::new().receipt(Kind::new(22).unwrap(), section);
        let parts = Parts::read(&receipt).unwrap();
        let mut page = Page::plain();
        parts.write(&mut page);
        let text = page.text();
        assert!(text.starts_with("NOT VERIFIED: "), "{text}");
        assert!(text.contains("kind       event\ntime       2026-09-21T"), "{text}");
        assert!(text.contains(r#"  x-a = "\u001b[2Jhello\u{202e}""#), "{text}");
        assert!(text.contains("  x-b = hidden, claim hash "), "{text}");

        let json = serde_json::to_value(parts.answer()).unwrap();
        assert_eq!(json["verified"], false);
        assert!(json["record"]["submitted"]["x-a"].is_string());
        assert!(json["record"]["hidden"]["submitted"]["x-b"].is_string());
    }
}
