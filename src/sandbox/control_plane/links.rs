//! The credentials that `linkerd multicluster link` creates in a cluster: a Secret for each other
//! cluster, with which its API can be read.

use std::collections::BTreeMap;

use anyhow::Context;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};

use super::access;
use super::access::limited;
use super::cluster::ControlPlane;

/// `assets/remote-access.yaml` creates it.
const LINKS_NAMESPACE: &str = "linkerd-multicluster";

/// Writes the credentials for all other clusters to each cluster.
pub async fn write(clusters: &[ControlPlane]) -> anyhow::Result<()> {
    let writes = clusters.iter().map(|local| write_to(local, clusters));
    futures::future::try_join_all(writes).await.map(drop)
}

async fn write_to(local: &ControlPlane, clusters: &[ControlPlane]) -> anyhow::Result<()> {
    let here = &local.access.cluster;
    let secrets: Api<Secret> = Api::namespaced(local.client.clone(), LINKS_NAMESPACE);
    for remote in clusters
        .iter()
        .filter(|remote| remote.access.cluster != *here)
    {
        let secret = credentials(remote)?;
        limited(secrets.create(&PostParams::default(), &secret))
            .await
            .with_context(|| {
                format!(
                    "writing the credentials for {} to {here}",
                    remote.access.cluster
                )
            })?;
    }
    Ok(())
}

fn credentials(remote: &ControlPlane) -> anyhow::Result<Secret> {
    let kubeconfig = access::kubeconfig(std::slice::from_ref(&remote.reader))?;
    Ok(Secret {
        metadata: ObjectMeta {
            name: Some(format!("cluster-credentials-{}", remote.access.cluster)),
            ..ObjectMeta::default()
        },
        type_: Some("mirror.linkerd.io/remote-kubeconfig".to_owned()),
        data: Some(BTreeMap::from([(
            "kubeconfig".to_owned(),
            ByteString(kubeconfig.into_bytes()),
        )])),
        ..Secret::default()
    })
}
