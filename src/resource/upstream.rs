//! Linkerd's own failover controller (<https://linkerd.io/2/tasks/automatic-failover/>), and which
//! objects it manages.

use super::{Kind as _, Labels, Record, TrafficSplit};

/// The field manager of the controller's writes.
pub const UPSTREAM_MANAGER: &str = "failover.linkerd.io";

/// A running controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The namespace that it runs in.
    pub namespace: String,
    /// The label selector of the objects that it manages.
    pub selector: String,
}

impl Upstream {
    /// Whether it manages this object. A selector that cannot be parsed covers every TrafficSplit.
    pub fn covers(&self, record: &Record) -> bool {
        let labels = &record.meta.labels;
        let is_split = record.kind.info().kind == TrafficSplit.info().kind;
        is_split && requirements(&self.selector).all(|requirement| meets(labels, requirement))
    }
}

/// Returns the requirements of a label selector. A comma within brackets separates values.
fn requirements(selector: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    selector.split(move |character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
}

fn meets(labels: &Labels, requirement: &str) -> bool {
    let requirement = requirement.trim();
    let is = |key: &str, value: &str| labels.get(key.trim()).is_some_and(|is| is == value.trim());
    if requirement.is_empty() || requirement.contains(['(', ' ']) {
        return true;
    }
    if let Some((key, value)) = requirement.split_once("!=") {
        return !is(key, value);
    }
    if let Some((key, value)) = requirement.split_once('=') {
        return is(key, value.strip_prefix('=').unwrap_or(value));
    }
    match requirement.strip_prefix('!') {
        Some(key) => !labels.contains_key(key.trim()),
        None => labels.contains_key(requirement),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::annotations::CONTROLLED_BY;

    #[test]
    fn selectors_match_the_same_objects_as_the_api_server() {
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let labels = Labels::from_iter([
            label(CONTROLLED_BY, "linkerd-failover"),
            label("tier", "web"),
        ]);
        let covers =
            |selector: &str| requirements(selector).all(|requirement| meets(&labels, requirement));
        for selector in [
            "",
            CONTROLLED_BY,
            "tier=web",
            "tier==web",
            "tier!=db",
            "!gone",
            "tier=web,!gone",
        ] {
            assert!(covers(selector), "{selector}");
        }
        for selector in [
            "gone",
            "tier=db",
            "tier!=web",
            "!tier",
            "tier=web,gone",
            "tier in (a,b),gone",
        ] {
            assert!(!covers(selector), "{selector}");
        }
        assert!(covers("tier in (a, b)"));
    }
}
