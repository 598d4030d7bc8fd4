//! The objects of the demo, and how they are read.

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::DynamicObject;
use kube::{Api, Client};

use crate::resource::Kind;
use crate::sandbox::control_plane::group_kinds::resource;

/// The namespace of the demo's services.
pub const NAMESPACE: &str = "emojivoto";
/// The service that fails over.
pub const APEX: &str = "web-svc";

/// Returns the API of a kind, at the version that `create` writes.
pub fn objects(client: &Client, kind: &dyn Kind) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &resource(kind))
}

/// Whether an endpoint of the slice is ready.
pub fn has_ready_endpoint(slice: &EndpointSlice) -> bool {
    let mut endpoints = slice
        .endpoints
        .iter()
        .filter_map(|endpoint| endpoint.conditions.as_ref());
    endpoints.any(|conditions| conditions.ready != Some(false))
}
