//! The parts of Kubernetes objects that several decoders share. Only the fields that are used.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// An object of any kind.
#[derive(Debug, Clone, Deserialize)]
pub struct Object<Spec, Status = IgnoredAny> {
    pub metadata: ObjectMeta,
    #[serde(default)]
    pub spec: Spec,
    #[serde(default)]
    pub status: Status,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectMeta {
    pub name: String,
    pub namespace: String,
    pub resource_version: String,
    pub labels: HashMap<String, String>,
    pub annotations: HashMap<String, String>,
}

/// The answer to a review, which the API server does not store.
#[derive(Debug, Deserialize)]
pub struct Review<Status> {
    pub status: Status,
}
