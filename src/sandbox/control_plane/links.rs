//! What `linkerd multicluster link` leaves in a cluster: a secret with which the APIs of the others can be read.

use std::collections::BTreeMap;

use anyhow::Context;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

use super::access;
use super::access::limited;
use super::cluster::ControlPlane;

const NAMESPACE: &str = "linkerd-multicluster";

/// Gives each cluster the credentials for all others.
pub async fn write(clusters: &[ControlPlane]) -> anyhow::Result<()> {
    let writes = clusters.iter().map(|local| write_to(local, clusters));
    futures::future::try_join_all(writes).await.map(drop)
}

async fn write_to(local: &ControlPlane, clusters: &[ControlPlane]) -> anyhow::Result<()> {
    let here = &local.access.cluster;
    create_namespace(&local.client)
        .await
        .with_context(|| format!("making {NAMESPACE} in {here}"))?;
    let secrets: Api<Secret> = Api::namespaced(local.client.clone(), NAMESPACE);
    for remote in clusters
        .iter()
        .filter(|remote| remote.access.cluster != *here)
    {
        let secret = credentials(remote)?;
        limited(secrets.create(&PostParams::default(), &secret))
            .await
            .with_context(|| {
                format!(
                    "giving {here} the credentials for {}",
                    remote.access.cluster
                )
            })?;
    }
    Ok(())
}

async fn create_namespace(client: &Client) -> anyhow::Result<()> {
    let metadata = ObjectMeta {
        name: Some(NAMESPACE.to_owned()),
        ..ObjectMeta::default()
    };
    let namespace = Namespace {
        metadata,
        ..Namespace::default()
    };
    limited(Api::all(client.clone()).create(&PostParams::default(), &namespace))
        .await
        .map(drop)
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
