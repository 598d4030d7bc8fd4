//! The groups of a file, each with its keys and their values.

use serde_yaml::Spanned;

use super::mistakes::{BadLine, bad};
use crate::settings::node::Node;
use crate::text::clean;

/// The most groups of a file.
const MAX_GROUPS: usize = 10_000;

/// The keys of a group, with their lines, and the values.
pub type Entries = Vec<(Spanned<String>, Node)>;

/// Returns the entries of each group, and the line where it begins.
pub fn entries(text: &str) -> Result<Vec<(u64, Entries)>, BadLine> {
    const EXAMPLE: &str = "groups: [{service: web-svc, fallbacks: [web-svc-east]}]";
    let node = Node::parse(text).map_err(|(line, message)| bad(line, message))?;
    let Some(Node::Map(entries)) = node else {
        return Err(bad(
            1,
            format!("expected a list of groups, such as {EXAMPLE}"),
        ));
    };
    let mut found = None;
    for (key, node) in entries {
        let line = key.referenced.line();
        match (key.value.as_str(), node) {
            ("groups", Node::List(items)) => found = Some((line, items)),
            ("groups", _) => return Err(bad(line, format!("groups: expected a list: {EXAMPLE}"))),
            (other, _) => {
                return Err(BadLine {
                    next: Some("keys: groups".to_owned()),
                    ..bad(line, format!("unknown key {:?}", clean(other)))
                });
            }
        }
    }
    let (line, items) = found.ok_or_else(|| bad(1, format!("no groups: expected {EXAMPLE}")))?;
    if items.is_empty() || items.len() > MAX_GROUPS {
        return Err(bad(
            line,
            format!("groups: expected 1 to {MAX_GROUPS} groups"),
        ));
    }
    let mut last = line;
    items
        .into_iter()
        .map(|item| match item {
            Node::Map(entries) if !entries.is_empty() => {
                last = entries
                    .first()
                    .map_or(last, |(key, _)| key.referenced.line());
                Ok((last, entries))
            }
            _ => Err(bad(
                last,
                "groups: each group needs keys, such as service and fallbacks",
            )),
        })
        .collect()
}
