use std::collections::BTreeSet;

use serde_json::Value;

use super::command::repository;

/// Checks that the README names the version and the kind of a JSON output, and each of its keys in the kind's entry.
#[track_caller]
pub fn documented(output: &Value) {
    let (version, kind) = (output["apiVersion"].as_str(), output["kind"].as_str());
    let (Some(version), Some(kind)) = (version, kind) else {
        panic!("no apiVersion or no kind: {output}")
    };
    assert!(
        section().contains(&format!("`apiVersion: {version}`")),
        "the README does not name {version}"
    );
    documented_as(kind, output);
}

/// The same of an output that is known by another name than a kind.
#[track_caller]
pub fn documented_as(name: &str, output: &Value) {
    let mut entry = entry(name);
    if entry.contains("`StatusList`") {
        entry.push_str(&self::entry("StatusList"));
    }
    let words = entry
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|word| word.trim_end_matches("[]"));
    let known: BTreeSet<&str> = words.chain(["apiVersion", "kind"]).collect();
    let mut names = BTreeSet::new();
    keys(output, &mut names);
    names.retain(|name| !known.contains(name.as_str()));
    assert!(
        names.is_empty(),
        "the README's entry for {name} does not name {names:?}"
    );
}

fn section() -> String {
    let readme = std::fs::read_to_string(repository().join("README.md"));
    let readme = readme.expect("the README can be read");
    let section = readme
        .split("\n## ")
        .find(|section| section.starts_with("For scripts"));
    section
        .expect("the README has a section for scripts")
        .to_owned()
}

/// What is said below one point of the list.
#[track_caller]
fn entry(name: &str) -> String {
    let section = section();
    let entry = section
        .split("\n- ")
        .find(|entry| entry.starts_with(&format!("`{name}`")));
    entry
        .unwrap_or_else(|| panic!("the README has no entry for {name}"))
        .to_owned()
}

fn keys(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| keys(item, names)),
        Value::Object(fields) => {
            for (name, value) in fields {
                names.insert(name.clone());
                keys(value, names);
            }
        }
        _ => {}
    }
}
