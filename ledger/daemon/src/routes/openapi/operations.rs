//! What each route takes and answers. Statuses, codes and roles aren't repeated here: they are the tables'.

use crate::http::request::{CBOR, CBOR_SEQUENCE, JSON, NDJSON, TEXT_UTF8};
use crate::operate::metrics;
use crate::routes::openapi::description::{Answered, Description, Media, Parameter, Place};
use crate::routes::openapi::{refusals as r, schemas};
use crate::routes::operation::{SCHEMA, SCHEMAS};
use crate::routes::records::RECORDS_MAX;
use crate::routes::tree::OCTETS;
use axum::http::StatusCode;
use provlog_core::claims::{self, DIGEST, Type};
use provlog_core::limits::{BATCH_ENTRIES_MAX, IDEMPOTENCY_KEY_BYTES_MAX, INTEGER_MAX};
use serde_json::{Value, json};

pub(crate) static APPEND: Description = Description {
    id: "append",
    summary: "Appends one submission, and answers with its receipt",
    parameters: &[KEY],
    bodies: &[
        Media { media_type: JSON, schema: || schemas::reference("submission"), examples: EXAMPLES },
        Media {
            media_type: CBOR,
            schema: || text("A submission in CBOR (SPEC.md section 4.4)."),
            examples: &[],
        },
    ],
    answers: &[
        Answered {
            status: StatusCode::OK,
            about: "The entry was there already: a retry.",
            headers: &["Location"],
            media: APPENDED,
        },
        Answered {
            status: StatusCode::CREATED,
            about: "A new entry.",
            headers: &["Location"],
            media: APPENDED,
        },
    ],
    refusals: &[
        r::PARAMETERS,
        r::BODY,
        r::SUBMISSION_CODES,
        r::PERMISSION_CODES,
        r::TERMS_CODES,
        r::KEYS,
        r::KEY_TWICE,
        r::STANDING,
        r::READ,
        r::RECEIPT,
    ],
};

pub(crate) static BATCH: Description = Description {
    id: "appendBatch",
    summary: "Appends many submissions in one commit, all or none, and answers with a line for each",
    parameters: &[
        Parameter {
            place: Place::Query,
            name: "receipts",
            about: "Whether lines of the answer have receipts; they have unless this is false.",
            required: false,
            schema: || json!({"type": "boolean"}),
        },
        KEY,
    ],
    bodies: &[
        Media {
            media_type: NDJSON,
            schema: || lines("A submission a line.", "submission"),
            examples: &[("line", include_str!("../../operate/first_entry.json"))],
        },
        Media {
            media_type: JSON,
            schema: || {
                let items = schemas::reference("submission");
                json!({"type": "array", "minItems": 1, "maxItems": BATCH_ENTRIES_MAX, "items": items})
            },
            examples: &[],
        },
        Media {
            media_type: CBOR_SEQUENCE,
            schema: || text("Submissions in CBOR, one behind the other (RFC 8742)."),
            examples: &[],
        },
    ],
    answers: &[Answered {
        status: StatusCode::OK,
        about: "A line for each submission, in their order. Without its last chunk the answer is incomplete: send the batch again under the same key.",
        headers: &[],
        media: &[Media {
            media_type: NDJSON,
            schema: || lines("What a line came to, a line each.", "batch_line"),
            examples: &[],
        }],
    }],
    refusals: &[
        r::PARAMETERS,
        r::BODY,
        r::BATCH_CODES,
        r::SUBMISSION_CODES,
        r::PERMISSION_CODES,
        r::TERMS_CODES,
        r::KEYS,
        r::STANDING,
        r::READ,
    ],
};

pub(crate) static ENTRY: Description = Description {
    id: "entry",
    summary: "A record",
    parameters: &[INDEX],
    bodies: &[],
    answers: &[Answered {
        status: StatusCode::OK,
        about: "The record.",
        headers: &[],
        media: &[
            Media { media_type: JSON, schema: || schemas::reference("record"), examples: &[] },
            Media { media_type: CBOR, schema: || text("A record (SPEC.md section 3.2)."), examples: &[] },
        ],
    }],
    refusals: &[r::INDEX, r::READ],
};

pub(crate) static RECEIPT: Description = Description {
    id: "receipt",
    summary: "An entry's receipt at the latest checkpoint",
    parameters: &[INDEX],
    bodies: &[],
    answers: &[Answered { status: StatusCode::OK, about: "The receipt.", headers: &[], media: RECEIPT_TEXT }],
    refusals: &[r::INDEX, r::READ, r::RECEIPT],
};

pub(crate) static INCLUSION: Description = Description {
    id: "inclusionProof",
    summary: "An entry's inclusion proof at a size that was committed",
    parameters: &[
        INDEX,
        Parameter {
            place: Place::Query,
            name: "size",
            about: "The size of the tree, above the index; the newest unless set.",
            required: false,
            schema: size,
        },
    ],
    bodies: &[],
    answers: &[Answered {
        status: StatusCode::OK,
        about: "The proof (RFC 6962, section 2.1.1).",
        headers: &[],
        media: &[Media { media_type: JSON, schema: || schemas::reference("inclusion"), examples: &[] }],
    }],
    refusals: &[r::INDEX, r::READ],
};

pub(crate) static RECORDS: Description = Description {
    id: "records",
    summary: "Records in the order of the log, those that match all filters",
    parameters: &[
        query("start", "The first index; 0 unless set.", integer),
        query(
            "limit",
            "Most records of the answer; 1000 unless set.",
            || json!({"type": "integer", "minimum": 1, "maximum": RECORDS_MAX}),
        ),
        query(
            "kind",
            "Records of this kind alone.",
            || json!({"enum": claims::KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>()}),
        ),
        query(
            "from",
            "Records that were logged at this time or later, in milliseconds since the Unix epoch.",
            integer,
        ),
        query(
            "to",
            "Records that were logged before this time, in milliseconds since the Unix epoch.",
            integer,
        ),
        query(
            "subject",
            "Records with a submitted subject of this digest, as algorithm:lowercase hex.",
            digest,
        ),
        query("environment", "Records whose submitted environment is this.", || json!({"type": "string"})),
    ],
    bodies: &[],
    answers: &[Answered {
        status: StatusCode::OK,
        about: "The records; gzip where Accept-Encoding names it. An answer that breaks off is resumed behind the last record that came.",
        headers: &["Provlog-Tree-Size", "Provlog-Range-End"],
        media: &[
            Media { media_type: NDJSON, schema: || lines("A record a line.", "record"), examples: &[] },
            Media {
                media_type: CBOR_SEQUENCE,
                schema: || text("Items [index, record], one behind the other (RFC 8742)."),
                examples: &[],
            },
        ],
    }],
    refusals: &[r::PARAMETERS, r::INDEX, r::READ],
};

pub(crate) static CONSISTENCY: Description = Description {
    id: "consistencyProof",
    summary: "The proof that one committed tree extends another",
    parameters: &[
        Parameter { required: true, ..query("old", "The size of the older tree, at least 1.", size) },
        Parameter { required: true, ..query("new", "The size of the newer tree.", size) },
    ],
    bodies: &[],
    answers: &[Answered {
        status: StatusCode::OK,
        about: "The proof (RFC 6962, section 2.1.2).",
        headers: &[],
        media: &[Media {
            media_type: JSON,
            schema: || schemas::reference("consistency"),
            examples: &[("same", r#"{"old":1,"new":1,"proof":[]}"#)],
        }],
    }],
    refusals: &[r::PARAMETERS, r::READ, r::NO_ENTRY],
};

pub(crate) static LOG: Description = Description {
    id: "log",
    summary: "What this log is: name, key, size, limits",
    parameters: &[],
    bodies: &[],
    answers: &[Answered {
        status: StatusCode::OK,
        about: "The log.",
        headers: &[],
        media: &[Media { media_type: JSON, schema: || schemas::reference("log"), examples: &[] }],
    }],
    refusals: &[],
};

pub(crate) static KIND: Description = Description {
    id: "kindSchema",
    summary: "The JSON Schema of a submission",
    parameters: &[Parameter {
        place: Place::Path,
        name: "kind",
        about: "A kind that is accepted.",
        required: true,
        schema: || json!({"enum": SCHEMAS.map(|(kind, _)| kind)}),
    }],
    bodies: &[],
    answers: &[Answered {
        status: StatusCode::OK,
        about: "The schema.",
        headers: &[],
        media: &[Media { media_type: SCHEMA, schema: || json!({"type": "object"}), examples: &[] }],
    }],
    refusals: &[r::KIND],
};

pub(crate) static DOCUMENT: Description = Description {
    id: "openapi",
    summary: "This document",
    parameters: &[],
    bodies: &[],
    answers: &[Answered {
        status: StatusCode::OK,
        about: "OpenAPI 3.1.",
        headers: &[],
        media: &[Media { media_type: JSON, schema: || json!({"type": "object"}), examples: &[] }],
    }],
    refusals: &[],
};

pub(crate) static CHECKPOINT: Description = Description {
    id: "checkpoint",
    summary: "The newest checkpoint (C2SP tlog-tiles)",
    parameters: &[IF_NONE_MATCH],
    bodies: &[],
    answers: &[
        Answered {
            status: StatusCode::OK,
            about: "The signed checkpoint.",
            headers: &["ETag"],
            media: &[Media {
                media_type: TEXT_UTF8,
                schema: || text("A signed note (SPEC.md section 6)."),
                examples: &[],
            }],
        },
        UNCHANGED,
    ],
    refusals: &[],
};

pub(crate) static TILE: Description = Description {
    id: "tile",
    summary: "A tile of hashes, or a bundle of entries (C2SP tlog-tiles)",
    parameters: &[
        Parameter {
            place: Place::Path,
            name: "path",
            about: "Level and index as C2SP tlog-tiles spells them, as in 0/x001/067 or entries/000.p/17; its slashes stand as they are.",
            required: true,
            schema: || json!({"type": "string", "pattern": TILE_PATTERN}),
        },
        IF_NONE_MATCH,
    ],
    bodies: &[],
    answers: &[
        Answered {
            status: StatusCode::OK,
            about: "The tile. It never changes.",
            headers: &["ETag"],
            media: &[Media { media_type: OCTETS, schema: || text("Hashes or entries."), examples: &[] }],
        },
        UNCHANGED,
    ],
    refusals: &[r::TILE, r::READ],
};

pub(crate) static HEALTHZ: Description = Description {
    id: "healthz",
    summary: "Whether the process should go on living",
    parameters: &[],
    bodies: &[],
    answers: &[Answered {
        status: StatusCode::OK,
        about: "It should.",
        headers: &[],
        media: &[Media {
            media_type: JSON,
            schema: || schemas::reference("alive"),
            examples: &[("alive", r#"{"status":"alive"}"#)],
        }],
    }],
    refusals: &[r::FATAL],
};

pub(crate) static READYZ: Description = Description {
    id: "readyz",
    summary: "Whether it takes appends, and why not",
    parameters: &[],
    bodies: &[],
    answers: &[Answered {
        status: StatusCode::OK,
        about: "It does.",
        headers: &[],
        media: &[Media {
            media_type: JSON,
            schema: || schemas::reference("ready"),
            examples: &[
                ("ready", r#"{"status":"ready"}"#),
                ("degraded", r#"{"status":"ready","degraded":"tiles are being rebuilt"}"#),
            ],
        }],
    }],
    refusals: &[r::STANDING, r::CALLERS],
};

pub(crate) static METRICS: Description = Description {
    id: "metrics",
    summary: "What Prometheus scrapes",
    parameters: &[],
    bodies: &[],
    answers: &[Answered {
        status: StatusCode::OK,
        about: "OpenMetrics text.",
        headers: &[],
        media: &[Media { media_type: metrics::MEDIA_TYPE, schema: || text("Metrics."), examples: &[] }],
    }],
    refusals: &[],
};

const INDEX: Parameter = Parameter {
    place: Place::Path,
    name: "index",
    about: "The entry's index, from 0.",
    required: true,
    schema: integer,
};

const KEY: Parameter = Parameter {
    place: Place::Header,
    name: "Idempotency-Key",
    about: "What makes the request safe to repeat: the same key of the same caller is the same entry for ever. A line of a batch without a key of its own takes this one and its number.",
    required: false,
    schema: || json!({"type": "string", "pattern": format!("^[!-~]{{1,{IDEMPOTENCY_KEY_BYTES_MAX}}}$")}),
};

/// A level or `entries`; the index in groups of three digits, of which the first isn't all zeros where there are more; a width below 256.
const TILE_PATTERN: &str = "^(entries|[0-9]|[1-5][0-9]|6[0-3])/\
    ((x00[1-9]|x0[1-9][0-9]|x[1-9][0-9]{2})/(x[0-9]{3}/)*)?[0-9]{3}\
    (\\.p/([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?$";

const IF_NONE_MATCH: Parameter = Parameter {
    place: Place::Header,
    name: "If-None-Match",
    about: "Entity tags of what the client has (RFC 9110, section 13.1.2).",
    required: false,
    schema: || json!({"type": "string"}),
};

const UNCHANGED: Answered = Answered {
    status: StatusCode::NOT_MODIFIED,
    about: "The client has it.",
    headers: &["ETag"],
    media: &[],
};

const RECEIPT_TEXT: &[Media] =
    &[Media { media_type: TEXT_UTF8, schema: || schemas::reference("receipt_text"), examples: &[] }];

const APPENDED: &[Media] = &[
    Media { media_type: JSON, schema: || schemas::reference("appended"), examples: &[] },
    Media { media_type: TEXT_UTF8, schema: || schemas::reference("receipt_text"), examples: &[] },
];

/// A submission of each kind, as `docs/examples` has them.
const EXAMPLES: &[(&str, &str)] = &[
    ("approval", include_str!("../../../../../docs/examples/approval.json")),
    ("event", include_str!("../../../../../docs/examples/event.json")),
    ("generation", include_str!("../../../../../docs/examples/generation.json")),
    ("policy", include_str!("../../../../../docs/examples/policy.json")),
    ("promotion", include_str!("../../../../../docs/examples/promotion.json")),
    ("scan", include_str!("../../../../../docs/examples/scan.json")),
];

const fn query(name: &'static str, about: &'static str, schema: fn() -> Value) -> Parameter {
    Parameter { place: Place::Query, name, about, required: false, schema }
}

fn integer() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": INTEGER_MAX})
}

fn size() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": INTEGER_MAX})
}

/// A digest of one algorithm, in the lengths that it has.
fn digest() -> Value {
    let Type::Named(_, digest) = &DIGEST else { return text("A digest (SPEC.md section 4.3).") };
    let mut algorithms = Vec::new();
    for field in digest.fields().unwrap_or_default() {
        if let Type::Bytes(lengths) = field.ty {
            let digits: Vec<String> =
                lengths.iter().map(|length| format!("[0-9a-f]{{{}}}", 2 * length)).collect();
            algorithms.push(format!("{}:({})", field.name, digits.join("|")));
        }
    }
    json!({"type": "string", "pattern": format!("^({})$", algorithms.join("|"))})
}

fn text(about: &str) -> Value {
    json!({"type": "string", "description": about})
}

/// Lines of JSON. OpenAPI 3.1 knows no sequences: what a line is stands beside the schema.
fn lines(about: &str, line: &str) -> Value {
    json!({"type": "string", "description": about, "x-line": schemas::reference(line)})
}
