//! Approvals that are entries of their own, for the promotions behind them.

use super::super::approval::{Awaited, Flags, Own, check_key, check_statement, no_roster, signed_by, signer};
use super::super::made::{Made, NOT_DISCLOSED, Shown, shown};
use crate::approval::statement_digest;
use crate::believed::Believed;
use crate::roster::Signer;
use crate::ssh::Signed;
use crate::statement::Statement;
use crate::window::Window;
use provlog_core::Hash;
use provlog_core::cbor::Value;
use provlog_core::claims::kind_name;
use provlog_core::record::{Record, SectionName};

/// What is kept of an entry of kind `approval`: digests, and a remark at most, however long its texts are.
#[derive(Clone, Debug)]
pub(super) struct Given<'b> {
    leaf_hash: Hash,
    standing: Standing<'b>,
}

/// What such an entry is to whoever counts it.
#[derive(Clone, Debug)]
enum Standing<'b> {
    /// A claim that is read for it is.
    Hidden,
    /// Its `approval-form` doesn't pass, or isn't listed.
    Unsigned(Made),
    Signed(Box<SignedApproval<'b>>),
}

#[derive(Clone, Debug)]
struct SignedApproval<'b> {
    statement: [u8; 32],
    /// Of the claims that equal the statement; none: it is one that no promotion's can equal.
    claims: Option<[u8; 32]>,
    window: Window,
    fingerprint: String,
    flags: Flags,
    /// By the reader's roster, at the entry's own time.
    signer: Result<Signer<'b>, String>,
}

impl<'b> Given<'b> {
    /// None: it is of another kind.
    pub(super) fn of(believed: &'b Believed, record: &Record, own: Option<&Own>) -> Option<Self> {
        if kind_name(record.entry.kind) != Some("approval") {
            return None;
        }
        let hidden = || matches!(shown(record, SectionName::Submitted, "approval"), Shown::Hidden);
        let standing = match own {
            None if hidden() => Standing::Hidden,
            None => Standing::Unsigned(Made::failed("the entry that is the approval has no statement")),
            Some(own) if own.is_hidden => Standing::Hidden,
            Some(Own { signed: Some((statement, signed)), .. }) => {
                Standing::Signed(Box::new(SignedApproval::of(believed, record, statement, signed)))
            }
            Some(Own { form, .. }) => {
                let remark = "approval-form of the entry that is the approval doesn't hold".into();
                Standing::Unsigned(Made { status: form.status, remark })
            }
        };
        Some(Self { leaf_hash: record.entry.leaf_hash(), standing })
    }

    /// What a promotion counts it for, held against what it is.
    pub(super) fn counted(&self, believed: &Believed, awaited: Awaited) -> Result<Made, Made> {
        if self.leaf_hash != awaited.entry.1 {
            return Err(awaited.not_given());
        }
        if matches!(self.standing, Standing::Hidden) {
            return Err(Made::skipped(NOT_DISCLOSED));
        }
        awaited.form.clone()?;
        if believed.roster().is_none() {
            return Err(no_roster());
        }
        match &self.standing {
            Standing::Hidden => Err(Made::skipped(NOT_DISCLOSED)),
            Standing::Unsigned(made) => Err(made.clone()),
            Standing::Signed(approval) => approval.counted(awaited),
        }
    }
}

impl<'b> SignedApproval<'b> {
    fn of(believed: &'b Believed, record: &Record, statement: &Statement, signed: &Signed) -> Self {
        let approval = record.section(SectionName::Submitted).value("approval").and_then(Value::as_map);
        let time_ms = record.entry.time_ms.get();
        let by = |roster| match approval {
            Some(approval) => signer(roster, approval, signed, time_ms),
            None => Err(NOT_DISCLOSED.into()),
        };
        Self {
            statement: statement.sha256(),
            claims: statement_digest(statement).ok(),
            window: statement.window(),
            fingerprint: signed.key().fingerprint(),
            flags: Flags::of(signed),
            signer: believed.roster().map_or_else(|| Err("not given: a roster".into()), by),
        }
    }

    fn counted(&self, awaited: Awaited) -> Result<Made, Made> {
        let (time_ms, window) = (awaited.time_ms, self.window);
        awaited.member?;
        check_statement(awaited.statement, self.statement)?;
        if Some(awaited.claims.map_err(Made::failed)?) != self.claims {
            return Err(Made::failed("the statement is of other claims than the promotion's"));
        }
        if !window.contains(time_ms) {
            return Err(Made::failed(format_args!("it holds from {window}, not at {time_ms} ms")));
        }
        check_key(&awaited.fingerprint, &self.fingerprint)?;
        awaited.flags.check(self.flags)?;
        let Signer { person, window, .. } = self.signer.as_ref().map_err(Made::failed)?;
        if !window.contains(time_ms) {
            let id = person.id();
            return Err(Made::failed(format_args!("{id}: the key holds from {window}, not at {time_ms} ms")));
        }
        awaited.one_name?;
        Ok(signed_by(person))
    }
}
