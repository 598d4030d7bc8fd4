//! Where a command works, in words.

/// A namespace, or all of them.
pub fn place(namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("namespace {namespace}"),
        None => "all namespaces".to_owned(),
    }
}
