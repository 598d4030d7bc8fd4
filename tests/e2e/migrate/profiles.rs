//! Migrations where Linkerd's SMI extension makes ServiceProfiles of TrafficSplits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{
    ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{Acceptor, Observer, POLL, is_group, route, split, typed, weights_of_route};
use crate::support::{Output, Plugin, Sandbox, Side, eventually, patch_json};

const PROFILE: &str = "web.default.svc.cluster.local";

/// What linkerd-smi does: a TrafficSplit's backends become a ServiceProfile's overrides, which go
/// with the TrafficSplit.
struct Smi {
    task: JoinHandle<()>,
    runs: Arc<AtomicBool>,
}

impl Smi {
    fn run(side: &Side) -> Self {
        let runs = Arc::new(AtomicBool::new(true));
        let (side, is_on) = (side.clone(), Arc::clone(&runs));
        let task = tokio::spawn(async move {
            loop {
                if is_on.load(Ordering::Relaxed) {
                    sync(&side).await;
                }
                tokio::time::sleep(POLL).await;
            }
        });
        Self { task, runs }
    }

    fn set(&self, runs: bool) {
        self.runs.store(runs, Ordering::Relaxed);
    }
}

impl Drop for Smi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn sync(side: &Side) {
    let Ok(splits) = side.traffic_splits().list(&ListParams::default()).await else {
        return;
    };
    let wanted = splits.items.first().map(|split| {
        let backends = split.data["spec"]["backends"].as_array().unwrap().iter();
        let to = |backend: &Value| {
            let service = backend["service"].as_str().unwrap();
            let authority = format!("{service}.default.svc.cluster.local");
            json!({"authority": authority, "weight": backend["weight"].to_string()})
        };
        backends.map(to).collect::<Vec<Value>>()
    });
    let patch = json!({
        "apiVersion": "linkerd.io/v1alpha2",
        "kind": "ServiceProfile",
        "metadata": {"name": PROFILE},
        "spec": {"dstOverrides": wanted.unwrap_or_default()},
    });
    let params = PatchParams::apply("smi").force();
    let _ = profiles(side)
        .patch(PROFILE, &params, &Patch::Apply(patch))
        .await;
}

fn profiles(side: &Side) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("linkerd.io", "v1alpha2", "ServiceProfile");
    Api::namespaced_with(
        side.client.clone(),
        &side.namespace,
        &ApiResource::from_gvk(&kind),
    )
}

async fn overrides(side: &Side) -> Value {
    let profile = profiles(side).get(PROFILE).await;
    profile.map_or(json!(null), |it| it.data["spec"]["dstOverrides"].clone())
}

async fn define(side: &Side) {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({
        "metadata": {"name": "serviceprofiles.linkerd.io"},
        "spec": {
            "group": "linkerd.io",
            "scope": "Namespaced",
            "names": {"kind": "ServiceProfile", "plural": "serviceprofiles", "singular": "serviceprofile"},
            "versions": [{"name": "v1alpha2", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let definition: CustomResourceDefinition = serde_json::from_value(definition).unwrap();
    side.cluster_api()
        .create(&PostParams::default(), &definition)
        .await
        .unwrap();
    eventually("ServiceProfiles are served", async || {
        let listed = profiles(side).list(&ListParams::default()).await;
        listed.map(|_| ()).map_err(|cause| cause.to_string())
    })
    .await;
}

/// The namespace of Linkerd's SMI extension.
async fn extension(sandbox: &Sandbox) -> Side {
    let side = Side {
        context: "alone",
        namespace: "linkerd-smi".into(),
        client: sandbox.client("alone").await,
    };
    let labels = json!({"linkerd.io/extension": "smi"});
    side.create_namespace_with(labels).await;
    side
}

/// In a cluster of its own, since the others have no ServiceProfiles.
#[tokio::test]
async fn the_profile_goes_with_the_split() {
    let sandbox = tokio::task::spawn_blocking(|| Sandbox::start(&["alone"]))
        .await
        .unwrap();
    let client = sandbox.client("alone").await;
    let side = Side {
        context: "alone",
        namespace: "default".into(),
        client,
    };
    let side = &side;
    let kubeconfig = sandbox.kubeconfig();
    let typed = |command: &str| -> Plugin { typed(side, command).kubeconfig(&kubeconfig) };
    let run = async |command: &str| -> Output { typed(command).run().await };
    define(side).await;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let smi = Smi::run(side);
    let has_overrides = async |expected: bool| {
        eventually("the profile follows", async || {
            let seen = overrides(side).await;
            let has = seen.as_array().is_some_and(|seen| !seen.is_empty());
            if has == expected {
                Ok(())
            } else {
                Err(seen.to_string())
            }
        })
        .await;
    };
    has_overrides(true).await;

    // Nothing shows that linkerd-smi is running, since it has no Deployment.
    run("migrate web --yes")
        .await
        .code(4)
        .stderr_contains("Linkerd's SMI extension, which would end that, is not running")
        .stderr_contains("--allow=conflict");
    let routes = json!({"spec": {"routes": [{"name": "all", "condition": {"pathRegex": "/.*"}}]}});
    patch_json(&profiles(side), PROFILE, routes).await;
    run("migrate web --yes --allow=conflict")
        .await
        .code(4)
        .stderr_contains(&format!("ServiceProfile {PROFILE} has routes of its own"));
    patch_json(&profiles(side), PROFILE, json!({"spec": {"routes": null}})).await;

    // Clients that are running would send to web itself.
    let _acceptor = Acceptor::of(side);
    side.set_weights("web", &[("web", 0), ("web-east", 1)])
        .await;
    run("migrate web --yes --allow=conflict --timeout 10s")
        .await
        .code(3)
        .stderr_contains("traffic is on web-east")
        .stderr_contains("--allow=away");
    let waiting = route(side, "web").await.unwrap();
    assert!(!is_group(&waiting) && weights_of_route(&waiting) == [0, 1]);

    // The split goes, but its profile stays: killed, and run again.
    side.set_weights("web", &[("web", 1), ("web-east", 0)])
        .await;
    let observer = Observer::of(side, "web");
    smi.set(false);
    let extension = extension(&sandbox).await;
    extension.deployment("smi-adaptor", 1).await;
    extension.until_running("smi-adaptor").await;
    let mut migration = typed("migrate web --yes").spawn();
    migration
        .stderr_line_containing("still splits the traffic")
        .await;
    migration.end_with(Signal::KILL).await;
    assert_eq!(split(side, "web").await, None);
    run("migrate web --yes --timeout 1s")
        .await
        .code(3)
        .stderr_contains("still splits the traffic of web")
        .stderr_contains("patch serviceprofiles.linkerd.io");
    smi.set(true);
    run("migrate web --yes")
        .await
        .success()
        .stdout_contains("replaces trafficsplit/web");
    has_overrides(false).await;

    // And back.
    run("migrate web --undo --yes")
        .await
        .success()
        .stderr_contains("kubectl rollout restart");
    has_overrides(true).await;
    assert_eq!(route(side, "web").await, None);
    observer.end().await;
}
