//! The names of the chart's objects, and where the API server has them.

use serde_json::{Value, json};

use super::chart::{Release, render};
use super::values::{Sources, values};
use crate::problem::Problem;

/// Returns every object that the chart can have, in the order in which they can be deleted.
/// `namespaces`: those that it was limited to.
///
/// # Errors
/// If the chart cannot be rendered.
pub fn all_objects(release: Release<'_>, namespaces: &[String]) -> Result<Vec<Value>, Problem> {
    let mut all = values(&Sources::default())?;
    for part in [
        "namespace",
        "podMonitor",
        "prometheusRule",
        "dashboard",
        "networkPolicy",
        "flowSchema",
        "admissionPolicy",
    ] {
        all[part]["create"] = Value::from(true);
    }
    all["remotes"]["fromLinks"] = json!(["any"]);
    all["namespaces"] = json!(namespaces);
    let mut objects = render(release, &all)?;
    objects.reverse();
    Ok(objects)
}

/// Returns the name as kubectl prints and takes it.
pub fn object_name(object: &Value) -> String {
    let api = text(object, "/apiVersion");
    let kind = text(object, "/kind").to_lowercase();
    let name = text(object, "/metadata/name");
    match api.split_once('/') {
        Some((group, _)) => format!("{kind}.{group}/{name}"),
        None => format!("{kind}/{name}"),
    }
}

/// Returns the path of an object on the API server.
pub fn path(object: &Value) -> String {
    let api = text(object, "/apiVersion");
    let root = if api.contains('/') { "apis" } else { "api" };
    let kind = text(object, "/kind").to_lowercase();
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{kind}s"),
    };
    let name = text(object, "/metadata/name");
    match text(object, "/metadata/namespace") {
        "" => format!("/{root}/{api}/{plural}/{name}"),
        namespace => format!("/{root}/{api}/namespaces/{namespace}/{plural}/{name}"),
    }
}

/// Returns what is needed to delete an object.
pub fn reference(object: &Value) -> Value {
    let mut metadata = json!({ "name": object["metadata"]["name"] });
    if let Some(namespace) = object["metadata"].get("namespace") {
        metadata["namespace"] = namespace.clone();
    }
    json!({
        "apiVersion": object["apiVersion"],
        "kind": object["kind"],
        "metadata": metadata,
    })
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    let text = object.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_has_a_path_and_a_name() {
        let release = Release {
            name: "r",
            namespace: "ns",
        };
        let of = |namespaces: &[&str]| {
            let namespaces: Vec<String> = namespaces.iter().map(|&it| it.to_owned()).collect();
            all_objects(release, &namespaces).unwrap()
        };
        let objects = of(&[]);
        let paths: Vec<String> = objects.iter().map(path).collect();
        for expected in [
            "/apis/apps/v1/namespaces/ns/deployments/kubectl-failover",
            "/apis/policy/v1/namespaces/ns/poddisruptionbudgets/kubectl-failover",
            "/apis/networking.k8s.io/v1/namespaces/ns/networkpolicies/kubectl-failover",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/failover-view",
            "/apis/rbac.authorization.k8s.io/v1/namespaces/linkerd-multicluster/roles/ns-links",
        ] {
            assert!(paths.iter().any(|it| it == expected), "{paths:#?}");
        }
        assert_eq!(paths.last().unwrap(), "/api/v1/namespaces/ns");
        assert_eq!(object_name(objects.last().unwrap()), "namespace/ns");
        let limited = of(&["web"]);
        let is_of_web = |it: &&Value| it["metadata"]["namespace"] == "web";
        let roles: Vec<String> = limited.iter().filter(is_of_web).map(object_name).collect();
        assert_eq!(
            roles,
            [
                "rolebinding.rbac.authorization.k8s.io/ns-watch",
                "role.rbac.authorization.k8s.io/ns-watch"
            ]
        );
    }
}
