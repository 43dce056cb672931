//! What `SPEC.md` section 4 shows of the claim table: the table of kinds in Markdown, and the types in CDDL (RFC 8610).

use provlog_core::claims::{
    ABSENT, ATTESTED_ON_ANY, CLAIMS, Field, KINDS, KindSpec, KindWriter, OPTIONAL_ON_ANY, REFERENCE, Type,
};
use provlog_core::limits::{CLAIM_BYTES_MAX, CLAIM_NAME_BYTES_MAX, INTEGER_MAX};
use std::collections::BTreeSet;

/// The rule for strings that aren't empty; CDDL's own `text` may be.
const TEXT_RULE: &str = "string";

/// The rule for integers; CDDL's own `uint` goes beyond 2^53-1.
const UINT_RULE: &str = "uint53";

/// The rule for what `x-` claims hold.
const ANY_RULE: &str = "x-value";

/// The kinds in Markdown: number, name, meaning, who writes them, claims.
pub(crate) fn kinds_table() -> String {
    let mut table = String::from(
        "| no. | kind | means | written by | required claims | optional claims | attested beside |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for kind in KINDS {
        let standing = if kind.accepted || kind.writer == KindWriter::Log { "" } else { " (reserved)" };
        let writer = match kind.writer {
            KindWriter::Client => "client",
            KindWriter::Admin => "admin",
            KindWriter::Log => "log",
        };
        let ungated = kind.ungated.iter().map(|name| format!("`{name}` unless a gate decides"));
        let required = kind.required.iter().map(|name| format!("`{name}`")).chain(ungated);
        let members = if kind.name == "trust" { "`m01` to `m60`" } else { "" };
        table.push_str(&format!(
            "| {} | `{}`{standing} | {} | {writer} | {} | {}{members} | {} |\n",
            kind.kind.number(),
            kind.name,
            kind.meaning,
            join(required, ", "),
            code(kind.optional),
            code(kind.attested),
        ));
    }
    table.push_str(&format!(
        "\nOptional on any kind: {}, and `x-` names. Attested on any kind: {}.\n",
        code(OPTIONAL_ON_ANY),
        code(ATTESTED_ON_ANY),
    ));
    table
}

/// The claims of every kind, then their types.
pub(crate) fn cddl() -> String {
    let mut rules = Rules::default();
    let kinds: Vec<String> =
        KINDS.iter().map(|kind| format!("  {}: {}", kind.name, kind.kind.number())).collect();
    rules.add("kind", &format!("&(\n{}\n)", kinds.join(",\n")));
    for kind in KINDS {
        rules.add(&format!("{}-claims", kind.name), &kind_rule(kind));
    }
    let optional: Vec<String> = OPTIONAL_ON_ANY.iter().map(|name| format!("  ? {name}: {name},\n")).collect();
    rules.add("any-kind", &format!("(\n{}  * x-name => {ANY_RULE}\n)", optional.concat()));
    let rest = CLAIM_NAME_BYTES_MAX - "x-".len();
    rules.add("x-name", &format!("tstr .regexp \"x-[a-z0-9_-]{{0,{rest}}}\""));
    rules.add("member-name", "tstr .regexp \"m(0[1-9]|[1-5][0-9]|60)\"");
    rules.add(ANY_RULE, &format!("int53 / tstr / bool / null / [* {ANY_RULE}] / {{ * tstr => {ANY_RULE} }}"));
    rules.add("int53", &format!("-{INTEGER_MAX}..{INTEGER_MAX}"));
    rules.add(UINT_RULE, &format!("0..{INTEGER_MAX}"));
    rules.add(TEXT_RULE, &format!("tstr .size (1..{CLAIM_BYTES_MAX})"));
    for claim in CLAIMS {
        let ty = match claim.ty {
            Type::Named(name, ty) if *name == claim.name => ty,
            ty => ty,
        };
        rules.define(claim.name, ty);
    }
    rules.text
}

fn kind_rule(kind: &KindSpec) -> String {
    let mut rule = String::from("{\n");
    for (claim, required) in kind.claims().filter(|(claim, _)| is_own(kind, claim.name)) {
        let mark = if required && !kind.ungated.contains(&claim.name) { "" } else { "? " };
        rule.push_str(&format!("  {mark}{}: {},\n", claim.name, claim.name));
    }
    if kind.name == "trust" {
        rule.push_str(&format!("  * member-name => {TEXT_RULE},\n"));
    }
    // A required claim that any kind may have comes first, and CDDL takes the first rule that matches.
    rule + "  any-kind\n}"
}

fn is_own(kind: &KindSpec, claim: &str) -> bool {
    [kind.required, kind.ungated, kind.optional].iter().any(|names| names.contains(&claim))
}

/// The rules written so far, each name once.
#[derive(Default)]
struct Rules {
    names: Vec<String>,
    text: String,
}

impl Rules {
    fn add(&mut self, name: &str, rule: &str) {
        self.names.push(name.into());
        self.text.push_str(&format!("{name} = {rule}\n"));
    }

    /// A rule for a type, and before it those of the named types in it.
    fn define(&mut self, name: &str, ty: &'static Type) {
        if !self.names.iter().any(|known| known == name) {
            let rule = self.rule(ty);
            self.add(name, &rule);
        }
    }

    fn rule(&mut self, ty: &'static Type) -> String {
        match ty {
            Type::Named(name, inner) => {
                self.define(name, inner);
                name.to_string()
            }
            Type::Any => ANY_RULE.into(),
            Type::Text => TEXT_RULE.into(),
            Type::TextOrEmpty => "tstr".into(),
            Type::Uint => UINT_RULE.into(),
            Type::Bool => "bool".into(),
            Type::Literal(integer) => integer.to_string(),
            Type::Bytes(lengths) => join(lengths.iter().map(|length| format!("bytes .size {length}")), " / "),
            Type::AnyBytes => format!("bytes .size (1..{CLAIM_BYTES_MAX})"),
            Type::ByFormat(maps) => join(maps.iter().map(|map| self.rule(map)), " / "),
            Type::Words(words) => join(words.iter().map(|word| format!("{word:?}")), " / "),
            Type::Object(fields) => {
                let fields: Vec<String> = fields.iter().map(|field| self.field(field)).collect();
                format!("{{ {} }}", fields.join(", "))
            }
            Type::Digest => self.digest(ty.fields().unwrap_or_default()),
            Type::List { least, item } => format!("[{} {}]", occurrence(*least), self.rule(item)),
            Type::FreeMap { least, value } => {
                format!("{{ {} {TEXT_RULE} => {} }}", occurrence(*least), self.rule(value))
            }
            Type::OneOrMany(one) => {
                let one = self.rule(one);
                format!("{one} / [2* {one}]")
            }
            Type::ReferenceOr(_, other) => {
                let reference = self.rule(&REFERENCE);
                format!("{reference} / {}", self.rule(other))
            }
            Type::OrAbsent(other) => {
                let other = self.rule(other);
                format!("{other} / {}", self.rule(&ABSENT))
            }
        }
    }

    fn field(&mut self, field: &'static Field) -> String {
        let mark = if field.required { "" } else { "? " };
        format!("{mark}{}: {}", field.name, self.rule(field.ty))
    }

    fn digest(&mut self, algorithms: &'static [Field]) -> String {
        let algorithms: Vec<String> =
            algorithms.iter().map(|field| format!("{}: {}", field.name, self.rule(field.ty))).collect();
        format!("{{ + (\n  {}\n) }}", algorithms.join(" //\n  "))
    }
}

const fn occurrence(least: usize) -> &'static str {
    if least == 0 { "*" } else { "+" }
}

fn code(names: &[&str]) -> String {
    join(names.iter().map(|name| format!("`{name}`")), ", ")
}

fn join(items: impl Iterator<Item = String>, separator: &str) -> String {
    items.collect::<Vec<_>>().join(separator)
}

#[test]
fn cddl_defines_each_name_once_and_uses_no_other() {
    let text = cddl();
    let (used_prelude, other_prelude) = (
        ["tstr", "bytes", "bool", "null"],
        ["any", "uint", "int", "integer", "unsigned", "text", "uri", "time"],
    );
    let defined: Vec<&str> =
        text.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect();
    assert_eq!(defined.iter().collect::<BTreeSet<_>>().len(), defined.len(), "{defined:?}");
    assert!(CLAIMS.iter().all(|claim| defined.contains(&claim.name)));
    assert!(used_prelude.iter().chain(&other_prelude).all(|name| !defined.contains(name)));
    // Outside of string literals, every word is a member's name with its colon, a control, or a rule.
    let without_literals: Vec<&str> = text.split('"').step_by(2).collect();
    let words = without_literals.join(" ");
    let mut words =
        words.split(|character: char| character.is_whitespace() || "(),[]{}/&?*+=".contains(character));
    let undefined = words.find(|word| {
        let is_name = word.starts_with(|first: char| first.is_ascii_alphabetic()) && !word.ends_with(':');
        is_name && !defined.contains(word) && !used_prelude.contains(word)
    });
    assert_eq!(undefined, None);
}

#[test]
fn kinds_table_has_a_row_for_each_kind() {
    let table = kinds_table();
    for kind in KINDS {
        assert!(table.contains(&format!("| {} | `{}`", kind.kind.number(), kind.name)), "{table}");
    }
}
