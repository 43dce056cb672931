//! `crosswalk`: which controls of which frameworks the entries of a log are evidence for.
//!
//! A crosswalk is data: the files in `cli/crosswalk`, and the user's own in the same form. It says which evidence
//! supports record keeping for a control; that a control is met it never says, and it refuses files that do.

mod evidence;

use crate::crosswalk;
use crate::crosswalk::load::{Control, Crosswalk};
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::page::Page;
use clap::{Args, Subcommand};

use std::path::PathBuf;

/// What to do about crosswalks.
#[derive(Debug, Subcommand)]
pub(crate) enum CrosswalkVerb {
    /// Check files of your own; prints what each brings
    Check(CheckArgs),
    /// Say what receipts and packages are evidence for, control by control, never that anything complies
    Evidence(evidence::EvidenceArgs),
    /// Show the built-in frameworks and controls, and what each is looked up by
    List,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// TOML files; they may refer to the built-in evidence, and to each other's
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

pub(crate) fn run(verb: &CrosswalkVerb) -> Result<Exit, Failure> {
    match verb {
        CrosswalkVerb::Check(args) => check(args),
        CrosswalkVerb::Evidence(args) => evidence::run(args),
        CrosswalkVerb::List => list(),
    }
}

fn check(args: &CheckArgs) -> Result<Exit, Failure> {
    let crosswalk = crosswalk::load(&args.files)?;
    let builtin = built_in()?;
    let mut page = Page::new();
    for (place, framework) in crosswalk.frameworks().iter().enumerate().skip(builtin.frameworks().len()) {
        let controls = crosswalk.controls().iter().filter(|control| control.framework == place).count();
        page.line(&format!("{} {}: {controls} controls", framework.name, framework.edition));
    }
    let queries = crosswalk.evidence().len().saturating_sub(builtin.evidence().len());
    page.line(&format!("{queries} evidence queries beside the built-in ones"));
    page.print()?;
    Ok(Exit::Ok)
}

fn built_in() -> Result<Crosswalk, Failure> {
    Crosswalk::builtin().map_err(|error| Failure::Internal(format!("the built-in crosswalk: {error}")))
}

fn list() -> Result<Exit, Failure> {
    let crosswalk = built_in()?;
    let mut page = Page::new();
    for (place, framework) in crosswalk.frameworks().iter().enumerate() {
        page.line(&format!("{} {} ({})", framework.name, framework.edition, framework.id));
        page.line(&format!(
            "  source: {}, {}; mapping of {}",
            framework.source, framework.url, framework.mapping
        ));
        if let Some(note) = &framework.note {
            page.line(&format!("  note: {note}"));
        }
        for control in crosswalk.controls().iter().filter(|control| control.framework == place) {
            write_control(&mut page, &crosswalk, control);
        }
        page.line("");
    }
    page.line("Evidence");
    for evidence in crosswalk.evidence() {
        page.line(&format!("  {}: {}", evidence.id, evidence.looks_for));
    }
    page.print()?;
    Ok(Exit::Ok)
}

fn write_control(page: &mut Page, crosswalk: &Crosswalk, control: &Control) {
    let official = if control.official.is_empty() {
        String::new()
    } else {
        format!(" (means {})", control.official.join(", "))
    };
    page.line(&format!("  {}  {}{official}", control.id, control.title));
    page.line(&format!("    {}", control.supports));
    let evidence = control.evidence.iter().filter_map(|&place| crosswalk.evidence().get(place));
    let ids: Vec<&str> = evidence.map(|evidence| evidence.id.as_str()).collect();
    page.line(&format!("    evidence: {}", ids.join(", ")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crosswalk::tests::one_query;

    #[test]
    fn check_says_that_good_files_are_good() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("own.toml");
        let check = |text: String| {
            std::fs::write(&path, text).unwrap();
            run(&CrosswalkVerb::Check(CheckArgs { files: vec![path.clone()] }))
        };
        let good = one_query("kind = [\"scan\"]");
        assert!(matches!(check(good.clone()), Ok(Exit::Ok)));
        let failure = check(good.replace("[\"own\"]", "[\"none\"]")).unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::Malformed);
    }
}
