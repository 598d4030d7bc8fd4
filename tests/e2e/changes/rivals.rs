//! Objects and tools that could undo a change or keep it from having an effect.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::refusals::refused;
use super::{order, run, web};
use crate::support::{Sandbox, Side, TestNamespace, eventually, patch_json, plugin};

#[tokio::test]
async fn another_split_of_the_same_apex() {
    let ns = TestNamespace::new("conflict").await;
    web(&ns.west, [1, 1, 1]).await;
    ns.west
        .traffic_split("stranger", "web", &[("web", 1)])
        .await;
    let unlabelled = json!({"metadata": {"labels": {"failover.linkerd.io/controlled-by": null}}});
    ns.west.edit_split("stranger", unlabelled).await;
    let words = "TrafficSplit stranger routes the same service, so this may have no effect";
    refused(&ns.west, "force web --to web-east", "conflict", words).await;
    run(&ns.west, "force web --to web-east --allow=conflict")
        .await
        .success();
    ns.west.until_weights("web", &[0, 1, 0]).await;
}

#[tokio::test]
async fn a_force_on_the_newer_of_two_groups_has_no_effect() {
    let ns = TestNamespace::new("newer").await;
    web(&ns.west, [1, 1, 1]).await;
    let created = |name: &str| {
        let (side, name) = (ns.west.clone(), name.to_owned());
        async move { side.split(&name).await["metadata"]["creationTimestamp"].clone() }
    };
    let first = created("web").await;
    // Ages are whole seconds.
    eventually("a newer group", async || {
        let _ = ns
            .west
            .traffic_splits()
            .delete("rival", &kube::api::DeleteParams::default())
            .await;
        ns.west
            .traffic_split("rival", "web", &[("web", 1), ("web-east", 0)])
            .await;
        if created("rival").await == first {
            Err("as old".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
    let output = run(&ns.west, "force rival --to web-east --allow=conflict")
        .await
        .success();
    output.stdout_contains(
        "forced to web-east; this may have no effect, since the group is Invalid: ",
    );
    let labels = json!({"metadata": {"labels": {"team": "shop"}}});
    ns.west.edit_split("rival", labels).await;
    let narrow = plugin()
        .args(["status", "-l", "team=shop"])
        .on(&ns.west)
        .run()
        .await
        .success();
    narrow.stdout_contains("Invalid");
}

#[tokio::test]
async fn a_tool_that_owns_the_object() {
    let ns = TestNamespace::new("gitops").await;
    web(&ns.west, [1, 1, 1]).await;
    let marks = [
        (
            "Flux",
            json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}),
        ),
        (
            "Flux's helm-controller",
            json!({"labels": {"helm.toolkit.fluxcd.io/name": "apps"}}),
        ),
        (
            "Helm",
            json!({"annotations": {"meta.helm.sh/release-name": "web"}}),
        ),
        (
            "Argo CD",
            json!({"annotations": {"argocd.argoproj.io/tracking-id": "web:x"}}),
        ),
    ];
    let left_alone = json!({
        "labels": {"kustomize.toolkit.fluxcd.io/name": "apps"},
        "annotations": {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"},
    });
    ns.west
        .edit_split("web", json!({"metadata": left_alone}))
        .await;
    let force = run(&ns.west, "force web --to web-east").await;
    force.success().stderr_lacks("owns the object");
    run(&ns.west, "failback web").await.success();
    ns.west
        .edit_split("web", json!({"metadata": without(&left_alone)}))
        .await;
    for (tool, mark) in marks {
        ns.west.edit_split("web", json!({"metadata": mark})).await;
        let words = format!("{tool} owns the object and may undo the change");
        refused(&ns.west, "force web --to web-east", "gitops", &words).await;
        ns.west
            .edit_split("web", json!({"metadata": without(&mark)}))
            .await;
    }
    run(&ns.west, "force web --to web-east").await.success();

    let manifest = json!({
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {"name": "web", "labels": {"applied": "yes"}},
    });
    let params = PatchParams::apply("argocd-controller").force();
    ns.west
        .traffic_splits()
        .patch("web", &params, &Patch::Apply(manifest))
        .await
        .unwrap();
    let words = "Argo CD owns the object and may undo the change";
    refused(&ns.west, "failback web", "gitops", words).await;
    // Waiting would not help.
    let output = run(&ns.west, "failback web --when-ready --timeout 1m")
        .await
        .code(4);
    output.stderr_contains(words);
    run(&ns.west, "failback web --allow=gitops").await.success();
    ns.west.until_weights("web", &[1, 0, 0]).await;
}

/// A merge patch that removes the keys of this one.
fn without(mark: &Value) -> Value {
    match mark {
        Value::Object(keys) => keys
            .iter()
            .map(|(key, value)| (key.clone(), without(value)))
            .collect(),
        _ => Value::Null,
    }
}

/// In a cluster of its own, since the others have no ServiceProfiles.
#[tokio::test]
async fn a_service_profile_that_routes_elsewhere() {
    let sandbox = tokio::task::spawn_blocking(|| Sandbox::start(&["alone"]))
        .await
        .unwrap();
    let client = sandbox.client("alone").await;
    let side = Side {
        context: "alone",
        namespace: "default".into(),
        client,
    };
    let profiles = profiles(&side).await;
    web(&side, [1, 1, 1]).await;
    let force = |allow: &str| {
        order(&side, &format!("force web --to web-east{allow}"))
            .kubeconfig(&sandbox.kubeconfig())
            .run()
    };
    for authority in [
        "web-east.default.svc.cluster.local:80",
        "web.default.svc.cluster.local",
    ] {
        let overrides = json!([{"authority": authority, "weight": "1"}]);
        patch_json(
            &profiles,
            PROFILE,
            json!({"spec": {"dstOverrides": overrides}}),
        )
        .await;
        force(" --dry-run=client").await.success();
    }
    let overrides = json!([{"authority": "elsewhere.default.svc.cluster.local", "weight": "1"}]);
    patch_json(
        &profiles,
        PROFILE,
        json!({"spec": {"dstOverrides": overrides}}),
    )
    .await;
    for allow in ["", " --allow=unready,unknown,gitops"] {
        let output = force(allow).await.code(4);
        output
            .stderr_contains(&format!("ServiceProfile {PROFILE} routes the same service"))
            .stderr_contains("--allow=conflict");
    }
    side.until_weights("web", &[1, 0, 0]).await;
    force(" --allow=conflict").await.success();
    side.until_weights("web", &[0, 1, 0]).await;

    // A route also loses to its own backends, and to a profile that has routes.
    crate::e2e::routes::http_route(&side, "mail", "mail").await;
    let words = "ServiceProfile mail.default.svc.cluster.local routes the same service, so this may have no effect";
    let warned = async || {
        let status = order(&side, "status httproute/mail")
            .kubeconfig(&sandbox.kubeconfig())
            .run()
            .await;
        status
            .success()
            .stdout
            .contains(&format!("warning: {words}."))
    };
    let unused =
        json!({"dstOverrides": [{"authority": "web.default.svc.cluster.local", "weight": "0"}]});
    profile(&profiles, "mail.default.svc.cluster.local", unused).await;
    assert!(!warned().await);
    let used =
        json!({"dstOverrides": [{"authority": "web.default.svc.cluster.local", "weight": "500m"}]});
    let routes = json!({"dstOverrides": null, "routes": [{"name": "all", "condition": {"pathRegex": "/.*"}}]});
    for spec in [used, routes] {
        patch_json(
            &profiles,
            "mail.default.svc.cluster.local",
            json!({"spec": spec}),
        )
        .await;
        assert!(warned().await, "{spec}");
        let force = order(&side, "force mail --to web-east")
            .kubeconfig(&sandbox.kubeconfig())
            .run()
            .await;
        force
            .code(4)
            .stderr_contains(words)
            .stderr_contains("--allow=conflict");
    }
}

const PROFILE: &str = "web.default.svc.cluster.local";

/// The parts of the definition of ServiceProfiles that matter here, and one without routes.
async fn profiles(side: &Side) -> Api<DynamicObject> {
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
    let kind = GroupVersionKind::gvk("linkerd.io", "v1alpha2", "ServiceProfile");
    let profiles: Api<DynamicObject> = Api::namespaced_with(
        side.client.clone(),
        &side.namespace,
        &ApiResource::from_gvk(&kind),
    );
    profile(&profiles, PROFILE, json!({})).await;
    profiles
}

/// Creates a profile as soon as they are served.
async fn profile(profiles: &Api<DynamicObject>, name: &str, spec: Value) {
    let profile = json!({
        "apiVersion": "linkerd.io/v1alpha2", "kind": "ServiceProfile", "metadata": {"name": name}, "spec": spec,
    });
    let profile: DynamicObject = serde_json::from_value(profile).unwrap();
    eventually("ServiceProfiles are served", async || {
        profiles
            .create(&PostParams::default(), &profile)
            .await
            .map_err(|cause| cause.to_string())
    })
    .await;
}
