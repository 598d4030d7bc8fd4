//! The requests about Leases.

use kube::api::PostParams;
use serde::Serialize;
use serde_json::value::RawValue;

use super::fields::LeaseMeta;
use super::object::Lease;
use super::scope::{LeaseScope, NAME, SCOPE_LABEL, SELECTED_GROUPS};
use crate::cluster::listwatch::collection::{Collection, Versioned as _};
use crate::cluster::transport::api_resource::LEASES;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;

/// Returns the Leases of watches in a namespace or, without one, in the cluster.
pub fn collection(namespace: Option<&str>) -> Collection<Lease> {
    with_labels(namespace, SCOPE_LABEL.to_owned())
}

/// Returns the Leases of watches with a selector.
pub fn with_selectors(namespace: Option<&str>) -> Collection<Lease> {
    with_labels(namespace, format!("{SCOPE_LABEL}={SELECTED_GROUPS}"))
}

fn with_labels(namespace: Option<&str>, labels: String) -> Collection<Lease> {
    Collection::new(LEASES, namespace, labels, |raw| {
        serde_json::from_str(raw.get())
    })
}

/// Gets a Lease. Returns None if it does not exist.
pub async fn get(cluster: &Cluster, namespace: &str, name: &str) -> RequestResult<Option<Lease>> {
    let decode = |raw: &RawValue| serde_json::from_str::<Lease>(raw.get());
    let before = cluster.store.before(store_key(namespace, name));
    let found = cluster.find(LEASES, namespace, name, decode).await?;
    if let Some(lease) = &found {
        cluster.store.observe(&before, lease.resource_version());
    }
    Ok(found)
}

/// Returns the key of a Lease's versions.
fn store_key(namespace: &str, name: &str) -> String {
    format!("{}/{name}", LEASES.collection(Some(namespace)))
}

/// Creates a Lease, or replaces the version that was read.
pub async fn put(cluster: &Cluster, lease: &Lease) -> RequestResult<Lease> {
    let LeaseMeta {
        namespace, name, ..
    } = &lease.metadata;
    let before = cluster.store.before(store_key(namespace, name));
    let stored = send(cluster, lease, &PostParams::default()).await?;
    cluster.store.observe(&before, stored.resource_version());
    Ok(stored)
}

/// Asks the API server whether it would accept a Lease here, by a dry run.
pub async fn dry_run(cluster: &Cluster, namespace: &str) -> RequestResult<()> {
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let scope = LeaseScope::default();
    let lease = Lease::new(namespace, NAME).held_by("check", &scope, cluster.clock().now());
    match send(cluster, &lease, &params).await {
        // It exists. Admission comes first.
        Err(error) if error.is_conflict() => Ok(()),
        result => result.map(|_| ()),
    }
}

async fn send(cluster: &Cluster, lease: &Lease, params: &PostParams) -> RequestResult<Lease> {
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
        name,
        resource_version,
        ..
    } = &lease.metadata;
    if resource_version.is_empty() {
        cluster
            .create(LEASES, Some(namespace), params, &manifest)
            .await
    } else {
        cluster.replace(LEASES, namespace, name, &manifest).await
    }
}
