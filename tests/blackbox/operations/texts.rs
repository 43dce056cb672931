//! What errors say, read off the sources of the crates that declare them.

use crate::house::modules::is_test;
use crate::support::repository;
use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use syn::{Attribute, Fields, Item, Type};

/// What stands for the parts of a text that differ.
const DIFFERS: char = '…';

/// Letters that tell a text from others.
pub const LETTERS_LEAST: usize = 12;

/// Every error type, and every string literal, of some crates.
pub struct Texts {
    /// By the name of the type.
    errors: BTreeMap<String, Vec<Variant>>,
    literals: BTreeSet<String>,
}

/// A variant of an error type, or the whole of one that is a struct.
struct Variant {
    name: String,
    /// Absent where it says what its cause says.
    text: Option<String>,
    /// Types of its fields.
    causes: Vec<String>,
}

/// What somebody may read.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Told {
    /// Type and variant.
    pub variant: String,
    /// `…` stands for what differs.
    pub text: String,
}

impl Texts {
    /// Reads the sources of crates, by their folders.
    pub fn read(crates: &[&str]) -> Self {
        let mut texts = Self { errors: BTreeMap::new(), literals: BTreeSet::new() };
        for of_crate in crates {
            texts.read_folder(&repository().join(of_crate).join("src"));
        }
        texts
    }

    fn read_folder(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.read_folder(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                self.read_literals(text.parse().unwrap());
                self.read_items(&syn::parse_file(&text).unwrap().items);
            }
        }
    }

    fn read_literals(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.read_literals(group.stream()),
                TokenTree::Literal(literal) => {
                    let text = syn::parse_str::<syn::LitStr>(&literal.to_string());
                    self.literals.extend(text.ok().map(|text| shown(&text.value())));
                }
                _ => {}
            }
        }
    }

    fn read_items(&mut self, items: &[Item]) {
        for item in items.iter().filter(|item| !is_test(item)) {
            let (name, variants) = match item {
                Item::Enum(item) => {
                    let of = |variant: &syn::Variant| {
                        Variant::read(&variant.ident.to_string(), &variant.attrs, &variant.fields)
                    };
                    (item.ident.to_string(), item.variants.iter().filter_map(of).collect())
                }
                Item::Struct(item) => {
                    let name = item.ident.to_string();
                    let variant = Variant::read(&name, &item.attrs, &item.fields);
                    (name, Vec::from_iter(variant))
                }
                _ => continue,
            };
            if !variants.is_empty() {
                self.errors.entry(name).or_default().extend(variants);
            }
        }
    }

    /// All that an error of this type may say. Where a variant has no text of its own, or next to none, its causes say it, and
    /// are followed.
    pub fn told_by(&self, error: &str) -> BTreeSet<Told> {
        let (mut told, mut seen, mut next) = (BTreeSet::new(), BTreeSet::new(), vec![error.to_owned()]);
        while let Some(error) = next.pop() {
            for variant in self.errors.get(&error).into_iter().flatten() {
                let name = format!("{error}::{}", variant.name);
                let text = variant.text.clone().unwrap_or_default();
                let says_it = letters(&text) >= LETTERS_LEAST;
                let ours = variant.causes.iter().filter(|cause| !says_it && self.errors.contains_key(*cause));
                let ours: Vec<&String> = ours.collect();
                if ours.is_empty() {
                    let text = if text.is_empty() { DIFFERS.into() } else { text };
                    told.insert(Told { variant: name, text });
                }
                next.extend(ours.into_iter().filter(|cause| seen.insert((*cause).clone())).cloned());
            }
        }
        told
    }

    /// Whether this is, or is part of, what a program of these crates says somewhere.
    pub fn say(&self, quote: &str) -> bool {
        self.literals.iter().any(|literal| literal.contains(quote))
    }
}

impl Variant {
    /// None of what is no error.
    fn read(name: &str, attributes: &[Attribute], fields: &Fields) -> Option<Self> {
        let attribute = attributes.iter().find(|attribute| attribute.path().is_ident("error"))?;
        let tokens = attribute.meta.require_list().unwrap().tokens.clone();
        let literal =
            tokens.into_iter().next().and_then(|token| syn::parse2::<syn::LitStr>(token.into()).ok());
        let causes = fields.iter().flat_map(|field| types(&field.ty)).collect();
        Some(Self { name: name.into(), text: literal.map(|literal| shown(&literal.value())), causes })
    }
}

/// The last names of a type's path, and of those within it.
fn types(of: &Type) -> Vec<String> {
    let Type::Path(path) = of else { return Vec::new() };
    let Some(last) = path.path.segments.last() else { return Vec::new() };
    let mut names = vec![last.ident.to_string()];
    if let syn::PathArguments::AngleBracketed(arguments) = &last.arguments {
        names.extend(arguments.args.iter().flat_map(|argument| match argument {
            syn::GenericArgument::Type(within) => types(within),
            _ => Vec::new(),
        }));
    }
    names
}

/// A format string as it is read: `…` for each of its arguments.
fn shown(format: &str) -> String {
    let (mut text, mut rest) = (String::new(), format);
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let brace = &rest[at..];
        rest = if let Some(after) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
            text.push_str(&brace[..1]);
            after
        } else {
            text.push(DIFFERS);
            brace.split_once('}').map_or("", |(_, after)| after)
        };
    }
    text + rest
}

/// How many letters of its own a text has.
pub fn letters(text: &str) -> usize {
    text.chars().filter(|character| character.is_alphabetic()).count()
}

#[test]
fn texts_are_shown_as_they_are_read() {
    for (format, text) in [
        ("{} holds a log already", "… holds a log already"),
        ("{place}: {detail}", "…: …"),
        ("expected {{}}, got {0:?} ({mode:03o})", "expected {}, got … (…)"),
        ("nothing", "nothing"),
    ] {
        assert_eq!(shown(format), text);
    }
}
