//! Where groups are, if there are none where a command looks. Hints only: what cannot be read in time
//! is left out.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;

use crate::cluster::api::namespaces;
use crate::cluster::queries::group_list::list_groups;
use crate::cluster::{Cluster, Clusters};
use crate::model::fold::name_some;
use crate::model::{State, Status};
use crate::readiness::prefetch::PrefetchedSlices;
use crate::readiness::survey::survey;
use crate::text::nearest::nearest;
use crate::text::{clean, word};

const HINT_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_NAMED_NAMESPACES: usize = 10;

/// Returns a line with the namespaces that have groups with these labels; none if there are none.
pub async fn other_namespaces(
    cluster: &Cluster,
    namespace: Option<&str>,
    labels: Option<&str>,
) -> Option<String> {
    // Without a namespace, all have been searched.
    namespace?;
    let listed = timeout(HINT_TIMEOUT, list_groups(cluster, None, labels)).await;
    let records = listed.ok()?.ok()?.records;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for record in &records {
        *counts.entry(record.meta.namespace.as_str()).or_default() += 1;
    }
    let counts: Vec<(&str, usize)> = counts.into_iter().collect();
    in_words(&counts)
}

/// Returns a line that names the groups of other namespaces whose requests fail; none if there are
/// none, or if the namespace is not the reason that no groups were found.
pub async fn failing_groups(
    cluster: &Clusters,
    namespace: Option<&str>,
    labels: Option<&str>,
) -> Option<String> {
    namespace?;
    let statuses = timeout(HINT_TIMEOUT, async {
        let records = list_groups(cluster, None, labels).await.ok()?.records;
        Some(survey(cluster, &records, &records, PrefetchedSlices::default()).await)
    });
    failing(&statuses.await.ok()??)
}

fn failing(statuses: &[Status]) -> Option<String> {
    let of_state = |state: State| {
        let names = statuses.iter().filter(|status| status.state == state);
        let mut names = names.map(|status| clean(&status.id.to_string())).peekable();
        names.peek()?;
        Some(format!("{state}: {}", name_some(names)))
    };
    let states = [State::Down, State::Unavailable].into_iter();
    let states: Vec<String> = states.filter_map(of_state).collect();
    (!states.is_empty()).then(|| format!("of these, {}", states.join("; ")))
}

fn in_words(counts: &[(&str, usize)]) -> Option<String> {
    let first = counts.first()?;
    let named = counts.iter().take(MAX_NAMED_NAMESPACES);
    let named = named.map(|(namespace, groups)| format!("{} ({groups})", clean(namespace)));
    let named: Vec<String> = named.collect();
    let hidden = counts.len().saturating_sub(MAX_NAMED_NAMESPACES);
    let more = if hidden > 0 {
        format!(" and {hidden} more")
    } else {
        String::new()
    };
    let flags = match counts.len() {
        1 => format!("-n {}", word(first.0)),
        _ => format!("-n {}, or -A for all", word(first.0)),
    };
    Some(format!(
        "there are groups in: {}{more}; add {flags}",
        named.join(", ")
    ))
}

/// Returns a line with the namespace whose name is like that of a missing one; else where groups
/// are.
pub async fn similar_namespaces(cluster: &Cluster, missing: &str) -> Option<String> {
    let names = timeout(HINT_TIMEOUT, namespaces::names(cluster, "")).await;
    let names = names.ok().and_then(Result::ok).unwrap_or_default();
    match nearest(missing, names.iter().map(String::as_str)) {
        Some(name) => Some(format!("did you mean -n {}?", word(name))),
        None => other_namespaces(cluster, Some(missing), None).await,
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn the_flags_to_add_are_named() {
        assert_eq!(in_words(&[]), None);
        assert_eq!(
            in_words(&[("shop", 2)]).unwrap(),
            "there are groups in: shop (2); add -n shop"
        );
        assert_eq!(
            in_words(&[("pay", 1), ("shop", 2)]).unwrap(),
            "there are groups in: pay (1), shop (2); add -n pay, or -A for all"
        );
    }

    #[test]
    fn many_namespaces_are_counted() {
        let line = in_words(&[("ns", 1); 12]).unwrap();
        assert!(line.contains("ns (1) and 2 more; add"), "{line}");
    }
}
