//! The claim table: every kind, every claim, its type, and which claims a kind must and may have.
//!
//! This is the only place that says so. A claim whose type isn't settled yet has no row: to a reader it is a name that
//! this version doesn't know, which is shown and never an error.

use super::types::{DIGEST, PRINCIPAL, Type, optional, required};
use crate::entry::Kind;
use Type::{
    Bool, Bytes, FreeMap, Literal, Named, Object, OneOrMany, OrAbsent, ReferenceOr, Text, TextOrEmpty, Uint,
    Words,
};

/// A row of the table of kinds.
#[derive(PartialEq, Eq, Debug)]
pub struct KindSpec {
    /// Its number in the entry.
    pub kind: Kind,
    /// Its name in JSON and on the command line.
    pub name: &'static str,
    /// What an entry of this kind states.
    pub meaning: &'static str,
    /// Only the log itself writes it.
    pub log_only: bool,
    /// Clients may submit it in this version.
    pub accepted: bool,
    /// Claims that an entry of this kind must have. Empty where they aren't settled yet.
    pub required: &'static [&'static str],
    /// Claims that it may have, beside [`OPTIONAL_ON_ANY`] and `x-` names.
    pub optional: &'static [&'static str],
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
        is_extension(claim)
            || [self.required, self.optional, OPTIONAL_ON_ANY].iter().any(|names| names.contains(&claim))
    }

    /// The claims of this kind, each once, and whether it is required: those first, those optional on any kind last.
    pub fn claims(&self) -> impl Iterator<Item = (&'static ClaimSpec, bool)> {
        let optional = self.optional.iter().chain(OPTIONAL_ON_ANY);
        let optional = optional.filter(|name| !self.required.contains(name)).map(|name| (*name, false));
        let names = self.required.iter().map(|name| (*name, true)).chain(optional);
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
    if is_extension(claim) { Some(&Type::Any) } else { claim_spec(claim).map(|spec| spec.ty) }
}

/// Names that are the submitter's own.
fn is_extension(claim: &str) -> bool {
    claim.starts_with("x-")
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

/// Claims that an entry of any kind may have.
pub static OPTIONAL_ON_ANY: &[&str] =
    &["authors", "operator", "workload", "run", "correlation", "occurred_at_ms", "attachments"];

/// Every kind that has a number.
pub static KINDS: &[KindSpec] = &[
    KindSpec {
        kind: GENESIS,
        name: "genesis",
        meaning: "first entry of every log, so that a receipt's tree never has size 1",
        log_only: true,
        accepted: false,
        required: &["log"],
        optional: &[],
    },
    KindSpec {
        kind: kind(1),
        name: "generation",
        meaning: "a model produced a change",
        log_only: false,
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
        optional: &["tools", "permissions", "intent"],
    },
    KindSpec {
        kind: kind(2),
        name: "scan",
        meaning: "a scanner looked at exactly these bytes",
        log_only: false,
        accepted: true,
        required: &["subject", "scan"],
        optional: &[],
    },
    KindSpec {
        kind: kind(3),
        name: "approval",
        meaning: "a human approved exactly this",
        log_only: false,
        accepted: true,
        required: &["subject", "approval", "intent", "policy"],
        optional: &[],
    },
    KindSpec {
        kind: kind(4),
        name: "promotion",
        meaning: "a change goes, or was refused, to an environment",
        log_only: false,
        accepted: true,
        required: &["subject", "model", "prompt_hash", "approvals", "policy", "environment", "decision"],
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
        ],
    },
    KindSpec {
        kind: kind(5),
        name: "policy",
        meaning: "a policy set was published",
        log_only: false,
        accepted: true,
        required: &["policy"],
        optional: &["policy_text"],
    },
    KindSpec {
        kind: kind(6),
        name: "trust",
        meaning: "a roster or key set that the log relied on",
        log_only: true,
        accepted: false,
        required: &[],
        optional: &[],
    },
    KindSpec {
        kind: kind(7),
        name: "erasure",
        meaning: "claims of an earlier entry were erased",
        log_only: true,
        accepted: false,
        required: &[],
        optional: &[],
    },
    KindSpec {
        kind: kind(8),
        name: "withdrawal",
        meaning: "an approval no longer counts",
        log_only: false,
        accepted: false,
        required: &[],
        optional: &[],
    },
    KindSpec {
        kind: kind(9),
        name: "credential",
        meaning: "a short-lived credential was issued",
        log_only: false,
        accepted: false,
        required: &["credential"],
        optional: &[],
    },
    KindSpec {
        kind: kind(10),
        name: "revocation",
        meaning: "a short-lived credential was revoked",
        log_only: false,
        accepted: false,
        required: &["credential"],
        optional: &[],
    },
    KindSpec {
        kind: kind(11),
        name: "refusal",
        meaning: "the log refused something",
        log_only: true,
        accepted: false,
        required: &[],
        optional: &[],
    },
    KindSpec {
        kind: kind(12),
        name: "hold",
        meaning: "a legal hold on entries",
        log_only: false,
        accepted: false,
        required: &[],
        optional: &[],
    },
    KindSpec {
        kind: kind(13),
        name: "release",
        meaning: "a legal hold was lifted",
        log_only: false,
        accepted: false,
        required: &[],
        optional: &[],
    },
    KindSpec {
        kind: kind(14),
        name: "rotation",
        meaning: "the log gets a new key",
        log_only: true,
        accepted: false,
        required: &[],
        optional: &[],
    },
    KindSpec {
        kind: kind(22),
        name: "event",
        meaning: "anything else of the submitter's",
        log_only: false,
        accepted: true,
        required: &["type", "subject"],
        optional: &[],
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
    ClaimSpec { name: "log", ty: &LOG, help: "the log's name, id, first key and format" },
];

const fn some(item: &'static Type) -> Type {
    Type::List { least: 1, item }
}

const fn any_number(item: &'static Type) -> Type {
    Type::List { least: 0, item }
}

static SUBJECT: Type =
    Object(&[optional("name", &Text), optional("uri", &Text), required("digest", &DIGEST)]);

static MODEL: Type = Named(
    "model",
    &OrAbsent(&OneOrMany(&Named(
        "one-model",
        &Object(&[
            required("provider", &OrAbsent(&Text)),
            required("name", &Text),
            required("version", &OrAbsent(&Text)),
            optional("parameters_digest", &DIGEST),
        ]),
    ))),
);

static PROMPT_HASH: Type = Named("prompt_hash", &OrAbsent(&OneOrMany(&DIGEST)));

static AGENT: Type = Named(
    "one-agent",
    &Object(&[
        required("name", &Text),
        optional("version", &Text),
        optional("configuration_digest", &DIGEST),
    ]),
);

static SESSION: Type = Named(
    "one-session",
    &Object(&[required("id", &Text), optional("parent", &Text), optional("uri", &Text)]),
);

static CONTEXT: Type =
    Object(&[optional("name", &Text), optional("uri", &Text), required("digest", &DIGEST)]);

static HUMAN_INVOLVEMENT: Type = Object(&[
    required("level", &Words(&["none", "prompted", "reviewed", "edited"])),
    optional("by", &some(&PRINCIPAL)),
]);

static TOOL: Type = Object(&[required("name", &Text), optional("version", &Text)]);

static INTENT: Type = Object(&[
    required("id", &Text),
    required("purpose", &Text),
    optional("ticket", &Text),
    optional("requester", &PRINCIPAL),
    optional("scope", &FreeMap { least: 0, value: &any_number(&Text) }),
    optional("expires_at_ms", &Uint),
]);

static APPROVAL: Type = Named(
    "approval",
    &Object(&[
        required("approver", &PRINCIPAL),
        required("method", &Text),
        optional("statement", &Text),
        optional("signature", &Text),
        optional("key", &Text),
        optional("nonce", &Text),
        optional("approved_at_ms", &Uint),
        optional("expires_at_ms", &Uint),
    ]),
);

static GENERATION: Type = Object(&[required("model", &MODEL), required("prompt_hash", &PROMPT_HASH)]);

static POLICY: Type =
    Object(&[required("name", &Text), required("version", &Text), required("digest", &DIGEST)]);

static DECISION: Type = Object(&[
    required("outcome", &Words(&["allow", "deny", "observed"])),
    optional("reasons", &any_number(&Text)),
]);

static SCAN: Type = Named(
    "scan",
    &Object(&[
        required("tool", &Object(&[required("name", &Text), required("version", &Text)])),
        required("target", &DIGEST),
        required("verdict", &Words(&["pass", "fail", "error"])),
        optional("counts", &FreeMap { least: 0, value: &Uint }),
        optional("ruleset_digest", &DIGEST),
        optional("report_digest", &DIGEST),
    ]),
);

static CREDENTIAL: Type = Object(&[
    required("id_digest", &DIGEST),
    required("issuer", &Text),
    required("issued_at_ms", &Uint),
    required("expires_at_ms", &Uint),
    optional("audience", &Text),
    optional("scopes", &any_number(&Text)),
    optional("intent", &Text),
]);

static DEPENDENCY: Type = Object(&[
    required("purl", &Text),
    required("change", &Words(&["added", "changed", "removed"])),
    optional("integrity", &DIGEST),
    optional("resolved", &DIGEST),
    optional("install_script", &Bool),
]);

static EXCEPTION: Type = Object(&[
    required("reason", &Text),
    required("approved_by", &PRINCIPAL),
    optional("expires_at_ms", &Uint),
]);

static RUN: Type = Object(&[required("id", &Text), optional("attempt", &Uint), optional("uri", &Text)]);

static ATTACHMENT: Type =
    Object(&[required("mediaType", &Text), required("digest", &DIGEST), required("size", &Uint)]);

static WORKLOAD: Type = Object(&[
    required("method", &Words(&["none", "log", "static-token", "oidc", "jwt-svid", "x509-svid", "peer"])),
    optional("id", &Text),
    optional("issuer", &Text),
    optional("audience", &Text),
    optional("claims", &FreeMap { least: 0, value: &TextOrEmpty }),
    optional("token_digest", &DIGEST),
    optional("verified_at_ms", &Uint),
    optional("binding", &Words(&["bearer", "statement"])),
]);

static LOG: Type = Object(&[
    required("origin", &Text),
    required("id", &Bytes(&[16])),
    required("key", &Text),
    required("format", &Literal(1)),
    optional(
        "predecessor",
        &Object(&[
            required("origin", &Text),
            required("size", &Uint),
            required("root", &Bytes(&[32])),
            required("reason", &Text),
        ]),
    ),
]);
