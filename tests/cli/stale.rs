//! The generated files in the repository are up to date.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::generated::{FOLDERS, files};
use crate::support::repository;

const REGENERATE: &str = "REGENERATE=1 cargo test --test cli stale";

type Files = BTreeMap<PathBuf, Vec<u8>>;

#[test]
fn generated_files_are_not_stale() {
    let expected: Files = files()
        .into_iter()
        .map(|file| (file.path, file.content))
        .collect();
    if std::env::var_os("REGENERATE").is_some() {
        write(repository(), &expected);
    }
    let complaints = differences(&expected, &read(repository()));
    assert!(
        complaints.is_empty(),
        "{}\nto make them again: {REGENERATE}",
        complaints.join("\n")
    );
}

#[test]
fn each_kind_of_difference_is_reported() {
    let file = |name: &str, text: &str| (PathBuf::from(name), text.as_bytes().to_vec());
    let expected = Files::from([
        file("man/a.1", "new"),
        file("man/b.1", "same"),
        file("man/c.1", ""),
    ]);
    let found = Files::from([
        file("man/a.1", "old"),
        file("man/b.1", "same"),
        file("man/d.1", ""),
    ]);
    assert_eq!(
        differences(&expected, &found),
        [
            "man/a.1 is stale",
            "man/c.1 is missing",
            "man/d.1 is superfluous"
        ]
    );
}

#[test]
fn files_are_regenerated_and_superfluous_ones_removed() {
    let root = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(root.path().join("man")).expect("a folder");
    fs::write(root.path().join("man/old.1"), "old").expect("a file");
    let expected = Files::from([(PathBuf::from("man/new.1"), b"new".to_vec())]);
    write(root.path(), &expected);
    assert_eq!(read(root.path()), expected);
}

fn differences(expected: &Files, found: &Files) -> Vec<String> {
    let names = expected
        .keys()
        .chain(found.keys().filter(|name| !expected.contains_key(*name)));
    let complaint = |name: &PathBuf| {
        let what = match (expected.get(name), found.get(name)) {
            (Some(expected), Some(found)) if expected == found => return None,
            (Some(_), Some(_)) => "stale",
            (Some(_), None) => "missing",
            (None, _) => "superfluous",
        };
        Some(format!("{} is {what}", name.display()))
    };
    names.filter_map(complaint).collect()
}

fn read(root: &Path) -> Files {
    let mut files = Files::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(root.join(folder)).into_iter().flatten() {
            let name = Path::new(folder).join(entry.expect("an entry").file_name());
            files.insert(name.clone(), fs::read(root.join(&name)).expect("a file"));
        }
    }
    files
}

fn write(root: &Path, files: &Files) {
    for superfluous in read(root).keys().filter(|name| !files.contains_key(*name)) {
        fs::remove_file(root.join(superfluous)).expect("a file to remove");
    }
    for folder in FOLDERS {
        fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    for (name, content) in files {
        fs::write(root.join(name), content).expect("a file to write");
    }
}
