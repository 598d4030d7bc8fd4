//! The Lease that says who runs the groups of a namespace.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::client::Cluster;
use super::error::RequestResult;
use super::path::{LEASES, with_query};

/// Name of the Lease in each namespace that has groups.
pub const NAME: &str = "kubectl-failover";

/// A Lease as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Lease {
    pub metadata: LeaseMeta,
    #[serde(default)]
    pub spec: LeaseSpec,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LeaseMeta {
    pub namespace: String,
    pub resource_version: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LeaseSpec {
    pub holder_identity: Option<String>,
    pub lease_duration_seconds: Option<i32>,
    pub renew_time: Option<Timestamp>,
    pub lease_transitions: Option<i32>,
}

impl LeaseSpec {
    /// Who holds it at `now`, by the API server's clock.
    pub fn holder(&self, now: Timestamp) -> Option<&str> {
        let holder = self.holder_identity.as_deref().filter(|holder| !holder.is_empty())?;
        let lasts = SignedDuration::from_secs(self.lease_duration_seconds?.into());
        let ends = self.renew_time?.checked_add(lasts).ok()?;
        (now < ends).then_some(holder)
    }
}

#[derive(Deserialize)]
struct List {
    items: Vec<Lease>,
}

/// The Leases of a namespace or, without one, of the cluster.
pub async fn list(cluster: &Cluster, namespace: Option<&str>) -> RequestResult<Vec<Lease>> {
    let path =
        with_query(&LEASES.collection(namespace), &[("fieldSelector", &format!("metadata.name={NAME}"))]);
    Ok(cluster.get_many::<List>(&path).await?.items)
}
