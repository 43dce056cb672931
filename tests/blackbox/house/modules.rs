//! The modules of a crate as they are built into its product: what each one names, imports and mentions. Tests aren't read.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, UseTree, Visibility};

/// Names from a crate's root, which is the empty path, to a module; or as somebody wrote them.
pub type ModulePath = Vec<String>;

/// A library or a program: its modules.
pub type Target = BTreeMap<ModulePath, Module>;

/// One module: a file, or a part of one.
#[derive(Debug, Default)]
pub struct Module {
    /// Below the folder that was read from.
    pub file: PathBuf,
    /// What a name stands for within it. A type, a function and a module may share a name.
    pub names: Vec<(String, Meaning)>,
    /// Modules that everything is imported from.
    pub globs: Vec<ModulePath>,
    /// All paths in its code, also within macros.
    pub mentions: Vec<ModulePath>,
}

/// What a name stands for.
#[derive(Debug)]
pub enum Meaning {
    Item,
    Module,
    /// Whatever the path leads to. It is handed on when others see the import too.
    Import {
        path: ModulePath,
        handed_on: bool,
    },
}

/// Reads the target whose root is the file `root`, a path below `base`.
pub fn read(base: &Path, root: &str) -> Target {
    let mut reader = Reader { base, target: Target::new(), at: Vec::new() };
    reader.file(root.into(), true);
    reader.target
}

/// The syntax tree of a file, and what is wrong with it.
pub fn parse(path: &Path) -> syn::File {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether an item is built into tests only.
pub fn is_test(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    };
    says_test(attributes)
}

/// The same of an item in an `impl`.
pub fn is_test_within(item: &ImplItem) -> bool {
    says_test(match item {
        ImplItem::Const(item) => &item.attrs,
        ImplItem::Fn(item) => &item.attrs,
        _ => &[],
    })
}

fn says_test(attributes: &[Attribute]) -> bool {
    let mut conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.any(|attribute| attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test")))
}

struct Reader<'a> {
    base: &'a Path,
    target: Target,
    /// The module that is being read.
    at: ModulePath,
}

impl Reader<'_> {
    fn file(&mut self, file: PathBuf, is_root: bool) {
        let syntax = parse(&self.base.join(&file));
        let owns_folder = is_root || file.ends_with("mod.rs");
        let folder = if owns_folder { file.parent().unwrap().into() } else { file.with_extension("") };
        self.module(file, &folder, &syntax.items);
    }

    fn module(&mut self, file: PathBuf, folder: &Path, items: &[Item]) {
        self.target.insert(self.at.clone(), Module { file: file.clone(), ..Module::default() });
        for item in items.iter().filter(|item| !is_test(item)) {
            match item {
                Item::Mod(module) => self.child(module, &file, folder),
                item => self.visit_item(item),
            }
        }
    }

    fn child(&mut self, module: &syn::ItemMod, file: &Path, folder: &Path) {
        let name = module.ident.to_string();
        self.name(&name, Meaning::Module);
        self.at.push(name.clone());
        match (&module.content, path_attribute(&module.attrs)) {
            (Some((_, items)), _) => self.module(file.into(), &folder.join(&name), items),
            (None, Some(path)) => self.file(file.with_file_name(path), true),
            (None, None) => {
                let as_file = folder.join(format!("{name}.rs"));
                let is_file = self.base.join(&as_file).exists();
                self.file(if is_file { as_file } else { folder.join(name).join("mod.rs") }, false);
            }
        }
        self.at.pop();
    }

    fn here(&mut self) -> &mut Module {
        self.target.get_mut(&self.at).expect("a module is there while it is read")
    }

    fn name(&mut self, name: impl ToString, meaning: Meaning) {
        self.here().names.push((name.to_string(), meaning));
    }

    fn import(&mut self, tree: &UseTree, prefix: &[String], handed_on: bool) {
        let path = |last: &syn::Ident| [prefix, &[last.to_string()]].concat();
        let (name, mut path) = match tree {
            UseTree::Path(tree) => return self.import(&tree.tree, &path(&tree.ident), handed_on),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, prefix, handed_on));
            }
            UseTree::Glob(_) => return self.here().globs.push(prefix.to_vec()),
            UseTree::Name(tree) => (tree.ident.to_string(), path(&tree.ident)),
            UseTree::Rename(tree) => (tree.rename.to_string(), path(&tree.ident)),
        };
        // `use a::{self}` imports a.
        path.pop_if(|last| last == "self");
        let name = if name == "self" { path.last().cloned().unwrap_or_default() } else { name };
        self.name(name, Meaning::Import { path, handed_on });
    }
}

impl Visit<'_> for Reader<'_> {
    fn visit_item(&mut self, item: &Item) {
        if is_test(item) {
            return;
        }
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Union(item) => Some(&item.ident),
            _ => None,
        };
        if let Some(name) = name {
            self.name(name, Meaning::Item);
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &ImplItem) {
        if !is_test_within(item) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        // `::name` is another crate's.
        if item.leading_colon.is_none() {
            self.import(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        if path.leading_colon.is_none() {
            let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.here().mentions.push(names);
        }
        visit::visit_path(self, path);
    }

    /// `pub(in path)` uses nothing.
    fn visit_vis_restricted(&mut self, _: &syn::VisRestricted) {}

    /// The inside of a macro or of an attribute: names with `::` between them, unless they are a field's or a method's.
    fn visit_token_stream(&mut self, tokens: &TokenStream) {
        let (mut path, mut before) = (ModulePath::new(), [' '; 2]);
        for token in tokens.clone() {
            let [older, last] = before;
            let this = match &token {
                TokenTree::Punct(punctuation) => punctuation.as_char(),
                TokenTree::Group(group) => {
                    self.visit_token_stream(&group.stream());
                    '('
                }
                TokenTree::Literal(_) => '0',
                TokenTree::Ident(name) => {
                    let goes_on = before == [':', ':'] && !path.is_empty();
                    if !goes_on {
                        self.here().mentions.push(std::mem::take(&mut path));
                    }
                    let is_member = last == '.' && older != '.';
                    let is_elsewhere = before == [':', ':'] && !goes_on;
                    if !is_member && !is_elsewhere {
                        path.push(name.to_string());
                    }
                    'a'
                }
            };
            before = [last, this];
        }
        self.here().mentions.push(path);
    }
}

/// The file of `#[path = "file"]`.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(meta) if meta.path.is_ident("path") => match &meta.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}
