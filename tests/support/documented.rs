use std::path::Path;

use serde_json::Value;

/// Checks that the README names every key of a JSON output, its version and its kind.
#[track_caller]
pub fn documented(output: &Value) {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let readme = readme.expect("the README can be read");
    let section = readme.split("\n## ").find(|section| section.starts_with("For scripts"));
    let section = section.expect("the README has a section for scripts");
    let mut names = vec!["apiVersion".to_owned(), "kind".to_owned()];
    names.extend(output["apiVersion"].as_str().map(str::to_owned));
    names.extend(output["kind"].as_str().map(str::to_owned));
    assert_eq!(names.len(), 4, "no apiVersion or no kind: {output}");
    keys(output, &mut names);
    names.retain(|name| !section.contains(&format!("`{name}")) && !section.contains(&format!(": {name}`")));
    assert!(names.is_empty(), "the README does not name {names:?}");
}

fn keys(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| keys(item, names)),
        Value::Object(fields) => {
            for (name, value) in fields {
                names.push(name.clone());
                keys(value, names);
            }
        }
        _ => {}
    }
}
