//! The schemas that the document names: of submissions and records as they are checked in, of answers as they are written here,
//! and of problems, by the table of codes.

use crate::http::codes::CODES;
use crate::routes::operation::SCHEMAS;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Where a checked-in schema has its parts, and where the document has them.
const PARTS: (&str, &str) = ("#/$defs/", "#/components/schemas/");

/// Name of the schema of a kind's submissions. Some kinds have a claim of the kind's own name, which has a schema too.
pub(super) fn of_kind(kind: &str) -> String {
    format!("{kind}_submission")
}

/// A reference to one of [`all`].
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("{}{name}", PARTS.1)})
}

/// Every schema by its name.
///
/// # Errors
/// None, as long as what is checked in is JSON; told rather than assumed away.
pub(super) fn all() -> serde_json::Result<Map<String, Value>> {
    let mut schemas = Map::new();
    hoist(include_str!("answers.json"), None, &mut schemas)?;
    hoist(include_str!("../../../../../docs/schema/record.json"), Some("record".into()), &mut schemas)?;
    for (kind, schema) in SCHEMAS {
        hoist(schema, Some(of_kind(kind)), &mut schemas)?;
    }
    schemas.insert("submission".into(), submission());
    if let Some(problem) = schemas.get_mut("problem") {
        problem["oneOf"] = by_status();
    }
    Ok(schemas)
}

/// Takes a schema and its parts into the document, where they have names beside each other.
fn hoist(text: &str, name: Option<String>, schemas: &mut Map<String, Value>) -> serde_json::Result<()> {
    let mut schema: Map<String, Value> = serde_json::from_str(&text.replace(PARTS.0, PARTS.1))?;
    if let Some(Value::Object(parts)) = schema.remove("$defs") {
        schemas.extend(parts);
    }
    // The document says for all of its schemas which JSON Schema they are.
    schema.remove("$schema");
    if let Some(name) = name {
        schemas.insert(name, schema.into());
    }
    Ok(())
}

fn submission() -> Value {
    let kinds = SCHEMAS.map(|(kind, _)| kind);
    let mapping: Map<String, Value> =
        kinds.map(|kind| (kind.into(), format!("{}{}", PARTS.1, of_kind(kind)).into())).into_iter().collect();
    json!({
        "description": "A submission of any kind (SPEC.md section 4.4).",
        "oneOf": kinds.map(|kind| reference(&of_kind(kind))),
        "discriminator": {"propertyName": "kind", "mapping": mapping},
    })
}

/// Which codes a status may have.
fn by_status() -> Value {
    let mut codes: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in CODES {
        codes.entry(code.status.as_u16()).or_default().push(code.code);
    }
    let of_status =
        |(status, codes)| json!({"properties": {"status": {"const": status}, "code": {"enum": codes}}});
    codes.into_iter().map(of_status).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts of one name in two files are one in the document.
    #[test]
    fn parts_of_one_name_are_the_same() {
        let texts = SCHEMAS.iter().map(|(_, text)| *text);
        let mut seen = Map::new();
        for text in texts
            .chain([include_str!("answers.json"), include_str!("../../../../../docs/schema/record.json")])
        {
            let mut parts = Map::new();
            hoist(text, None, &mut parts).unwrap();
            for (name, part) in parts {
                assert_eq!(*seen.entry(name.clone()).or_insert_with(|| part.clone()), part, "{name}");
                assert!(!SCHEMAS.iter().any(|(kind, _)| of_kind(kind) == name), "{name} is a kind's name");
            }
        }
        assert!(!seen.contains_key("record") && !seen.contains_key("submission"));
    }
}
