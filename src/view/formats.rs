//! JSON and YAML as programs read them, safe to print on a terminal.

use serde::Serialize;

use crate::text::{clean_json, clean_lines};

/// The version of every JSON shape that this plugin prints.
pub const API_VERSION: &str = "cli.failover.linkerd.io/v1";

/// A document of several lines.
///
/// # Errors
/// If the value cannot be serialised.
pub fn json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(clean_json(&serde_json::to_string_pretty(value)?) + "\n")
}

/// A document on one line, without a line end.
///
/// # Errors
/// If the value cannot be serialised.
pub fn json_line(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(clean_json(&serde_json::to_string(value)?))
}

/// A YAML document.
///
/// # Errors
/// If the value cannot be serialised.
pub fn yaml(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(clean_lines(&serde_yaml::to_string(value)?))
}
