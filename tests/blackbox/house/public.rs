//! What a crate offers, and what others take of it: by name alone, so that a name which stands for two things counts as used
//! when one of them is.

use super::modules::{is_test, is_test_within};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use syn::visit::{self, Visit};
use syn::{Ident, ImplItem, Item, TraitItem, UseTree, Visibility};

/// An item that others can name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Public {
    /// As it is called.
    pub name: String,
    /// The same behind the type or trait that it belongs to, where it belongs to one.
    pub full_name: String,
}

/// Everything public that a file defines: functions, types, traits, constants, and what belongs to types and traits.
pub fn defined(file: &syn::File) -> BTreeSet<Public> {
    let mut found = BTreeSet::new();
    define(&file.items, &mut found);
    found
}

fn define(items: &[Item], found: &mut BTreeSet<Public>) {
    for item in items.iter().filter(|item| !is_test(item)) {
        let mut is_public = |vis: &Visibility, owner: &str, name: &Ident| {
            if matches!(vis, Visibility::Public(_)) {
                let full_name = if owner.is_empty() { name.to_string() } else { format!("{owner}::{name}") };
                found.insert(Public { name: name.to_string(), full_name });
            }
        };
        match item {
            Item::Const(item) => is_public(&item.vis, "", &item.ident),
            Item::Enum(item) => is_public(&item.vis, "", &item.ident),
            Item::Fn(item) => is_public(&item.vis, "", &item.sig.ident),
            Item::Static(item) => is_public(&item.vis, "", &item.ident),
            Item::Struct(item) => is_public(&item.vis, "", &item.ident),
            Item::Type(item) => is_public(&item.vis, "", &item.ident),
            Item::Trait(item) => {
                is_public(&item.vis, "", &item.ident);
                let owner = item.ident.to_string();
                // What belongs to a trait is as public as the trait.
                let members = item.items.iter().filter_map(name_in_trait);
                members.for_each(|name| is_public(&item.vis, &owner, name));
            }
            Item::Impl(item) if item.trait_.is_none() => {
                let owner = self_type(item).map(ToString::to_string).unwrap_or_default();
                for member in item.items.iter().filter(|member| !is_test_within(member)) {
                    match member {
                        ImplItem::Const(member) => is_public(&member.vis, &owner, &member.ident),
                        ImplItem::Fn(member) => is_public(&member.vis, &owner, &member.sig.ident),
                        _ => {}
                    }
                }
            }
            Item::Mod(item) => define(item.content.as_ref().map_or(&[], |(_, items)| items), found),
            _ => {}
        }
    }
}

/// The names that a file's code mentions, without tests. None counts within what it names: neither where an item is defined
/// and calls itself, nor in a type's own `impl`. Nor do modules count, nor what is only handed on.
pub fn used(file: &syn::File) -> BTreeSet<String> {
    let mut uses = Uses::default();
    uses.visit_file(file);
    uses.names
}

#[derive(Default)]
struct Uses {
    names: BTreeSet<String>,
    /// The names of all items around the place that is being read.
    within: Vec<String>,
}

impl Uses {
    fn within(&mut self, name: Option<&Ident>, visit: impl FnOnce(&mut Self)) {
        self.within.extend(name.map(ToString::to_string));
        visit(self);
        self.within.truncate(self.within.len() - usize::from(name.is_some()));
    }

    /// A name before `::`: a type's, or else a module's.
    fn prefix(&mut self, name: &Ident) {
        if name.to_string().starts_with(char::is_uppercase) {
            self.visit_ident(name);
        }
    }

    /// Names that a text puts in: `{NAME}`, `{NAME:?}`.
    fn put_in(&mut self, text: &str) {
        let names = text.split('{').skip(1).filter_map(|rest| rest.split(['}', ':']).next());
        self.names.extend(names.filter(|name| !name.is_empty()).map(String::from));
    }
}

impl Visit<'_> for Uses {
    fn visit_item(&mut self, item: &Item) {
        let name = match item {
            item if is_test(item) => return,
            Item::Mod(item) => {
                return item
                    .content
                    .iter()
                    .flat_map(|(_, items)| items)
                    .for_each(|item| self.visit_item(item));
            }
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Impl(item) => self_type(item),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            _ => None,
        };
        self.within(name, |uses| visit::visit_item(uses, item));
    }

    fn visit_impl_item(&mut self, item: &ImplItem) {
        let name = match item {
            item if is_test_within(item) => return,
            ImplItem::Const(item) => Some(&item.ident),
            ImplItem::Fn(item) => Some(&item.sig.ident),
            _ => None,
        };
        self.within(name, |uses| visit::visit_impl_item(uses, item));
    }

    fn visit_trait_item(&mut self, item: &TraitItem) {
        self.within(name_in_trait(item), |uses| visit::visit_trait_item(uses, item));
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        if matches!(item.vis, Visibility::Inherited) {
            visit::visit_item_use(self, item);
        } else {
            renamed(&item.tree).into_iter().for_each(|name| self.visit_ident(name));
        }
    }

    fn visit_use_path(&mut self, tree: &syn::UsePath) {
        self.prefix(&tree.ident);
        self.visit_use_tree(&tree.tree);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let last = path.segments.len().saturating_sub(1);
        for (place, segment) in path.segments.iter().enumerate() {
            if place == last {
                self.visit_ident(&segment.ident)
            } else {
                self.prefix(&segment.ident)
            }
            self.visit_path_arguments(&segment.arguments);
        }
    }

    fn visit_ident(&mut self, name: &Ident) {
        let name = name.to_string();
        if !self.within.contains(&name) {
            self.names.insert(name);
        }
    }

    fn visit_lit_str(&mut self, text: &syn::LitStr) {
        self.put_in(&text.value());
    }

    fn visit_attribute(&mut self, attribute: &syn::Attribute) {
        if !attribute.path().is_ident("doc") {
            visit::visit_attribute(self, attribute);
        }
    }

    /// The inside of a macro or of an attribute.
    fn visit_token_stream(&mut self, tokens: &TokenStream) {
        let mut tokens = tokens.clone().into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(name) => match tokens.peek() {
                    Some(TokenTree::Punct(next)) if next.as_char() == ':' && next.spacing() == JOINT => {
                        self.prefix(&name);
                    }
                    _ => self.visit_ident(&name),
                },
                TokenTree::Literal(literal) => self.put_in(&literal.to_string()),
                TokenTree::Group(group) => self.visit_token_stream(&group.stream()),
                TokenTree::Punct(_) => {}
            }
        }
    }
}

/// How the first `:` of `::` stands.
const JOINT: proc_macro2::Spacing = proc_macro2::Spacing::Joint;

fn self_type(item: &syn::ItemImpl) -> Option<&Ident> {
    match &*item.self_ty {
        syn::Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

fn name_in_trait(item: &TraitItem) -> Option<&Ident> {
    match item {
        TraitItem::Const(item) => Some(&item.ident),
        TraitItem::Fn(item) => Some(&item.sig.ident),
        TraitItem::Type(item) => Some(&item.ident),
        _ => None,
    }
}

/// What is handed on under another name, by which others use it.
fn renamed(tree: &UseTree) -> Vec<&Ident> {
    match tree {
        UseTree::Path(tree) => renamed(&tree.tree),
        UseTree::Group(group) => group.items.iter().flat_map(renamed).collect(),
        UseTree::Rename(tree) => vec![&tree.ident],
        UseTree::Name(_) | UseTree::Glob(_) => Vec::new(),
    }
}
