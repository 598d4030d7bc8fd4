//! The Lease of a namespace. Watches use it to elect the leader that runs the groups there.
//!
//! kubert's and kube-leader-election's Leases are not used. They compare the holder's clock with
//! the local one, require an existing Lease, and do not fence writes in flight.

use jiff::{SignedDuration, Timestamp};
use kube::api::PostParams;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::cluster::listwatch::collection::{Collection, Versioned};
use crate::cluster::transport::api_resource::LEASES;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::model::limits::LEASE_SECONDS;

/// The name of the Lease in each namespace with groups.
pub const NAME: &str = "kubectl-failover";

/// A Lease that was read or will be written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Lease {
    pub metadata: LeaseMeta,
    #[serde(default)]
    pub spec: LeaseSpec,
}

impl Lease {
    /// Returns a new Lease without a holder.
    pub fn new(namespace: &str) -> Self {
        let metadata = LeaseMeta {
            name: NAME.to_owned(),
            namespace: namespace.to_owned(),
            resource_version: String::new(),
        };
        Self {
            metadata,
            spec: LeaseSpec::default(),
        }
    }

    /// Returns the same Lease, acquired or renewed by `holder`.
    #[must_use]
    pub fn held_by(&self, holder: &str, now: Timestamp) -> Self {
        let mut lease = self.clone();
        let is_new_holder = self.spec.holder_identity.as_deref() != Some(holder);
        if is_new_holder {
            let transitions = self
                .spec
                .lease_transitions
                .map_or(0, |count| count.saturating_add(1));
            lease.spec.lease_transitions = Some(transitions);
            lease.spec.acquire_time = Some(now);
        }
        lease.spec.holder_identity = Some(holder.to_owned());
        lease.spec.lease_duration_seconds = Some(LEASE_SECONDS);
        lease.spec.renew_time = Some(now);
        lease
    }

    /// Returns the same Lease, released.
    #[must_use]
    pub fn released(&self) -> Self {
        let mut lease = self.clone();
        lease.spec.holder_identity = Some(String::new());
        lease
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LeaseMeta {
    pub name: String,
    pub namespace: String,
    /// Writing the Lease fails if its version has changed. Empty for a new Lease.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LeaseSpec {
    pub holder_identity: Option<String>,
    pub lease_duration_seconds: Option<i32>,
    #[serde(serialize_with = "micro_time")]
    pub acquire_time: Option<Timestamp>,
    #[serde(serialize_with = "micro_time")]
    pub renew_time: Option<Timestamp>,
    pub lease_transitions: Option<i32>,
}

/// Kubernetes' MicroTime always has six digits.
fn micro_time<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| format!("{time:.6}")).serialize(serializer)
}

impl LeaseSpec {
    /// Returns the holder at `now`, by the API server's clock.
    pub fn holder(&self, now: Timestamp) -> Option<&str> {
        let holder = self
            .holder_identity
            .as_deref()
            .filter(|holder| !holder.is_empty())?;
        let duration = SignedDuration::from_secs(self.lease_duration_seconds?.into());
        let expires = self.renew_time?.checked_add(duration).ok()?;
        (now < expires).then_some(holder)
    }
}

/// Returns the Leases of a namespace or, without one, of the cluster.
pub fn collection(namespace: Option<&str>) -> Collection<Lease> {
    Collection::all(LEASES, namespace).with_fields(format!("metadata.name={NAME}"))
}

impl Versioned for Lease {
    fn resource_version(&self) -> &str {
        &self.metadata.resource_version
    }
}

/// Gets the Lease of a namespace. Returns None if it does not exist.
pub async fn get(cluster: &Cluster, namespace: &str) -> RequestResult<Option<Lease>> {
    let decode = |raw: &RawValue| serde_json::from_str::<Lease>(raw.get());
    let before = cluster.store.before(store_key(namespace));
    let found = cluster.find(LEASES, namespace, NAME, decode).await?;
    if let Some(lease) = &found {
        cluster.store.observe(&before, lease.resource_version());
    }
    Ok(found)
}

/// Returns the key of a Lease's versions.
fn store_key(namespace: &str) -> String {
    format!("{}/{NAME}", LEASES.collection(Some(namespace)))
}

/// Creates a Lease, or replaces the version that was read.
pub async fn put(cluster: &Cluster, lease: &Lease) -> RequestResult<Lease> {
    let before = cluster.store.before(store_key(&lease.metadata.namespace));
    let stored = send(cluster, lease).await?;
    cluster.store.observe(&before, stored.resource_version());
    Ok(stored)
}

async fn send(cluster: &Cluster, lease: &Lease) -> RequestResult<Lease> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Manifest<'a> {
        api_version: &'static str,
        kind: &'static str,
        #[serde(flatten)]
        lease: &'a Lease,
    }
    let manifest = Manifest {
        api_version: "coordination.k8s.io/v1",
        kind: "Lease",
        lease,
    };
    let LeaseMeta {
        namespace,
        resource_version,
        ..
    } = &lease.metadata;
    if resource_version.is_empty() {
        let params = PostParams::default();
        cluster
            .create(LEASES, Some(namespace), &params, &manifest)
            .await
    } else {
        cluster.replace(LEASES, namespace, NAME, &manifest).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_lease_is_held_until_it_expires_or_is_released() {
        let lease = Lease::new("ns").held_by("me", at(100));
        assert_eq!(lease.spec.holder(at(114)), Some("me"));
        assert_eq!(lease.spec.holder(at(115)), None);
        assert_eq!(lease.released().spec.holder(at(101)), None);
    }

    #[test]
    fn acquiring_is_a_transition_and_renewing_is_not() {
        let first = Lease::new("ns").held_by("me", at(100));
        assert_eq!(first.held_by("me", at(105)).spec.lease_transitions, Some(0));
        let taken = first.held_by("you", at(200));
        assert_eq!(
            (taken.spec.lease_transitions, taken.spec.acquire_time),
            (Some(1), Some(at(200)))
        );
    }
}
