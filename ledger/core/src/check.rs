//! Checks and what they add up to. Every door of [`crate::verify::Verifier`] judges by the code here, and by nothing but
//! each check's class: what a check is called decides nothing.

use crate::path::ClaimPath;
use crate::record::SectionName;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What a check is about, and so what its failure means. The first class here in which one fails decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Class {
    /// The bytes' form: failed, they are nothing that could be trusted or proven.
    Form,
    /// Who signed: failed, nobody who believes the trust file has to believe the checkpoint.
    Trust,
    /// Who is still to cosign: as [`Class::Trust`], but time may bring it.
    Quorum,
    /// Everything that the checkpoint, once believed, has to prove.
    Proof,
}

/// How one check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Proven.
    Pass,
    /// Refuted, or not provable where it had to be.
    Fail,
    /// Nothing is refuted, but someone should look.
    Warn,
    /// Not checked, because nothing asked for it or an earlier check failed.
    Skip,
    /// The claim is hidden, so it can't be compared. Where a comparison was asked for, that counts as a failure.
    NotDisclosed,
}

impl Status {
    /// `pass`, `fail`, `warn`, `skip` or `not disclosed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Skip => "skip",
            Self::NotDisclosed => "not disclosed",
        }
    }

    /// Whether a check that ended so refuses what was checked.
    #[must_use]
    pub const fn refuses(self) -> bool {
        matches!(self, Self::Fail | Self::NotDisclosed)
    }
}

/// One check: what was looked at, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// What its failure means.
    pub class: Class,
    /// Stable name, from the lists in `SPEC.md` sections 8 and 11.7.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// What had to be found, where there is such a thing.
    pub expected: Option<String>,
    /// What was found.
    pub got: Option<String>,
    /// A remark for people.
    pub remark: Option<String>,
    /// What exactly was compared with what the caller knows: claims as a whole, or values within them.
    pub compared: Vec<ClaimPath>,
}

impl Check {
    /// A check of class [`Class::Proof`], without details.
    #[must_use]
    pub fn new(name: impl Into<String>, status: Status) -> Self {
        let (class, compared) = (Class::Proof, Vec::new());
        Self { class, name: name.into(), status, expected: None, got: None, remark: None, compared }
    }

    pub(crate) fn compared(
        name: impl Into<String>,
        expected: impl ToString,
        got: impl ToString,
        holds: bool,
    ) -> Self {
        let status = if holds { Status::Pass } else { Status::Fail };
        Self { expected: Some(expected.to_string()), got: Some(got.to_string()), ..Self::new(name, status) }
    }

    pub(crate) fn remarked(name: impl Into<String>, status: Status, remark: impl Into<String>) -> Self {
        Self { remark: Some(remark.into()), ..Self::new(name, status) }
    }

    pub(crate) fn passed(name: impl Into<String>, got: impl ToString) -> Self {
        Self { got: Some(got.to_string()), ..Self::new(name, Status::Pass) }
    }

    pub(crate) fn of(self, class: Class) -> Self {
        Self { class, ..self }
    }
}

/// Everything that was checked of something, and the facts that it was checked on.
pub trait Report {
    /// Every check, in the order of `SPEC.md`.
    fn checks(&self) -> &[Check];

    /// The same, to add to.
    fn checks_mut(&mut self) -> &mut Vec<Check>;

    /// The checks that refuse it.
    fn refusing(&self) -> impl Iterator<Item = &Check> {
        self.checks().iter().filter(|check| check.status.refuses())
    }

    /// Names of the checks that refuse it.
    fn refused(&self) -> impl Iterator<Item = &str> {
        self.refusing().map(|check| check.name.as_str())
    }

    /// Whether nothing refuses it but a quorum that may still come: cosignatures pending.
    fn only_quorum_missing(&self) -> bool {
        let mut classes = self.refusing().map(|check| check.class).peekable();
        classes.peek().is_some() && classes.all(|class| class == Class::Quorum)
    }

    /// What checks that hold compared of this claim with what the caller knows: all of it, where a path has no members.
    fn compared<'r>(&'r self, section: SectionName, name: &'r str) -> impl Iterator<Item = &'r ClaimPath> {
        let holding = self.checks().iter().filter(|check| check.status == Status::Pass);
        holding
            .flat_map(|check| &check.compared)
            .filter(move |path| path.claim.section == section && path.claim.name == name)
    }
}

/// A report without a refusal. Only [`crate::verify::Verifier`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict<R>(R);

impl<R> Verdict<R> {
    /// What was checked.
    #[must_use]
    pub const fn report(&self) -> &R {
        &self.0
    }

    /// The same, for good.
    #[must_use]
    pub fn into_report(self) -> R {
        self.0
    }
}

/// Why something is refused: the first class that applies. The last two carry the whole report.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused<R: Report> {
    /// The bytes are no receipt, no package, or no checkpoint.
    #[error("{0}")]
    Malformed(String),
    /// A checkpoint isn't one that the trust file believes: origin, signatures, quorum.
    #[error("untrusted checkpoint: {}", join(.0.refused()))]
    Untrusted(Box<R>),
    /// The checkpoint is believed, but doesn't prove what was asked.
    #[error("not proven: {}", join(.0.refused()))]
    NotProven(Box<R>),
}

impl<R: Report> Refused<R> {
    /// `malformed`, `untrusted` or `not proven`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Untrusted(_) => "untrusted",
            Self::NotProven(_) => "not proven",
        }
    }

    /// What was checked, unless there was nothing to check.
    #[must_use]
    pub fn report(&self) -> Option<&R> {
        match self {
            Self::Malformed(_) => None,
            Self::Untrusted(report) | Self::NotProven(report) => Some(report),
        }
    }
}

/// What verification gives.
pub type Judged<R> = Result<Verdict<R>, Refused<R>>;

/// The verdict of a report's checks.
pub(crate) fn judge<R: Report>(report: R) -> Judged<R> {
    let Some(gravest) = report.refusing().min_by_key(|check| check.class) else { return Ok(Verdict(report)) };
    Err(match gravest.class {
        Class::Form => {
            Refused::Malformed(format!("{}: {}", gravest.name, gravest.got.as_deref().unwrap_or("refused")))
        }
        Class::Trust | Class::Quorum => Refused::Untrusted(Box::new(report)),
        Class::Proof => Refused::NotProven(Box::new(report)),
    })
}

/// Judges again with further checks of what the report says. What is malformed stays so: there is nothing to check.
///
/// # Errors
/// As the doors of [`crate::verify::Verifier`].
pub fn add<R: Report>(judged: Judged<R>, checks: impl FnOnce(&R) -> Vec<Check>) -> Judged<R> {
    let mut report = match judged {
        Ok(Verdict(report)) => report,
        Err(Refused::Untrusted(report) | Refused::NotProven(report)) => *report,
        Err(malformed @ Refused::Malformed(_)) => return Err(malformed),
    };
    let more = checks(&report);
    report.checks_mut().extend(more);
    judge(report)
}

pub(crate) fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Eq, Debug)]
    struct Checks(Vec<Check>);

    impl Report for Checks {
        fn checks(&self) -> &[Check] {
            &self.0
        }

        fn checks_mut(&mut self) -> &mut Vec<Check> {
            &mut self.0
        }
    }

    /// Judges checks of one name, so that only their class tells them apart.
    fn verdict(checks: &[(Class, Status)]) -> &'static str {
        let checks = checks.iter().map(|(class, status)| Check::new("same", *status).of(*class)).collect();
        judge(Checks(checks)).map_or_else(|refused| refused.as_str(), |_| "verified")
    }

    #[test]
    fn the_class_decides_and_the_name_nothing() {
        use Class::{Form, Proof, Quorum, Trust};
        use Status::{Fail, NotDisclosed, Pass, Skip, Warn};
        assert_eq!(verdict(&[]), "verified");
        assert_eq!(verdict(&[(Form, Pass), (Trust, Warn), (Quorum, Skip), (Proof, Pass)]), "verified");
        assert_eq!(verdict(&[(Proof, NotDisclosed)]), "not proven");
        assert_eq!(verdict(&[(Proof, Fail), (Trust, Fail)]), "untrusted");
        assert_eq!(verdict(&[(Proof, Fail), (Quorum, Fail)]), "untrusted");
        assert_eq!(verdict(&[(Trust, Fail), (Proof, Fail), (Form, Fail)]), "malformed");
    }

    #[test]
    fn only_a_quorum_may_still_come() {
        let pending = |classes: &[Class]| {
            let checks = classes.iter().map(|class| Check::new("same", Status::Fail).of(*class)).collect();
            Checks(checks).only_quorum_missing()
        };
        assert!(pending(&[Class::Quorum]));
        assert!(!pending(&[]) && !pending(&[Class::Trust]) && !pending(&[Class::Quorum, Class::Proof]));
    }

    #[test]
    fn added_checks_judge_again_and_never_lift_a_refusal() {
        let good = || judge(Checks(Vec::new()));
        let failed = |class: Class| move |_: &Checks| Vec::from([Check::new("more", Status::Fail).of(class)]);
        assert_eq!(
            add(good(), failed(Class::Proof)).map_err(|refused| refused.as_str()).err(),
            Some("not proven")
        );
        let untrusted = add(good(), failed(Class::Trust));
        let still = add(untrusted, |_| Vec::from([Check::new("more", Status::Pass)]));
        assert_eq!(still.map_err(|refused| refused.as_str()).err(), Some("untrusted"));
        let malformed: Judged<Checks> = Err(Refused::Malformed("nothing".into()));
        assert_eq!(add(malformed.clone(), |_| Vec::new()), malformed);
    }
}
