//! Holds JSON output against the page that documents it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::command::repository;

const PAGE: &str = "docs/scripting.md";

/// Checks that the page names the version and the kind of a JSON output, and each of its keys in the kind's section.
#[track_caller]
pub fn documented(output: &Value) {
    let (version, kind) = (output["apiVersion"].as_str(), output["kind"].as_str());
    let (Some(version), Some(kind)) = (version, kind) else {
        panic!("no apiVersion or no kind: {output}")
    };
    assert!(
        page().contains(&format!("`apiVersion: {version}`")),
        "{PAGE} does not name {version}"
    );
    documented_as(kind, output);
}

/// Checks the keys of an output that the page lists under another name than its kind.
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
        "{PAGE} does not name {names:?} for {name}"
    );
}

/// Checks that the page about `watch` names each of the metrics.
#[track_caller]
pub fn documented_metrics(metrics: &str) {
    let page = read("docs/watch.md");
    let types = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let names: Vec<&str> = types.filter_map(|line| line.split(' ').next()).collect();
    assert!(!names.is_empty(), "no metrics: {metrics}");
    for name in names {
        let is_named = ["", "_total", "_info"]
            .map(|end| format!("`{name}{end}`"))
            .iter()
            .any(|word| page.contains(word));
        assert!(is_named, "docs/watch.md does not name {name}");
    }
}

fn page() -> String {
    read(PAGE)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).expect("the page can be read")
}

/// The section that describes one kind of output.
#[track_caller]
fn entry(name: &str) -> String {
    let page = page();
    let entry = page
        .split("\n### ")
        .find(|entry| entry.lines().next() == Some(name));
    entry
        .unwrap_or_else(|| panic!("{PAGE} has no section for {name}"))
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
