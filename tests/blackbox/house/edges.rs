//! Who uses whom: paths followed to the module whose own item they name, through whatever hands it on.

use super::modules::{Meaning, Module, ModulePath, Target};
use std::collections::{BTreeMap, BTreeSet};

/// Imports followed one after the other; a name that leads back to itself is another crate's.
const STEPS_MAX: usize = 16;

/// What uses what. A module here, a file or a room elsewhere.
pub type Graph<T> = BTreeMap<T, BTreeSet<T>>;

/// For each module, the modules whose items it uses.
///
/// An import counts, and so does every path in code, also within macros. That a module declares a child or hands a
/// child's item on doesn't: whoever takes the item there uses the child. Nor does naming a module, before an item of it
/// is named.
pub fn between_modules(target: &Target) -> Graph<&ModulePath> {
    target.iter().map(|(path, module)| (path, used_by(target, path, module))).collect()
}

/// The same, with what holds the modules in their place: a file, or a room.
pub fn between<'a, T: Ord>(
    modules: &Graph<&'a ModulePath>,
    holder: impl Fn(&'a ModulePath) -> T,
) -> Graph<T> {
    let mut graph = Graph::new();
    for (from, uses) in modules {
        graph.entry(holder(from)).or_insert_with(BTreeSet::new).extend(uses.iter().map(|to| holder(to)));
    }
    graph
}

fn used_by<'a>(target: &'a Target, path: &ModulePath, module: &Module) -> BTreeSet<&'a ModulePath> {
    let imports = module.names.iter().filter_map(|(_, meaning)| match meaning {
        Meaning::Import { path, handed_on } => Some((path, *handed_on)),
        _ => None,
    });
    let mentions = module.mentions.iter().map(|mention| (mention, false));
    let used = imports.chain(mentions).filter_map(|(name, handed_on)| {
        let Found::Item(owner) = follow(target, path, name, STEPS_MAX)? else { return None };
        // A parent that hands on what its children have.
        (!handed_on || !owner.starts_with(path)).then_some(owner)
    });
    used.filter_map(|owner| Some(target.get_key_value(&owner)?.0)).collect()
}

/// What a path leads to.
enum Found {
    Module(ModulePath),
    /// An item of this module.
    Item(ModulePath),
}

/// Follows a path as it is written in the module `from`; `None` when it leads out of the crate.
fn follow(target: &Target, from: &[String], path: &[String], steps: usize) -> Option<Found> {
    let (first, rest) = path.split_first()?;
    let mut found = step(target, from, first, rest.is_empty(), steps);
    if first == "crate" {
        found = Some(Found::Module(Vec::new()));
    }
    for (place, name) in rest.iter().enumerate() {
        // What belongs to an item lies where the item does.
        let Some(Found::Module(module)) = found else { break };
        let is_last = place + 1 == rest.len();
        // What isn't found is made by a macro, or handed on from another crate.
        found = step(target, &module, name, is_last, steps).or(Some(Found::Item(module)));
    }
    found
}

/// What a name stands for in a module. Where it stands for several things, what goes on after it is a module.
fn step(target: &Target, module: &[String], name: &str, is_last: bool, steps: usize) -> Option<Found> {
    match name {
        "self" => return Some(Found::Module(module.to_vec())),
        "super" => return Some(Found::Module(module.split_last()?.1.to_vec())),
        _ => {}
    }
    let steps = steps.checked_sub(1)?;
    let here = target.get(module)?;
    let meanings = here.names.iter().filter(|(known, _)| known == name);
    let mut found: Vec<Found> = meanings
        .filter_map(|(_, meaning)| match meaning {
            Meaning::Item => Some(Found::Item(module.to_vec())),
            Meaning::Module => Some(Found::Module([module, &[name.to_owned()]].concat())),
            Meaning::Import { path, .. } => follow(target, module, path, steps),
        })
        .collect();
    if found.is_empty() {
        found.extend(here.globs.iter().filter_map(|glob| match follow(target, module, glob, steps)? {
            Found::Module(glob) => step(target, &glob, name, is_last, steps),
            Found::Item(_) => None,
        }));
    }
    let wanted = found.iter().position(|found| matches!(found, Found::Item(_)) == is_last);
    (!found.is_empty()).then(|| found.swap_remove(wanted.unwrap_or(0)))
}
