//! The claim table: every kind, every claim, its type, and which claims a kind must and may have.
//!
//! This is the only place that says so. To a reader a claim without a row is a name that this version doesn't know, which is
//! shown and never an error.

use super::shapes::{
    ACTIVATION, AGENT, APPROVAL, APPROVAL_CHECK, ATTACHMENT, CONTEXT, CREDENTIAL, DECISION, DEPENDENCY,
    ERASURE, EXCEPTION, GATE, GENERATION, HOLD, HUMAN_INVOLVEMENT, INTENT, LOG, MODEL, OBSERVED, POLICY,
    PROMPT_HASH, REFUSAL, ROTATION, RUN, SCAN, SESSION, SET_CHANGE, STATEMENT, SUBJECT, TOOL, WITHDRAWAL,
    WORKLOAD, WORKLOAD_EVIDENCE, any_number, some,
};
use super::types::{PRINCIPAL, Type};
use crate::entry::Kind;
use crate::limits::SET_PART_MEMBERS_MAX;
use Type::{Bytes, FreeMap, OneOrMany, OrAbsent, ReferenceOr, Text, TextOrEmpty, Uint};

/// A row of the table of kinds.
#[derive(PartialEq, Eq, Debug)]
pub struct KindSpec {
    /// Its number in the entry.
    pub kind: Kind,
    /// Its name in JSON and on the command line.
    pub name: &'static str,
    /// What an entry of this kind states.
    pub meaning: &'static str,
    /// Who may have it written.
    pub writer: KindWriter,
    /// Clients may submit it in this version.
    pub accepted: bool,
    /// Claims that an entry of this kind must have.
    pub required: &'static [&'static str],
    /// Claims that it must have where no gate decides, and has not where one does.
    pub ungated: &'static [&'static str],
    /// Claims that it may have, beside [`OPTIONAL_ON_ANY`] and `x-` names.
    pub optional: &'static [&'static str],
    /// Claims that the log may attest, beside [`ATTESTED_ON_ANY`].
    pub attested: &'static [&'static str],
}

/// Who has entries of a kind written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KindWriter {
    /// Whoever may append.
    Client,
    /// Whoever administers the log.
    Admin,
    /// The log itself, of its own accord.
    Log,
}

/// A row of the table of claims.
#[derive(Debug)]
pub struct ClaimSpec {
    /// Its name.
    pub name: &'static str,
    /// The type of its value.
    pub ty: &'static Type,
    /// One line for people.
    pub help: &'static str,
}

impl KindSpec {
    /// Whether an entry of this kind may have a claim of this name.
    #[must_use]
    pub fn allows(&self, claim: &str) -> bool {
        let named = [self.required, self.ungated, self.optional, OPTIONAL_ON_ANY];
        is_extension(claim)
            || named.iter().any(|names| names.contains(&claim))
            || (self.kind == TRUST && is_member(claim))
    }

    /// The claims of this kind, each once, and whether it is required: those first, those optional on any kind last.
    pub fn claims(&self) -> impl Iterator<Item = (&'static ClaimSpec, bool)> {
        let optional = self.optional.iter().chain(OPTIONAL_ON_ANY);
        let optional = optional.filter(|name| !self.required.contains(name)).map(|name| (*name, false));
        let required = self.required.iter().chain(self.ungated).map(|name| (*name, true));
        let names = required.chain(optional);
        names.filter_map(|(name, required)| Some((claim_spec(name)?, required)))
    }
}

/// The row of this kind, if this version knows it.
#[must_use]
pub fn kind_spec(kind: Kind) -> Option<&'static KindSpec> {
    KINDS.iter().find(|spec| spec.kind == kind)
}

/// The row of the kind with this name.
#[must_use]
pub fn kind_named(name: &str) -> Option<&'static KindSpec> {
    KINDS.iter().find(|spec| spec.name == name)
}

/// The kind's name, if this version knows it.
#[must_use]
pub fn kind_name(kind: Kind) -> Option<&'static str> {
    kind_spec(kind).map(|spec| spec.name)
}

/// The type of the claim with this name: [`Type::Any`] for `x-` names, nothing for names that aren't in the table.
#[must_use]
pub fn type_of(claim: &str) -> Option<&'static Type> {
    match claim {
        _ if is_extension(claim) => Some(&Type::Any),
        _ if is_member(claim) => Some(&Type::Text),
        _ => claim_spec(claim).map(|spec| spec.ty),
    }
}

/// Whether entries of some kind have a claim of this name attested by the log, and never submitted.
#[must_use]
pub fn is_attested_alone(claim: &str) -> bool {
    let attested = |kind: &KindSpec| kind.attested.contains(&claim);
    let submitted = |kind: &KindSpec| kind.allows(claim);
    (ATTESTED_ON_ANY.contains(&claim) || KINDS.iter().any(attested)) && !KINDS.iter().any(submitted)
}

/// Names that are the submitter's own.
pub(crate) fn is_extension(claim: &str) -> bool {
    claim.starts_with("x-")
}

/// `m01` to `m60`: the members that a part of a set's change adds.
#[must_use]
pub fn is_member(claim: &str) -> bool {
    let Some([tens @ b'0'..=b'9', ones @ b'0'..=b'9']) = claim.strip_prefix('m').map(str::as_bytes) else {
        return false;
    };
    let number = 10 * u32::from(tens - b'0') + u32::from(ones - b'0');
    (1..=SET_PART_MEMBERS_MAX).contains(&number)
}

fn claim_spec(name: &str) -> Option<&'static ClaimSpec> {
    CLAIMS.iter().find(|spec| spec.name == name)
}

const fn kind(number: u8) -> Kind {
    #[expect(clippy::panic, reason = "the compiler evaluates this, for the constants of this file only")]
    match Kind::new(number) {
        Some(kind) => kind,
        None => panic!("a kind's number is below 24"),
    }
}

/// The kind of every log's first entry.
pub const GENESIS: Kind = kind(0);

/// The kind of entries of which a gate may decide.
pub const PROMOTION: Kind = kind(4);

/// The kind of entries that change a set of keys or persons.
pub const TRUST: Kind = kind(6);

/// Claims that an entry of any kind may have.
pub static OPTIONAL_ON_ANY: &[&str] =
    &["authors", "operator", "workload", "run", "correlation", "occurred_at_ms", "attachments"];

/// Claims that the log may attest of an entry of any kind.
pub static ATTESTED_ON_ANY: &[&str] = &["workload", "workload_evidence"];

/// Every kind that has a number.
pub static KINDS: &[KindSpec] = &[
    KindSpec {
        kind: GENESIS,
        name: "genesis",
        meaning: "first entry of every log, so that a receipt's tree never has size 1",
        writer: KindWriter::Log,
        accepted: false,
        required: &["log"],
        ungated: &[],
        optional: &[],
        attested: &[],
    },
    KindSpec {
        kind: kind(1),
        name: "generation",
        meaning: "a model produced a change",
        writer: KindWriter::Client,
        accepted: true,
        required: &[
            "subject",
            "model",
            "prompt_hash",
            "agent",
            "session",
            "context",
            "human_involvement",
            "correlation",
        ],
        ungated: &[],
        optional: &["tools", "permissions", "intent"],
        attested: &[],
    },
    KindSpec {
        kind: kind(2),
        name: "scan",
        meaning: "a scanner looked at exactly these bytes",
        writer: KindWriter::Client,
        accepted: true,
        required: &["subject", "scan"],
        ungated: &[],
        optional: &[],
        attested: &[],
    },
    KindSpec {
        kind: kind(3),
        name: "approval",
        meaning: "a human approved exactly this",
        writer: KindWriter::Client,
        accepted: true,
        required: &["subject", "approval", "intent", "policy"],
        ungated: &[],
        optional: &["environment"],
        attested: &["approval_checks"],
    },
    KindSpec {
        kind: PROMOTION,
        name: "promotion",
        meaning: "a change goes, or was refused, to an environment",
        writer: KindWriter::Client,
        accepted: true,
        required: &["subject", "model", "prompt_hash", "approvals", "policy", "environment"],
        ungated: &["decision"],
        optional: &[
            "generations",
            "intent",
            "scans",
            "credential",
            "dependencies",
            "exception",
            "agent",
            "session",
            "context",
            "human_involvement",
            "tools",
            "permissions",
            "observed",
        ],
        attested: &["approval_checks", "gate", "facts"],
    },
    KindSpec {
        kind: kind(5),
        name: "policy",
        meaning: "a policy set was published",
        writer: KindWriter::Client,
        accepted: true,
        required: &["policy"],
        ungated: &[],
        optional: &["policy_text"],
        attested: &["activation"],
    },
    KindSpec {
        kind: kind(6),
        name: "trust",
        meaning: "a roster or key set that the log relied on",
        writer: KindWriter::Log,
        accepted: false,
        required: &["trust"],
        ungated: &[],
        optional: &[],
        attested: &[],
    },
    KindSpec {
        kind: kind(7),
        name: "erasure",
        meaning: "claims of an earlier entry were erased",
        writer: KindWriter::Log,
        accepted: false,
        required: &["erases"],
        ungated: &[],
        optional: &[],
        attested: &[],
    },
    KindSpec {
        kind: kind(8),
        name: "withdrawal",
        meaning: "an approval no longer counts",
        writer: KindWriter::Client,
        accepted: false,
        required: &["withdraws", "withdrawal_reason"],
        ungated: &[],
        optional: &["approval", "environment", "intent", "policy"],
        attested: &["approval_checks", "withdrawal"],
    },
    KindSpec {
        kind: kind(9),
        name: "credential",
        meaning: "a short-lived credential was issued",
        writer: KindWriter::Client,
        accepted: false,
        required: &["credential"],
        ungated: &[],
        optional: &[],
        attested: &[],
    },
    KindSpec {
        kind: kind(10),
        name: "revocation",
        meaning: "a short-lived credential was revoked",
        writer: KindWriter::Client,
        accepted: false,
        required: &["credential"],
        ungated: &[],
        optional: &[],
        attested: &[],
    },
    KindSpec {
        kind: kind(11),
        name: "refusal",
        meaning: "the log refused something",
        writer: KindWriter::Log,
        accepted: false,
        required: &["refusal"],
        ungated: &[],
        optional: &[],
        attested: &[],
    },
    KindSpec {
        kind: kind(12),
        name: "hold",
        meaning: "a legal hold on entries",
        writer: KindWriter::Admin,
        accepted: false,
        required: &["hold"],
        ungated: &[],
        optional: &[],
        attested: &[],
    },
    KindSpec {
        kind: kind(13),
        name: "release",
        meaning: "a legal hold was lifted",
        writer: KindWriter::Admin,
        accepted: false,
        required: &["hold"],
        ungated: &[],
        optional: &[],
        attested: &[],
    },
    KindSpec {
        kind: kind(14),
        name: "rotation",
        meaning: "the log gets a new key",
        writer: KindWriter::Log,
        accepted: false,
        required: &["rotation"],
        ungated: &[],
        optional: &[],
        attested: &[],
    },
    KindSpec {
        kind: kind(22),
        name: "event",
        meaning: "anything else of the submitter's",
        writer: KindWriter::Client,
        accepted: true,
        required: &["type", "subject"],
        ungated: &[],
        optional: &[],
        attested: &[],
    },
];

/// Every claim that has a type.
pub static CLAIMS: &[ClaimSpec] = &[
    ClaimSpec {
        name: "subject",
        ty: &some(&SUBJECT),
        help: "the artifacts or commits that the entry is about, each with a digest",
    },
    ClaimSpec { name: "model", ty: &MODEL, help: "the model, or models, that produced the change" },
    ClaimSpec {
        name: "prompt_hash",
        ty: &PROMPT_HASH,
        help: "digest of the prompt's exact bytes, or one a turn",
    },
    ClaimSpec {
        name: "agent",
        ty: &OrAbsent(&OneOrMany(&AGENT)),
        help: "the tool or agent that drove the model",
    },
    ClaimSpec {
        name: "session",
        ty: &OrAbsent(&OneOrMany(&SESSION)),
        help: "the session in which the change was produced",
    },
    ClaimSpec {
        name: "context",
        ty: &OrAbsent(&any_number(&CONTEXT)),
        help: "what the model was shown beside the prompt",
    },
    ClaimSpec {
        name: "human_involvement",
        ty: &OrAbsent(&HUMAN_INVOLVEMENT),
        help: "how far a person took part, and who",
    },
    ClaimSpec { name: "tools", ty: &any_number(&TOOL), help: "the tools that the agent could call" },
    ClaimSpec { name: "permissions", ty: &any_number(&Text), help: "what the agent was allowed to do" },
    ClaimSpec {
        name: "intent",
        ty: &OrAbsent(&INTENT),
        help: "the declared purpose of the change, with its ticket, requester and scope",
    },
    ClaimSpec { name: "approval", ty: &APPROVAL, help: "who approved, and how" },
    ClaimSpec {
        name: "approvals",
        ty: &OrAbsent(&any_number(&ReferenceOr(kind(3), &APPROVAL))),
        help: "the approvals that count, as references to entries or inline",
    },
    ClaimSpec {
        name: "generations",
        ty: &some(&ReferenceOr(kind(1), &GENERATION)),
        help: "the generations that went into the change, as references to entries or inline",
    },
    ClaimSpec {
        name: "policy",
        ty: &OrAbsent(&POLICY),
        help: "the promotion policy, with the version and digest that were applied",
    },
    ClaimSpec { name: "policy_text", ty: &Text, help: "the policy's own text" },
    ClaimSpec { name: "environment", ty: &Text, help: "where the change goes, such as production" },
    ClaimSpec { name: "decision", ty: &DECISION, help: "whether the change was let through, and why" },
    ClaimSpec { name: "scan", ty: &SCAN, help: "what a scanner found in which bytes" },
    ClaimSpec {
        name: "scans",
        ty: &any_number(&ReferenceOr(kind(2), &SCAN)),
        help: "the scans that count, as references to entries or inline",
    },
    ClaimSpec {
        name: "credential",
        ty: &CREDENTIAL,
        help: "the short-lived credential that was used, by digest of its id",
    },
    ClaimSpec {
        name: "dependencies",
        ty: &any_number(&DEPENDENCY),
        help: "dependencies that the change adds, changes or removes",
    },
    ClaimSpec {
        name: "exception",
        ty: &EXCEPTION,
        help: "why the policy was set aside this once, and who allowed it",
    },
    ClaimSpec {
        name: "authors",
        ty: &some(&PRINCIPAL),
        help: "who wrote the change; an author is not an approver",
    },
    ClaimSpec { name: "operator", ty: &PRINCIPAL, help: "who ran the pipeline or the agent" },
    ClaimSpec { name: "run", ty: &RUN, help: "the pipeline's run" },
    ClaimSpec {
        name: "correlation",
        ty: &OrAbsent(&FreeMap { least: 1, value: &TextOrEmpty }),
        help: "ids under which other systems know this, such as a trace id",
    },
    ClaimSpec {
        name: "occurred_at_ms",
        ty: &Uint,
        help: "when it happened, in milliseconds since the Unix epoch",
    },
    ClaimSpec { name: "attachments", ty: &some(&ATTACHMENT), help: "documents kept elsewhere, by digest" },
    ClaimSpec { name: "type", ty: &Text, help: "URI that says what sort of event it is" },
    ClaimSpec {
        name: "workload",
        ty: &WORKLOAD,
        help: "the identity of the job that submitted; attested by the log, asserted where a client gives it",
    },
    ClaimSpec {
        name: "observed",
        ty: &OBSERVED,
        help: "the change as the submitter computed it, and what of it lies outside the intent's scope",
    },
    ClaimSpec {
        name: "withdraws",
        ty: &ReferenceOr(kind(3), &STATEMENT),
        help: "the approval that no longer counts, by its entry or by its statement's SHA-256",
    },
    ClaimSpec { name: "withdrawal_reason", ty: &Text, help: "why an approval no longer counts" },
    ClaimSpec {
        name: "workload_evidence",
        ty: &WORKLOAD_EVIDENCE,
        help: "the token or certificate that binds the workload to this entry",
    },
    ClaimSpec {
        name: "approval_checks",
        ty: &some(&APPROVAL_CHECK),
        help: "the signatures of approvals that the log checked, and whose they are",
    },
    ClaimSpec { name: "withdrawal", ty: &WITHDRAWAL, help: "who withdrew: the signer, or an administrator" },
    ClaimSpec { name: "activation", ty: &ACTIVATION, help: "where a policy is in force from this entry on" },
    ClaimSpec { name: "gate", ty: &GATE, help: "what the policy in force decided" },
    ClaimSpec { name: "facts", ty: &Bytes(&[32]), help: "digest of what the policy decided on" },
    ClaimSpec { name: "trust", ty: &SET_CHANGE, help: "the change of a set of keys or persons" },
    ClaimSpec { name: "erases", ty: &ERASURE, help: "the claims that were erased, of which entry, and why" },
    ClaimSpec { name: "refusal", ty: &REFUSAL, help: "what the log refused, how often and when" },
    ClaimSpec { name: "hold", ty: &HOLD, help: "the entries of which nothing may be erased, and why" },
    ClaimSpec { name: "rotation", ty: &ROTATION, help: "the log's key until now, and the next one" },
    ClaimSpec { name: "log", ty: &LOG, help: "the log's name, id, first key and format" },
];
