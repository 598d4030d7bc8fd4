//! Links in the documents lead somewhere, and what architecture.md says of the source is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::repository;

#[test]
fn no_link_is_dead() {
    let documents = documents();
    assert!(documents.len() > 20, "{:?}", documents.keys());
    let mut dead = Vec::new();
    for (path, text) in &documents {
        for target in targets(text) {
            if let Err(why) = follow(path, &target, &documents) {
                dead.push(format!("{}: {target}: {why}", path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

/// A row such as ``| … | `SECONDS` in [`lease.rs`](../src/lease.rs) |`` names something that the file defines.
#[test]
fn what_the_documents_name_in_a_file_is_defined_there() {
    let mut found = 0;
    for (path, text) in documents() {
        for (before, after) in splits(&text, "` in [`") {
            let name = before.rsplit('`').next().unwrap_or_default();
            let Some((_, target)) = after.split_once("](") else {
                continue;
            };
            let target = target.split(')').next().unwrap_or_default();
            let file = resolve(&path, target);
            let source = fs::read_to_string(repository().join(&file)).unwrap_or_default();
            let is_defined = ["const", "fn", "struct", "enum", "trait"]
                .iter()
                .any(|word| defines(&source, word, name));
            assert!(
                is_defined,
                "{}: {name} is not defined in {}",
                path.display(),
                file.display()
            );
            found += 1;
        }
    }
    assert!(found > 5, "only {found} names are checked");
}

#[test]
fn dead_links_are_found() {
    let page = "# A `b` c!\n## A b c\n[one](#a-b-c) `[not](one)` [two](#a-b-c-1)\n```\n[no](link)\n```\n[x]: gone.md\n";
    assert_eq!(targets(page), ["#a-b-c", "#a-b-c-1", "gone.md"]);
    let documents = BTreeMap::from([(PathBuf::from("docs/page.md"), page.to_owned())]);
    let follow = |target| follow(Path::new("docs/page.md"), target, &documents);
    assert_eq!(follow("#a-b-c"), Ok(()));
    assert_eq!(follow("page.md#a-b-c-1"), Ok(()));
    assert_eq!(follow("../README.md"), Ok(()));
    assert_eq!(follow("gone.md"), Err("no such file"));
    assert_eq!(follow("#gone"), Err("no such heading"));
}

/// The Markdown files of the repository, by path.
fn documents() -> BTreeMap<PathBuf, String> {
    let mut documents = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(repository().join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                let skipped = ["target", ".git"].iter().any(|name| path.ends_with(name));
                folders.extend((!skipped).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "md") {
                documents.insert(path, fs::read_to_string(entry.path()).expect("text"));
            }
        }
    }
    documents
}

/// Where the links of a page lead. Code is left out.
fn targets(page: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose(page) {
        if let Some((_, target)) = line.split_once("]: ")
            && line.starts_with('[')
        {
            targets.push(target.trim().to_owned());
        }
        let line = without_code(line);
        for (_, after) in splits(&line, "](") {
            targets.push(after.split(')').next().unwrap_or_default().to_owned());
        }
    }
    targets
}

/// The lines that are not in a block of code.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// What is before and after each place at which the text has the pattern.
fn splits<'a>(text: &'a str, pattern: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(pattern)
        .map(move |(at, _)| (&text[..at], &text[at + pattern.len()..]))
}

fn follow(
    page: &Path,
    target: &str,
    documents: &BTreeMap<PathBuf, String>,
) -> Result<(), &'static str> {
    if ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| target.starts_with(scheme))
    {
        return Ok(());
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = if file.is_empty() {
        page.to_owned()
    } else {
        resolve(page, file)
    };
    if anchor.is_empty() {
        let exists = documents.contains_key(&file) || repository().join(&file).exists();
        return exists.then_some(()).ok_or("no such file");
    }
    let text = documents.get(&file).ok_or("no such page")?;
    let has_it = anchors(text).contains(anchor);
    has_it.then_some(()).ok_or("no such heading")
}

/// The path of a link relative to the repository.
fn resolve(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(Path::new("")).to_owned();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in prose(page).filter(|line| line.starts_with('#')) {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let anchor: String = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let mut numbered = anchor.clone();
        let mut count = 0;
        while !anchors.insert(numbered.clone()) {
            count += 1;
            numbered = format!("{anchor}-{count}");
        }
    }
    anchors
}

fn defines(source: &str, word: &str, name: &str) -> bool {
    splits(source, &format!("{word} {name}"))
        .any(|(_, after)| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}
