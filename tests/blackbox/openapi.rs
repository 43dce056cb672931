//! The OpenAPI document beside what the daemon really answers.

use crate::support::{Daemon, Response, folder, have, promotion, repository, stderr};
use jsonschema::Validator;
use provlog_core::tree::Resource;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

fn document() -> Value {
    serde_json::from_slice(&fs::read(repository().join("docs/openapi.json")).unwrap()).unwrap()
}

/// A schema of the document's, with all that it refers to. Answers may grow members in later versions; those of this one are all in
/// the document, so that members which it doesn't name are refused here.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut components = json!({"schemas": document["components"]["schemas"]});
    for schema in components["schemas"].as_object_mut().unwrap().values_mut() {
        if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
            schema["additionalProperties"] = false.into();
        }
    }
    let mut schema = schema.clone();
    schema["components"] = components;
    jsonschema::draft202012::new(&schema).unwrap()
}

fn assert_fits(document: &Value, schema: &Value, value: &Value) {
    let validator = validator(document, schema);
    let errors: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {value}");
    // Nothing fits a schema that takes everything, nor one that takes nothing.
    assert!(!validator.is_valid(&json!(["other"])), "{schema} takes anything");
}

/// Holds an answer to what the document says of this route's: status, headers, media type, and each document or line in it.
fn assert_documented(document: &Value, method: &str, path: &str, answer: &Response) {
    let place = format!("{method} {path} {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    let told = &document["paths"][path][method]["responses"][answer.status.to_string()];
    assert!(told.is_object(), "{place}");
    for name in told["headers"].as_object().unwrap().keys() {
        assert!(answer.header(&name.to_ascii_lowercase()).is_some(), "{name}: {place}");
    }
    let Some(content) = told.get("content") else {
        assert!(answer.body.is_empty(), "{place}");
        return;
    };
    let media = &content[answer.header("content-type").unwrap()];
    assert!(media.is_object(), "{place}");
    let schema = &media["schema"];
    match schema.get("x-line") {
        Some(line) => {
            let lines: Vec<&str> = answer.text().lines().collect();
            assert!(!lines.is_empty(), "{place}");
            lines.iter().for_each(|text| assert_fits(document, line, &serde_json::from_str(text).unwrap()));
        }
        None if answer.header("content-type").unwrap().ends_with("json") && schema.get("type").is_none() => {
            assert_fits(document, schema, &answer.json());
        }
        None => assert!(schema.get("type").is_some() || schema.get("$ref").is_some(), "{place}"),
    }
}

/// Path, query, headers and body of a request, and the status that it is answered with.
type Post<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16);

#[test]
fn answers_are_what_the_document_says() {
    let (folder, document) = (folder(), document());
    let daemon = Daemon::start(folder.path());
    assert_eq!(daemon.get("/v1/openapi.json").expect(200).json(), document, "it serves what is checked in");

    let body = promotion("artifact").to_string();
    let json = ("Content-Type", "application/json");
    let ndjson = ("Content-Type", "application/x-ndjson");
    let keyed = [json, ("Idempotency-Key", "key-1")];
    let text = [json, ("Accept", "text/plain")];
    let two = format!("{body}\n{body}\n");
    let other = promotion("other").to_string();
    let posts: &[Post<'_>] = &[
        ("/v1/entries", "", &keyed, &body, 201),
        ("/v1/entries", "", &keyed, &body, 200),
        ("/v1/entries", "", &keyed, &other, 409),
        ("/v1/entries", "", &text, &body, 201),
        ("/v1/entries", "", &[json], "{", 400),
        ("/v1/entries", "", &[json], r#"{"kind": "event", "claims": {"x": 1}}"#, 400),
        ("/v1/entries", "", &[], "{}", 415),
        ("/v1/entries/batch", "", &[ndjson], &two, 200),
        ("/v1/entries/batch", "?receipts=false", &[ndjson], &two, 200),
        ("/v1/entries/batch", "?receipts=no", &[ndjson], &two, 400),
        ("/v1/entries/batch", "", &[ndjson], "", 400),
    ];
    for (path, query, headers, body, status) in posts {
        let answer = daemon.request("POST", &format!("{path}{query}"), headers, body.as_bytes());
        assert_eq!(answer.status, *status, "{}", String::from_utf8_lossy(&answer.body));
        assert_documented(&document, "post", path, &answer);
    }
    daemon.until_ready();
    let gets = [
        ("/v1/entries/{index}", "/v1/entries/1", 200),
        ("/v1/entries/{index}", "/v1/entries/99", 404),
        ("/v1/entries/{index}", "/v1/entries/x", 400),
        ("/v1/entries/{index}/receipt", "/v1/entries/1/receipt", 200),
        ("/v1/entries/{index}/proof", "/v1/entries/1/proof?size=3", 200),
        ("/v1/records", "/v1/records", 200),
        ("/v1/records", "/v1/records?start=99", 404),
        ("/v1/consistency", "/v1/consistency?old=1&new=3", 200),
        ("/v1/consistency", "/v1/consistency", 400),
        ("/v1/log", "/v1/log", 200),
        ("/v1/schema/{kind}", "/v1/schema/event", 200),
        ("/v1/schema/{kind}", "/v1/schema/other", 404),
        ("/v1/openapi.json", "/v1/openapi.json", 200),
        ("/checkpoint", "/checkpoint", 200),
        ("/tile/{path}", "/tile/0/000.p/1", 200),
        ("/tile/{path}", "/tile/0/001", 404),
        ("/healthz", "/healthz", 200),
        ("/readyz", "/readyz", 200),
        ("/metrics", "/metrics", 200),
    ];
    for (path, asked, status) in gets {
        let answer = daemon.get(asked);
        assert_eq!(answer.status, status, "{asked}: {}", String::from_utf8_lossy(&answer.body));
        assert_documented(&document, "get", path, &answer);
    }
    for path in document["paths"].as_object().unwrap().keys() {
        let asked = gets.iter().any(|(other, ..)| other == path) || posts.iter().any(|post| post.0 == path);
        assert!(asked, "no answer of {path} was looked at");
        let method = if posts.iter().any(|post| post.0 == path) { "PUT" } else { "DELETE" };
        let answer =
            daemon.request(method, &path.replace("{index}", "1").replace("{path}", "0/000"), &[], b"");
        let own = if method == "PUT" { "post" } else { "get" };
        assert_documented(&document, own, path, &answer.expect(405));
    }
    let tag = daemon.get("/checkpoint").header("etag").unwrap().to_owned();
    let answer = daemon.request("GET", "/checkpoint", &[("If-None-Match", &tag)], b"");
    assert_documented(&document, "get", "/checkpoint", &answer.expect(304));
}

/// What a pattern takes is what the daemon takes: a client that checks by the document isn't told otherwise by the log.
#[test]
fn patterns_take_what_the_daemon_takes() {
    let (folder, document) = (folder(), document());
    let daemon = Daemon::start(folder.path());
    let fits = |path: &str, name: &str, value: &str| {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        let parameter = parameters.iter().find(|parameter| parameter["name"] == name).unwrap();
        validator(&document, &parameter["schema"]).is_valid(&value.into())
    };
    for (algorithm, digits) in
        [("sha256", 64), ("gitCommit", 40), ("gitCommit", 64), ("sha512", 128), ("sha384", 96), ("md5", 32)]
    {
        for digits in [digits - 2, digits - 1, digits, digits + 2, 0] {
            for digit in ["a", "A", "g"] {
                let subject = format!("{algorithm}:{}", digit.repeat(digits));
                let status = daemon.get(&format!("/v1/records?subject={subject}")).status;
                assert_eq!(status == 200, fits("/v1/records", "subject", &subject), "{subject}: {status}");
            }
        }
    }
    for path in [
        "0/000",
        "6/999",
        "64/000",
        "00/000",
        "entries/000.p/1",
        "0/000.p/0",
        "0/000.p/01",
        "0/000.p/255",
        "0/000.p/256",
        "0/x001/067",
        "0/x000/067",
        "0/x001/x000/067",
        "0/x010/000.p/99",
        "0/001/067",
        "0/x067",
        "0/67",
        "entries",
        "0/000.p/",
        "0/x100/x234/067.p/249",
    ] {
        let is_one = format!("tile/{path}").parse::<Resource>().is_ok();
        assert_eq!(is_one, fits("/tile/{path}", "path", path), "{path}");
    }
}

/// Every `examples` below a schema of the document fits it, and none has anything like a token.
#[test]
fn examples_fit_and_hold_no_token() {
    let document = document();
    let (mut media, mut checked) = (Vec::new(), 0);
    gather(&document["paths"], &mut media);
    for media in media {
        for (name, example) in media["examples"].as_object().unwrap() {
            let line = media["schema"].get("x-line");
            let value = match (line, &example["value"]) {
                (Some(_), Value::String(text)) => serde_json::from_str(text).unwrap(),
                (_, value) => value.clone(),
            };
            assert_fits(&document, line.unwrap_or(&media["schema"]), &value);
            checked += 1;
            assert!(!name.is_empty());
        }
    }
    assert!(checked >= 10, "{checked} examples");
    let text = document.to_string();
    for (at, _) in text.match_indices("plt_") {
        let id: String = text[at + 4..].chars().take_while(char::is_ascii_hexdigit).collect();
        assert!(id.len() < 8, "{}", &text[at..at + 60]);
    }
    assert!(!text.contains("PRIVATE KEY") && !text.contains("eyJ"), "a key or a JWT");
}

fn gather<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    let parts: Vec<&Value> = match value {
        Value::Object(members) => {
            if members.contains_key("examples") && members.contains_key("schema") {
                found.push(value);
            }
            members.values().collect()
        }
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    parts.into_iter().for_each(|part| gather(part, found));
}

/// By somebody else's reading of OpenAPI 3.1: its meta-schema, references, parameters of paths, names of operations.
#[test]
fn it_is_openapi() {
    if !have("python3", &["-c", "import openapi_spec_validator"], "python3 with openapi-spec-validator") {
        return;
    }
    let script = "import json, sys; from openapi_spec_validator import OpenAPIV31SpecValidator as V; V(json.load(open(sys.argv[1]))).validate()";
    let check =
        |path: &std::path::Path| Command::new("python3").args(["-c", script]).arg(path).output().unwrap();
    let output = check(&repository().join("docs/openapi.json"));
    assert!(output.status.success(), "{}", stderr(&output));
    let folder = folder();
    let wrong = folder.path().join("wrong.json");
    let mut document = document();
    document["paths"]["/v1/log"]["get"]["operationId"] = "append".into();
    fs::write(&wrong, document.to_string()).unwrap();
    assert!(!check(&wrong).status.success(), "two operations of one name");
}
