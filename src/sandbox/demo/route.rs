//! Accepts a route in place of Linkerd's policy controller, which the clusters do not run.

use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use super::objects::{APEX, NAMESPACE};
use crate::resource::Kind;
use crate::sandbox::control_plane::access::limited;
use crate::sandbox::control_plane::group_kinds::resource;

/// Sets the status of the group's route, so that it has an effect.
pub async fn accept(client: &Client, kind: &dyn Kind) -> anyhow::Result<()> {
    let routes: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), NAMESPACE, &resource(kind));
    let name = format!("{APEX}-failover");
    let route = limited(routes.get(&name)).await?;
    let condition = |kind: &str, reason: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": "",
            "lastTransitionTime": jiff::Timestamp::now(),
        })
    };
    let parent = json!({
        "parentRef": route.data["spec"]["parentRefs"][0],
        "controllerName": "linkerd.io/policy-controller",
        "conditions": [condition("Accepted", "Accepted"), condition("ResolvedRefs", "ResolvedRefs")],
    });
    let status = Patch::Merge(json!({"status": {"parents": [parent]}}));
    limited(routes.patch_status(&name, &PatchParams::default(), &status)).await?;
    Ok(())
}
