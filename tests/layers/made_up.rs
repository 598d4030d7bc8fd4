//! Tries the analysis on small trees that are made up.

use super::graph::Graph;
use super::rules::{Layers, circles, impure};

const LAYERS: Layers = Layers {
    folder: "",
    allowed: "
        lib: high low
        high: low
        low:
    ",
};

/// A crate with these texts in `high/mod.rs`, `low/mod.rs` and `low/part.rs`.
fn tree<'a>(high: &'a str, low: &'a str, part: &'a str) -> Graph {
    let root = ("lib.rs", "mod high; mod low; use high::run;");
    Graph::new([
        root,
        ("high/mod.rs", high),
        ("low/mod.rs", low),
        ("low/part.rs", part),
    ])
}

#[test]
fn imports_that_go_down_are_allowed() {
    let graph = tree(
        "use crate::low::Thing; pub fn run() { crate::low::go() }",
        "mod part; pub use part::Thing; pub fn go() {}",
        "pub struct Thing; impl super::Absent for Thing {}",
    );
    assert_eq!(LAYERS.complaints(&graph), Vec::<String>::new());
    assert_eq!(graph.imports().len(), 4, "{:#?}", graph.imports());
}

#[test]
fn an_import_that_goes_up_is_reported() {
    let graph = tree(
        "pub fn run() {}",
        "mod part;",
        "use crate::{high::{run, Other as It}};",
    );
    assert_eq!(
        LAYERS.complaints(&graph),
        [
            "low/part.rs imports Other from high/mod.rs: low may not import high",
            "low/part.rs imports run from high/mod.rs: low may not import high",
        ]
    );
}

#[test]
fn a_path_in_the_code_is_an_import() {
    let graph = tree(
        "pub fn run() {}",
        "mod part;",
        "fn f() { super::super::high::run(); }",
    );
    let expected = "low/part.rs imports run from high/mod.rs: low may not import high";
    assert_eq!(LAYERS.complaints(&graph), [expected]);
}

#[test]
fn a_path_that_begins_with_an_imported_module_is_an_import() {
    let graph = Graph::new([
        ("high/mod.rs", "use crate::low; fn f() { low::part::go() }"),
        ("low/mod.rs", "pub mod part;"),
        ("low/part.rs", "pub fn go() {}"),
    ]);
    let imports = graph.imports();
    let found: Vec<_> = imports
        .iter()
        .map(|import| (import.to, &*import.name))
        .collect();
    assert_eq!(found, [("low/mod.rs", "low"), ("low/part.rs", "go")]);
}

#[test]
fn a_reexport_is_followed_to_the_file_that_defines_the_name() {
    for reexport in [
        "pub use part::Thing;",
        "pub use part::*;",
        "pub use part::Other as Thing;",
    ] {
        let part = "pub struct Thing; pub struct Other;";
        let graph = tree("use crate::low::Thing;", reexport, part);
        let imports = graph.imports();
        let found: Vec<_> = imports.iter().map(|import| import.to).collect();
        assert_eq!(found, ["low/part.rs", "high/mod.rs"], "{reexport}");
    }
}

#[test]
fn a_reexport_from_above_is_an_import() {
    let graph = tree("pub fn run() {}", "pub use crate::high::run;", "");
    let expected = "low/mod.rs imports run from high/mod.rs: low may not import high";
    assert_eq!(LAYERS.complaints(&graph), [expected]);
}

#[test]
fn code_for_tests_is_left_out() {
    let low = "#[cfg(test)] mod part; #[cfg(test)] mod tests { use crate::high::run; fn f() {} }";
    let graph = tree("pub fn run() {}", low, "use crate::high::run;");
    assert_eq!(LAYERS.complaints(&graph), Vec::<String>::new());
}

#[test]
fn a_folder_without_a_row_and_a_row_without_a_folder_are_reported() {
    let graph = Graph::new([("lib.rs", ""), ("high.rs", ""), ("wide/mod.rs", "")]);
    assert_eq!(
        LAYERS.complaints(&graph),
        ["low is not there", "wide has no row"]
    );
}

#[test]
fn layers_inside_a_folder_are_held_as_well() {
    let inside = Layers {
        folder: "low/",
        allowed: "mod: part\n part:",
    };
    let graph = tree(
        "use crate::low::f;",
        "mod part; fn f() { part::g() }",
        "use super::f;",
    );
    assert_eq!(
        inside.complaints(&graph),
        ["low/part.rs imports f from low/mod.rs: part may not import mod"]
    );
}

#[test]
fn a_circle_between_folders_is_reported() {
    let graph = tree(
        "use crate::low::g; fn f() {}",
        "use crate::high::f; fn g() {}",
        "",
    );
    let expected = "a circle between folders:
    high/mod.rs imports g from low/mod.rs
    low/mod.rs imports f from high/mod.rs";
    assert_eq!(circles(&graph, &[]), [expected]);
    let accepted: &[&[&str]] = &[&["high/mod.rs", "low/mod.rs"]];
    assert!(circles(&graph, accepted).contains(&expected.to_owned()));
}

#[test]
fn a_circle_inside_a_folder_is_reported_unless_it_is_accepted() {
    let graph = tree(
        "",
        "mod part; use part::f; fn g() {}",
        "use super::g; fn f() {}",
    );
    let expected = "a circle inside a folder:
    low/mod.rs imports f from low/part.rs
    low/part.rs imports g from low/mod.rs";
    assert_eq!(circles(&graph, &[]), [expected]);
    let accepted: &[&[&str]] = &[&["low/mod.rs", "low/part.rs"]];
    assert_eq!(circles(&graph, accepted), Vec::<String>::new());
    let none = tree("", "", "");
    assert_eq!(circles(&none, accepted).len(), 1, "a listed circle is gone");
}

#[test]
fn a_pure_folder_names_nothing_of_the_runtime() {
    let graph = tree(
        "",
        "use tokio::sync::Notify; fn f() { tokio::spawn(g) }",
        "use tokios::x;",
    );
    let found = impure(&graph, "low/", &["tokio"]);
    assert_eq!(
        found,
        [
            "low/mod.rs names tokio::sync::Notify",
            "low/mod.rs names tokio::spawn"
        ]
    );
}
