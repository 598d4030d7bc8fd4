//! A group to create, from which each kind makes its manifest.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::annotations::{CONTROLLED_BY, LinkerdAnnotations, PREFIX, PRIMARY_SERVICE};
use crate::model::{Backend, ServiceRef};

/// A group to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup {
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// Name of the Service that clients call.
    pub apex: String,
    /// The value of the label [`CONTROLLED_BY`].
    pub controlled_by: String,
    /// The primary's name in annotations.
    pub primary: String,
    /// All backends in order, the primary included, by their names in annotations.
    pub backends: Vec<String>,
    /// The port of the apex that a route applies to; a TrafficSplit has none.
    pub port: Option<u16>,
    /// One weight for each backend; empty means that the primary has all the traffic.
    pub weights: Vec<u64>,
    /// The policy's annotations by key, without the prefix.
    pub settings: BTreeMap<&'static str, String>,
    /// Linkerd's own annotations.
    pub linkerds: LinkerdAnnotations,
}

impl NewGroup {
    /// Returns the manifest's `metadata`.
    pub(crate) fn metadata(&self) -> Value {
        let settings = self.settings.iter().map(|(key, value)| (*key, value));
        let annotations = settings.chain([(PRIMARY_SERVICE, &self.primary)]);
        let linkerds = self.linkerds.iter();
        let linkerds =
            linkerds.filter_map(|(key, value)| Some(((*key).to_owned(), value.as_ref()?)));
        let annotations: BTreeMap<String, &String> = annotations
            .map(|(key, value)| (format!("{PREFIX}{key}"), value))
            .chain(linkerds)
            .collect();
        json!({
            "name": self.name,
            "namespace": self.namespace,
            "labels": { CONTROLLED_BY: self.controlled_by },
            "annotations": annotations,
        })
    }

    /// Returns a backend's weight.
    pub(crate) fn weight(&self, name: &str) -> u64 {
        let mut backends = self.backends.iter().zip(&self.weights);
        match backends.find(|(backend, _)| *backend == name) {
            Some((_, weight)) => *weight,
            None => u64::from(name == self.primary),
        }
    }

    /// Returns the Service of a backend: `web`, or `other/web` in another namespace.
    pub fn service(&self, name: &str) -> ServiceRef {
        let (namespace, name) = name.split_once('/').unwrap_or((&self.namespace, name));
        ServiceRef::new(namespace, name)
    }

    /// Returns a typed backend's name in annotations, which omit the group's own namespace.
    pub fn backend_name(namespace: &str, typed: &str) -> String {
        let (of, name) = typed.split_once('/').unwrap_or((namespace, typed));
        Backend::new(namespace, ServiceRef::new(of, name), 0).name
    }
}
