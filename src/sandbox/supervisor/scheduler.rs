//! Binds pods to the only node of a cluster. kube-scheduler would do the same, and take 66 MB of
//! memory in each cluster, and a fifth program to build.

use std::collections::BTreeSet;
use std::convert::Infallible;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::sandbox::control_plane::access::limited;
use crate::sandbox::control_plane::cluster::ControlPlane;
use crate::sandbox::control_plane::install::NODE_NAME;
use crate::sandbox::host::log::Log;
use crate::sandbox::mirror::watches::{ConstantBackoff, RETRY_DELAY, WATCH_SECONDS};

/// The pods that no scheduler has bound, of those that ask for no scheduler of their own.
const UNBOUND_PODS: &str = "spec.nodeName=,spec.schedulerName=default-scheduler";

type PodMeta = PartialObjectMeta<Pod>;

/// Binds the pods of all clusters. Never returns.
pub async fn run(clusters: &[ControlPlane], log: &Log) -> Infallible {
    let schedulers = clusters.iter().map(|cluster| bind_pods(cluster, log));
    futures::future::join_all(schedulers).await;
    std::future::pending().await
}

async fn bind_pods(cluster: &ControlPlane, log: &Log) {
    let config = Config::default()
        .fields(UNBOUND_PODS)
        .timeout(WATCH_SECONDS);
    let pods = Api::<PodMeta>::all(cluster.client.clone());
    let mut events = watcher(pods, config).backoff(ConstantBackoff).boxed();
    let mut unbound = BTreeSet::new();
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(Event::Apply(pod) | Event::InitApply(pod))) => {
                    unbound.insert((pod.namespace().unwrap_or_default(), pod.name_any()));
                }
                Some(_) => continue,
                None => return,
            },
            () = tokio::time::sleep(RETRY_DELAY), if !unbound.is_empty() => {}
        }
        let mut failed = BTreeSet::new();
        for (namespace, name) in unbound {
            match bind(&cluster.client, &namespace, &name).await {
                Ok(()) => {}
                // It is gone, bound, or not yet to be scheduled, which its next event says.
                Err(cause) if is_refusal(&cause) => {}
                Err(cause) => {
                    let cluster = &cluster.access.cluster;
                    log.line(&format!("binding {namespace}/{name} in {cluster}: {cause}"));
                    failed.insert((namespace, name));
                }
            }
        }
        unbound = failed;
    }
}

async fn bind(client: &Client, namespace: &str, name: &str) -> anyhow::Result<()> {
    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"namespace": namespace, "name": name},
        "target": {"apiVersion": "v1", "kind": "Node", "name": NODE_NAME},
    });
    let pods = Api::<PodMeta>::namespaced(client.clone(), namespace);
    let params = PostParams::default();
    let bound = pods.create_subresource::<_, Value>("binding", name, &params, &binding);
    limited(bound).await.map(drop)
}

fn is_refusal(cause: &anyhow::Error) -> bool {
    let code = match cause.downcast_ref() {
        Some(kube::Error::Api(status)) => status.code,
        _ => return false,
    };
    (400..500).contains(&code) && code != 429
}
