//! The document, made of the table of routes and of what it refers to.

use crate::access::role::Access;
use crate::http::codes::Code;
use crate::http::problem;
use crate::http::request::JSON;
use crate::operate::config::LISTEN_DEFAULT;
use crate::routes::openapi::description::{Answered, Description, Media, Parameter, Place};
use crate::routes::openapi::{refusals, schemas};
use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const ABOUT: &str = "An append-only, signed log of provenance entries. SPEC.md says what the formats mean. GET answers HEAD too. A log that has neither tokens nor issuers nor named users asks nobody who calls.";

const TOKEN: &str = "A token of this log, as provlogd token create makes it, or one of an OIDC issuer that the log's operator configured, for the audience that stands there. The operation names the roles of which the caller has to have one; a log with neither tokens nor issuers asks for none.";

/// Headers of answers: name, what it says, its schema's type.
const HEADERS: [(&str, &str, &str); 7] = [
    ("ETag", "The entity tag (RFC 9110, section 8.8.3).", "string"),
    ("Location", "The path of the entry.", "string"),
    (
        "Provlog-Range-End",
        "The index at which the answer ends; below the size the next request starts there.",
        "integer",
    ),
    ("Provlog-Tree-Size", "The size that the log had when the request was taken.", "integer"),
    ("Retry-After", "Seconds after which the request may be sent again.", "integer"),
    ("WWW-Authenticate", "What is asked of the caller (RFC 6750, section 3).", "string"),
    ("x-request-id", "16 hex digits, which the daemon's own lines about the request have too.", "string"),
];

/// A route, as far as the document tells of it.
pub(crate) struct Route<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) access: Option<Access>,
    /// Whether rates hold for it.
    pub(crate) is_counted: bool,
    pub(crate) description: &'static Description,
}

/// The document, as it is checked in and served.
///
/// # Errors
/// None, as long as what is checked in is JSON; told rather than assumed away.
pub(crate) fn document<'a>(routes: impl Iterator<Item = Route<'a>>) -> serde_json::Result<String> {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let path = paths.entry(route.path.replace("{*", "{")).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation(&route)?;
    }
    let headers: Map<String, Value> = HEADERS
        .map(|(name, about, kind)| (name.into(), json!({"description": about, "schema": {"type": kind}})))
        .into_iter()
        .collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "provlog",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": format!("http://{LISTEN_DEFAULT}"), "description": "Where the daemon listens by default."}],
        "paths": paths,
        "components": {
            "schemas": schemas::all()?,
            "headers": headers,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": TOKEN}},
        },
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn operation(route: &Route<'_>) -> serde_json::Result<Value> {
    let description = route.description;
    let mut operation = json!({
        "operationId": description.id,
        "summary": description.summary,
        "responses": responses(route)?,
    });
    if !description.parameters.is_empty() {
        operation["parameters"] = description.parameters.iter().map(parameter).collect();
    }
    if !description.bodies.is_empty() {
        operation["requestBody"] = json!({"required": true, "content": content(description.bodies)?});
    }
    if let Some(access) = route.access {
        // Alternatives: one of these roles is enough.
        operation["security"] = access.roles().iter().map(|role| json!({"token": [role.name()]})).collect();
    }
    Ok(operation)
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({
        "name": parameter.name,
        "in": place,
        "description": parameter.about,
        "required": parameter.required,
        "schema": (parameter.schema)(),
    })
}

fn content(media: &[Media]) -> serde_json::Result<Value> {
    let content = media.iter().map(|media| {
        let mut content = json!({"schema": (media.schema)()});
        for (name, text) in media.examples {
            let value = if media.media_type == JSON { serde_json::from_str(text)? } else { json!(text) };
            content["examples"][*name] = json!({"value": value});
        }
        Ok((media.media_type.to_owned(), content))
    });
    Ok(Value::Object(content.collect::<serde_json::Result<_>>()?))
}

fn responses(route: &Route<'_>) -> serde_json::Result<Value> {
    let door: &[_] = if route.access.is_some() { &[refusals::CALLER_CODES, refusals::DOOR] } else { &[] };
    let rates: &[_] = if route.is_counted { &[refusals::RATE] } else { &[] };
    let groups = [&[refusals::ANY], door, rates, route.description.refusals].concat();
    let mut by_status: BTreeMap<u16, Vec<&Code>> = BTreeMap::new();
    for code in groups.into_iter().flatten() {
        let codes = by_status.entry(code.status.as_u16()).or_default();
        if !codes.contains(code) {
            codes.push(code);
        }
    }
    let refused = by_status.into_iter().map(|(status, codes)| (status.to_string(), refused(status, &codes)));
    let mut responses: Map<String, Value> = refused.collect();
    for answer in route.description.answers {
        responses.insert(answer.status.as_str().into(), answered(answer)?);
    }
    Ok(responses.into())
}

fn answered(answer: &Answered) -> serde_json::Result<Value> {
    let mut answered = json!({"description": answer.about, "headers": headers(answer.headers)});
    if !answer.media.is_empty() {
        answered["content"] = content(answer.media)?;
    }
    Ok(answered)
}

/// What a route is refused with under one status.
fn refused(status: u16, codes: &[&Code]) -> Value {
    let names: Vec<&str> = codes.iter().map(|code| code.code).collect();
    let told: Vec<String> = codes.iter().map(|code| format!("- `{}`: {}", code.code, code.title)).collect();
    let narrowed = json!({"properties": {"status": {"const": status}, "code": {"enum": names}}});
    let schema = json!({"allOf": [schemas::reference("problem"), narrowed]});
    let named: &[&str] = match StatusCode::from_u16(status) {
        Ok(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => &["WWW-Authenticate"],
        Ok(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => &["Retry-After"],
        _ => &[],
    };
    json!({
        "description": told.join("\n"),
        "headers": headers(named),
        "content": {problem::MEDIA_TYPE: {"schema": schema}},
    })
}

/// Headers of an answer, beside the one that each has.
fn headers(names: &[&str]) -> Value {
    let reference =
        |name: &&str| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    Value::Object(names.iter().chain(&["x-request-id"]).map(reference).collect())
}
