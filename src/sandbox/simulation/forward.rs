//! Tells kwok where to forward the admin port of a client pod.

use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use super::pods::ClientPod;
use crate::sandbox::control_plane::access::limited;

/// The port `linkerd-admin` of Linkerd's proxy.
const ADMIN_PORT: u16 = 4191;
const FORWARD_MANAGER: &str = "kubectl-failover-sandbox";

/// Writes a pod's port-forward, which is deleted with the pod.
pub async fn write(client: &Client, pod: &ClientPod, port: u16) -> anyhow::Result<()> {
    let kind = GroupVersionKind::gvk("kwok.x-k8s.io", "v1alpha1", "PortForward");
    let resource = ApiResource::from_gvk(&kind);
    let forwards: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), &pod.namespace, &resource);
    let forward = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {
            "name": pod.name,
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Pod", "name": pod.name, "uid": pod.uid},
            ],
        },
        "spec": {
            "forwards": [
                {"ports": [ADMIN_PORT], "target": {"address": "127.0.0.1", "port": port}},
            ],
        },
    });
    let params = PatchParams::apply(FORWARD_MANAGER).force();
    limited(forwards.patch(&pod.name, &params, &Patch::Apply(&forward))).await?;
    Ok(())
}
