//! Beside a loop that applies the rules of Linkerd's own failover extension.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{assert_home, run, status, web};
use crate::support::{Side, TestNamespace, eventually};

/// Weights are 0 and 1: the primary alone while it is ready, else all ready fallbacks. The primary is what the
/// annotation names, or the first backend.
struct Upstream {
    rounds: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Upstream {
    fn runs(side: &Side) -> Self {
        let rounds = Arc::new(AtomicUsize::new(0));
        let (side, count) = (side.clone(), Arc::clone(&rounds));
        let task = tokio::spawn(async move {
            loop {
                reconcile(&side).await;
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { rounds, task }
    }

    /// Waits until it has had its say on everything so far.
    async fn has_spoken(&self) {
        let before = self.rounds.load(Ordering::Relaxed);
        eventually("upstream's rules have been applied", async || {
            let rounds = self.rounds.load(Ordering::Relaxed) - before;
            if rounds > 2 { Ok(()) } else { Err(rounds.to_string()) }
        })
        .await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn reconcile(side: &Side) {
    let split = side.split("web").await;
    let mut backends = split["spec"]["backends"].as_array().unwrap().clone();
    let named = split["metadata"]["annotations"]["failover.linkerd.io/primary-service"].as_str();
    let primary = named.or(backends[0]["service"].as_str()).unwrap().to_owned();
    let slices = side.api::<EndpointSlice>().list(&ListParams::default()).await.unwrap().items;
    let ready = |service: &str| {
        let is_its = |slice: &&EndpointSlice| slice.metadata.name.as_deref() == Some(service);
        let mut endpoints = slices.iter().filter(is_its).flat_map(|slice| &slice.endpoints);
        endpoints.any(|endpoint| endpoint.conditions.as_ref().and_then(|it| it.ready) == Some(true))
    };
    let at_home = ready(&primary);
    for backend in &mut backends {
        let service = backend["service"].as_str().unwrap().to_owned();
        let carries = if at_home { service == primary } else { ready(&service) };
        backend["weight"] = json!(u8::from(carries));
    }
    if split["spec"]["backends"] == Value::Array(backends.clone()) {
        return;
    }
    let params =
        PatchParams { field_manager: Some("failover.linkerd.io".to_owned()), ..PatchParams::default() };
    // Made for the version that was read; another one is looked at in the next round.
    let version = split["metadata"]["resourceVersion"].clone();
    let patch = json!({"metadata": {"resourceVersion": version}, "spec": {"backends": backends}});
    let _ = side.traffic_splits().patch("web", &params, &Patch::Merge(patch)).await;
}

#[tokio::test]
async fn a_force_stays_in_place_and_failback_works() {
    let ns = TestNamespace::new("upstream").await;
    web(&ns.west, [1, 1, 1]).await;
    let upstream = Upstream::runs(&ns.west);

    ns.west.set_weights("web", &[("web", 0), ("web-east", 1), ("web-central", 0)]).await;
    ns.west.until_weights("web", &[1, 0, 0]).await;

    run(&ns.west, "force web --to web-east").await.success();
    upstream.has_spoken().await;
    ns.west.until_weights("web", &[0, 1, 0]).await;
    assert_eq!(status(&ns.west, "web").await["state"], "Overridden");

    ns.west.ready("web-east", 0).await;
    ns.west.until_weights("web", &[1, 0, 1]).await;
    ns.west.ready("web-east", 1).await;
    ns.west.until_weights("web", &[0, 1, 0]).await;

    run(&ns.west, "force web --to web-central").await.success();
    upstream.has_spoken().await;
    ns.west.until_weights("web", &[0, 0, 1]).await;

    run(&ns.west, "failback web").await.success();
    upstream.has_spoken().await;
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}
