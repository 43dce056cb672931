//! What a route takes and answers: what OpenAPI calls an operation, as far as no other table knows it.

use crate::http::codes::Code;
use axum::http::StatusCode;
use serde_json::Value;

/// What is told of a route beside its row and its codes' rows.
pub(crate) struct Description {
    /// A name that is unique among the routes: generated clients call their function so.
    pub(crate) id: &'static str,
    /// What it does, in a line.
    pub(crate) summary: &'static str,
    pub(crate) parameters: &'static [Parameter],
    /// Media types of the body that it takes; none where it takes no body.
    pub(crate) bodies: &'static [Media],
    pub(crate) answers: &'static [Answered],
    /// The codes that it refuses with, beside those that any route has, and any route behind the door.
    pub(crate) refusals: &'static [&'static [&'static Code]],
}

/// Where a parameter stands.
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// A parameter of the path, which must be there, or of the query or the head, which needn't unless that is said.
pub(crate) struct Parameter {
    pub(crate) place: Place,
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) required: bool,
    pub(crate) schema: fn() -> Value,
}

/// A form that a body or an answer may have.
pub(crate) struct Media {
    pub(crate) media_type: &'static str,
    pub(crate) schema: fn() -> Value,
    /// Examples by name; each fits the schema, which a test checks.
    pub(crate) examples: &'static [(&'static str, &'static str)],
}

/// An answer that is no refusal.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) about: &'static str,
    /// Names of headers that it has, as [`super::document`] knows them.
    pub(crate) headers: &'static [&'static str],
    pub(crate) media: &'static [Media],
}
