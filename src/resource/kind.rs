use serde_json::Value;
use serde_json::value::RawValue;

use super::patch::Operation;
use super::record::Record;
use super::traffic_split::TrafficSplit;

/// Every kind of object that can carry a group.
pub static KINDS: &[&dyn Kind] = &[&TrafficSplit];

/// What a kind of object is called.
#[derive(Debug, PartialEq, Eq)]
pub struct KindInfo {
    pub kind: &'static str,
    /// As in a manifest: `split.smi-spec.io/v1alpha2`.
    pub api_version: &'static str,
    /// As in a path: `apis/split.smi-spec.io/v1alpha2`.
    pub api: &'static str,
    pub plural: &'static str,
    pub singular: &'static str,
    pub short: &'static str,
    /// Name of its CustomResourceDefinition.
    pub crd: &'static str,
}

/// How one kind of object carries a group.
pub trait Kind: Sync {
    fn info(&self) -> &'static KindInfo;

    /// Reads an object; one that cannot be a group is still a record, which says why.
    ///
    /// # Errors
    /// Where not even the metadata can be read.
    fn read(&self, raw: &RawValue) -> serde_json::Result<Record>;

    /// What sets the weights of the group's backends, in their order.
    fn weight_operations(&self, weights: &[u64]) -> Vec<Operation>;

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
    /// All backends in the order listed, the primary among them.
    pub backends: Vec<String>,
}
