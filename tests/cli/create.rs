//! The checks of `create` and `set` before the cluster is asked, and `create` against a scripted
//! server.

use serde_json::{Value, json};

use crate::support::{Output, Plugin, ScriptedServer, plugin};

/// Runs `create` without a cluster, for checks that need none.
async fn create(args: &[&str]) -> Output {
    plugin()
        .without_clusters()
        .without_kubeconfig()
        .args(["create"])
        .args(args)
        .run()
        .await
}

async fn usage_error(args: &[&str], words: &str) {
    create(args)
        .await
        .code(2)
        .stdout_is_empty()
        .stderr_contains(words);
}

#[tokio::test]
async fn fallbacks_differ_from_the_service_and_from_each_other() {
    usage_error(&["web"], "--fallback").await;
    usage_error(
        &[
            "web",
            "--fallback",
            "a",
            "--fallback",
            "b",
            "--fallback",
            "a",
        ],
        "fallback a is named twice",
    )
    .await;
    usage_error(
        &["web", "--fallback", "web"],
        "web is the service that clients call",
    )
    .await;
    usage_error(
        &["web", "--primary", "a", "--fallback", "a"],
        "a is the primary",
    )
    .await;
}

#[tokio::test]
async fn there_is_one_primary() {
    let args = ["web", "--fallback", "c", "--primary", "a", "--primary", "b"];
    usage_error(&args, "'--primary <SERVICE>' cannot be used multiple times").await;
}

#[tokio::test]
async fn names_are_checked() {
    usage_error(&["Web", "--fallback", "a"], "invalid service name \"Web\"").await;
    usage_error(
        &["web", "--fallback", "a.other.svc"],
        "invalid service name \"a.other.svc\"",
    )
    .await;
    usage_error(
        &["web", "--fallback", "a", "--primary", "-"],
        "invalid service name \"-\"",
    )
    .await;
    usage_error(
        &["web", "--fallback", "a", "--name", "A"],
        "invalid object name \"A\"",
    )
    .await;
    usage_error(
        &["web", "--fallback", "a", "--controlled-by", "a b"],
        "invalid label value \"a b\"",
    )
    .await;
}

#[tokio::test]
async fn only_routes_take_other_namespaces_and_ports() {
    usage_error(
        &["web", "--fallback", "other/web", "--kind", "ts"],
        "other/web names a namespace",
    )
    .await;
    usage_error(
        &["web", "--fallback", "a", "--port", "80", "--kind", "ts"],
        "--port is for routes",
    )
    .await;
    usage_error(
        &["web", "--fallback", "a/b/c", "--kind", "httproute"],
        "invalid service name \"a/b/c\"",
    )
    .await;
    usage_error(
        &[
            "web",
            "--fallback",
            "a",
            "--kind",
            "httproute",
            "--port",
            "0",
        ],
        "--port",
    )
    .await;
    for kind in [
        "httproute",
        "HTTPRoutes",
        "grpcroute",
        "httproute.policy.linkerd.io",
    ] {
        let args = [
            "web",
            "--fallback",
            "other/web",
            "--kind",
            kind,
            "--port",
            "80",
        ];
        create(&args)
            .await
            .code(1)
            .stderr_contains("there is no kubeconfig");
    }
    let kinds = "trafficsplit, httproute, grpcroute, httproute.policy.linkerd.io";
    usage_error(&["web", "--fallback", "a", "--kind", "service"], kinds).await;
}

#[tokio::test]
async fn an_invalid_policy_setting_names_the_valid_ones() {
    let refused = [
        ("--policy", "random", "active-active"),
        ("--failback", "never", "manual"),
        ("--min-ready", "0", "a count from 1, or 1% to 100%"),
        ("--failover-delay", "5", "such as 30s or 1m30s"),
        ("--failback-delay", "soon", "such as 30s or 1m30s"),
        ("--weights", "other=1", "such as web=1,a=1"),
    ];
    for (flag, value, allowed) in refused {
        usage_error(&["web", "--fallback", "a", flag, value], allowed).await;
    }
    let args = [
        "web",
        "--fallback",
        "a",
        "--weights",
        "web=1,a=2",
        "--min-ready",
        "50%",
    ];
    create(&args)
        .await
        .code(1)
        .stderr_contains("there is no kubeconfig");
}

#[tokio::test]
async fn adopt_takes_neither_services_nor_a_name() {
    for flags in [
        &["web"][..],
        &["--fallback", "a"],
        &["--kind", "httproute"],
        &["--name", "x"],
        &["--port", "1"],
    ] {
        let args = [&["--adopt", "httproute/web"], flags].concat();
        usage_error(&args, "cannot be used with").await;
    }
    usage_error(
        &["--adopt", "httproute/web", "--min-ready", "x"],
        "--min-ready cannot be",
    )
    .await;
    create(&["--adopt", "httproute/web"])
        .await
        .code(1)
        .stderr_contains("there is no kubeconfig");
}

/// Runs `set` without a cluster.
#[tokio::test]
async fn set_needs_at_least_one_setting() {
    let set = async |args: &[&str]| {
        let output = plugin()
            .without_clusters()
            .without_kubeconfig()
            .args(["set"])
            .args(args)
            .run()
            .await;
        output.code(2).stdout_is_empty()
    };
    set(&["web"]).await.stderr_contains("nothing to change");
    set(&["web", "--min-ready", "many"])
        .await
        .stderr_contains("a count from 1, or 1% to 100%");
    set(&["web", "--unset", "primary"])
        .await
        .stderr_contains("failback-delay");
    set(&["web", "--min-ready", "2", "--unset", "min-ready"])
        .await
        .stderr_contains("contradict each other");
}

#[tokio::test]
async fn create_needs_one_namespace() {
    usage_error(&["web", "--fallback", "a", "-A"], "--all-namespaces").await;
}

#[tokio::test]
async fn valid_arguments_lead_to_the_kubeconfig() {
    create(&["web", "--fallback", "a"])
        .await
        .code(1)
        .stderr_contains("there is no kubeconfig");
    let args = [
        "web",
        "--fallback",
        "web",
        "--primary",
        "a",
        "--name",
        "web.1",
        "--controlled-by",
        "A_b",
    ];
    create(&args)
        .await
        .code(1)
        .stderr_contains("there is no kubeconfig");
}

fn on(server: &ScriptedServer) -> Plugin {
    plugin()
        .server(&server.url)
        .namespace("ns")
        .args(["create", "web", "--fallback", "web-east"])
}

#[tokio::test]
async fn a_cluster_without_the_kind_is_reported_as_such() {
    let server = ScriptedServer::start(|_, path| {
        if path.contains("trafficsplits") || path.contains("routes") {
            (404, "404 page not found\n".to_owned())
        } else {
            (200, service("web"))
        }
    })
    .await;
    let output = on(&server).run().await.code(1).stdout_is_empty();
    output
        .stderr_contains("does not know TrafficSplit of split.smi-spec.io/v1alpha2")
        .stderr_contains("  install the CustomResourceDefinition trafficsplits.split.smi-spec.io")
        .stderr_lacks("--kind")
        .stderr_contains("sandbox up");
    let writes: Vec<String> = server
        .requests()
        .into_iter()
        .filter(|it| !it.starts_with("GET"))
        .collect();
    assert_eq!(writes, Vec::<String>::new());
}

#[tokio::test]
async fn a_cluster_with_routes_only_gets_a_route() {
    let server = ScriptedServer::start(|_, path| match path {
        path if path.contains("policy.linkerd.io") && path.contains("httproutes") => (
            200,
            json!({"metadata": {"resourceVersion": "1"}, "items": []}).to_string(),
        ),
        path if path.contains("/services/") => (200, service("web")),
        _ => (404, "404 page not found\n".to_owned()),
    })
    .await;
    let line = "kubectl failover create web --kind httproute.policy.linkerd.io --fallback web-east --server ";
    on(&server)
        .args(["--kind", "trafficsplit"])
        .run()
        .await
        .code(1)
        .stdout_is_empty()
        .stderr_contains(line);
    for kind in [&[][..], &["--kind", "httproute"]] {
        let named = kind.first().map_or(
            "trafficsplit.split.smi-spec.io",
            |_| "httproute.gateway.networking.k8s.io",
        );
        let output = on(&server)
            .args(kind.iter().copied())
            .args(["--dry-run"])
            .run()
            .await
            .success();
        output
            .stdout_is("httproute.policy.linkerd.io/web-failover created (dry run)\n")
            .stderr_contains(&format!("this cluster has no {named}"));
    }
}

/// A server on which the object appears between the check and the write.
async fn faster_rival(primary: &'static str) -> ScriptedServer {
    ScriptedServer::start(move |method, path| match (method, path) {
        ("POST", _) => (
            409,
            json!({"reason": "AlreadyExists", "message": "it exists"}).to_string(),
        ),
        (_, path) if path.contains("/trafficsplits/web-failover") => {
            (200, split(primary).to_string())
        }
        (_, path) if path.contains("/trafficsplits") || path.contains("routes") => (
            200,
            json!({"metadata": {"resourceVersion": "1"}, "items": []}).to_string(),
        ),
        _ => (200, service("web")),
    })
    .await
}

fn service(name: &str) -> String {
    json!({"metadata": {"name": name, "namespace": "ns"}, "spec": {"ports": [{"port": 80}]}})
        .to_string()
}

fn split(primary: &str) -> Value {
    json!({
        "metadata": {
            "name": "web-failover",
            "namespace": "ns",
            "labels": {"failover.linkerd.io/controlled-by": "linkerd-failover"},
            "annotations": {"failover.linkerd.io/primary-service": primary},
        },
        "spec": {
            "service": "web",
            "backends": [{"service": "web", "weight": 0}, {"service": "web-east", "weight": 1}],
        },
    })
}

#[tokio::test]
async fn an_equal_object_from_a_faster_process_is_accepted() {
    let server = faster_rival("web").await;
    let output = on(&server).run().await.success();
    output
        .stdout_is("trafficsplit.split.smi-spec.io/web-failover unchanged\n")
        .stderr_is_empty();
}

#[tokio::test]
async fn a_different_object_from_a_faster_process_is_shown() {
    let server = faster_rival("web-east").await;
    on(&server)
        .run()
        .await
        .code(1)
        .stdout_is_empty()
        .stderr_contains("primary: web-east → web\n");
}

#[tokio::test]
async fn an_object_whose_creation_got_no_answer_may_exist() {
    let server = ScriptedServer::start(move |method, path| match (method, path) {
        ("POST", _) => (504, json!({"reason": "Timeout"}).to_string()),
        (_, path) if path.contains("/trafficsplits") || path.contains("routes") => (
            200,
            json!({"metadata": {"resourceVersion": "1"}, "items": []}).to_string(),
        ),
        _ => (200, service("web")),
    })
    .await;
    on(&server)
        .run()
        .await
        .code(1)
        .stderr_contains("it may have been created all the same: see kubectl ")
        .stderr_contains(" get trafficsplit.split.smi-spec.io/web-failover");
}
