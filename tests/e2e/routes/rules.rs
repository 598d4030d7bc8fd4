//! Routes with several rules of every shape.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

use super::{
    HOME, HTTP, add_namespaces, edit, group, read, rule, run, services, spec, status, take_weights,
    to, until_weights, version,
};
use crate::support::{TestNamespace, end, patch_json, plugin, started, watching};

/// Rules with many fields beside their backends.
fn rich_rules() -> Vec<Value> {
    let header = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x", "value": "1"}]}});
    let mut filtered = to("web-east", 0);
    filtered["filters"] = json!([header]);
    vec![
        json!({
            "name": "main",
            "matches": [{"path": {"type": "PathPrefix", "value": "/a"}, "headers": [{"name": "h", "value": "v"}]}],
            "filters": [header],
            "timeouts": {"request": "5s", "backendRequest": "2s"},
            "backendRefs": [to("web", 1), filtered],
        }),
        json!({"name": "alone", "backendRefs": [to("web", 0)]}),
        json!({"name": "docs", "matches": [{"method": "GET"}], "backendRefs": [to("docs", 3), to("docs-east", 0)]}),
        json!({"name": "gone", "filters": [
            {"type": "RequestRedirect", "requestRedirect": {"statusCode": 301, "hostname": "elsewhere"}},
        ]}),
        json!({"name": "api", "matches": [{"path": {"type": "Exact", "value": "/b"}}],
            "backendRefs": [to("web-east", 0), to("web", 100)]}),
    ]
}

#[tokio::test]
async fn rules_with_the_same_backends_move_together() {
    let ns = TestNamespace::new("rules").await;
    let side = &ns.west;
    services(side).await;
    let mut full = spec("web", &rich_rules());
    full["hostnames"] = json!(["web.example"]);
    group(side, HTTP, "web", full).await;
    let mut before = read(side, HTTP, "web").await;
    assert_eq!(
        take_weights(&mut before),
        [vec![1, 0], vec![0], vec![3, 0], vec![], vec![0, 100]]
    );

    let mut watch = watching(side, &[]).await;
    for index in [0, 4] {
        add_namespaces(&mut before, index);
    }
    let steps: [(u8, [&[u64]; 5]); 2] = [
        (0, [&[0, 1], &[0], &[3, 0], &[], &[1, 0]]),
        (1, [&[1, 0], &[0], &[3, 0], &[], &[0, 1]]),
    ];
    for (ready, weights) in steps {
        side.ready("web", ready).await;
        until_weights(side, HTTP, "web", &weights).await;
        let mut after = read(side, HTTP, "web").await;
        take_weights(&mut after);
        assert_eq!(after["spec"].to_string(), before["spec"].to_string());
    }
    for words in ["rule 2", "rule 3", "rule 4"] {
        watch
            .stderr_line_containing(&format!("warning: {words}"))
            .await;
    }
    let rest = end(watch).await;
    assert_eq!(rest.complaints("warning: rule"), 3, "{rest:#?}");
    let warnings = status(side, "web").await["warnings"].clone();
    let warnings: Vec<&str> = warnings
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert!(
        warnings[1].starts_with("rule 2") && warnings[1].contains(" has web as its only backend,"),
        "{warnings:?}"
    );
    assert!(
        warnings[2].starts_with("rule 3") && warnings[2].contains(" does not have web,"),
        "{warnings:?}"
    );
    assert_eq!(warnings.len(), 4, "{warnings:?}");
}

#[tokio::test]
async fn an_invalid_route_names_the_rule_and_is_left_alone() {
    let ns = TestNamespace::new("no-rules").await;
    let side = &ns.west;
    services(side).await;
    let three = rule(&[("web", 1), ("web-east", 0), ("web-central", 0)]);
    let mut stranger = rule(HOME);
    stranger["backendRefs"][1] =
        json!({"group": "example.com", "kind": "Bucket", "name": "b", "weight": 0});
    let mut twice = spec("twice", &[rule(HOME)]);
    let second = json!({"group": "core", "kind": "Service", "name": "other"});
    twice["parentRefs"].as_array_mut().unwrap().push(second);
    let cases = [
        (
            "differ",
            spec("differ", &[rule(HOME), three]),
            "rule 2 has web beside other backends (web, web-east, web-central) than rule 1",
        ),
        (
            "stranger",
            spec("stranger", &[stranger]),
            "rule 1: its backend b is not a Service but Bucket",
        ),
        (
            "twice",
            twice,
            "several of its parentRefs are Services (twice, other)",
        ),
        (
            "alone",
            spec("alone", &[rule(&[("web", 1)])]),
            "no rule has web beside a fallback",
        ),
    ];
    let mut versions = Vec::new();
    for (name, spec, _) in &cases {
        group(side, HTTP, name, spec.clone()).await;
        versions.push(version(side, HTTP, name).await);
    }
    side.group("mark", &[("mark", 1, 0), ("mark-east", 0, 1)])
        .await;
    let mut watch = watching(side, &[]).await;
    side.ready("web", 0).await;
    side.until_weights("mark", &[0, 1]).await;
    for (name, _, words) in &cases {
        let line = format!("httproute/{name} is invalid, its traffic is left alone: {words}");
        watch.stderr_line_containing(&line).await;
        let seen = status(side, name).await;
        assert_eq!(
            json!([seen["state"], seen["reason"]]),
            json!(["Invalid", words])
        );
        run(side, &format!("force {name} --yes"))
            .await
            .code(4)
            .stderr_contains(words);
    }
    end(watch).await;
    for ((name, ..), before) in cases.iter().zip(versions) {
        assert_eq!(
            version(side, HTTP, name).await,
            before,
            "{name} was written"
        );
    }
}

#[tokio::test]
async fn backends_in_other_namespaces_have_their_own_readiness() {
    let (ns, other) = (
        TestNamespace::new("near").await,
        TestNamespace::new("far").await,
    );
    services(&ns.west).await;
    other.west.bare_service("web").await;
    other.west.ready("web", 1).await;
    let mut far = to("web", 0);
    far["namespace"] = json!(other.name);
    let rules = [json!({"backendRefs": [to("web", 1), far]})];
    group(&ns.west, HTTP, "web", spec("web", &rules)).await;

    let mut watch = started(plugin().args(["watch"]).on(&ns.west)).await;
    ns.west.ready("web", 0).await;
    until_weights(&ns.west, HTTP, "web", &[&[0, 1]]).await;
    watch
        .line_containing(&format!("web -> {}/web: ", other.name))
        .await;
    let away = status(&ns.west, "web").await;
    assert_eq!(away["active"], json!([format!("{}/web", other.name)]));
    // Both are dead, so the weights stay. Then the primary returns.
    other.west.ready("web", 0).await;
    watch.stderr_line_containing("Unavailable").await;
    until_weights(&ns.west, HTTP, "web", &[&[0, 1]]).await;
    ns.west.ready("web", 1).await;
    until_weights(&ns.west, HTTP, "web", &[&[1, 0]]).await;
    end(watch).await;
    let to = format!("{}/web", other.name);
    let output = run(&ns.west, &format!("force web --to {to} --yes"))
        .await
        .code(4);
    output.stderr_contains(&format!("{to} has no ready endpoint"));
    other.west.ready("web", 1).await;
    run(&ns.west, &format!("force web --to {to} --yes"))
        .await
        .success();
    until_weights(&ns.west, HTTP, "web", &[&[0, 1]]).await;
    run(&ns.west, "failback web --yes").await.success();
    until_weights(&ns.west, HTTP, "web", &[&[1, 0]]).await;
}

/// The Service has two ports, and its pods have one of them.
#[tokio::test]
async fn a_backend_without_endpoints_for_the_port_of_the_route_is_not_ready() {
    let ns = TestNamespace::new("other-port").await;
    let side = &ns.west;
    services(side).await;
    let ports = json!([
        {"name": "http", "port": 80, "targetPort": "web"},
        {"name": "metrics", "port": 9990, "targetPort": "metrics"},
    ]);
    let service = json!({"spec": {"ports": ports}});
    patch_json(&side.api::<Service>(), "web", service).await;
    let metrics = json!({"name": "metrics", "port": 9990});
    let slices = side.api::<EndpointSlice>();
    patch_json(&slices, "web", json!({"ports": [metrics]})).await;
    let rules = [json!({"backendRefs": [to("web", 1), to("web-east", 0)]})];
    group(side, HTTP, "web", spec("web", &rules)).await;

    let status = plugin().args(["status"]).on(side).run().await.success();
    status.stdout_contains("web:0/2");
    let mut watch = watching(side, &[]).await;
    watch
        .line_containing(
            "web has no ready endpoints (0 of 2: 1 ready, but without a port named http)",
        )
        .await;
    until_weights(side, HTTP, "web", &[&[0, 1]]).await;
    let http = json!({"name": "http", "port": 8080});
    patch_json(&slices, "web", json!({"ports": [http, metrics]})).await;
    until_weights(side, HTTP, "web", &[&[1, 0]]).await;
    end(watch).await;
}

#[tokio::test]
async fn rules_with_different_weights_get_the_same_ones() {
    let ns = TestNamespace::new("uneven").await;
    let side = &ns.west;
    services(side).await;
    let match_of = |path: &str| json!([{"path": {"type": "Exact", "value": path}}]);
    let rules: Vec<Value> = [
        ("/a", HOME),
        ("/b", &[("web", 0), ("web-east", 1)]),
        ("/c", &[("web", 7), ("web-east", 0)]),
    ]
    .into_iter()
    .map(|(path, backends)| {
        let mut rule = rule(backends);
        rule["matches"] = match_of(path);
        rule
    })
    .collect();
    group(side, HTTP, "web", spec("web", &rules)).await;
    let watch = watching(side, &[]).await;
    until_weights(side, HTTP, "web", &[&[1, 0], &[1, 0], &[1, 0]]).await;
    end(watch).await;
    assert_eq!(status(side, "web").await["state"], "Primary");
}

#[tokio::test]
async fn a_missing_weight_is_1_and_no_rule_stays_without_weight() {
    let ns = TestNamespace::new("left-out").await;
    let side = &ns.west;
    services(side).await;
    let plain = |name: &str| json!({"name": name, "port": 80});
    let rules = [json!({"backendRefs": [plain("web"), plain("web-east")]})];
    group(side, HTTP, "web", spec("web", &rules)).await;
    let mut watch = watching(side, &[]).await;
    until_weights(side, HTTP, "web", &[&[1, 0]]).await;
    watch.line_containing("web, web-east -> web:").await;

    // No backend is ready: a rule with all weights 0 gets the primary.
    for service in ["web-east", "web"] {
        side.ready(service, 0).await;
    }
    watch.stderr_line_containing("Unavailable").await;
    until_weights(side, HTTP, "web", &[&[1, 0]]).await;
    let empty = || rule(&[("web", 0), ("web-east", 0)]);
    edit(side, HTTP, "web", json!({"spec": {"rules": [empty()]}})).await;
    until_weights(side, HTTP, "web", &[&[1, 0]]).await;
    // If the other rules have weights, it gets those.
    edit(
        side,
        HTTP,
        "web",
        json!({"spec": {"rules": [rule(&[("web", 0), ("web-east", 2)]), empty()]}}),
    )
    .await;
    until_weights(side, HTTP, "web", &[&[0, 2], &[0, 2]]).await;
    end(watch).await;
}

#[tokio::test]
async fn a_dead_primary_keeps_a_weight_beside_unverified_fallbacks() {
    let ns = TestNamespace::new("blind").await;
    let side = &ns.west;
    side.bare_service("web").await;
    side.ready("web", 1).await;
    side.unknowable_service("web-north").await;
    group(
        side,
        HTTP,
        "web",
        spec("web", &[rule(&[("web", 1), ("web-north", 0)])]),
    )
    .await;
    let watch = watching(side, &[]).await;
    side.ready("web", 0).await;
    until_weights(side, HTTP, "web", &[&[1, 1]]).await;
    let flags = status(side, "web").await["flags"].clone();
    assert!(
        flags.as_array().unwrap().contains(&json!("unverified")),
        "{flags}"
    );
    side.ready("web", 1).await;
    until_weights(side, HTTP, "web", &[&[1, 0]]).await;
    end(watch).await;
}
