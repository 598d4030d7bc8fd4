//! `create` against real clusters.

mod adopt;
mod kinds;
mod policy;
mod resilience;

use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::{DynamicObject, ListParams};
use serde_json::{Value, json};

use crate::support::{
    Plugin, Side, TestNamespace, end, eventually, patch_json, plugin, restricted_kubeconfig, rule,
    watching,
};

const NAME: &str = "trafficsplit.split.smi-spec.io/web-svc-failover";

/// A namespace with `web-svc` and these services in west.
async fn namespace(purpose: &str, fallbacks: &[&str]) -> TestNamespace {
    let ns = TestNamespace::new(purpose).await;
    ns.west.service("web-svc").await;
    for fallback in fallbacks {
        ns.west.service(fallback).await;
    }
    ns
}

/// `create web-svc --fallback FALLBACK`, to be extended.
fn create(side: &Side, fallback: &str) -> Plugin {
    plugin()
        .on(side)
        .args(["create", "web-svc", "--fallback", fallback])
}

async fn splits(side: &Side) -> Vec<DynamicObject> {
    side.traffic_splits()
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
}

async fn only_split(side: &Side) -> DynamicObject {
    let mut splits = splits(side).await;
    assert_eq!(splits.len(), 1, "{splits:?}");
    splits.remove(0)
}

async fn assert_no_split(side: &Side) {
    let splits = splits(side).await;
    assert!(splits.is_empty(), "{splits:?}");
}

/// A service with these ports. Each port's name has its number in it.
async fn service_with_ports(side: &Side, name: &str, ports: &[u16]) {
    let ports: Vec<Value> = ports
        .iter()
        .map(|port| json!({"name": format!("port-{port}"), "port": port}))
        .collect();
    side.create::<Service>(json!({"metadata": {"name": name}, "spec": {"ports": ports}}))
        .await;
}

#[tokio::test]
async fn create_writes_exactly_one_object() {
    let ns = namespace("create-story", &["web-svc-east"]).await;
    let output = create(&ns.west, "web-svc-east").run().await.success();
    let next = format!("kubectl failover watch --context west -n {}", ns.name);
    output
        .stdout_is(&format!("{NAME} created\n"))
        .stderr_contains(&next);

    let object = only_split(&ns.west).await;
    assert_eq!(object.name_any(), "web-svc-failover");
    assert_eq!(
        json!(object.labels()),
        json!({"failover.linkerd.io/controlled-by": "linkerd-failover"})
    );
    assert_eq!(
        json!(object.annotations()),
        json!({"failover.linkerd.io/primary-service": "web-svc"})
    );
    let backends =
        json!([{"service": "web-svc", "weight": 1}, {"service": "web-svc-east", "weight": 0}]);
    assert_eq!(
        object.data,
        json!({"spec": {"service": "web-svc", "backends": backends}})
    );
    let managers: Vec<_> = object
        .managed_fields()
        .iter()
        .filter_map(|it| it.manager.as_deref())
        .collect();
    assert_eq!(managers, ["linkerd-failover"]);
}

#[tokio::test]
async fn the_flags_shape_the_object() {
    let ns = namespace("create-flags", &["web-svc-2", "web-svc-east"]).await;
    let flags = [
        "--fallback",
        "web-svc",
        "--primary",
        "web-svc-2",
        "--name",
        "web.v2",
        "--controlled-by",
        "on",
    ];
    create(&ns.west, "web-svc-east")
        .args(flags)
        .run()
        .await
        .success();
    let object = only_split(&ns.west).await;
    assert_eq!(object.name_any(), "web.v2");
    assert_eq!(object.labels()["failover.linkerd.io/controlled-by"], "on");
    assert_eq!(
        object.annotations()["failover.linkerd.io/primary-service"],
        "web-svc-2"
    );
    let expected = [("web-svc-2", 1), ("web-svc-east", 0), ("web-svc", 0)];
    let expected = expected.map(|(service, weight)| (service.to_owned(), json!(weight)));
    assert_eq!(ns.west.weights("web.v2").await, expected);
}

#[tokio::test]
async fn an_existing_object_stays_as_it_is_whatever_its_weights() {
    let ns = namespace("create-again", &["web-svc-east"]).await;
    let object = ns.west.traffic_split(
        "web-svc-failover",
        "web-svc",
        &[("web-svc", 0), ("web-svc-east", 7)],
    );
    let version = object.await.resource_version();
    // A job that runs again may do so while the fallback's cluster is gone, and the mirror service
    // with it.
    ns.west
        .api::<Service>()
        .delete("web-svc-east", &Default::default())
        .await
        .unwrap();

    let output = create(&ns.west, "web-svc-east").run().await.success();
    output
        .stdout_is(&format!("{NAME} unchanged\n"))
        .stderr_is_empty();
    let output = create(&ns.west, "web-svc-east")
        .args(["-o", "json"])
        .run()
        .await
        .success();
    assert_eq!(output.json()["spec"]["backends"][1]["weight"], 7);
    output.stderr_contains("unchanged");
    assert_eq!(only_split(&ns.west).await.resource_version(), version);
}

#[tokio::test]
async fn a_forced_failover_is_no_difference() {
    let ns = namespace("create-forced", &["web-svc-east"]).await;
    create(&ns.west, "web-svc-east").run().await.success();
    let order =
        json!({"to": "web-svc-east", "home": "web-svc", "by": "me", "at": "2026-01-01T00:00:00Z"});
    let annotations = json!({
        "failover.linkerd.io/primary-service": "web-svc-east",
        "failover.linkerd.io/override": order.to_string(),
    });
    let splits = ns.west.traffic_splits();
    patch_json(
        &splits,
        "web-svc-failover",
        json!({"metadata": {"annotations": annotations}}),
    )
    .await;

    create(&ns.west, "web-svc-east")
        .run()
        .await
        .success()
        .stdout_is(&format!("{NAME} unchanged\n"));
    let swapped = [
        "create",
        "web-svc",
        "--primary",
        "web-svc-east",
        "--fallback",
        "web-svc",
    ];
    let output = plugin().on(&ns.west).args(swapped).run().await.code(1);
    output
        .stderr_contains("primary: web-svc → web-svc-east\n")
        .stderr_contains(
            "kubectl failover set web-svc-failover --primary web-svc-east --context west",
        );
}

#[tokio::test]
async fn every_difference_is_shown() {
    let ns = namespace("create-differs", &["web-svc-2", "web-svc-east"]).await;
    create(&ns.west, "web-svc-east").run().await.success();
    let before = only_split(&ns.west).await;
    let flags = ["--primary", "web-svc-2", "--controlled-by", "me"];
    let output = create(&ns.west, "web-svc-east")
        .args(flags)
        .run()
        .await
        .code(1)
        .stdout_is_empty();
    output
        .stderr_contains(&format!(
            "{NAME} in namespace {} of context west already exists with different settings",
            ns.name
        ))
        .stderr_contains("backends: web-svc, web-svc-east → web-svc-2, web-svc-east\n")
        .stderr_contains("primary: web-svc → web-svc-2\n")
        .stderr_contains("controlled-by: linkerd-failover → me\n")
        .stderr_contains(&format!(
            "kubectl --context west -n {} edit {NAME}",
            ns.name
        ))
        .stderr_lacks("service: ");
    assert_eq!(only_split(&ns.west).await.data, before.data);
}

#[tokio::test]
async fn an_object_that_is_being_deleted_is_not_a_group() {
    let ns = namespace("create-leaving", &["web-svc-east"]).await;
    create(&ns.west, "web-svc-east").run().await.success();
    let splits = ns.west.traffic_splits();
    let hold = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    patch_json(&splits, "web-svc-failover", hold).await;
    splits
        .delete("web-svc-failover", &Default::default())
        .await
        .unwrap();

    let output = create(&ns.west, "web-svc-east").run().await.code(1);
    output
        .stderr_contains("is being deleted")
        .stderr_contains("wait --for=delete");
    patch_json(
        &splits,
        "web-svc-failover",
        json!({"metadata": {"finalizers": null}}),
    )
    .await;
}

#[tokio::test]
async fn only_one_of_two_concurrent_runs_creates() {
    let ns = namespace("create-race", &["web-svc-east"]).await;
    let run = || create(&ns.west, "web-svc-east").run();
    let outputs = <[_; 4]>::from(tokio::join!(run(), run(), run(), run()))
        .map(|output| output.success().stdout);
    let count = |word: &str| {
        outputs
            .iter()
            .filter(|out| **out == format!("{NAME} {word}\n"))
            .count()
    };
    assert_eq!(
        (count("created"), count("unchanged")),
        (1, 3),
        "{outputs:?}"
    );
}

#[tokio::test]
async fn a_missing_fallback_lists_the_existing_mirror_services() {
    let ns = namespace("create-mirrors", &[]).await;
    ns.east.service("web-svc").await;
    ns.east.service("emoji-svc").await;
    let export = format!(
        "kubectl --context east -n {} label service web-svc",
        ns.name
    );
    let output = create(&ns.west, "web-svc-east")
        .run()
        .await
        .code(1)
        .stdout_is_empty();
    output
        .stderr_contains("service web-svc-east does not exist in namespace")
        .stderr_contains(&format!("{export} mirror.linkerd.io/exported=true"));

    ns.east.export("web-svc", true).await;
    ns.east.export("emoji-svc", true).await;
    for mirror in ["web-svc-east", "emoji-svc-east"] {
        eventually(&format!("{mirror} is there"), async || {
            let found = ns.west.api::<Service>().get_opt(mirror).await.unwrap();
            found.map(|_| ()).ok_or_else(|| "it is not".to_owned())
        })
        .await;
    }
    let output = create(&ns.west, "web-svc-eats").run().await.code(1);
    output
        .stderr_contains("did you mean web-svc-east instead of web-svc-eats?\n")
        .stderr_contains("--allow-missing");
    assert_no_split(&ns.west).await;
    create(&ns.west, "web-svc-east").run().await.success();
}

#[tokio::test]
async fn missing_services_can_be_allowed() {
    let ns = TestNamespace::new("create-missing").await;
    let output = create(&ns.west, "web-svc-east").run().await.code(1);
    output.stderr_contains("services web-svc, web-svc-east do not exist in namespace");
    assert_no_split(&ns.west).await;

    let output = create(&ns.west, "web-svc-east")
        .args(["--allow-missing"])
        .run()
        .await
        .success();
    output
        .stdout_is(&format!("{NAME} created\n"))
        .stderr_contains("warning: service web-svc does not exist")
        .stderr_contains("warning: service web-svc-east does not exist");
    only_split(&ns.west).await;
}

#[tokio::test]
async fn a_missing_namespace_is_reported() {
    for flags in [[].as_slice(), &["--allow-missing"]] {
        let args = [
            "--context",
            "west",
            "-n",
            "no-such-namespace",
            "create",
            "web-svc",
            "--fallback",
            "a",
        ];
        let output = plugin().args(args).args(flags).run().await.code(1);
        output.stderr_contains("namespace no-such-namespace does not exist in context west");
    }
}

#[tokio::test]
async fn each_backend_has_the_ports_of_the_apex() {
    let ns = TestNamespace::new("create-ports").await;
    service_with_ports(&ns.west, "web-svc", &[80, 8080, 9090]).await;
    service_with_ports(&ns.west, "web-svc-east", &[80]).await;
    service_with_ports(&ns.west, "web-svc-north", &[80, 8080, 9090, 9999]).await;
    let output = create(&ns.west, "web-svc-east")
        .args(["--fallback", "web-svc-north"])
        .run()
        .await
        .code(1);
    output
        .stderr_contains("has the ports of web-svc (80, 8080, 9090)")
        .stderr_contains("web-svc-east lacks 8080, 9090; it has 80\n")
        .stderr_lacks("web-svc-north lacks");
    assert_no_split(&ns.west).await;
    create(&ns.west, "web-svc-north").run().await.success();
}

#[tokio::test]
async fn an_apex_has_one_object_with_or_without_the_label() {
    let ns = namespace("create-taken", &["web-svc-east"]).await;
    ns.west
        .traffic_split("other", "web-svc", &[("web-svc", 1)])
        .await;
    let taken = format!(
        "trafficsplit.split.smi-spec.io/other in namespace {}",
        ns.name
    );
    let output = create(&ns.west, "web-svc-east")
        .run()
        .await
        .code(1)
        .stdout_is_empty();
    output
        .stderr_contains(&taken)
        .stderr_contains("already manages service web-svc");

    patch_json(
        &ns.west.traffic_splits(),
        "other",
        json!({"metadata": {"labels": null}}),
    )
    .await;
    let output = create(&ns.west, "web-svc-east").run().await.code(1);
    output
        .stderr_contains(&taken)
        .stderr_contains("kubectl failover create --adopt trafficsplit/other");
    only_split(&ns.west).await;
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let ns = namespace("create-dry", &["web-svc-east"]).await;
    for (mode, words) in [("client", "(dry run)"), ("server", "(server dry run)")] {
        let output = create(&ns.west, "web-svc-east")
            .args([&format!("--dry-run={mode}")])
            .run()
            .await
            .success();
        output
            .stdout_is(&format!("{NAME} created {words}\n"))
            .stderr_is_empty();
        let output = create(&ns.west, "web-svc-east")
            .args([format!("--dry-run={mode}").as_str(), "-o", "json"])
            .run()
            .await;
        let object = output.success().json();
        assert_eq!(object["metadata"]["namespace"], json!(ns.name));
        assert_eq!(object["metadata"]["uid"].is_string(), mode == "server");
        create(&ns.west, "gone")
            .args([&format!("--dry-run={mode}")])
            .run()
            .await
            .code(1);
    }
    assert_no_split(&ns.west).await;
}

#[tokio::test]
async fn the_object_is_printed_as_the_server_returns_it() {
    let ns = namespace("create-formats", &["web-svc-east"]).await;
    let output = create(&ns.west, "web-svc-east")
        .args(["-o", "yaml"])
        .run()
        .await
        .success()
        .stderr_is_empty();
    let printed: Value = serde_yaml::from_str(&output.stdout).unwrap();
    let json = create(&ns.west, "web-svc-east")
        .args(["-o", "json"])
        .run()
        .await
        .success()
        .json();
    let mut object = only_split(&ns.west).await;
    object.metadata.managed_fields = None;
    assert_eq!((&printed, &json), (&json!(object), &json!(object)));
    let output = create(&ns.west, "web-svc-east")
        .args(["-o", "name"])
        .run()
        .await
        .success();
    output.stdout_is(&format!("{NAME}\n"));
}

/// The output can be kept in a repository.
#[tokio::test]
async fn a_client_dry_run_prints_the_manifest_of_an_existing_group() {
    let ns = namespace("manifest", &["web-svc-east"]).await;
    let manifest = async || {
        let plugin = create(&ns.west, "web-svc-east").args(["--dry-run=client", "-o", "json"]);
        plugin.run().await.success().json()
    };
    let before = manifest().await;
    create(&ns.west, "web-svc-east").run().await.success();
    assert_eq!(manifest().await, before);
}

/// kubectl and the API server read YAML 1.1, where these words are not strings.
#[tokio::test]
async fn the_printed_yaml_can_be_applied() {
    let ns = TestNamespace::new("create-yaml").await;
    let flags = [
        "--fallback",
        "y",
        "--fallback",
        "null",
        "--controlled-by",
        "1e3",
        "--name",
        "1.5",
    ];
    let flags = flags
        .into_iter()
        .chain(["--allow-missing", "--dry-run=client", "-o", "yaml"]);
    let yaml = create(&ns.west, "on")
        .args(flags)
        .run()
        .await
        .success()
        .stdout;
    let path = format!(
        "/apis/split.smi-spec.io/v1alpha2/namespaces/{}/trafficsplits/1.5",
        ns.name
    );
    let request = http::Request::patch(format!("{path}?fieldManager=test"))
        .header("content-type", "application/apply-patch+yaml")
        .body(yaml.into_bytes())
        .unwrap();
    let applied: DynamicObject = ns.west.client.request(request).await.unwrap();
    assert_eq!(applied.labels()["failover.linkerd.io/controlled-by"], "1e3");
    let names: Vec<_> = ns
        .west
        .weights("1.5")
        .await
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["web-svc", "on", "y", "null"]);
}

#[tokio::test]
async fn a_mirror_service_without_local_endpoints_gets_a_warning() {
    let ns = namespace("create-flat", &[]).await;
    ns.west.unknowable_service("web-svc-north").await;
    let output = create(&ns.west, "web-svc-north").run().await.success();
    output.stderr_contains("warning: the readiness of the fallback, web-svc-north, is unknown:");
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let ns = namespace("create-rights", &["web-svc-east"]).await;
    let services = rule("", &["services"], &["get"]);
    let reader = [
        services.clone(),
        rule("split.smi-spec.io", &["trafficsplits"], &["list"]),
    ];
    for (name, rules, right) in [
        (
            "nobody",
            &[services][..],
            "cannot list trafficsplits.split.smi-spec.io",
        ),
        (
            "reader",
            &reader[..],
            "cannot create trafficsplits.split.smi-spec.io",
        ),
    ] {
        let kubeconfig = restricted_kubeconfig(&ns.west, name, rules).await;
        let output = create(&ns.west, "web-svc-east")
            .kubeconfig(kubeconfig.path())
            .run()
            .await
            .code(1);
        output
            .stderr_contains("context west")
            .stderr_contains(right)
            .stderr_contains("ask an administrator");
    }
    assert_no_split(&ns.west).await;
}

#[tokio::test]
async fn a_running_watch_covers_a_new_group() {
    let ns = namespace("create-covered", &["web-svc-east"]).await;
    ns.west
        .group("mail", &[("mail", 1, 1), ("mail-east", 0, 1)])
        .await;
    let watch = watching(&ns.west, &[]).await;
    let output = create(&ns.west, "web-svc-east").run().await.success();
    let output = output.stderr_contains("covers the group: nothing more to do");
    assert!(!output.stderr.contains("failover watch"), "{output}");
    end(watch).await;
}

#[tokio::test]
async fn a_mistyped_service_is_met_with_a_question_and_not_with_a_command() {
    let ns = namespace("create-typo", &["web-svc-east"]).await;
    let output = create(&ns.west, "web-svc-est").run().await.code(1);
    let output = output.stderr_contains("did you mean web-svc-east instead of web-svc-est?");
    assert!(!output.stderr.contains("label service"), "{output}");
}
