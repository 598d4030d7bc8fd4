//! Compares the manifests with the installation that is in the cluster: what it has and they lack,
//! which `kubectl apply` leaves in place.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::api::namespaces;
use crate::cluster::api::workloads::{self, Deployment};
use crate::commands::installed::{
    self, Installed, command_line, delete_commands, is_shared, name_in_words,
};
use crate::error::explain;
use crate::install::path;
use crate::problem::Problem;
use crate::text::{clean, word};

/// Arguments that the values `namespaces` and `alongsideUpstream` change, on purpose.
const SCOPE_FLAGS: [&str; 2] = ["--all-namespaces", "--alongside-upstream"];

/// Returns lines for standard error.
///
/// # Errors
/// If the API server does not answer.
pub async fn compare(
    cluster: &Cluster,
    namespace: &str,
    printed: &[Value],
    groups_in: &[String],
) -> Result<Vec<String>, Problem> {
    let mut lines = Vec::new();
    for name in groups_in {
        if namespaces::is_missing(cluster, name).await {
            let (name, reach) = (word(name), cluster.reach.all());
            lines.push(format!(
                "warning: namespace {name} does not exist, so its Role cannot be applied; create \
                 it first: {}",
                command_line(&["kubectl", reach, "create namespace", &name])
            ));
        }
    }
    let found = match workloads::own_deployments(cluster).await {
        Ok(found) => found,
        Err(error) if error.is_forbidden() => Vec::new(),
        Err(error) => return Err(explain(cluster, &error)),
    };
    let present = found.iter().find(|it| it.namespace == namespace);
    if let Some(release) = present.and_then(|it| it.helm_release.as_deref()) {
        lines.extend(over_helm(cluster, namespace, release));
        return Ok(lines);
    }
    let limited_to = present.map(Deployment::watched_namespaces);
    let Installed {
        mut objects,
        unlisted,
    } = installed::find(cluster, namespace, &limited_to.unwrap_or_default()).await?;
    let kept: BTreeSet<String> = printed.iter().map(path).collect();
    let is_only = found.iter().all(|it| it.namespace == namespace);
    objects.retain(|object| !kept.contains(&path(object)) && (is_only || !is_shared(object)));
    let settings = present.map_or_else(Vec::new, |it| dropped_settings(it, printed));
    if !settings.is_empty() {
        lines.push(format!(
            "warning: the installation has settings that these manifests lack: {}",
            settings.join(", ")
        ));
    }
    if !objects.is_empty() {
        let names: Vec<String> = objects.iter().map(name_in_words).collect();
        lines.push(format!(
            "warning: the cluster has objects of the installation that these manifests lack, and \
             kubectl apply keeps them: {}",
            names.join(", ")
        ));
    }
    let what = match (settings.is_empty(), objects.is_empty()) {
        (true, true) => None,
        (false, true) => Some("these settings"),
        (true, false) => Some("these objects"),
        (false, false) => Some("these settings and objects"),
    };
    lines.extend(what.map(|what| {
        format!("next: to keep {what}, run install with the same --set and --values as before")
    }));
    let objects: Vec<&Value> = objects.iter().collect();
    let deletes = delete_commands(cluster, &objects);
    if !deletes.is_empty() {
        lines.push("next: to remove these objects, after the rollout:".to_owned());
        lines.extend(deletes.iter().map(|it| format!("  {it}")));
    }
    if !unlisted.is_empty() {
        let kinds = Vec::from_iter(unlisted).join(", ");
        lines.push(format!(
            "warning: can't tell whether an earlier installation left objects: cannot list {kinds}"
        ));
    }
    Ok(lines)
}

fn over_helm(cluster: &Cluster, namespace: &str, release: &str) -> [String; 2] {
    let reach = cluster.reach.within(namespace);
    let reach = reach.replace("--context", "--kube-context");
    [
        format!(
            "warning: Helm has installed it in namespace {}, as release {}; kubectl apply would \
             overwrite the release's objects",
            clean(namespace),
            clean(release)
        ),
        format!(
            "next: to upgrade it: helm upgrade {} deploy/helm/linkerd-failover {reach} \
             --reset-then-reuse-values",
            word(release)
        ),
    ]
}

/// Returns what the Deployment has and the printed one lacks. Values that differ are not reported:
/// they have been given.
fn dropped_settings(present: &Deployment, printed: &[Value]) -> Vec<String> {
    let mut deployments = printed.iter().filter(|it| it["kind"] == "Deployment");
    let Some(spec) = deployments.next().map(|it| &it["spec"]) else {
        return Vec::new();
    };
    let container = &spec["template"]["spec"]["containers"][0];
    let args = container["args"].as_array().into_iter().flatten();
    let args: Vec<&str> = args.filter_map(Value::as_str).collect();
    let has = |name: &str| args.iter().any(|arg| flag_name(arg) == name);
    let dropped = present.args.iter().filter(|arg| {
        let name = flag_name(arg);
        !SCOPE_FLAGS.contains(&name) && !has(name)
    });
    let mut dropped: Vec<String> = dropped.map(|arg| setting(arg)).collect();
    let repository = present.image_repository();
    let image = container["image"].as_str().unwrap_or_default();
    if !repository.is_empty() && !image.starts_with(repository) {
        dropped.push(format!("image {}", clean(&present.image)));
    }
    let replicas = spec["replicas"].as_u64().unwrap_or_default();
    if u64::from(present.wanted) > replicas {
        dropped.push(format!("{} replicas", present.wanted));
    }
    dropped
}

/// The value `namespaces` is a list.
fn setting(arg: &str) -> String {
    match arg.strip_prefix("--namespaces=") {
        Some(names) => format!("namespaces={{{}}}", clean(names)),
        None => clean(arg),
    }
}

/// Such as `--selector` of `--selector=team=web`.
fn flag_name(arg: &str) -> &str {
    arg.split('=').next().unwrap_or(arg)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_that_the_manifests_lack_are_named() {
        let present = |args: &[&str]| Deployment {
            name: "kubectl-failover".to_owned(),
            namespace: "ns".to_owned(),
            application: None,
            helm_release: None,
            wanted: 3,
            ready: 3,
            version: None,
            image: "own.io/f:1".to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
        };
        let printed = |replicas: u32, image: &str, args: &[&str]| {
            let container = json!({ "image": image, "args": args });
            let template = json!({ "spec": { "containers": [container] } });
            let spec = json!({ "replicas": replicas, "template": template });
            json!([{ "kind": "Deployment", "spec": spec }])
        };
        let dropped = |present: &Deployment, printed: Value| {
            dropped_settings(present, printed.as_array().unwrap())
        };
        let limited = present(&[
            "watch",
            "--namespaces=a,b",
            "--max-moves=5/1m",
            "--selector=team=web",
        ]);
        let wide = &["watch", "--all-namespaces", "--max-moves=20/1m"];
        assert_eq!(
            dropped(&limited, printed(2, "ghcr.io/f:2", wide)),
            [
                "namespaces={a,b}",
                "--selector=team=web",
                "image own.io/f:1",
                "3 replicas"
            ]
        );
        let narrow = &["watch", "--namespaces=a"];
        let none: [&str; 0] = [];
        let shared = present(&["watch", "--all-namespaces", "--alongside-upstream"]);
        assert_eq!(dropped(&shared, printed(3, "own.io/f:2", narrow)), none);
    }
}
