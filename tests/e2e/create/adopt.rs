//! Existing objects that become groups.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::kinds::{HTTP, LINKERD, make_route, routes, whole};
use super::namespace;
use crate::support::{Fault, FaultProxy, Output, Side, TestNamespace, patch_json, plugin};

const LABEL: &str = "failover.linkerd.io/controlled-by";

async fn adopt(side: &Side, name: &str, flags: &[&str]) -> Output {
    plugin()
        .on(side)
        .args(["create", "--adopt", name])
        .args(flags.iter().copied())
        .run()
        .await
}

fn to(name: &str, weight: u64) -> Value {
    json!({"name": name, "port": 80, "weight": weight})
}

/// A route with many fields that the plugin does not use.
fn rich() -> Value {
    let filter = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-a", "value": "b"}]}});
    json!({
        "metadata": {
            "name": "web",
            "labels": {"app": "web"},
            "annotations": {"example.com/note": "kept: {\"as\": \"it is\"}\n"},
            "finalizers": ["example.com/none"],
        },
        "spec": {
            "parentRefs": [{"group": "core", "kind": "Service", "name": "web-svc", "port": 80}],
            "hostnames": ["web.example.com"],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/api"}, "method": "GET"}],
                    "filters": [filter],
                    "timeouts": {"request": "3s"},
                    "backendRefs": [to("web-svc", 7), to("web-svc-east", 0)],
                },
                {"matches": [{"path": {"type": "Exact", "value": "/admin"}}], "backendRefs": [to("web-svc", 1)]},
            ],
        },
    })
}

async fn release(side: &Side, kind: (&str, &str, &str)) {
    patch_json(
        &routes(side, kind),
        "web",
        json!({"metadata": {"finalizers": null}}),
    )
    .await;
}

#[tokio::test]
async fn only_the_label_and_the_annotations_change() {
    let ns = namespace("adopt", &["web-svc-east"]).await;
    make_route(&ns.west, HTTP, rich()).await;
    let before = whole(&ns.west, HTTP, "web").await;
    let flags = [
        "--primary",
        "web-svc",
        "--policy",
        "ordered",
        "--min-ready",
        "2",
    ];
    let dry = [&flags[..], &["--dry-run=client", "-o", "json"]].concat();
    let planned = adopt(&ns.west, "httproute/web", &dry)
        .await
        .success()
        .json();
    adopt(
        &ns.west,
        "httproute/web",
        &[&flags[..], &["--dry-run=server"]].concat(),
    )
    .await
    .success()
    .stdout_is("httproute.gateway.networking.k8s.io/web adopted (server dry run)\n");
    assert_eq!(whole(&ns.west, HTTP, "web").await, before);

    let output = adopt(&ns.west, "httproute/web", &flags).await.success();
    output
        .stdout_is("httproute.gateway.networking.k8s.io/web adopted\n")
        .stderr_contains("rule 2 has web-svc as its only backend")
        .stderr_contains(&format!(
            "kubectl failover watch --context west -n {}",
            ns.name
        ));
    let after = whole(&ns.west, HTTP, "web").await;
    let mut expected = before;
    expected["metadata"]["labels"][LABEL] = json!("linkerd-failover");
    for (key, value) in [
        ("primary-service", "web-svc"),
        ("policy", "ordered"),
        ("min-ready", "2"),
    ] {
        expected["metadata"]["annotations"][format!("failover.linkerd.io/{key}")] = json!(value);
    }
    let mut without_managers = planned;
    without_managers["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("managedFields");
    assert_eq!(without_managers, expected);
    expected["metadata"]["resourceVersion"] = after["metadata"]["resourceVersion"].clone();
    assert_eq!(after, expected);

    let version = &after["metadata"]["resourceVersion"];
    let unchanged = "httproute.gateway.networking.k8s.io/web unchanged\n";
    adopt(&ns.west, "httproute/web", &flags)
        .await
        .success()
        .stdout_is(unchanged);
    adopt(&ns.west, "httproute/web", &[])
        .await
        .success()
        .stdout_is(unchanged);
    let differs = adopt(
        &ns.west,
        "httproute/web",
        &["--primary", "web-svc-east", "--min-ready", "3"],
    )
    .await
    .code(1);
    differs
        .stderr_contains("primary: web-svc → web-svc-east\n")
        .stderr_contains("min-ready: 2 → 3\n");
    assert_eq!(
        whole(&ns.west, HTTP, "web").await["metadata"]["resourceVersion"],
        *version
    );
    release(&ns.west, HTTP).await;
}

#[tokio::test]
async fn an_override_stays_in_force() {
    let ns = namespace("adopt-forced", &["web-svc-east"]).await;
    ns.west
        .traffic_split("web", "web-svc", &[("web-svc", 0), ("web-svc-east", 1)])
        .await;
    let order = json!({"to": "web-svc-east", "home": "web-svc", "by": "me"}).to_string();
    let annotations = json!({
        "failover.linkerd.io/primary-service": "web-svc-east",
        "failover.linkerd.io/override": order,
    });
    let metadata = json!({"metadata": {"labels": null, "annotations": annotations}});
    patch_json(&ns.west.traffic_splits(), "web", metadata).await;
    let output = adopt(&ns.west, "ts/web", &[]).await.success();
    output.stderr_contains("keeps its failover.linkerd.io/override");
    assert_eq!(
        ns.west.split("web").await["metadata"]["annotations"],
        annotations
    );
}

#[tokio::test]
async fn an_object_without_labels_and_annotations_is_adopted() {
    let ns = namespace("adopt-bare", &["web-svc-east"]).await;
    ns.west
        .traffic_split("web", "web-svc", &[("web-svc", 3), ("web-svc-east", 0)])
        .await;
    patch_json(
        &ns.west.traffic_splits(),
        "web",
        json!({"metadata": {"labels": null, "annotations": null}}),
    )
    .await;
    let spec = ns.west.split("web").await["spec"].clone();
    let flags = ["--primary", "web-svc", "--controlled-by", "me"];
    adopt(&ns.west, "ts/web", &flags)
        .await
        .success()
        .stdout_is("trafficsplit.split.smi-spec.io/web adopted\n");
    let after = ns.west.split("web").await;
    assert_eq!(after["metadata"]["labels"], json!({LABEL: "me"}));
    assert_eq!(
        after["metadata"]["annotations"],
        json!({"failover.linkerd.io/primary-service": "web-svc"})
    );
    assert_eq!(after["spec"], spec);
}

#[tokio::test]
async fn concurrent_writes_of_others_are_kept() {
    let ns = namespace("adopt-race", &["web-svc-east"]).await;
    let mut route = rich();
    route["metadata"]["finalizers"] = json!([]);
    make_route(&ns.west, HTTP, route).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let gate = Arc::new(Notify::new());
    proxy.inject(
        Method::PATCH,
        "/httproutes/web",
        1,
        Fault::Wait(Arc::clone(&gate)),
    );
    let args = ["create", "--adopt", "httproute/web", "--primary", "web-svc"];
    let late = plugin()
        .on(&ns.west)
        .args(args)
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    proxy.until_seen(Method::PATCH, "/httproutes/web", 1).await;
    patch_json(
        &routes(&ns.west, HTTP),
        "web",
        json!({"spec": {"hostnames": ["new.example.com"]}}),
    )
    .await;
    gate.notify_one();
    let (status, stdout, stderr) = late.wait_and_collect().await;
    assert_eq!(status.code(), Some(0), "{stdout:?} {stderr:?}");
    let after = whole(&ns.west, HTTP, "web").await;
    assert_eq!(after["spec"]["hostnames"], json!(["new.example.com"]));
    assert_eq!(after["metadata"]["labels"][LABEL], "linkerd-failover");
}

#[tokio::test]
async fn adopt_makes_the_same_checks_as_create() {
    let ns = namespace("adopt-checks", &[]).await;
    let refused = async |flags: &[&str], words: &str| {
        adopt(&ns.west, "httproute/web", flags)
            .await
            .code(1)
            .stdout_is_empty()
            .stderr_contains(words);
        assert!(whole(&ns.west, HTTP, "web").await["metadata"]["labels"][LABEL].is_null());
    };
    adopt(&ns.west, "httproute/web", &[])
        .await
        .code(1)
        .stderr_contains("there is no httproute/web in namespace");
    make_route(&ns.west, HTTP, rich()).await;
    refused(
        &["--primary", "web-svc"],
        "service web-svc-east does not exist",
    )
    .await;
    refused(
        &["--primary", "elsewhere"],
        "\"elsewhere\" is not among the backends",
    )
    .await;
    ns.west
        .create::<k8s_openapi::api::core::v1::Service>(
            json!({"metadata": {"name": "web-svc-east"}, "spec": {"ports": [{"port": 81}]}}),
        )
        .await;
    refused(
        &["--primary", "web-svc"],
        "web-svc-east lacks 80; it has 81",
    )
    .await;
    refused(
        &["--primary", "web-svc", "--weights", "x=1"],
        "such as web-svc=1,web-svc-east=1",
    )
    .await;
    let services = ns.west.api::<k8s_openapi::api::core::v1::Service>();
    let ports = json!({"spec": {"ports": [{"port": 80}]}});
    patch_json(&services, "web-svc-east", ports).await;
    ns.west
        .traffic_split("other", "web-svc", &[("web-svc", 1), ("web-svc-east", 0)])
        .await;
    refused(
        &["--primary", "web-svc"],
        "trafficsplit.split.smi-spec.io/other in namespace",
    )
    .await;
    ns.west
        .traffic_splits()
        .delete("other", &Default::default())
        .await
        .unwrap();

    let mut other = rich();
    other["metadata"]["finalizers"] = json!([]);
    make_route(&ns.west, LINKERD, other).await;
    let both = adopt(&ns.west, "httproute/web", &[]).await.code(2);
    both.stderr_contains("is ambiguous")
        .stderr_contains("httproute.policy.linkerd.io/web");
    release(&ns.west, HTTP).await;
}

/// A route of both services for these paths.
fn of_paths(name: &str, paths: &[&str]) -> Value {
    let rule = |path: &&str| {
        let backends = [to("web-svc", 1), to("web-svc-east", 0)];
        json!({"matches": [{"path": {"type": "PathPrefix", "value": path}}], "backendRefs": backends})
    };
    json!({"metadata": {"name": name}, "spec": {
        "parentRefs": [{"group": "core", "kind": "Service", "name": "web-svc", "port": 80}],
        "rules": paths.iter().map(rule).collect::<Vec<_>>(),
    }})
}

#[tokio::test]
async fn other_routes_of_the_service_are_allowed_unless_they_are_groups() {
    let ns = namespace("adopt-beside", &["web-svc-east"]).await;
    // If two were created in the same second, the first by name is the older one.
    for (name, paths) in [
        ("assets", &["/assets"][..]),
        ("docs", &["/docs"]),
        ("web", &["/", "/assets"]),
    ] {
        make_route(&ns.west, HTTP, of_paths(name, paths)).await;
    }
    let output = adopt(&ns.west, "httproute/web", &["--primary", "web-svc"])
        .await
        .success();
    output
        .stderr_contains(
            "warning: the older HTTPRoute assets has some of the same matches, so this route does not",
        )
        .stderr_lacks("docs");
    let output = adopt(&ns.west, "httproute/docs", &["--primary", "web-svc"])
        .await
        .code(1);
    output
        .stderr_contains("httproute.gateway.networking.k8s.io/web in namespace")
        .stderr_contains("already manages service web-svc");
}

#[tokio::test]
async fn a_new_route_does_not_affect_another_one() {
    let ns = namespace("create-beside", &["web-svc-east"]).await;
    let create = async |kind: &str| {
        plugin()
            .on(&ns.west)
            .args([
                "create",
                "web-svc",
                "--fallback",
                "web-svc-east",
                "--kind",
                kind,
            ])
            .run()
            .await
    };
    make_route(&ns.west, LINKERD, of_paths("all", &["/"])).await;
    let advice =
        "kubectl failover create --adopt httproute.policy.linkerd.io/all --primary web-svc";
    for kind in ["httproute", "grpcroute"] {
        create(kind)
            .await
            .code(1)
            .stdout_is_empty()
            .stderr_contains(advice);
    }
    let docs = json!({"spec": {"rules": of_paths("all", &["/docs"])["spec"]["rules"]}});
    patch_json(&routes(&ns.west, LINKERD), "all", docs).await;
    create("grpcroute").await.code(1).stderr_contains(advice);
    create("httproute").await.success().stderr_lacks("warning");
}

#[tokio::test]
async fn an_object_of_a_gitops_tool_comes_with_advice() {
    let ns = TestNamespace::new("adopt-owned").await;
    ns.west.service("web-svc").await;
    ns.west.service("web-svc-east").await;
    let mut route = rich();
    route["metadata"]["finalizers"] = json!([]);
    route["metadata"]["annotations"] = json!({
        "argocd.argoproj.io/tracking-id": "app:x",
        "failover.linkerd.io/failback": "manual",
    });
    make_route(&ns.west, LINKERD, route).await;
    let output = adopt(&ns.west, "httproute/web", &["--primary", "web-svc"])
        .await
        .success();
    output
        .stdout_is("httproute.policy.linkerd.io/web adopted\n")
        .stderr_contains("Argo CD owns the object")
        .stderr_contains(".spec.rules[].backendRefs[].weight")
        .stderr_contains("keeps its failover.linkerd.io/failback: manual");
}
