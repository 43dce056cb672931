//! The types that a file declares.

use super::modules::is_test;
use syn::Item;

/// The names of its structs, enums, unions, traits and aliases, as often as each is declared. What stands within a function or a
/// trait is nobody else's, and doesn't count.
pub fn declared(file: &syn::File) -> Vec<String> {
    within(&file.items)
}

fn within(items: &[Item]) -> Vec<String> {
    let of_item = |item: &Item| match item {
        Item::Enum(item) => vec![item.ident.to_string()],
        Item::Struct(item) => vec![item.ident.to_string()],
        Item::Trait(item) => vec![item.ident.to_string()],
        Item::Type(item) => vec![item.ident.to_string()],
        Item::Union(item) => vec![item.ident.to_string()],
        Item::Mod(item) => within(item.content.as_ref().map_or(&[], |(_, items)| items)),
        _ => Vec::new(),
    };
    items.iter().filter(|item| !is_test(item)).flat_map(of_item).collect()
}
