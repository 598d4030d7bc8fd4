//! The objects of the demo, and how they are read.

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use serde_json::value::to_raw_value;

use crate::resource::{Kind, KindInfo, Record};

/// The namespace of the demo's services.
pub const NAMESPACE: &str = "emojivoto";
/// The service that fails over.
pub const APEX: &str = "web-svc";

/// Returns the API of a kind, at the version that `create` writes.
pub fn objects(client: &Client, kind: &dyn Kind) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &resource(kind))
}

/// Returns the resource of a kind, at the version that `create` writes.
pub fn resource(kind: &dyn Kind) -> ApiResource {
    let KindInfo {
        api_version,
        kind,
        plural,
        ..
    } = kind.info();
    let (group, version) = api_version.split_once('/').unwrap_or_default();
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

/// Reads an object as a group.
pub fn read(kind: &'static dyn Kind, object: &DynamicObject) -> anyhow::Result<Record> {
    Ok(kind.read(to_raw_value(object)?.as_ref())?)
}

/// Whether an endpoint of the slice is ready.
pub fn has_ready_endpoint(slice: &EndpointSlice) -> bool {
    let mut endpoints = slice
        .endpoints
        .iter()
        .filter_map(|endpoint| endpoint.conditions.as_ref());
    endpoints.any(|conditions| conditions.ready != Some(false))
}
