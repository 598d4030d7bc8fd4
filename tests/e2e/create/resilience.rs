//! Retries and circuit breakers: `--retries` and `--breaker` of `create` and `set`.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role};
use serde_json::{Value, json};

use super::kinds::{HTTP, routes, whole};
use super::{create, namespace};
use crate::support::{Output, Plugin, Side, patch_json, plugin, restricted_kubeconfig};

const ROUTE: &str = "httproute.gateway.networking.k8s.io/web-svc-failover";
const BREAKER: &str = "balancer.linkerd.io/failure-accrual";
const MAX_FAILURES: &str = "balancer.linkerd.io/failure-accrual-consecutive-max-failures";
const MIN_PENALTY: &str = "balancer.linkerd.io/failure-accrual-consecutive-min-penalty";

fn create_route(side: &Side) -> Plugin {
    create(side, "web-svc-east").args(["--kind", "httproute"])
}

async fn set(side: &Side, args: &[&str]) -> Output {
    let args = args.iter().copied();
    plugin()
        .on(side)
        .args(["set", "web-svc"])
        .args(args)
        .run()
        .await
}

async fn service(side: &Side) -> Value {
    let service = side.api::<Service>().get("web-svc").await.unwrap();
    serde_json::to_value(service).unwrap()
}

async fn breaker(side: &Side) -> Value {
    service(side).await["metadata"]["annotations"].clone()
}

/// The annotations of the route, without those of this plugin.
async fn retries(side: &Side) -> Value {
    let mut annotations =
        whole(side, HTTP, "web-svc-failover").await["metadata"]["annotations"].take();
    annotations
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !key.starts_with("failover."));
    annotations
}

fn usual(mode: &str) -> Value {
    json!({BREAKER: mode, MAX_FAILURES: "3", MIN_PENALTY: "10s"})
}

#[tokio::test]
async fn create_writes_the_route_and_annotates_the_service() {
    let ns = namespace("resilience", &["web-svc-east"]).await;
    let before = service(&ns.west).await;
    let run = |flags: &[&str]| {
        let args = ["--retries", "--breaker"].iter().chain(flags).copied();
        create_route(&ns.west).args(args).run()
    };
    let said = [
        "service web-svc: balancer.linkerd.io/failure-accrual: (not set) -> consecutive\n",
        "service web-svc: balancer.linkerd.io/failure-accrual-consecutive-max-failures: (not set) -> 3\n",
        "Linkerd repeats requests that reach no endpoint, lose their connection, or are answered 5xx, up to 3 times",
    ];
    for mode in ["client", "server"] {
        let output = run(&[&format!("--dry-run={mode}"), "-o", "json"])
            .await
            .success();
        for words in said {
            assert!(output.stderr.contains(words), "{output}");
        }
        let items = output.json()["items"].clone();
        assert_eq!(
            items[0]["metadata"]["annotations"]["retry.linkerd.io/http"],
            "5xx"
        );
        assert_eq!(items[1]["metadata"]["annotations"], usual("consecutive"));
        let output = run(&[&format!("--dry-run={mode}"), "-o", "yaml"])
            .await
            .success();
        let documents: Vec<&str> = output.stdout.split("---\n").collect();
        let kinds = documents
            .iter()
            .map(|document| serde_yaml::from_str::<Value>(document).unwrap()["kind"].clone());
        assert_eq!(kinds.collect::<Vec<_>>(), ["HTTPRoute", "Service"]);
    }
    assert_eq!(service(&ns.west).await, before);
    assert!(
        routes(&ns.west, HTTP)
            .get_opt("web-svc-failover")
            .await
            .unwrap()
            .is_none()
    );

    let output = run(&[]).await.success();
    let output = output.stdout_is(&format!("{ROUTE} created\nservice/web-svc annotated\n"));
    for words in said {
        assert!(output.stderr.contains(words), "{output}");
    }
    let expected = json!({"retry.linkerd.io/http": "5xx", "retry.linkerd.io/limit": "3"});
    assert_eq!(retries(&ns.west).await, expected);
    let mut after = service(&ns.west).await;
    assert_eq!(after["metadata"]["annotations"], usual("consecutive"));
    assert_eq!(after["spec"], before["spec"]);
    let again = run(&[]).await.success();
    again.stdout_is(&format!("{ROUTE} unchanged\nservice/web-svc unchanged\n"));
    let version = after["metadata"]["resourceVersion"].take();
    assert_eq!(
        service(&ns.west).await["metadata"]["resourceVersion"],
        version
    );

    let other = create_route(&ns.west).args(["--retries=gateway-error", "--retry-limit", "2"]);
    let output = other.run().await.code(1);
    output
        .stderr_contains("retry.linkerd.io/http: 5xx → gateway-error")
        .stderr_contains("--retries=gateway-error --retry-limit 2");
    let plain = create_route(&ns.west).run().await.success();
    plain.stdout_is(&format!("{ROUTE} unchanged\n"));
}

#[tokio::test]
async fn breakers_of_others_stay_unless_told() {
    let ns = namespace("resilience-others", &["web-svc-east"]).await;
    let foreign = json!({BREAKER: "consecutive", MAX_FAILURES: "7"});
    let annotations = json!({"metadata": {"annotations": foreign}});
    patch_json(&ns.west.api::<Service>(), "web-svc", annotations).await;
    let words = "service web-svc has failure-accrual consecutive with 7 failures and a penalty of 1s \
                 already; left alone (--overwrite replaces it)";
    let output = create_route(&ns.west)
        .args(["--breaker"])
        .run()
        .await
        .success();
    output
        .stdout_is(&format!("{ROUTE} created\nservice/web-svc unchanged\n"))
        .stderr_contains(words);
    for mode in ["consecutive", "off"] {
        let output = set(&ns.west, &["--breaker", mode, "--yes"]).await.success();
        output.stdout_contains("already set").stdout_contains(words);
    }
    assert_eq!(breaker(&ns.west).await, foreign);
    let overwrite = ["--breaker", "unified", "--overwrite", "--yes"];
    let output = set(&ns.west, &overwrite).await.success();
    output
        .stdout_contains("failure-accrual: consecutive -> unified")
        .stdout_contains("max-failures: 7 -> 3");
    assert_eq!(breaker(&ns.west).await, usual("unified"));
    // These are this plugin's values.
    let output = set(&ns.west, &["--breaker=off", "--yes"]).await.success();
    output.stdout_contains("failure-accrual: unified -> (not set)");
    assert_eq!(breaker(&ns.west).await, Value::Null);
}

#[tokio::test]
async fn set_asks_before_it_changes_a_service() {
    let ns = namespace("resilience-set", &["web-svc-east"]).await;
    create_route(&ns.west).run().await.success();
    let both = ["--retries=unsent", "--breaker", "consecutive"];
    set(&ns.west, &both)
        .await
        .code(4)
        .stderr_contains("set asks for confirmation");
    let dry = set(&ns.west, &[&both[..], &["--dry-run=client"]].concat()).await;
    dry.success()
        .stdout_contains("retry.linkerd.io/limit: (not set) -> 3, service web-svc: balancer.")
        .stdout_contains("(dry run)");
    assert_eq!(breaker(&ns.west).await, Value::Null);
    let output = set(&ns.west, &[&both[..], &["--yes"]].concat())
        .await
        .success();
    output.stdout_contains("Linkerd repeats requests that no endpoint has received, up to 3 times");
    assert_eq!(
        retries(&ns.west).await,
        json!({"retry.linkerd.io/limit": "3"})
    );
    assert_eq!(breaker(&ns.west).await, usual("consecutive"));
    set(&ns.west, &["--retries", "off"])
        .await
        .success()
        .stdout_contains("retry.linkerd.io/limit: 3 -> (not set)");
    assert_eq!(retries(&ns.west).await, json!({}));
    assert_eq!(breaker(&ns.west).await, usual("consecutive"));
}

#[tokio::test]
async fn a_grpcroute_has_grpc_codes() {
    let ns = namespace("resilience-grpc", &["web-svc-east"]).await;
    let create = |retries: &str| {
        let args = ["--kind", "grpcroute", retries];
        create(&ns.west, "web-svc-east").args(args).run()
    };
    create("--retries=503")
        .await
        .code(2)
        .stderr_contains("503 are HTTP statuses: a GRPCRoute has gRPC codes");
    create("--retries").await.success();
    let (group, version, _) = HTTP;
    let route = whole(&ns.west, (group, version, "GRPCRoute"), "web-svc-failover").await;
    let codes = &route["metadata"]["annotations"]["retry.linkerd.io/grpc"];
    assert_eq!(codes, "internal,unavailable,deadline-exceeded");
}

#[tokio::test]
async fn a_trafficsplit_has_neither() {
    let ns = namespace("resilience-split", &["web-svc-east"]).await;
    for flag in ["--retries", "--breaker"] {
        let output = create(&ns.west, "web-svc-east").args([flag]).run().await;
        output
            .code(2)
            .stderr_contains(&format!("{flag} is for routes"))
            .stderr_contains("create a route: kubectl failover create web-svc --kind httproute");
    }
    create(&ns.west, "web-svc-east").run().await.success();
    let output = set(&ns.west, &["--retries", "--yes"]).await.code(4);
    output
        .stderr_contains("no circuit breakers for a TrafficSplit")
        .stderr_contains("make a route of it first: kubectl failover migrate web-svc-failover ");
    assert_eq!(breaker(&ns.west).await, Value::Null);
}

#[tokio::test]
async fn resilient_is_all_three_in_one_word() {
    let ns = namespace("resilient", &["web-svc-east"]).await;
    let is_resilient = async |name: &str| {
        let route = whole(&ns.west, HTTP, "web-svc-failover").await;
        let annotations = &route["metadata"]["annotations"];
        assert_eq!(annotations["failover.linkerd.io/standby"], "on", "{name}");
        let refs = &route["spec"]["rules"][0]["backendRefs"];
        let weights = (&refs[0]["weight"], &refs[1]["weight"]);
        assert_eq!(weights, (&json!(1_000_000), &json!(1)), "{name}");
        assert_eq!(breaker(&ns.west).await, usual("consecutive"), "{name}");
        annotations.clone()
    };
    create_route(&ns.west)
        .args(["--resilient"])
        .run()
        .await
        .success();
    let annotations = is_resilient("create").await;
    assert_eq!(annotations["retry.linkerd.io/http"], "5xx");
    let again = create_route(&ns.west).args(["--resilient"]).run().await;
    again
        .success()
        .stdout_is(&format!("{ROUTE} unchanged\nservice/web-svc unchanged\n"));

    let off = [
        "--standby",
        "off",
        "--retries=503",
        "--retry-limit",
        "2",
        "--breaker",
        "off",
        "--yes",
    ];
    set(&ns.west, &off).await.success();
    assert_eq!(breaker(&ns.west).await, Value::Null);
    let output = set(&ns.west, &["--resilient", "--yes"]).await.success();
    output.stdout_contains(
        "it has retry.linkerd.io/http: 503, retry.linkerd.io/limit: 2 already; left alone \
         (--retries replaces it)",
    );
    let annotations = is_resilient("set").await;
    assert_eq!(annotations["retry.linkerd.io/http"], "503");
    let output = set(&ns.west, &["--resilient", "--retries", "--yes"])
        .await
        .success();
    output.stdout_contains("retry.linkerd.io/http: 503 -> 5xx");
    set(&ns.west, &["--resilient", "--yes"])
        .await
        .success()
        .stdout_contains("already set");
}

#[tokio::test]
async fn of_a_trafficsplit_resilient_means_the_standby() {
    let ns = namespace("resilient-split", &["web-svc-east"]).await;
    let words = "a TrafficSplit gets only the standby: Linkerd has no retries and no circuit breakers for it";
    let output = create(&ns.west, "web-svc-east")
        .args(["--resilient"])
        .run()
        .await;
    output.success().stderr_contains(words);
    let split = ns.west.split("web-svc-failover").await;
    assert_eq!(
        split["metadata"]["annotations"]["failover.linkerd.io/standby"],
        "on"
    );
    assert_eq!(split["spec"]["backends"][1]["weight"], 1);
    assert_eq!(breaker(&ns.west).await, Value::Null);
    let output = set(&ns.west, &["--resilient", "--yes"]).await.success();
    output.stdout_contains("already set").stdout_contains(words);
}

#[tokio::test]
async fn without_the_right_to_services_a_second_run_goes_on() {
    let ns = namespace("resilience-rights", &["web-svc-east"]).await;
    let rules = async |flags: &[&str]| -> Vec<PolicyRule> {
        let plugin = plugin().on(&ns.west).args(["check", "--rbac", "create"]);
        let output = plugin.args(flags.iter().copied()).run().await.success();
        let role: Role = serde_yaml::from_str(&output.stdout).unwrap();
        role.rules.unwrap()
    };
    let run = async |user: &str, rules: &[PolicyRule]| {
        let kubeconfig = restricted_kubeconfig(&ns.west, user, rules).await;
        let plugin = create_route(&ns.west).args(["--retries", "--breaker"]);
        plugin.kubeconfig(kubeconfig.path()).run().await
    };
    let output = run("plain", &rules(&[]).await).await.code(1);
    output
        .stderr_contains(
            "the group's own object is as ordered, but service web-svc was not annotated: ",
        )
        .stderr_contains("cannot patch services")
        .stderr_contains("check --rbac create --breaker")
        .stderr_contains("run the same command again: it goes on with the service");
    assert_eq!(breaker(&ns.west).await, Value::Null);
    let output = run("more", &rules(&["--breaker"]).await).await.success();
    output
        .stdout_is(&format!("{ROUTE} unchanged\nservice/web-svc annotated\n"))
        .stderr_lacks("can't tell");
    assert_eq!(breaker(&ns.west).await, usual("consecutive"));
}
