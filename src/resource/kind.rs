use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::annotations::{CONTROLLED_BY, PREFIX, PRIMARY_SERVICE};
use super::grpc_route::GRPC_ROUTE;
use super::http_route::{HTTP_ROUTE, LINKERD_HTTP_ROUTE};
use super::record::Record;
use super::traffic_split::TrafficSplit;
use crate::model::{Backend, Carrier, ServiceRef};

/// Every kind of object that can carry a group.
pub static KINDS: &[&dyn Kind] = &[&TrafficSplit, &HTTP_ROUTE, &GRPC_ROUTE, &LINKERD_HTTP_ROUTE];

/// The kinds that people call so; of several, the preferred one first.
pub fn kinds_called(word: &str) -> Vec<&'static dyn Kind> {
    KINDS
        .iter()
        .copied()
        .filter(|kind| kind.info().is_called(word))
        .collect()
}

/// What a kind of object is called.
#[derive(Debug, PartialEq, Eq)]
pub struct KindInfo {
    pub kind: &'static str,
    pub carrier: Carrier,
    /// What tells it from the other kinds: the singular or, where another kind has the same one, that with the API
    /// group.
    pub name: &'static str,
    /// As in a manifest: `split.smi-spec.io/v1alpha2`.
    pub api_version: &'static str,
    /// As in a path: `apis/split.smi-spec.io/v1alpha2`.
    pub api: &'static str,
    pub plural: &'static str,
    pub singular: &'static str,
    /// Empty where there is none.
    pub short: &'static str,
    /// Name of its CustomResourceDefinition.
    pub crd: &'static str,
    /// What brings that definition, and where it is told how.
    pub source: (&'static str, &'static str),
}

impl KindInfo {
    /// The API group.
    pub fn group(&self) -> &'static str {
        self.api_version.split('/').next().unwrap_or_default()
    }

    /// As kubectl takes it without doubt: `httproute.gateway.networking.k8s.io`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.singular, self.group())
    }

    /// Whether people call it so: two kinds may share a name.
    pub fn is_called(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        !word.is_empty()
            && ([self.name, self.singular, self.plural, self.short, self.crd]
                .contains(&word.as_str())
                || self.full_name() == word)
    }
}

/// How one kind of object carries a group.
pub trait Kind: Sync {
    fn info(&self) -> &KindInfo;

    /// Reads an object; one that cannot be a group is still a record, which says why.
    ///
    /// # Errors
    /// Where not even the metadata can be read.
    fn read(&'static self, raw: &RawValue) -> serde_json::Result<Record>;

    /// A new object.
    fn manifest(&self, group: &NewGroup) -> Value;
}

/// A group that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup {
    pub namespace: String,
    pub name: String,
    pub apex: String,
    pub controlled_by: String,
    pub primary: String,
    /// All backends in the order listed, the primary among them, as annotations call them.
    pub backends: Vec<String>,
    /// The apex's port whose traffic a route shares out; a split needs none.
    pub port: Option<u16>,
    /// The policy's annotations, without the prefix.
    pub settings: BTreeMap<&'static str, String>,
}

impl NewGroup {
    pub(crate) fn metadata(&self) -> Value {
        let settings = self.settings.iter().map(|(key, value)| (*key, value));
        let annotations = settings.chain([(PRIMARY_SERVICE, &self.primary)]);
        let annotations: BTreeMap<String, &String> = annotations
            .map(|(key, value)| (format!("{PREFIX}{key}"), value))
            .collect();
        json!({
            "name": self.name,
            "namespace": self.namespace,
            "labels": { CONTROLLED_BY: self.controlled_by },
            "annotations": annotations,
        })
    }

    /// The service that is called so: `web`, or `other/web` of another namespace.
    pub fn service(&self, name: &str) -> ServiceRef {
        let (namespace, name) = name.split_once('/').unwrap_or((&self.namespace, name));
        ServiceRef::new(namespace, name)
    }

    /// What annotations call a backend that was typed so: one of the group's own namespace goes without it.
    pub fn backend_name(namespace: &str, typed: &str) -> String {
        let (of, name) = typed.split_once('/').unwrap_or((namespace, typed));
        Backend::new(namespace, ServiceRef::new(of, name), 0).name
    }
}
