//! Installs the objects that every cluster of a sandbox starts with.

use std::time::Duration;

use anyhow::Context;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams, TypeMeta};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use super::access::limited;
use crate::process::polling::poll;

/// The name of the node in `assets/node.yaml`.
pub const NODE_NAME: &str = "node-0";
const NODE: &str = include_str!("assets/node.yaml");
const TRAFFIC_SPLIT: &str = include_str!("assets/trafficsplit.yaml");
const REMOTE_ACCESS: &str = include_str!("assets/remote-access.yaml");
/// The part of Linkerd's own definition that a group needs; it accepts any other field.
const LINKERD_HTTP_ROUTE: &str = include_str!("assets/linkerd-httproute.yaml");
const REQUIRED_KINDS: [(&str, &str, &str); 4] = [
    ("split.smi-spec.io", "v1alpha2", "TrafficSplit"),
    ("gateway.networking.k8s.io", "v1", "HTTPRoute"),
    ("gateway.networking.k8s.io", "v1", "GRPCRoute"),
    ("policy.linkerd.io", "v1beta3", "HTTPRoute"),
];
/// Where kwok forwards the ports of pods.
const PORT_FORWARD: &str = include_str!("assets/portforward.yaml");
const EMOJIVOTO: &str = include_str!("assets/emojivoto.yaml");
const INSTALL_POLL: Duration = Duration::from_millis(50);
const INSTALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Installs the node, the namespace and the permissions of other clusters' credentials, the definitions of the kinds of groups
/// and, unless `bare`, emojivoto. Waits until all of it is in use.
pub async fn install(client: &Client, definitions: &[String], bare: bool) -> anyhow::Result<()> {
    let own = [NODE, REMOTE_ACCESS, TRAFFIC_SPLIT, LINKERD_HTTP_ROUTE];
    for manifest in own
        .into_iter()
        .chain(definitions.iter().map(String::as_str))
    {
        create_all(client, manifest).await?;
    }
    if !bare {
        create_all(client, EMOJIVOTO).await?;
        until("the emojivoto pods are ready", || {
            deployments_are_ready(client)
        })
        .await?;
    }
    for (group, version, kind) in REQUIRED_KINDS {
        let gvk = GroupVersionKind::gvk(group, version, kind);
        until(&format!("{kind} of {group} is served"), || {
            is_served(client, &gvk)
        })
        .await?;
    }
    Ok(())
}

/// Installs the definition of kwok's port-forwards, and waits until it is in use.
pub async fn port_forwards(client: &Client) -> anyhow::Result<()> {
    create_all(client, PORT_FORWARD).await?;
    let kind = GroupVersionKind::gvk("kwok.x-k8s.io", "v1alpha1", "PortForward");
    until("PortForward of kwok.x-k8s.io is served", || {
        is_served(client, &kind)
    })
    .await
}

async fn create_all(client: &Client, yaml: &str) -> anyhow::Result<()> {
    const READING: &str = "reading the sandbox's objects";
    let objects: Vec<Value> = serde_yaml::from_multiple(yaml).context(READING)?;
    for object in objects {
        let object: DynamicObject = serde_json::from_value(object).context(READING)?;
        let types = object.types.clone().unwrap_or_default();
        let resource = resource_of(&types)?;
        let api: Api<DynamicObject> = match object.namespace() {
            Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        limited(api.create(&PostParams::default(), &object))
            .await
            .with_context(|| format!("creating the {} {}", types.kind, object.name_any()))?;
    }
    Ok(())
}

fn resource_of(types: &TypeMeta) -> anyhow::Result<ApiResource> {
    let kind = GroupVersionKind::try_from(types).context("reading the sandbox's objects")?;
    Ok(ApiResource::from_gvk(&kind))
}

async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) -> anyhow::Result<()> {
    let held = poll(INSTALL_POLL, async || holds().await.then_some(()));
    tokio::time::timeout(INSTALL_TIMEOUT, held)
        .await
        .with_context(|| {
            format!(
                "timed out after {} s waiting until {what}",
                INSTALL_TIMEOUT.as_secs()
            )
        })
}

async fn deployments_are_ready(client: &Client) -> bool {
    let api = deployments(client, "emojivoto");
    let is_ready = |deployment: &DynamicObject| {
        let number = |pointer| deployment.data.pointer(pointer).and_then(Value::as_u64);
        number("/status/readyReplicas") == number("/spec/replicas")
    };
    limited(api.list(&ListParams::default()))
        .await
        .is_ok_and(|list| list.items.iter().all(is_ready))
}

/// Returns the Deployments of a namespace. The decoder of the typed object, with the pods that it
/// describes, would add 0.2 MB to the binary.
pub fn deployments(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<Deployment>(&());
    Api::namespaced_with(client.clone(), namespace, &resource)
}

async fn is_served(client: &Client, kind: &GroupVersionKind) -> bool {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::from_gvk(kind));
    limited(api.list(&ListParams::default().limit(1)))
        .await
        .is_ok()
}
