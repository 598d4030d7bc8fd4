//! The names of the chart's objects, and where the API server has them.

use serde_json::{Value, json};

use super::chart::{Release, render};
use super::values::{Sources, values};
use crate::problem::Problem;

/// The objects that an installation can have, but for its namespace.
#[derive(Debug)]
pub struct Possible {
    namespace: String,
    /// In the order in which they can be deleted.
    pub objects: Vec<Value>,
    /// The names of kinds and objects, in that order.
    names: Vec<(String, String)>,
}

impl Possible {
    /// `limited_to`: the namespaces whose groups it runs, as far as they are known.
    ///
    /// # Errors
    /// If the chart cannot be rendered.
    pub fn new(namespace: &str, limited_to: &[String]) -> Result<Self, Problem> {
        let release = Release {
            name: "any",
            namespace,
        };
        let wide = all_objects(release, &[])?;
        let limited = all_objects(release, &["any".to_owned()])?;
        let names = wide.iter().chain(&limited).map(kind_and_name).collect();
        let mut objects = wide;
        if !limited_to.is_empty() {
            let more = all_objects(release, limited_to)?.into_iter();
            let known: Vec<String> = objects.iter().map(path).collect();
            objects.extend(more.filter(|object| !known.contains(&path(object))));
        }
        objects.retain(|object| object["kind"] != "Namespace");
        Ok(Self {
            namespace: namespace.to_owned(),
            objects,
            names,
        })
    }

    /// Whether an object with the chart's label is part of the installation, and not of one in
    /// another namespace. An installation can have Roles in any namespace; other objects are all of
    /// the installation in the same namespace, also those that another version of the chart made.
    pub fn has(&self, object: &Value) -> bool {
        let place = text(object, "/metadata/namespace");
        let is_role = text(object, "/kind").starts_with("Role");
        if place.is_empty() || is_role {
            return self.position(object).is_some();
        }
        place == self.namespace
    }

    /// Returns the position of an object in the order in which objects can be deleted.
    pub fn position(&self, object: &Value) -> Option<usize> {
        let wanted = kind_and_name(object);
        self.names.iter().position(|name| *name == wanted)
    }
}

fn kind_and_name(object: &Value) -> (String, String) {
    let part = |pointer| text(object, pointer).to_owned();
    (part("/kind"), part("/metadata/name"))
}

/// Returns every object that the chart can have, in the order in which they can be deleted.
/// `namespaces`: those that it was limited to.
///
/// # Errors
/// If the chart cannot be rendered.
fn all_objects(release: Release<'_>, namespaces: &[String]) -> Result<Vec<Value>, Problem> {
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
    let name = text(object, "/metadata/name");
    let (root, plural) = root_and_plural(object);
    match text(object, "/metadata/namespace") {
        "" => format!("{root}/{plural}/{name}"),
        namespace => format!("{root}/namespaces/{namespace}/{plural}/{name}"),
    }
}

/// Returns the path of all objects of the same kind, in all namespaces.
pub fn collection(object: &Value) -> String {
    let (root, plural) = root_and_plural(object);
    format!("{root}/{plural}")
}

/// Such as `roles.rbac.authorization.k8s.io`.
pub fn resource_name(object: &Value) -> String {
    let (_, plural) = root_and_plural(object);
    match text(object, "/apiVersion").split_once('/') {
        Some((group, _)) => format!("{plural}.{group}"),
        None => plural,
    }
}

fn root_and_plural(object: &Value) -> (String, String) {
    let api = text(object, "/apiVersion");
    let root = if api.contains('/') { "apis" } else { "api" };
    let kind = text(object, "/kind").to_lowercase();
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{kind}s"),
    };
    (format!("/{root}/{api}"), plural)
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
    fn objects_of_another_installation_are_told_apart() {
        let possible = Possible::new("ns", &["web".to_owned()]).unwrap();
        let object = |kind: &str, namespace: Option<&str>, name: &str| {
            let metadata = json!({ "name": name, "namespace": namespace });
            json!({ "kind": kind, "metadata": metadata })
        };
        for (object, is_own) in [
            (object("ClusterRoleBinding", None, "ns-watch"), true),
            (object("ClusterRoleBinding", None, "other-watch"), false),
            (object("RoleBinding", Some("left"), "ns-watch"), true),
            (
                object("Role", Some("linkerd-multicluster"), "ns-links"),
                true,
            ),
            (object("Role", Some("left"), "other-watch"), false),
            (object("Role", Some("ns"), "other-watch"), false),
            (
                object("Deployment", Some("other"), "kubectl-failover"),
                false,
            ),
            (object("ConfigMap", Some("ns"), "of-an-older-chart"), true),
            (object("FlowSchema", None, "ns"), true),
        ] {
            assert_eq!(possible.has(&object), is_own, "{object}");
        }
        let position = |kind: &str, name| possible.position(&object(kind, None, name));
        assert!(position("Deployment", "kubectl-failover") < position("ClusterRole", "ns-watch"));
        assert!(possible.objects.iter().all(|it| it["kind"] != "Namespace"));
    }

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
