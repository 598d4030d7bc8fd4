//! A controller that applies the rules of Linkerd's own failover extension.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Endpoints;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::namespace::Side;
use super::wait::eventually;

/// The field manager of its writes.
pub const MANAGER: &str = "failover.linkerd.io";

/// A controller that runs every group of a namespace until it is dropped. Weights are 0 and 1: the
/// primary gets the traffic while it is ready, else all ready fallbacks do. The annotation names
/// the primary; without it, the first backend is.
pub struct Upstream {
    rounds: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// Which endpoints it counts as ready. The two can differ for a while.
#[derive(Debug, Clone, Copy)]
pub enum ReadinessFrom {
    Slices,
    Endpoints,
}

impl Upstream {
    pub fn runs(side: &Side, source: ReadinessFrom) -> Self {
        let rounds = Arc::new(AtomicUsize::new(0));
        let (side, count) = (side.clone(), Arc::clone(&rounds));
        let task = tokio::spawn(async move {
            loop {
                reconcile(&side, source).await;
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { rounds, task }
    }

    /// Waits until it has handled everything so far.
    pub async fn has_spoken(&self) {
        let before = self.rounds.load(Ordering::Relaxed);
        eventually("upstream's rules have been applied", async || {
            let rounds = self.rounds.load(Ordering::Relaxed) - before;
            if rounds > 2 {
                Ok(())
            } else {
                Err(rounds.to_string())
            }
        })
        .await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn reconcile(side: &Side, source: ReadinessFrom) {
    let splits = side
        .traffic_splits()
        .list(&ListParams::default())
        .await
        .unwrap()
        .items;
    let ready = ready_services(side, source).await;
    for split in splits {
        settle(side, &split, &ready).await;
    }
}

async fn settle(side: &Side, split: &DynamicObject, ready: &HashSet<String>) {
    let mut backends = split.data["spec"]["backends"].as_array().unwrap().clone();
    let annotations = split.metadata.annotations.as_ref();
    let named = annotations
        .and_then(|all| all.get("failover.linkerd.io/primary-service"))
        .map(String::as_str);
    let primary = named
        .or(backends[0]["service"].as_str())
        .unwrap()
        .to_owned();
    let at_home = ready.contains(&primary);
    for backend in &mut backends {
        let service = backend["service"].as_str().unwrap().to_owned();
        let carries = if at_home {
            service == primary
        } else {
            ready.contains(&service)
        };
        backend["weight"] = json!(u8::from(carries));
    }
    if split.data["spec"]["backends"] == Value::Array(backends.clone()) {
        return;
    }
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    // For the version that was read. The next round handles a newer one.
    let version = &split.metadata.resource_version;
    let patch = json!({"metadata": {"resourceVersion": version}, "spec": {"backends": backends}});
    let name = split.metadata.name.as_deref().unwrap();
    let _ = side
        .traffic_splits()
        .patch(name, &params, &Patch::Merge(patch))
        .await;
}

async fn ready_services(side: &Side, source: ReadinessFrom) -> HashSet<String> {
    let all = ListParams::default();
    match source {
        ReadinessFrom::Slices => {
            let slices = side.api::<EndpointSlice>().list(&all).await.unwrap().items;
            slices.iter().filter_map(ready_by_slice).collect()
        }
        ReadinessFrom::Endpoints => {
            let endpoints = side.api::<Endpoints>().list(&all).await.unwrap().items;
            let is_ready = |endpoints: &Endpoints| {
                let mut subsets = endpoints.subsets.iter().flatten();
                subsets.any(|subset| {
                    subset
                        .addresses
                        .as_ref()
                        .is_some_and(|addresses| !addresses.is_empty())
                })
            };
            endpoints
                .into_iter()
                .filter(is_ready)
                .filter_map(|endpoints| endpoints.metadata.name)
                .collect()
        }
    }
}

/// The service of a slice that has a ready endpoint.
fn ready_by_slice(slice: &EndpointSlice) -> Option<String> {
    let mut conditions = slice
        .endpoints
        .iter()
        .filter_map(|endpoint| endpoint.conditions.as_ref());
    let is_ready = conditions.any(|conditions| conditions.ready == Some(true));
    let service = slice
        .metadata
        .labels
        .as_ref()?
        .get("kubernetes.io/service-name")?;
    is_ready.then(|| service.clone())
}
