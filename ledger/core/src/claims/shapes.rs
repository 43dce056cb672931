//! The types of claims: what each claim's value is made of.

use super::types::{DIGEST, FORMAT_KEY, PRINCIPAL, REFERENCE, Type, optional, required};
use Type::{
    AnyBytes, Bool, ByFormat, Bytes, FreeMap, Literal, Named, Object, OneOrMany, OrAbsent, Text, TextOrEmpty,
    Uint, Words,
};

pub(super) const fn some(item: &'static Type) -> Type {
    Type::List { least: 1, item }
}

pub(super) const fn any_number(item: &'static Type) -> Type {
    Type::List { least: 0, item }
}

pub(super) static SUBJECT: Type =
    Object(&[optional("name", &Text), optional("uri", &Text), required("digest", &DIGEST)]);

pub(super) static MODEL: Type = Named(
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

pub(super) static PROMPT_HASH: Type = Named("prompt_hash", &OrAbsent(&OneOrMany(&DIGEST)));

pub(super) static AGENT: Type = Named(
    "one-agent",
    &Object(&[
        required("name", &Text),
        optional("version", &Text),
        optional("configuration_digest", &DIGEST),
    ]),
);

pub(super) static SESSION: Type = Named(
    "one-session",
    &Object(&[required("id", &Text), optional("parent", &Text), optional("uri", &Text)]),
);

pub(super) static CONTEXT: Type =
    Object(&[optional("name", &Text), optional("uri", &Text), required("digest", &DIGEST)]);

pub(super) static HUMAN_INVOLVEMENT: Type = Object(&[
    required("level", &Words(&["none", "prompted", "reviewed", "edited"])),
    optional("by", &some(&PRINCIPAL)),
]);

pub(super) static TOOL: Type = Object(&[required("name", &Text), optional("version", &Text)]);

pub(super) static INTENT: Type = Object(&[
    required("id", &Text),
    required("purpose", &Text),
    optional("ticket", &Text),
    optional("requester", &PRINCIPAL),
    optional("scope", &FreeMap { least: 0, value: &any_number(&Text) }),
    optional("expires_at_ms", &Uint),
]);

pub(super) static APPROVAL: Type = Named(
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

pub(super) static GENERATION: Type =
    Object(&[required("model", &MODEL), required("prompt_hash", &PROMPT_HASH)]);

pub(super) static POLICY: Type =
    Object(&[required("name", &Text), required("version", &Text), required("digest", &DIGEST)]);

pub(super) static DECISION: Type = Object(&[
    required("outcome", &Words(&["allow", "deny", "observed"])),
    optional("reasons", &any_number(&Text)),
]);

pub(super) static SCAN: Type = Named(
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

pub(super) static CREDENTIAL: Type = Object(&[
    required("id_digest", &DIGEST),
    required("issuer", &Text),
    required("issued_at_ms", &Uint),
    required("expires_at_ms", &Uint),
    optional("audience", &Text),
    optional("scopes", &any_number(&Text)),
    optional("intent", &Text),
]);

pub(super) static DEPENDENCY: Type = Object(&[
    required("purl", &Text),
    required("change", &Words(&["added", "changed", "removed"])),
    optional("integrity", &DIGEST),
    optional("resolved", &DIGEST),
    optional("install_script", &Bool),
]);

pub(super) static EXCEPTION: Type = Object(&[
    required("reason", &Text),
    required("approved_by", &PRINCIPAL),
    optional("expires_at_ms", &Uint),
]);

pub(super) static RUN: Type =
    Object(&[required("id", &Text), optional("attempt", &Uint), optional("uri", &Text)]);

pub(super) static ATTACHMENT: Type =
    Object(&[required("mediaType", &Text), required("digest", &DIGEST), required("size", &Uint)]);

pub(super) static WORKLOAD: Type = Object(&[
    required("method", &Words(&["none", "log", "static-token", "oidc", "jwt-svid", "x509-svid", "peer"])),
    optional("id", &Text),
    optional("issuer", &Text),
    optional("audience", &Text),
    optional("claims", &FreeMap { least: 0, value: &TextOrEmpty }),
    optional("token_digest", &DIGEST),
    optional("verified_at_ms", &Uint),
    optional("binding", &Words(&["bearer", "statement"])),
]);

pub(super) static LOG: Type = Object(&[
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

pub(super) static OBSERVED: Type =
    Object(&[required("digest", &DIGEST), required("count", &Uint), required("outside", &any_number(&Text))]);

pub(super) static STATEMENT: Type = Object(&[required("statement", &Bytes(&[32]))]);

/// One member of a set, in the entry that added it.
pub(super) static MEMBER: Type = Named(
    "member",
    &Object(&[
        required("index", &Uint),
        required("leaf_hash", &Bytes(&[32])),
        required("claim", &Text),
        required("claim_hash", &Bytes(&[32])),
        required("set", &REFERENCE),
    ]),
);

pub(super) static WORKLOAD_EVIDENCE: Type = ByFormat(&[
    &Object(&[
        required(FORMAT_KEY, &Words(&["jwt"])),
        required("token", &Text),
        required("key", &MEMBER),
        required("thumbprint", &Bytes(&[32])),
    ]),
    &Object(&[
        required(FORMAT_KEY, &Words(&["x509-svid"])),
        required("chain", &some(&AnyBytes)),
        required("signature", &AnyBytes),
        required("bundle", &MEMBER),
        required("ca", &Bytes(&[32])),
    ]),
]);

/// What a client brings beside its claims, and the log makes the attested claim of.
pub static EVIDENCE: Type = Named(
    "evidence",
    &ByFormat(&[
        &Object(&[required(FORMAT_KEY, &Words(&["jwt"])), required("token", &Text)]),
        &Object(&[
            required(FORMAT_KEY, &Words(&["x509-svid"])),
            required("chain", &some(&AnyBytes)),
            required("signature", &AnyBytes),
        ]),
    ]),
);

pub(super) static APPROVAL_CHECK: Type = Object(&[
    required("at", &Uint),
    required("statement", &Bytes(&[32])),
    required("signer", &Text),
    required("fingerprint", &Text),
    required("roster", &MEMBER),
    optional("presence", &Bool),
    optional("verification", &Bool),
]);

pub(super) static WITHDRAWAL: Type = Object(&[required("by", &Words(&["signer", "admin"]))]);

pub(super) static ACTIVATION: Type = Object(&[
    required("environments", &some(&Text)),
    required("language", &Text),
    required("engine", &Text),
    required("publish", &Uint),
    optional("approvals", &any_number(&REFERENCE)),
    optional("previous", &REFERENCE),
]);

pub(super) static GATE: Type = Object(&[
    required("outcome", &Words(&["allow", "deny"])),
    required("policy", &REFERENCE),
    required("as_of", &Uint),
    required("at_ms", &Uint),
    required("engine", &Text),
    required("determining", &any_number(&Text)),
    required("reasons", &any_number(&Text)),
    optional("expires_at_ms", &Uint),
    optional("override", &Bool),
]);

pub(super) static SET_CHANGE: Type = Object(&[
    required("what", &Words(&["jwks", "spiffe-bundle", "allowed-signers", "promotion-key"])),
    required("name", &Text),
    required("set_digest", &Bytes(&[32])),
    optional("previous", &REFERENCE),
    required("part", &Uint),
    required("parts", &Uint),
    optional("removed", &any_number(&Bytes(&[32]))),
    optional("source", &Bytes(&[32])),
    optional("approvals", &any_number(&REFERENCE)),
]);

pub(super) static ERASURE: Type = Object(&[
    required("target", &REFERENCE),
    required(
        "claims",
        &some(&Object(&[
            required("section", &Words(&["submitted", "attested"])),
            required("name", &Text),
            required("claim_hash", &Bytes(&[32])),
        ])),
    ),
    required("reason", &Text),
    required("legal_basis", &Text),
]);

pub(super) static REFUSAL: Type = Object(&[
    required("code", &Text),
    required("count", &Uint),
    required("from_ms", &Uint),
    required("to_ms", &Uint),
    optional("submitted_digest", &Bytes(&[32])),
]);

pub(super) static HOLD: Type = Object(&[
    required("id", &Text),
    required("ranges", &some(&Object(&[required("start", &Uint), required("end", &Uint)]))),
    required("reason", &Text),
    optional("authority", &Text),
]);

pub(super) static ROTATION: Type = Object(&[
    required("previous", &Text),
    required("next", &Text),
    required("signature", &Bytes(&[64])),
    required("reason", &Text),
]);
