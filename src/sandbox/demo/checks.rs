//! What must hold on the objects.

use std::time::Duration;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::observer::has_ready_endpoint;
use super::{APEX, NAMESPACE};
use crate::error::Problem;
use crate::sandbox::access::limited;

const POLL: Duration = Duration::from_millis(50);
const LIMIT: Duration = Duration::from_secs(15);

/// Waits until the mirror service has a ready endpoint.
pub async fn mirror_appears(client: &Client, mirror: &str) -> anyhow::Result<()> {
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), NAMESPACE);
    let of_mirror = ListParams::default().labels(&format!("kubernetes.io/service-name={mirror}"));
    let wait = async {
        while !limited(slices.list(&of_mirror)).await?.items.iter().any(has_ready_endpoint) {
            tokio::time::sleep(POLL).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(LIMIT, wait)
        .await
        .map_err(|_| Problem::new(format!("{mirror} had no ready endpoint after {} s", LIMIT.as_secs())))?
}

/// The TrafficSplits, at the version that `create` writes.
pub fn traffic_splits(client: &Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("split.smi-spec.io", "v1alpha2", "TrafficSplit");
    Api::all_with(client.clone(), &ApiResource::from_gvk(&kind))
}

/// Checks that there is one TrafficSplit, and that it is the one that `create` has to make.
pub async fn only_this_group(client: &Client, fallback: &str) -> anyhow::Result<()> {
    let found = limited(traffic_splits(client).list(&ListParams::default())).await?.items;
    let found: Vec<Value> = found.iter().map(essence).collect();
    let expected = json!({
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "namespace": NAMESPACE,
        "name": format!("{APEX}-failover"),
        "labels": {"failover.linkerd.io/controlled-by": "linkerd-failover"},
        "annotations": {"failover.linkerd.io/primary-service": APEX},
        "spec": {
            "service": APEX,
            "backends": [{"service": APEX, "weight": 1}, {"service": fallback, "weight": 0}],
        },
    });
    if found == [expected.clone()] {
        return Ok(());
    }
    Err(Problem::new("the TrafficSplits are not as they should be")
        .next(format!("expected: {expected}"))
        .next(format!("found:    {}", Value::Array(found)))
        .into())
}

fn essence(object: &DynamicObject) -> Value {
    let types = object.types.clone().unwrap_or_default();
    json!({
        "apiVersion": types.api_version,
        "kind": types.kind,
        "namespace": object.metadata.namespace,
        "name": object.metadata.name,
        "labels": object.metadata.labels,
        "annotations": object.metadata.annotations,
        "spec": object.data["spec"],
    })
}
