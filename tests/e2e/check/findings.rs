//! The problems with groups that `check` finds.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{error, find};
use crate::support::{
    Output, Side, TestNamespace, accept_http_route, documented_as, eventually, patch_json, plugin,
    watching,
};

async fn check(side: &Side, args: &[&str]) -> Output {
    plugin()
        .args(["check"])
        .args(args.to_vec())
        .on(side)
        .run()
        .await
}

async fn report(side: &Side) -> Value {
    check(side, &["-o", "json"]).await.json()
}

#[tokio::test]
async fn a_cluster_without_linkerd_has_only_warnings() {
    let ns = TestNamespace::new("check-bare").await;
    let output = check(&ns.west, &[]).await.success().stderr_is_empty();
    output
        .stdout_contains(
            "kubernetes-api\n--------------\n√ the kubeconfig can be used (context west)\n",
        )
        .stdout_contains("√ TrafficSplits of split.smi-spec.io can be used (v1alpha2)\n")
        .stdout_contains("√ HTTPRoutes of gateway.networking.k8s.io can be used (v1")
        .stdout_contains("‼ Linkerd's control plane is ready\n    Linkerd was not found")
        .stdout_contains("    see https://linkerd.io/2/tasks/linkerd-smi/ for hints\n")
        .stdout_contains(&format!("√ watch is allowed in namespace {}\n", ns.name))
        .stdout_contains(&format!(
            "√ the groups of namespace {} can be read (0 found)\n",
            ns.name
        ))
        .stdout_contains("\n\nStatus check results are √\n");
    let pre = check(&ns.west, &["--pre", "-o", "short"]).await.success();
    pre.stdout_is("Status check results are √\n");
}

#[tokio::test]
async fn invalid_groups_are_named_with_a_fix() {
    let ns = TestNamespace::new("check-invalid").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    ns.west
        .traffic_split("twin", "web", &[("web", 1), ("web-east", 0)])
        .await;
    ns.west
        .group("mail", &[("mail", 1, 1), ("mail-east", 0, 1)])
        .await;
    let primary = json!({"failover.linkerd.io/primary-service": "gone\u{1b}[2J"});
    ns.west
        .edit_split("mail", json!({"metadata": {"annotations": primary}}))
        .await;

    let output = check(&ns.west, &["-o", "json"]).await.code(1);
    let report = output.json();
    documented_as("check -o json", &report);
    assert_eq!(report["success"], false, "{output}");
    let invalid = error(&report, "every group is valid");
    let words = format!("{}/mail: the primary \"gone", ns.name);
    assert!(
        invalid.contains(&words) && invalid.contains("primary-service"),
        "{output}"
    );
    assert!(
        !invalid.contains("twin") && !output.stdout.contains("\\u001b"),
        "{output}"
    );
    let twice = error(&report, "no service is the apex of two groups");
    assert!(
        twice.contains("has the same apex, web") && twice.contains("delete one of the two"),
        "{output}"
    );
    let table = check(&ns.west, &["-o", "short"])
        .await
        .code(1)
        .stdout_contains("Status check results are ×\n");
    assert!(
        !table.stdout.contains('\u{1b}') && !table.stdout.contains('√'),
        "{table}"
    );
}

#[tokio::test]
async fn it_says_which_requests_each_group_would_lose() {
    let ns = TestNamespace::new("check-outages").await;
    for (name, fallback) in [("web", "web-east"), ("mail", "mail-east")] {
        ns.west.group(name, &[(name, 1, 1), (fallback, 0, 1)]).await;
    }
    for service in ["shop", "shop-east"] {
        ns.west.bare_service(service).await;
        ns.west.ready(service, 1).await;
    }
    let args = [
        "create",
        "shop",
        "--fallback",
        "shop-east",
        "--kind",
        "httproute",
    ];
    let create = plugin()
        .on(&ns.west)
        .args(args)
        .args(["--retries", "--breaker"]);
    create.run().await.success();
    accept_http_route(&ns.west, "shop-failover").await;
    let outages = async || -> Vec<Value> {
        let report = check(&ns.west, &["-o", "json"]).await.success().json();
        documented_as("check -o json", &report);
        let categories = report["categories"].as_array().unwrap();
        let category = categories
            .iter()
            .find(|it| it["categoryName"] == "failover-outages");
        category.unwrap()["checks"].as_array().unwrap().clone()
    };
    let plain = "requests lost without a loop: all (pods gone, node dead, network dead, only 5xx); \
                 with a loop: a few (pods gone), all until no endpoint is ready (node dead, network \
                 dead, only 5xx)";
    let checks = outages().await;
    assert_eq!(checks.len(), 1, "{checks:#?}");
    let description = checks[0]["description"].as_str().unwrap();
    assert!(description.ends_with(plain), "{description}");
    assert_eq!(checks[0]["outages"]["groups"].as_array().unwrap().len(), 3);
    assert_eq!(checks[0]["outages"]["withLoop"]["podsGone"], "few");

    // Where both backends have a weight, the proxies need no loop.
    for args in [
        &["set", "shop", "--policy", "active-active"][..],
        &["watch", "--once"],
    ] {
        let run = plugin().on(&ns.west).args(args.iter().copied()).run();
        run.await.success();
    }
    let checks = outages().await;
    let shop = format!("{}/httproute/shop-failover: ", ns.name);
    let words = format!("{shop}requests lost without a loop: none; with a loop: none");
    assert!(
        checks
            .iter()
            .any(|check| check["description"] == words.as_str()),
        "{checks:#?}"
    );
    assert_eq!(checks.len(), 2, "{checks:#?}");
}

#[tokio::test]
async fn weights_that_no_proxy_takes_are_an_error() {
    let ns = TestNamespace::new("check-weights").await;
    ns.west
        .group("web", &[("web", 300_000, 1), ("web-east", 300_000, 1)])
        .await;
    let report = check(&ns.west, &["-o", "json"]).await.code(1).json();
    let words = error(&report, "Linkerd's proxies take every group's weights");
    assert!(
        words.contains("/web: the weights sum to 600000") && words.contains("fail every request"),
        "{words}"
    );
    let status = plugin().args(["status"]).on(&ns.west).run().await.success();
    status.stdout_contains("the weights sum to 600000");
}

/// Kubernetes leaves the slices of a Service whose selector is removed as they were.
#[tokio::test]
async fn slices_that_a_removed_selector_left_are_a_warning() {
    let ns = TestNamespace::new("check-selector").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let name = "every backend's EndpointSlices are kept up to date";
    assert_eq!(find(&report(&ns.west).await, name)["result"], "success");
    let labels = json!({
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    });
    let patch = Patch::Merge(json!({"metadata": {"labels": labels}}));
    let slices = ns.west.api::<EndpointSlice>();
    slices
        .patch("web", &PatchParams::default(), &patch)
        .await
        .unwrap();
    let stale = find(&report(&ns.west).await, name).clone();
    assert_eq!(stale["result"], "warning", "{stale}");
    let words = stale["error"].as_str().unwrap();
    assert!(
        words.contains("/web: web has no selector") && !words.contains("web-east"),
        "{words}"
    );
}

#[tokio::test]
async fn missing_and_unknown_backends_are_named() {
    let ns = TestNamespace::new("check-backends").await;
    ns.west.group("web", &[("web", 1, 1)]).await;
    let labels = json!({
        "mirror.linkerd.io/mirrored-service": "true",
        "multicluster.linkerd.io/remote-discovery": "north",
    });
    let flat = json!({"metadata": {"name": "web-north", "labels": labels}, "spec": {"ports": [{"port": 80}]}});
    ns.west.create::<Service>(flat).await;
    let backends = json!({"spec": {"backends": [
        {"service": "web", "weight": 1}, {"service": "web-east", "weight": 0}, {"service": "web-north", "weight": 0},
    ]}});
    ns.west.edit_split("web", backends).await;

    let report = report(&ns.west).await;
    let missing = find(&report, "every backend's Service exists");
    assert_eq!(missing["result"], "error");
    assert!(
        missing["error"]
            .as_str()
            .unwrap()
            .contains(&format!("{}/web: web-east does not exist", ns.name))
    );
    assert_eq!(
        missing["hint"],
        format!("kubectl --context west -n {} get services", ns.name)
    );
    let unknown = find(&report, "the readiness of every backend is known");
    assert_eq!(unknown["result"], "warning");
    assert!(
        unknown["error"]
            .as_str()
            .unwrap()
            .contains("web-north, is unknown: it is a mirror"),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_group_without_a_running_watch_is_a_warning() {
    let ns = TestNamespace::new("check-loop").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let alone = report(&ns.west).await;
    let check = find(&alone, "every group has a running watch");
    assert_eq!(check["result"], "warning");
    assert_eq!(
        check["hint"],
        format!("kubectl failover watch --context west -n {}", ns.name)
    );
    assert_eq!(alone["success"], true, "{alone:#}");

    let _watch = watching(&ns.west, &[]).await;
    eventually("somebody runs it", async || {
        let report = report(&ns.west).await;
        let error = error(&report, "every group has a running watch");
        if error.is_empty() {
            Ok(())
        } else {
            Err(error.to_owned())
        }
    })
    .await;
}

#[tokio::test]
async fn pods_without_a_proxy_are_named_on_request() {
    let ns = TestNamespace::new("check-proxy").await;
    ns.west.service("web-svc").await;
    ns.west.deployment("web", 2).await;
    ns.west
        .traffic_split("web", "web-svc", &[("web-svc", 1)])
        .await;
    let unmeshed = async || {
        let report = check(&ns.west, &["--proxy", "-o", "json"]).await.json();
        error(&report, "the pods behind the groups' services are meshed").to_owned()
    };
    eventually("both pods are named", async || {
        let seen = unmeshed().await;
        let holds =
            seen.contains("/web-svc: no linkerd-proxy in pod web-") && seen.contains("and 1 more");
        if holds { Ok(()) } else { Err(seen) }
    })
    .await;
    let containers =
        json!([{"name": "app", "image": "app"}, {"name": "linkerd-proxy", "image": "proxy"}]);
    let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    patch_json(
        &ns.west.api::<k8s_openapi::api::apps::v1::Deployment>(),
        "web",
        patch,
    )
    .await;
    eventually("the new pods are meshed", async || {
        let seen = unmeshed().await;
        if seen.is_empty() { Ok(()) } else { Err(seen) }
    })
    .await;
    assert!(
        !check(&ns.west, &["--proxy=false"])
            .await
            .stdout
            .contains("failover-data-plane")
    );
}

#[tokio::test]
async fn a_group_of_a_gitops_tool_comes_with_the_setting_to_ignore_weights() {
    let ns = TestNamespace::new("check-gitops").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let tracked =
        json!({"argocd.argoproj.io/tracking-id": "shop:split.smi-spec.io/TrafficSplit:web"});
    ns.west
        .edit_split("web", json!({"metadata": {"annotations": tracked}}))
        .await;
    let report = report(&ns.west).await;
    let check = find(&report, "no GitOps tool or controller owns a group");
    assert_eq!(check["result"], "warning");
    let error = check["error"].as_str().unwrap();
    assert!(
        error.contains("/web: Argo CD may revert") && error.contains("ignoreDifferences"),
        "{error}"
    );
}

#[tokio::test]
async fn without_a_namespace_all_groups_are_checked() {
    let ns = TestNamespace::new("check-all").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let output = plugin()
        .args(["check", "-o", "json"])
        .context("west")
        .run()
        .await;
    let found = find(&output.json(), "the groups of all namespaces can be read").clone();
    assert_ne!(
        found["description"], "the groups of all namespaces can be read (0 found)",
        "{output}"
    );
}
