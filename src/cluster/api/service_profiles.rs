//! ServiceProfiles. They take precedence over TrafficSplits and routes.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::types::Object;
use crate::cluster::listwatch::collection::{Collection, Versioned};
use crate::cluster::transport::api_resource::SERVICE_PROFILES;
use crate::model::{Group, ServiceRef};

/// The annotation of a profile that Linkerd's SMI extension must not change, see
/// <https://github.com/linkerd/linkerd-smi>.
const SMI_SKIP: &str = "smi.linkerd.io/skip";

/// A ServiceProfile.
pub type Profile = Object<ProfileSpec>;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProfileSpec {
    routes: Option<Vec<IgnoredAny>>,
    dst_overrides: Option<Vec<DstOverride>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct DstOverride {
    authority: String,
    /// A quantity, such as `1` or `500m`.
    weight: Value,
}

/// Returns the ServiceProfiles of a namespace or of the cluster.
pub fn collection(namespace: Option<&str>) -> Collection<Profile> {
    Collection::all(SERVICE_PROFILES, namespace)
}

impl Profile {
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Returns the service of this profile, for any cluster domain. A profile in another namespace
    /// than its service applies only to clients in the profile's namespace.
    pub fn service(&self) -> Option<ServiceRef> {
        let (name, place) = self.name().split_once('.')?;
        let namespace = &self.metadata.namespace;
        let is_here = place.strip_prefix(namespace.as_str())?.starts_with(".svc.");
        is_here.then(|| ServiceRef::new(namespace, name))
    }

    fn overrides(&self) -> &[DstOverride] {
        self.spec.dst_overrides.as_deref().unwrap_or_default()
    }

    /// Returns true if the profile takes precedence over the service's routes.
    pub fn beats_routes(&self) -> bool {
        self.has_routes() || self.has_overrides()
    }

    /// Returns true if the profile has routes of its own, which are not of a TrafficSplit.
    pub fn has_routes(&self) -> bool {
        self.spec
            .routes
            .as_ref()
            .is_some_and(|routes| !routes.is_empty())
    }

    /// Returns true if the profile splits the traffic, as Linkerd's SMI extension has it do for a
    /// TrafficSplit.
    pub fn has_overrides(&self) -> bool {
        self.overrides().iter().any(DstOverride::has_weight)
    }

    /// Returns true if Linkerd's SMI extension leaves the profile alone.
    pub fn is_left_alone(&self) -> bool {
        self.metadata.annotations.contains_key(SMI_SKIP)
    }

    /// Returns true if the profile sends traffic to services that are not the group's backends.
    /// Linkerd's SMI extension turns a TrafficSplit into a profile with exactly those backends.
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

impl DstOverride {
    fn has_weight(&self) -> bool {
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
