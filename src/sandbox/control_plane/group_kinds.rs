//! How objects that carry groups are read with kube's client.

use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::value::to_raw_value;

use crate::resource::{Kind, KindInfo, Record};

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
