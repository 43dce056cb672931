//! The walls' own tests, on crates small enough to see what is wrong with them.

use super::{circles_of_files, modules, public, rooms, rooms_as_found, types};
use crate::support::folder;
use std::fs;

/// Writes files, each as its path and content, and reads the crate whose root is the first.
fn read(files: &[(&str, &str)]) -> modules::Target {
    let root = folder();
    for (path, content) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    modules::read(root.path(), files[0].0)
}

/// What is wrong with a crate whose rooms are `a`, `b` and `c`, by a map in which c uses b and b uses a.
fn differences(a: &str, b: &str, c: &str) -> Vec<String> {
    const MAP: &str = "```rooms x\na | First.  |\nb | Second. | a\nc | Third.  | b\n```\n";
    let target = read(&[("lib.rs", "mod a; mod b; mod c;"), ("a.rs", a), ("b.rs", b), ("c.rs", c)]);
    rooms::differences(&rooms::rows(MAP, "x").0, &rooms_as_found(&[target]))
}

const A: &str = "pub struct A;";
const B: &str = "use crate::a::A; pub struct B(A);";
const C: &str = "pub fn c(_: crate::b::B) {}";

#[test]
fn what_the_map_says_is_allowed_and_nothing_else() {
    assert_eq!(differences(A, B, C), [""; 0]);
    assert_eq!(differences(A, B, "use crate::{a::A, b::B};"), ["c uses a, and may not"]);
    assert_eq!(differences(A, B, ""), ["c may use b, and does not"]);
    let circle = differences("pub struct A; fn a() { crate::c::c() }", B, C);
    assert_eq!(circle, ["a uses c, and may not", "a circle: a -> c -> b -> a"]);
    // The root's own items are no room's.
    let target = read(&[("lib.rs", "mod a; const TOP: u8 = 1;"), ("a.rs", "const A: u8 = super::TOP;")]);
    let (rows, _) = rooms::rows("```rooms x\na | First. |\n```\n", "x");
    let found = rooms_as_found(&[target]);
    assert_eq!(rooms::differences(&rows, &found), ["a uses what lies in the root of the crate"]);
}

#[test]
fn each_room_has_one_row_with_a_sentence() {
    let target = read(&[("lib.rs", "mod a; mod b;"), ("a.rs", ""), ("b.rs", "use crate::a::A;")]);
    let found = rooms_as_found(&[target]);
    let differences = |map: &str| rooms::differences(&rooms::rows(map, "x").0, &found);
    let twice = "```rooms y\nc | Another crate's. |\n```\n```rooms x\na | First. |\na | First. |\nb | Second. | a\n```\n";
    assert_eq!(differences(twice), ["a has no row, or several"]);
    assert_eq!(differences("```rooms x\na | First. |\n```\n"), ["b has no row, or several"]);
    let stale = "```rooms x\na | First. |\nb | Second. | a\ngone | Third. |\n```\n";
    assert_eq!(differences(stale), ["gone has a row, and is no room"]);
    let empty = "```rooms x\nb | Second. | c\na | |\n```\n";
    let expected = ["b uses a, and may not", "b may use c, and does not", "a has no sentence"];
    assert_eq!(differences(empty), expected);
    let (rows, place) = rooms::rows(empty, "x");
    let mut written = empty.to_owned();
    written.replace_range(place, &rooms::as_found(&rows, &found));
    assert_eq!(written, "```rooms x\na |         |\nb | Second. | a\n```\n");
}

/// The circles of files in a crate whose room is a folder of two files.
fn circles(of_folder: &str, one: &str, two: &str) -> Vec<String> {
    let root = ("lib.rs", "mod room; pub use room::One;");
    circles_of_files(&read(&[root, ("room/mod.rs", of_folder), ("room/one.rs", one), ("room/two.rs", two)]))
}

const ONE: &str = "pub struct One; pub fn one() {}";

#[test]
fn files_form_circles_by_imports_paths_and_macros() {
    let to_one =
        ["use super::one::One;", "use crate::room::{one::{One as X}};", "fn f() -> super::one::One {}"];
    let within = [
        "use super::one; fn f() { one::one() }",
        "fn f() { vec![super::one::One] }",
        "use super::one::*; type T = One;",
    ];
    for two in to_one.iter().chain(&within) {
        assert_eq!(circles("mod one; mod two;", ONE, two), [""; 0], "{two}");
        let back = format!("{ONE} fn back() {{ super::two::f() }}");
        let circle = ["room/one.rs -> room/two.rs -> room/one.rs"];
        assert_eq!(circles("mod one; mod two;", &back, &format!("{two} pub fn f() {{}}")), circle, "{two}");
    }
}

#[test]
fn a_parent_that_hands_on_what_its_children_have_uses_nothing() {
    let handing_on = "mod one; mod two; pub use one::{One, one}; pub use two::*;";
    assert_eq!(circles(handing_on, ONE, "use super::One;"), [""; 0], "two uses one, not its parent");
    assert_eq!(circles(handing_on, ONE, "use crate::One;"), [""; 0], "nor the root");
    let back = format!("{ONE} use super::two;  fn back(_: two::Two) {{}}");
    let by_parent = circles(handing_on, &back, "use super::One; pub struct Two;");
    assert_eq!(by_parent, ["room/one.rs -> room/two.rs -> room/one.rs"]);
}

#[test]
fn a_parent_and_a_child_that_use_each_other_form_a_circle() {
    let own = "mod one; mod two; const OWN: u8 = 1; fn f() { one::one() }";
    assert_eq!(circles(own, ONE, "const TWO: u8 = super::OWN;"), [""; 0], "each uses another");
    let circle = ["room/mod.rs -> room/one.rs -> room/mod.rs"];
    assert_eq!(circles(own, &format!("{ONE} const N: u8 = super::OWN;"), ""), circle);
    // What it hands on it may use itself, which is a use.
    let handing_on = "mod one; mod two; pub use one::one; const OWN: u8 = 1; fn f() { one() }";
    assert_eq!(circles(handing_on, &format!("{ONE} const N: u8 = super::OWN;"), ""), circle);
}

#[test]
fn tests_comments_strings_and_members_use_nothing() {
    let back = [
        "#[cfg(test)] mod tests { use super::super::two::f; }",
        "#[cfg(test)] fn f() { super::two::f() }",
        "struct S; impl S { #[cfg(test)] fn f() { super::two::f() } }",
        "// super::two::f\n/* use super::two::f; */",
        "/// [`super::two::f`]\nconst TEXT: &str = \"super::two::f()\";",
        "use super::two as f; fn g(x: X) { x.f; assert!(x.f); }",
        "pub(in crate::room) struct S;",
    ];
    for back in back {
        let found = circles(
            "mod one; mod two;",
            &format!("{ONE} {back}"),
            "use super::one; pub fn f() { one::one() }",
        );
        assert_eq!(found, [""; 0], "{back}");
    }
}

#[test]
fn modules_are_found_where_the_compiler_finds_them() {
    let target = read(&[
        ("src/main.rs", "mod a; mod b { mod c; fn b() { c::f() } } #[path = \"other.rs\"] mod d;"),
        ("src/a.rs", "mod one;"),
        ("src/a/one.rs", "use crc32c::crc32c; fn f() { crate::b::c::f(); crc32c(); }"),
        ("src/b/c.rs", "pub fn f() { super::super::d::f() }"),
        ("src/other.rs", "pub fn f() { crate::a::one::f() }"),
    ]);
    let circle = ["src/a/one.rs -> src/b/c.rs -> src/other.rs -> src/a/one.rs"];
    assert_eq!(circles_of_files(&target), circle);
}

/// The full names of what `core` offers and neither it nor `product` uses.
fn unused(core: &str, product: &str) -> Vec<String> {
    let [core, product] = [core, product].map(|text| syn::parse_file(text).unwrap());
    let used = &public::used(&core) | &public::used(&product);
    let unused = public::defined(&core).into_iter().filter(|item| !used.contains(&item.name));
    unused.map(|item| item.full_name).collect()
}

#[test]
fn what_nobody_uses_is_found_wherever_it_is_defined() {
    let core = "pub fn f() { f() } pub const C: u8 = 1; pub trait T { fn m(&self) { self.m() } } pub type A = u8;
        pub struct S; impl S { pub fn new() -> S { Self::new() } pub const K: S = S; } mod inner { pub enum E { V } }";
    // By name, so what belongs to a type or a trait lies among the rest.
    assert_eq!(unused(core, ""), ["A", "C", "E", "S::K", "S", "T", "f", "T::m", "S::new"]);
    let product =
        "use x::{A, f as g, inner::E, T}; fn p() { g(); S::new().m(); vec![S::K]; println!(\"{C:?}\") }";
    assert_eq!(unused(core, product), [""; 0]);
}

#[test]
fn tests_comments_modules_and_handing_on_are_no_uses() {
    let core = "pub fn f() {}";
    let none = [
        "#[cfg(test)] mod tests { fn t() { f() } }",
        "struct S; impl S { #[cfg(test)] fn t() { f() } }",
        "/// [`f`]\n// f()\nconst TEXT: &str = \"f()\";",
        "mod f; use f::other; fn g() { f::other(); vec![f::other()] }",
        "pub use x::f; pub(crate) use x::*;",
        "fn f() { f() }",
    ];
    for product in none {
        assert_eq!(unused(core, product), ["f"], "{product}");
    }
    let uses = [
        "fn g() { x::f() }",
        "fn g(x: X) { x.f() }",
        "vec![x::f()];",
        "#[serde(with = f)] struct S;",
        "pub use x::f as g;",
    ];
    for product in uses {
        assert_eq!(unused(core, product), [""; 0], "{product}");
    }
}

#[test]
fn types_are_found_in_modules_and_not_in_tests_functions_or_traits() {
    let file = syn::parse_str(
        "enum A {} struct B; trait C { type Item; } type D = u8; union E { a: u8 } mod inner { struct B; }
         impl C for B { type Item = u8; } fn f() { struct F; } #[cfg(test)] mod tests { struct A; }",
    );
    assert_eq!(types::declared(&file.unwrap()), ["A", "B", "C", "D", "E", "B"]);
}
