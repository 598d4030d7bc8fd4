//! Groups that are routes.

mod effects;
mod kinds;
mod names;
mod rules;
mod standby;
mod story;

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::support::{Output, Side, eventually, plugin};

/// A kind of route.
#[derive(Debug, Clone, Copy)]
struct Kind {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    /// Its name for the plugin.
    name: &'static str,
}

const HTTP: Kind = Kind {
    group: "gateway.networking.k8s.io",
    version: "v1",
    kind: "HTTPRoute",
    name: "httproute",
};
const GRPC: Kind = Kind {
    group: "gateway.networking.k8s.io",
    version: "v1",
    kind: "GRPCRoute",
    name: "grpcroute",
};
const LINKERD: Kind = Kind {
    group: "policy.linkerd.io",
    version: "v1beta3",
    kind: "HTTPRoute",
    name: "httproute.policy.linkerd.io",
};

/// `web` with all the traffic, beside `web-east`.
const HOME: &[(&str, u64)] = &[("web", 1), ("web-east", 0)];

fn routes(side: &Side, kind: Kind) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
    Api::namespaced_with(
        side.client.clone(),
        &side.namespace,
        &ApiResource::from_gvk(&gvk),
    )
}

/// The services `web` and `web-east`, with one ready endpoint each. The test writes their
/// endpoints.
async fn services(side: &Side) {
    for service in ["web", "web-east"] {
        side.bare_service(service).await;
        side.ready(service, 1).await;
    }
}

fn to(name: &str, weight: u64) -> Value {
    json!({"name": name, "port": 80, "weight": weight})
}

fn rule(backends: &[(&str, u64)]) -> Value {
    json!({"backendRefs": backends.iter().map(|(name, weight)| to(name, *weight)).collect::<Vec<_>>()})
}

fn spec(apex: &str, rules: &[Value]) -> Value {
    json!({"parentRefs": [{"group": "core", "kind": "Service", "name": apex, "port": 80}], "rules": rules})
}

/// A route that is a group with the primary `web`.
async fn group(side: &Side, kind: Kind, name: &str, spec: Value) {
    let metadata = json!({
        "name": name,
        "labels": {"failover.linkerd.io/controlled-by": "linkerd-failover"},
        "annotations": {"failover.linkerd.io/primary-service": "web"},
    });
    create(side, kind, metadata, spec).await;
}

/// An HTTPRoute that is a group of `web` and `web-east`.
pub async fn http_route(side: &Side, name: &str, apex: &str) {
    group(side, HTTP, name, spec(apex, &[rule(HOME)])).await;
}

/// A route that is not a group.
async fn bystander(side: &Side, kind: Kind, name: &str, spec: Value) {
    create(side, kind, json!({"name": name}), spec).await;
}

async fn create(side: &Side, kind: Kind, metadata: Value, spec: Value) {
    let Kind {
        group,
        version,
        kind: name,
        ..
    } = kind;
    let object = json!({"apiVersion": format!("{group}/{version}"), "kind": name, "metadata": metadata, "spec": spec});
    let object = serde_json::from_value(object).unwrap();
    routes(side, kind)
        .create(&PostParams::default(), &object)
        .await
        .expect("the route is taken");
}

/// Merges a patch into a route, as `kubectl edit` does.
async fn edit(side: &Side, kind: Kind, name: &str, patch: Value) {
    routes(side, kind)
        .patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

/// Reads a route.
async fn read(side: &Side, kind: Kind, name: &str) -> Value {
    serde_json::to_value(routes(side, kind).get(name).await.unwrap()).unwrap()
}

async fn version(side: &Side, kind: Kind, name: &str) -> String {
    read(side, kind, name).await["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The weights of each rule of a route. They are removed from it.
fn take_weights(route: &mut Value) -> Vec<Vec<u64>> {
    let rules = route["spec"]["rules"].as_array_mut().unwrap();
    let weights = |rule: &mut Value| -> Vec<u64> {
        let refs = rule["backendRefs"].as_array_mut().into_iter().flatten();
        refs.map(|to| {
            to.as_object_mut()
                .unwrap()
                .remove("weight")
                .unwrap()
                .as_u64()
                .unwrap()
        })
        .collect()
    };
    rules.iter_mut().map(weights).collect()
}

/// Adds the namespaces that a rule leaves out, as the first move does.
fn add_namespaces(route: &mut Value, rule: usize) {
    let namespace = route["metadata"]["namespace"].clone();
    for to in route["spec"]["rules"][rule]["backendRefs"]
        .as_array_mut()
        .unwrap()
    {
        assert_eq!(to["namespace"], json!(null));
        to["namespace"] = namespace.clone();
    }
}

/// Waits until the rules have these weights.
async fn until_weights(side: &Side, kind: Kind, name: &str, expected: &[&[u64]]) {
    eventually(
        &format!("the weights of {name} are {expected:?}"),
        async || {
            let weights = take_weights(&mut read(side, kind, name).await);
            if weights == expected {
                Ok(())
            } else {
                Err(format!("{weights:?}"))
            }
        },
    )
    .await;
}

/// A command as an operator types it.
async fn run(side: &Side, command: &str) -> Output {
    plugin().args(command.split(' ')).on(side).run().await
}

/// A group in the output of `status -o json`.
async fn status(side: &Side, name: &str) -> Value {
    run(side, &format!("status {name} -o json"))
        .await
        .success()
        .json()["items"][0]
        .clone()
}
