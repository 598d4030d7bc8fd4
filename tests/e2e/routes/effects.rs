//! Reasons why a route has no effect.

use http::Method;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{
    GRPC, HOME, HTTP, LINKERD, bystander, edit, group, routes, rule, run, services, spec, status,
};
use crate::support::{FaultProxy, Side, TestNamespace, plugin};

const UNACCEPTED: &str = "Linkerd has not accepted the route yet, so it has no effect";

/// The warnings of `status`, without those that every cluster without Linkerd has.
async fn warnings(side: &Side, name: &str) -> Vec<String> {
    let warnings = status(side, name).await["warnings"].clone();
    let warnings: Vec<String> = serde_json::from_value(warnings).unwrap();
    assert!(warnings.contains(&UNACCEPTED.to_owned()), "{warnings:?}");
    warnings
        .into_iter()
        .filter(|warning| warning != UNACCEPTED)
        .collect()
}

/// Checks that `status` and `check` warn with these words, and that a force is refused with them
/// unless `--allow=conflict` is given.
async fn hindered(side: &Side, name: &str, words: &str) {
    assert_eq!(warnings(side, name).await, [words]);
    run(side, &format!("status {name}"))
        .await
        .success()
        .stdout_contains(&format!("warning: {words}.\n"));
    let check = run(side, "check -o json").await.json();
    let check = find(&check, "no other object interferes with a group");
    assert_eq!(check["result"], "warning");
    assert!(
        check["error"]
            .as_str()
            .unwrap()
            .contains(&format!("{name}: {words}")),
        "{check}"
    );
    assert!(
        check["hint"]
            .as_str()
            .unwrap()
            .contains(" describe httproute "),
        "{check}"
    );
    let force = format!("force {name} --to web-east --yes --dry-run=client");
    let output = run(side, &format!("{force} --allow=unready,unknown,gitops"))
        .await
        .code(4);
    output
        .stderr_contains(words)
        .stderr_contains("--allow=conflict");
    run(side, &format!("{force} --allow=conflict"))
        .await
        .success();
}

fn find<'a>(report: &'a Value, description: &str) -> &'a Value {
    let categories = report["categories"].as_array().unwrap();
    let mut checks = categories
        .iter()
        .flat_map(|category| category["checks"].as_array().unwrap());
    checks
        .find(|check| check["description"] == description)
        .unwrap()
}

/// A path match of a rule.
fn path(rule: Value, path: &str) -> Value {
    let mut rule = rule;
    rule["matches"] = json!([{"path": {"type": "PathPrefix", "value": path}}]);
    rule
}

#[tokio::test]
async fn another_object_on_the_same_service() {
    let ns = TestNamespace::new("shadows").await;
    let side = &ns.west;
    services(side).await;
    group(
        side,
        HTTP,
        "web",
        spec("web", &[path(rule(HOME), "/a"), path(rule(HOME), "/b")]),
    )
    .await;
    assert_eq!(warnings(side, "httproute/web").await, [] as [&str; 0]);
    run(side, "force web --to web-east --yes --dry-run=client")
        .await
        .success();

    side.traffic_split("split", "web", &[("web", 1)]).await;
    side.edit_split(
        "split",
        json!({"metadata": {"labels": {"failover.linkerd.io/controlled-by": null}}}),
    )
    .await;
    hindered(
        side,
        "httproute/web",
        "TrafficSplit split routes the same service, so this may have no effect",
    )
    .await;
    side.traffic_splits()
        .delete("split", &Default::default())
        .await
        .unwrap();

    bystander(side, GRPC, "grpc", spec("web", &[rule(HOME)])).await;
    let words = "GRPCRoute grpc routes the same service and takes precedence over HTTPRoutes, so this route has no effect";
    hindered(side, "httproute/web", words).await;
    // On another port there is no conflict.
    edit(
        side,
        GRPC,
        "grpc",
        json!({"spec": {"parentRefs": [
        {"group": "core", "kind": "Service", "name": "web", "port": 81}]}}),
    )
    .await;
    assert_eq!(warnings(side, "httproute/web").await, [] as [&str; 0]);
}

#[tokio::test]
async fn an_older_route_with_the_same_matches() {
    let ns = TestNamespace::new("older").await;
    let side = &ns.west;
    services(side).await;
    // Creation times are whole seconds. If two are the same, the first by name is the older one.
    let other = |rules: &[Value]| spec("web", rules);
    bystander(
        side,
        LINKERD,
        "old",
        other(&[path(rule(HOME), "/a"), path(rule(HOME), "/c")]),
    )
    .await;
    group(
        side,
        HTTP,
        "web",
        spec("web", &[path(rule(HOME), "/a"), path(rule(HOME), "/b")]),
    )
    .await;
    bystander(
        side,
        HTTP,
        "z-new",
        other(&[path(rule(HOME), "/a"), path(rule(HOME), "/b")]),
    )
    .await;
    let some = "the older HTTPRoute old has some of the same matches, so this route does not apply to those requests";
    hindered(side, "httproute/web", some).await;
    edit(
        side,
        LINKERD,
        "old",
        json!({"spec": {"rules": [path(rule(HOME), "/b"), path(rule(HOME), "/a")]}}),
    )
    .await;
    let all = "the older HTTPRoute old has the same matches, so this route has no effect";
    hindered(side, "httproute/web", all).await;
    edit(
        side,
        LINKERD,
        "old",
        json!({"spec": {"hostnames": ["elsewhere.example"]}}),
    )
    .await;
    assert_eq!(warnings(side, "httproute/web").await, [] as [&str; 0]);

    // A rule without matches covers every path, and so does the prefix `/`.
    edit(side, HTTP, "web", json!({"spec": {"rules": [rule(HOME)]}})).await;
    edit(
        side,
        LINKERD,
        "old",
        json!({"spec": {"hostnames": null, "rules": [path(rule(HOME), "/")]}}),
    )
    .await;
    hindered(side, "httproute/web", all).await;
}

#[tokio::test]
async fn a_service_that_takes_no_routes() {
    let ns = TestNamespace::new("unroutable").await;
    let side = &ns.west;
    services(side).await;
    let ports = json!([{"port": 80}]);
    side.create::<Service>(
        json!({"metadata": {"name": "headless"}, "spec": {"clusterIP": "None", "ports": ports}}),
    )
    .await;
    let external = json!({"type": "ExternalName", "externalName": "elsewhere.example"});
    side.create::<Service>(json!({"metadata": {"name": "external"}, "spec": external}))
        .await;
    for (apex, why) in [
        ("headless", "headless (clusterIP: None)"),
        ("external", "an ExternalName service"),
    ] {
        group(side, HTTP, apex, spec(apex, &[rule(HOME)])).await;
        let words = format!("Service {apex} is {why}, so routes on it have no effect");
        hindered(side, &format!("httproute/{apex}"), &words).await;
    }
}

/// Writes the status that Linkerd's controller would set on a route.
async fn judge(side: &Side, name: &str, conditions: &[(&str, &str, &str, &str)]) {
    let conditions = conditions.iter().map(|(kind, status, reason, message)| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
        })
    });
    let parent = json!({
        "controllerName": "linkerd.io/policy-controller",
        "parentRef": {"group": "core", "kind": "Service", "name": "web", "port": 80},
        "conditions": conditions.collect::<Vec<_>>(),
    });
    let status = Patch::Merge(json!({"status": {"parents": [parent]}}));
    routes(side, HTTP)
        .patch_status(name, &PatchParams::default(), &status)
        .await
        .expect("the status is taken");
}

#[tokio::test]
async fn the_status_that_the_controller_sets() {
    let ns = TestNamespace::new("judged").await;
    let side = &ns.west;
    services(side).await;
    group(side, HTTP, "web", spec("web", &[rule(HOME)])).await;
    let seen = async || {
        let check = run(side, "check -o json").await.json();
        let check = find(&check, "no other object interferes with a group").clone();
        (status(side, "web").await["warnings"].clone(), check)
    };
    let resolved = ("ResolvedRefs", "True", "ResolvedRefs", "");
    judge(
        side,
        "web",
        &[("Accepted", "True", "Accepted", ""), resolved],
    )
    .await;
    let (warnings, check) = seen().await;
    assert_eq!(
        (warnings, &check["result"]),
        (json!(null), &json!("success"))
    );

    let refused = [
        (
            "Accepted",
            "False",
            "RouteReasonConflicted",
            "it conflicts with another",
        ),
        ("ResolvedRefs", "False", "BackendNotFound", ""),
    ];
    judge(side, "web", &refused).await;
    let words = [
        "the route is not accepted, so it has no effect (it conflicts with another)",
        "some backends of the route were not found, so traffic to them fails (BackendNotFound)",
    ];
    let (warnings, check) = seen().await;
    assert_eq!(warnings, json!(words));
    let output = run(side, "status").await.success();
    for words in words {
        assert!(
            output.stdout.contains(&format!("warning: {words}.\n")),
            "{output}"
        );
        assert!(check["error"].as_str().unwrap().contains(words), "{check}");
    }

    judge(side, "web", &[resolved]).await;
    assert_eq!(seen().await.0, json!([UNACCEPTED]));
}

#[tokio::test]
async fn status_makes_no_extra_requests_for_splits() {
    let ns = TestNamespace::new("frugal").await;
    let side = &ns.west;
    services(side).await;
    side.traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
    let proxy = FaultProxy::before(side).await;
    let status = || {
        plugin()
            .args(["status"])
            .on(side)
            .kubeconfig(proxy.kubeconfig())
            .run()
    };
    status().await.success();
    let others = |proxy: &FaultProxy| {
        let all = proxy.seen(&Method::GET, "");
        all.iter()
            .filter(|it| it.path.contains("routes") && !it.path.contains("labelSelector"))
            .count()
            + proxy.seen(&Method::GET, "serviceprofiles").len()
    };
    assert_eq!(others(&proxy), 0, "{:?}", proxy.seen(&Method::GET, ""));
    group(side, HTTP, "route", spec("other", &[rule(HOME)])).await;
    status().await.success();
    assert_eq!(others(&proxy), 4, "{:?}", proxy.seen(&Method::GET, ""));
}

#[tokio::test]
async fn ports_that_are_missing() {
    let ns = TestNamespace::new("no-port").await;
    let side = &ns.west;
    services(side).await;
    let mut lacking = spec("web", &[rule(HOME)]);
    lacking["rules"][0]["backendRefs"][1]["port"] = json!(9999);
    lacking["parentRefs"][0]["port"] = json!(8888);
    group(side, LINKERD, "lacking", lacking).await;
    let mut without = spec("other", &[rule(HOME)]);
    let port = &mut without["rules"][0]["backendRefs"][1];
    port.as_object_mut().unwrap().remove("port");
    group(side, LINKERD, "without", without).await;
    let check = run(side, "check -o json").await.json();
    let row = find(&check, "every port that a route names exists");
    assert_eq!(row["result"], "error", "{row}");
    for (name, words) in [
        ("lacking", "its backend web-east lacks port 9999 (it has "),
        ("lacking", "Service web lacks port 8888 (it has "),
        ("without", "the route names no port of its backend web-east"),
    ] {
        let warnings = status(side, name).await["warnings"].to_string();
        assert_eq!(warnings.matches(words).count(), 1, "{warnings}");
        assert!(row.to_string().contains(words), "{row}");
    }
}

#[tokio::test]
async fn a_route_in_the_namespace_of_the_clients() {
    let (ns, clients) = (
        TestNamespace::new("producer").await,
        TestNamespace::new("consumer").await,
    );
    let side = &ns.west;
    services(side).await;
    group(side, HTTP, "web", spec("web", &[rule(HOME)])).await;
    let mut consumer = spec("web", &[rule(&[("web", 1)])]);
    consumer["parentRefs"][0]["namespace"] = json!(ns.name);
    bystander(&clients.west, HTTP, "for-us", consumer).await;
    let words = format!(
        "HTTPRoute for-us of namespace {} routes the same service for the clients there",
        clients.name
    );
    run(side, "check").await.stdout_contains(&words);
    let all = run(side, "status -A -o json").await.success().json();
    let items = all["items"].as_array().unwrap();
    let seen = items
        .iter()
        .find(|item| item["namespace"] == json!(ns.name))
        .unwrap();
    assert!(seen["warnings"].to_string().contains(&words), "{seen}");
    // In one namespace, no other one is read.
    let warnings = status(side, "web").await["warnings"].to_string();
    assert!(!warnings.contains("for-us"), "{warnings}");
}
