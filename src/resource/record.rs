//! An object that carries a group, as it was read, and the trait of the kinds that read it.

use std::collections::BTreeSet;

use json_patch::jsonptr::PointerBuf;
use serde_json::Value;
use serde_json::value::RawValue;

use super::annotations::CONTROLLED_BY;
use super::kind::KindInfo;
use super::meta::Meta;
use super::new_group::NewGroup;
use super::routing::Routing;
use crate::model::{ApexClaim, Backend, Group, GroupId, Invalid, ServiceRef};

/// How one kind of object carries a group.
pub trait Kind: Sync {
    /// Returns the kind's names.
    fn info(&self) -> &KindInfo;

    /// Reads an object. If it is not a valid group, the `group` of the record says why.
    ///
    /// # Errors
    /// If the object cannot be parsed at all.
    fn read(&'static self, raw: &RawValue) -> serde_json::Result<Record>;

    /// Returns the manifest of a new object.
    fn manifest(&self, group: &NewGroup) -> Value;
}

/// An object as it was last read, and the group that it carries.
#[derive(Clone)]
pub struct Record {
    /// The object's kind.
    pub kind: &'static dyn Kind,
    /// The object's metadata.
    pub meta: Meta,
    /// Name of the Service that clients call; empty if the object names none.
    pub apex: String,
    /// The ports of the apex that the object applies to; empty means all ports.
    pub ports: Vec<u16>,
    /// The ports that a route sends to, by backend; empty for a TrafficSplit, which keeps the
    /// port. None means that the route names no port, so that Linkerd answers with an error.
    pub backend_ports: Vec<(ServiceRef, Option<u16>)>,
    /// The group, or why the object is not a valid one.
    pub group: Result<Group, Invalid>,
    /// JSON pointers to the weights of each backend: one in each rule of a route.
    pub weight_paths: Vec<Vec<PointerBuf>>,
    /// JSON pointers to the backend namespaces that a route omits. They are written with the
    /// weights, since Linkerd's components do not agree on their default.
    pub bare_backends: Vec<PointerBuf>,
    /// Why the object may have no effect, or only on part of the traffic.
    pub warnings: Vec<String>,
    /// Why Linkerd has not accepted a route; none if it has, and for a TrafficSplit.
    pub unaccepted: Option<String>,
    /// The requests that a route matches; none for a TrafficSplit.
    pub routing: Option<Routing>,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("id", &self.id())
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

impl Record {
    /// Returns the group's name.
    pub fn id(&self) -> GroupId {
        self.claim().group()
    }

    /// Returns the group's claim to the traffic of its apex.
    pub fn claim(&self) -> ApexClaim<'_> {
        ApexClaim {
            namespace: &self.meta.namespace,
            kind: self.kind.info().name,
            name: &self.meta.name,
            apex: &self.apex,
            ports: &self.ports,
            created: self.meta.creation_timestamp,
        }
    }

    /// Returns a line for each backend that a route sends to without a port. Linkerd answers such
    /// requests with an error.
    pub fn backends_without_port(&self) -> Vec<String> {
        let without = self.backend_ports.iter().filter(|(_, port)| port.is_none());
        let names: BTreeSet<String> = without
            .map(|(service, _)| Backend::new(&self.meta.namespace, service.clone(), 0).name)
            .collect();
        let line =
            |name| format!("the route names no port of its backend {name}, so requests to it fail");
        names.into_iter().map(line).collect()
    }

    /// Whether both groups claim the same traffic.
    pub fn is_rival_of(&self, other: &Self) -> bool {
        self.claim().overlaps(&other.claim())
    }

    /// Whether the object has the label that makes it a group.
    pub fn is_controlled(&self) -> bool {
        self.meta.labels.contains_key(CONTROLLED_BY)
    }
}
