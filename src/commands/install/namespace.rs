//! The namespace of an installation, if it exists: whether other programs there would start
//! differently with the labels that the manifests set.

use std::collections::HashMap;

use serde_json::Value;

use crate::cli::InstallDanger;
use crate::cluster::Cluster;
use crate::cluster::api::namespaces;
use crate::cluster::api::occupants::{Occupant, programs};
use crate::commands::env::CommandEnv;
use crate::error::explain;
use crate::model::fold::name_some;
use crate::problem::Problem;
use crate::text::{clean, word};

/// # Errors
/// If labels of a namespace in which other programs run would change.
pub async fn check(
    env: &CommandEnv,
    cluster: &Cluster,
    printed: &Value,
    allowed: &[InstallDanger],
) -> Result<(), Problem> {
    let name = printed["metadata"]["name"].as_str().unwrap_or_default();
    let labels = match namespaces::labels(cluster, name).await {
        Ok(Some(labels)) => labels,
        Ok(None) => return Ok(()),
        // Then the manifests cannot be applied either.
        Err(error) if error.is_forbidden() => return Ok(()),
        Err(error) => return Err(explain(cluster, &error)),
    };
    let changes = changes(&printed["metadata"]["labels"], &labels);
    if changes.is_empty() || allowed.contains(&InstallDanger::Occupied) {
        return Ok(());
    }
    let others: Vec<String> = match programs(cluster, name).await {
        Ok(found) => found
            .into_iter()
            .filter(|it| !it.is_upstream)
            .map(|Occupant { name, .. }| clean(&name))
            .collect(),
        Err(error) if error.is_forbidden() => {
            env.streams.say(&format!(
                "warning: can't tell whether other programs run in namespace {}; its labels \
                 change: {}",
                clean(name),
                changes.join(", ")
            ));
            return Ok(());
        }
        Err(error) => return Err(explain(cluster, &error)),
    };
    if others.is_empty() {
        return Ok(());
    }
    Err(Problem::refused(format!(
        "other programs are in namespace {}: {}",
        clean(name),
        name_some(others)
    ))
    .next(format!(
        "the manifests set labels on it, with which the pods of all programs there start \
         differently: {}",
        changes.join(", ")
    ))
    .next("-n is the namespace of the installation; to have one of its own, leave it out")
    .next(format!(
        "to run only the groups in it: --set 'namespaces={{{}}}' without -n",
        word(name)
    ))
    .next("to install there all the same: --allow occupied"))
}

/// Returns the labels that change, and what they are.
fn changes(printed: &Value, present: &HashMap<String, String>) -> Vec<String> {
    let printed = printed.as_object().into_iter().flatten();
    let printed = printed.filter_map(|(key, value)| Some((key, value.as_str()?)));
    printed
        .filter_map(|(key, value)| match present.get(key) {
            Some(old) if old == value => None,
            Some(old) => Some(format!("{key}={value} (it has {})", clean(old))),
            None => Some(format!("{key}={value}")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_that_the_namespace_has_do_not_change() {
        let printed = json!({"a": "1", "b": "2", "c": "3"});
        let present = HashMap::from([("a", "1"), ("b", "x")]);
        let present = present
            .into_iter()
            .map(|(key, it)| (key.to_owned(), it.to_owned()));
        let found = changes(&printed, &present.collect());
        assert_eq!(found, ["b=2 (it has x)", "c=3"]);
    }
}
