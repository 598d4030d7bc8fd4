//! ServiceProfiles, which route a service before any TrafficSplit or route does.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cluster::listwatch::watch::{Collection, Versioned};
use crate::cluster::transport::path::SERVICE_PROFILES;
use crate::model::{Group, ServiceRef};

/// A ServiceProfile, slim.
#[derive(Debug, Clone, Deserialize)]
pub struct Profile {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    name: String,
    namespace: String,
    resource_version: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    routes: Option<Vec<IgnoredAny>>,
    dst_overrides: Option<Vec<Override>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Override {
    authority: String,
    /// A quantity, `1` or `500m`.
    weight: Value,
}

/// The ServiceProfiles of a namespace, or of the cluster.
pub fn source(namespace: Option<&str>) -> Collection<Profile> {
    Collection::new(SERVICE_PROFILES, namespace, "", |raw: &RawValue| {
        serde_json::from_str(raw.get())
    })
}

impl Profile {
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The service that it is of, whatever the cluster's domain; another namespace's holds for its own clients.
    pub fn service(&self) -> Option<ServiceRef> {
        let (name, place) = self.name().split_once('.')?;
        let namespace = &self.metadata.namespace;
        let is_here = place.strip_prefix(namespace.as_str())?.starts_with(".svc.");
        is_here.then(|| ServiceRef::new(namespace, name))
    }

    fn overrides(&self) -> &[Override] {
        self.spec.dst_overrides.as_deref().unwrap_or_default()
    }

    /// Whether it comes before the service's routes.
    pub fn beats_routes(&self) -> bool {
        self.spec
            .routes
            .as_ref()
            .is_some_and(|routes| !routes.is_empty())
            || self.overrides().iter().any(Override::carries)
    }

    /// Whether it leads to other services than the group's backends. One that leads to just those is what Linkerd's
    /// SMI extension makes of a TrafficSplit.
    pub fn leads_elsewhere(&self, group: &Group) -> bool {
        let is_backend = |service: &str| {
            group
                .backends
                .iter()
                .any(|backend| backend.service.name == service)
        };
        self.overrides()
            .iter()
            .any(|to| !is_backend(to.authority.split('.').next().unwrap_or_default()))
    }
}

impl Override {
    fn carries(&self) -> bool {
        match &self.weight {
            Value::Number(weight) => weight.as_f64() != Some(0.0),
            Value::String(weight) => weight.chars().any(|digit| matches!(digit, '1'..='9')),
            _ => false,
        }
    }
}

impl Versioned for Profile {
    fn resource_version(&self) -> &str {
        &self.metadata.resource_version
    }
}
