//! The namespace of an installation when that is removed: whether it can be deleted, too.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::cluster::api::namespaces;
use crate::cluster::api::occupants::contents;
use crate::commands::env::CommandEnv;
use crate::commands::installed::command_line;
use crate::error::explain;
use crate::model::fold::name_some;
use crate::problem::Problem;
use crate::text::{clean, word};

/// The labels that the chart sets on its namespace.
const EXTENSION: (&str, &str) = ("linkerd.io/extension", "failover");
const NOT_INJECTED: (&str, &str) = ("linkerd.io/inject", "disabled");
const RESTRICTED: (&str, &str) = ("pod-security.kubernetes.io/enforce", "restricted");

/// Returns the namespace, to delete it, if it is the extension's and nothing else is in it.
pub async fn to_delete(
    env: &CommandEnv,
    cluster: &Cluster,
    namespace: &str,
) -> Result<Option<Value>, Problem> {
    let labels = namespaces::labels(cluster, namespace).await;
    let labels = labels.map_err(|error| explain(cluster, &error))?;
    let labels = labels.unwrap_or_default();
    let has = |(key, value): &(&str, &str)| labels.get(*key).is_some_and(|it| it == value);
    if !has(&EXTENSION) {
        return Ok(None);
    }
    let others = match contents(cluster, namespace).await {
        Ok(others) if others.is_empty() => {
            return Ok(Some(json!({
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": { "name": namespace },
            })));
        }
        Ok(others) => others,
        Err(error) if error.is_forbidden() => Vec::new(),
        Err(error) => return Err(explain(cluster, &error)),
    };
    let why = match others.is_empty() {
        true => "you may not list what else is in it".to_owned(),
        false => name_some(others.iter().map(|it| clean(&it.name))),
    };
    env.streams.say(&format!(
        "warning: namespace {} stays, because of {why}",
        clean(namespace)
    ));
    // Linkerd's controller needs them, too.
    if !others.iter().any(|it| it.is_upstream) {
        let labels = [EXTENSION, NOT_INJECTED, RESTRICTED]
            .into_iter()
            .filter(has);
        let labels: Vec<String> = labels.map(|(key, _)| format!("{key}-")).collect();
        env.streams.say(&format!(
            "next: to take the labels of the installation off it: {}",
            label_command(cluster, namespace, &labels)
        ));
    }
    Ok(None)
}

fn label_command(cluster: &Cluster, namespace: &str, labels: &[String]) -> String {
    let (reach, name) = (cluster.reach.all(), word(namespace));
    command_line(&[
        "kubectl",
        reach,
        "label namespace",
        &name,
        &labels.join(" "),
    ])
}
