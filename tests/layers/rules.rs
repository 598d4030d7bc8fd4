//! What the import graph has to look like: layers, circles and pure folders.

use std::collections::BTreeSet;
use std::fmt;

use super::graph::{Graph, Import};

/// What the parts of one folder may import of each other.
pub struct Layers {
    /// The folder, with a slash at the end; empty for the source folder itself.
    pub folder: &'static str,
    /// Lines of a part, a colon, and the parts that it may import; `*` for all of them.
    pub allowed: &'static str,
}

impl Layers {
    /// The imports that the table does not allow, and parts that have no row or have gone.
    pub fn complaints(&self, graph: &Graph) -> Vec<String> {
        let mut complaints = Vec::new();
        for import in graph.imports() {
            let (Some(from), Some(to)) = (self.part(import.from), self.part(import.to)) else {
                continue;
            };
            if from != to && !self.allows(from, to) {
                complaints.push(format!("{import}: {from} may not import {to}"));
            }
        }
        let parts = graph.files().filter_map(|file| self.part(&file.name));
        let parts: BTreeSet<&str> = parts.collect();
        let rows: BTreeSet<&str> = self.rows().map(|(part, _)| part).collect();
        for part in parts.symmetric_difference(&rows) {
            let fault = if rows.contains(part) {
                "is not there"
            } else {
                "has no row"
            };
            complaints.push(format!("{part} {fault}"));
        }
        complaints
    }

    fn allows(&self, from: &str, to: &str) -> bool {
        let rows = self.rows().filter(|(part, _)| *part == from);
        let mut allowed = rows.flat_map(|(_, allowed)| allowed.split_whitespace());
        allowed.any(|part| part == to || part == "*")
    }

    fn rows(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let rows = self.allowed.lines().filter_map(|line| line.split_once(':'));
        rows.map(|(part, allowed)| (part.trim(), allowed))
    }

    /// The folder or file of this folder that a file is in.
    fn part<'a>(&self, file: &'a str) -> Option<&'a str> {
        file.strip_prefix(self.folder)?.split(['/', '.']).next()
    }
}

impl fmt::Display for Import<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} imports {} from {}", self.from, self.name, self.to)
    }
}

/// The circles that are not accepted, and accepted ones that are gone.
/// A circle between folders is never accepted; of its imports, those between folders are shown.
pub fn circles(graph: &Graph, accepted: &[&[&str]]) -> Vec<String> {
    let accepted = accepted.iter().map(|files| files.iter().copied().collect());
    let mut accepted: BTreeSet<BTreeSet<&str>> = accepted.collect();
    let mut complaints = Vec::new();
    for circle in graph.circles() {
        let folders: BTreeSet<&str> = circle.iter().map(|file| folder(file)).collect();
        let is_between = folders.len() > 1;
        if is_between || !accepted.remove(&circle) {
            let place = if is_between {
                "between folders"
            } else {
                "inside a folder"
            };
            let imports = graph.imports().into_iter();
            let inside = imports.filter(|it| circle.contains(it.from) && circle.contains(it.to));
            let shown = inside.filter(|it| !is_between || folder(it.from) != folder(it.to));
            let lines: String = shown.map(|import| format!("\n    {import}")).collect();
            complaints.push(format!("a circle {place}:{lines}"));
        }
    }
    for files in accepted {
        complaints.push(format!("the circle {files:?} is gone"));
    }
    complaints
}

fn folder(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The paths in files of `folder` that begin with one of `forbidden`.
pub fn impure(graph: &Graph, folder: &str, forbidden: &[&str]) -> Vec<String> {
    let begins = |path: &str, name: &str| {
        let rest = path.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let mut complaints = Vec::new();
    let files = graph.files().filter(|file| file.name.starts_with(folder));
    for file in files {
        for path in file.source.all_paths().map(|path| path.join("::")) {
            if forbidden.iter().any(|name| begins(&path, name)) {
                complaints.push(format!("{} names {path}", file.name));
            }
        }
    }
    complaints
}
