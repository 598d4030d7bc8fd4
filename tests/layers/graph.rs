//! Which file imports which: names are followed through re-exports to the file that defines them.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Path, Source};

/// How many re-exports a name may pass through.
const MAX_HOPS: usize = 12;

/// The files of a crate by their modules; the crate's root has no segments.
#[derive(Default)]
pub struct Graph {
    files: BTreeMap<Path, File>,
}

pub struct File {
    /// The path below the source folder.
    pub name: String,
    pub source: Source,
}

/// A file that uses a name which another file defines.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub name: String,
}

impl Graph {
    /// The graph of these files: paths below the source folder, and texts.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut graph = Self::default();
        let mut for_tests = Vec::new();
        for (name, text) in files {
            let (module, name, source) = (module(name), name.to_owned(), Source::parse(text));
            for tests in &source.test_modules {
                for_tests.push(joined(&module, [tests]));
            }
            graph.files.insert(module, File { name, source });
        }
        let is_for_tests = |module: &Path| for_tests.iter().any(|tests| module.starts_with(tests));
        graph.files.retain(|module, _| !is_for_tests(module));
        graph
    }

    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    /// All imports between files. A module that re-exports names of its own parts does not import.
    pub fn imports(&self) -> BTreeSet<Import<'_>> {
        let mut imports = BTreeSet::new();
        for (module, File { name: from, source }) in &self.files {
            let uses = source
                .uses
                .iter()
                .map(|import| (&import.path, import.public));
            let paths = source.paths.iter().map(|path| (path, false));
            for (path, is_reexport) in uses.chain(paths) {
                let Some((origin, name)) = self.definer(module, path) else {
                    continue;
                };
                let is_own_part = is_reexport && origin.starts_with(module);
                if origin != module && !is_own_part {
                    let to = &self.files[origin].name;
                    imports.insert(Import { from, to, name });
                }
            }
        }
        imports
    }

    /// The module that defines what `path` means in `module`, and the name; none for other crates.
    fn definer(&self, module: &Path, path: &Path) -> Option<(&Path, String)> {
        self.follow(&self.absolute(module, path, MAX_HOPS)?, MAX_HOPS)
    }

    /// The path from the crate's root.
    fn absolute(&self, module: &Path, path: &[String], hops: usize) -> Option<Path> {
        let is_super = |segment: &&String| *segment == "super";
        let ups = path.iter().take_while(is_super).count();
        if ups > 0 {
            let above = module.len().checked_sub(ups)?;
            return Some(joined(&module[..above], &path[ups..]));
        }
        let (first, rest) = path.split_first()?;
        if first == "crate" {
            return Some(rest.to_vec());
        }
        if first == "self" {
            return Some(joined(module, rest));
        }
        if self.files.contains_key(&joined(module, [first])) {
            return Some(joined(module, path));
        }
        let uses = &self.files.get(module)?.source.uses;
        let import = uses.iter().find(|import| import.name == *first)?;
        let start = self.absolute(module, &import.path, hops.checked_sub(1)?)?;
        Some(joined(&start, rest))
    }

    /// Follows an absolute path to the module that defines the name.
    fn follow(&self, path: &Path, hops: usize) -> Option<(&Path, String)> {
        let prefix = |end: usize| self.files.get_key_value(&path[..end]);
        let (module, file) = (0..=path.len()).rev().find_map(prefix)?;
        let Some((name, rest)) = path[module.len()..].split_first() else {
            return Some((module, module.last().cloned().unwrap_or_default()));
        };
        if file.source.items.contains(name) {
            return Some((module, name.clone()));
        }
        let hops = hops.checked_sub(1)?;
        let uses = &file.source.uses;
        if let Some(import) = uses.iter().find(|import| import.name == *name) {
            let target = self.absolute(module, &import.path, hops)?;
            return self.follow(&joined(&target, rest), hops);
        }
        let globs = uses.iter().filter(|import| import.name == "*");
        let mut targets = globs.filter_map(|import| self.absolute(module, &import.path, hops));
        let found = targets.find_map(|target| {
            let found = self.follow(&joined(&target, [name]), hops)?;
            let defines = self.files[found.0].source.items.contains(name);
            defines.then_some(found)
        });
        Some(found.unwrap_or_else(|| (module, name.clone())))
    }

    /// The sets of files that reach each other by imports.
    pub fn circles(&self) -> BTreeSet<BTreeSet<&str>> {
        let mut next = Next::new();
        for import in self.imports() {
            next.entry(import.from).or_default().insert(import.to);
        }
        let mut reached = Next::new();
        for from in next.keys() {
            reached.insert(from, reach(from, &next));
        }
        let mut circles = BTreeSet::new();
        for (from, all) in &reached {
            let returns = |to: &str| reached.get(to).is_some_and(|all| all.contains(from));
            circles.insert(all.iter().copied().filter(|to| returns(to)).collect());
        }
        circles.remove(&BTreeSet::new());
        circles
    }
}

/// The files that follow each file.
type Next<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn reach<'a>(from: &'a str, next: &Next<'a>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(file) = waiting.pop() {
        let ahead = next.get(file).into_iter().flatten().copied();
        waiting.extend(ahead.filter(|file| reached.insert(*file)));
    }
    reached
}

/// The module of a file: `watch/engine/mod.rs` is `watch::engine`.
fn module(file: &str) -> Path {
    let stem = file.trim_end_matches(".rs");
    let mut path: Path = stem.split('/').map(str::to_owned).collect();
    path.pop_if(|last| last == "mod" || last == "lib");
    path
}

fn joined<'a>(start: &'a [String], rest: impl IntoIterator<Item = &'a String>) -> Path {
    start.iter().chain(rest).cloned().collect()
}
