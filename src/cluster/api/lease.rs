//! The Lease that says who runs the groups of a namespace.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, Serializer};

use crate::cluster::listwatch::watch::{Collection, Versioned};
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::cluster::transport::path::{LEASES, with_query};

/// Name of the Lease in each namespace that has groups.
pub const NAME: &str = "kubectl-failover";

/// How long it lasts after each renewal.
pub const SECONDS: i32 = 15;

/// A Lease as it was read, or is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Lease {
    pub metadata: LeaseMeta,
    #[serde(default)]
    pub spec: LeaseSpec,
}

impl Lease {
    /// A Lease that nobody has held yet.
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

    /// The same Lease, held by `holder` from `now` on; the holder it had goes on where it is the same.
    #[must_use]
    pub fn held_by(&self, holder: &str, now: Timestamp) -> Self {
        let mut lease = self.clone();
        let is_new_holder = self.spec.holder_identity.as_deref() != Some(holder);
        if is_new_holder {
            let taken_before = self
                .spec
                .lease_transitions
                .map_or(0, |count| count.saturating_add(1));
            lease.spec.lease_transitions = Some(taken_before);
            lease.spec.acquire_time = Some(now);
        }
        lease.spec.holder_identity = Some(holder.to_owned());
        lease.spec.lease_duration_seconds = Some(SECONDS);
        lease.spec.renew_time = Some(now);
        lease
    }

    /// The same Lease, given back.
    #[must_use]
    pub fn given_back(&self) -> Self {
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
    /// Makes a write fail on any other version; empty on one that is new.
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

/// As Kubernetes' MicroTime has it: always six digits.
fn micro_time<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| format!("{time:.6}")).serialize(serializer)
}

impl LeaseSpec {
    /// Who holds it at `now`, by the API server's clock.
    pub fn holder(&self, now: Timestamp) -> Option<&str> {
        let holder = self
            .holder_identity
            .as_deref()
            .filter(|holder| !holder.is_empty())?;
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
    let path = with_query(
        &LEASES.collection(namespace),
        &[("fieldSelector", &format!("metadata.name={NAME}"))],
    );
    Ok(cluster.get_many::<List>(&path).await?.items)
}

/// The Leases of a namespace or, without one, of the cluster, to be followed.
pub fn source(namespace: Option<&str>) -> Collection<Lease> {
    let mut source = Collection::new(LEASES, namespace, "", |raw| serde_json::from_str(raw.get()));
    source.selection.fields = format!("metadata.name={NAME}");
    source
}

impl Versioned for Lease {
    fn resource_version(&self) -> &str {
        &self.metadata.resource_version
    }
}

/// The Lease of a namespace; none where there is none yet.
pub async fn get(cluster: &Cluster, namespace: &str) -> RequestResult<Option<Lease>> {
    match cluster.get(&LEASES.object(namespace, NAME)).await {
        Ok(lease) => Ok(Some(lease)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a Lease: makes it where it has no version yet, else replaces just that version.
pub async fn put(cluster: &Cluster, lease: &Lease) -> RequestResult<Lease> {
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
        cluster
            .create(&LEASES.collection(Some(namespace)), &manifest)
            .await
    } else {
        cluster
            .replace(&LEASES.object(namespace, NAME), &manifest)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_lease_is_held_until_it_ends() {
        let lease = Lease::new("ns").held_by("me", at(100));
        assert_eq!(lease.spec.holder(at(114)), Some("me"));
        assert_eq!(lease.spec.holder(at(115)), None);
        assert_eq!(lease.given_back().spec.holder(at(101)), None);
    }

    #[test]
    fn renewing_is_no_transition_and_taking_over_is_one() {
        let first = Lease::new("ns").held_by("me", at(100));
        assert_eq!(first.held_by("me", at(105)).spec.lease_transitions, Some(0));
        let taken = first.held_by("you", at(200));
        assert_eq!(
            (taken.spec.lease_transitions, taken.spec.acquire_time),
            (Some(1), Some(at(200)))
        );
    }
}
