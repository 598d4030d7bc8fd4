//! What `check` finds of Linkerd. The clusters belong to these tests, since every command sees
//! namespaces with Linkerd's labels.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

use super::{error, find};
use kubectl_failover::resource::KINDS;

use crate::support::{Plugin, Sandbox, Side, eventually, plugin};

/// Creates a namespace with labels. It is not deleted, since its cluster ends with the test.
async fn namespace(sandbox: &Sandbox, name: &str, labels: Value) -> Side {
    let client = sandbox.client("west").await;
    let object = json!({"metadata": {"name": name, "labels": labels}});
    let object: Namespace = serde_json::from_value(object).expect("the namespace is well-formed");
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .create(&PostParams::default(), &object)
        .await
        .expect("the namespace is created");
    Side {
        context: "west",
        namespace: name.to_owned(),
        client,
    }
}

fn check(sandbox: &Sandbox) -> Plugin {
    plugin()
        .without_clusters()
        .env("KUBECONFIG", sandbox.kubeconfig())
        .args(["check", "-o", "json"])
}

async fn until(sandbox: &Sandbox, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually(what, async || {
        let report = check(sandbox).run().await.json();
        if holds(&report) {
            Ok(report)
        } else {
            Err(format!("{report:#}"))
        }
    })
    .await
}

#[tokio::test]
async fn linkerd_is_found_by_its_labels_and_must_be_ready() {
    let sandbox = Sandbox::start(&["west"]);
    let mesh = namespace(
        &sandbox,
        "mesh",
        json!({"linkerd.io/is-control-plane": "true"}),
    )
    .await;
    mesh.deployment("destination", 1).await;
    let smi = namespace(&sandbox, "smi", json!({"linkerd.io/extension": "smi"})).await;
    smi.deployment("smi-adaptor", 1).await;
    let multicluster = namespace(
        &sandbox,
        "links",
        json!({"linkerd.io/extension": "multicluster"}),
    )
    .await;
    multicluster.deployment("mirror", 1).await;
    let ready = |report: &Value| {
        let parts = [
            "Linkerd's control plane",
            "Linkerd's SMI extension",
            "Linkerd's multicluster extension",
        ];
        parts
            .iter()
            .all(|part| find(report, part)["result"] == "success")
    };
    until(&sandbox, "all of Linkerd is ready", ready).await;

    // Pods on a node that does not exist never become ready.
    let stuck = json!({"spec": {"template": {"spec": {"nodeName": "nowhere"}}}});
    let deployments = smi.api::<k8s_openapi::api::apps::v1::Deployment>();
    deployments
        .delete("smi-adaptor", &DeleteParams::default())
        .await
        .unwrap();
    smi.deployment("stuck", 0).await;
    crate::support::patch_json(&deployments, "stuck", stuck).await;
    smi.scale("stuck", 1).await;
    let is_stuck = |report: &Value| {
        error(report, "Linkerd's SMI extension") == "deployment smi/stuck has 0 of 1 pods ready"
    };
    let report = until(&sandbox, "the SMI extension is not ready", is_stuck).await;
    assert_eq!(report["success"], false);
    assert_eq!(
        find(&report, "Linkerd's SMI extension")["hint"],
        "kubectl --context west -n smi get pods"
    );
    check(&sandbox).args(["--wait", "1s"]).run().await.code(1);
    let waiting = tokio::spawn(check(&sandbox).args(["--wait", "60s"]).run());
    smi.scale("stuck", 0).await;
    waiting.await.unwrap().success();
}

#[tokio::test]
async fn upstream_and_a_watch_are_reported_as_two_controllers() {
    let sandbox = Sandbox::start(&["west"]);
    let web = namespace(&sandbox, "web", json!({})).await;
    web.group("web", &[("web", 1, 1), ("web-east", 0, 1)]).await;
    let failover = namespace(
        &sandbox,
        "linkerd-failover",
        json!({"linkerd.io/extension": "failover"}),
    )
    .await;
    failover.deployment("linkerd-failover", 1).await;
    let controller = "Linkerd's failover controller: running in namespace linkerd-failover";
    let runs = |report: &Value| report.to_string().contains(controller);
    let report = until(&sandbox, "the controller is seen", runs).await;
    assert_eq!(error(&report, "every group has a running watch"), "");

    // It runs no routes.
    let migrate = plugin()
        .without_clusters()
        .env("KUBECONFIG", sandbox.kubeconfig())
        .args(["migrate", "web", "-n", "web", "--dry-run=client"]);
    migrate
        .run()
        .await
        .code(4)
        .stderr_contains("nothing would fail the service over")
        .stderr_contains("--allow=unattended");

    let watch = plugin()
        .without_clusters()
        .env("KUBECONFIG", sandbox.kubeconfig());
    let watch = watch.args(["watch", "-n", "web", "--alongside-upstream"]);
    let _watch = crate::support::started(watch).await;
    let both = "and Linkerd's failover controller both run it";
    let report = until(&sandbox, "both run", |report| {
        error(report, "no group has two controllers").contains(both)
    })
    .await;
    assert_eq!(
        find(&report, "no group has two controllers")["result"],
        "warning"
    );

    // Upstream selects other objects from here on.
    let args = json!(["--selector=failover.linkerd.io/controlled-by=other"]);
    let containers = json!([{"name": "app", "args": args}]);
    let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    let deployments = failover.api::<k8s_openapi::api::apps::v1::Deployment>();
    let patch = kube::api::Patch::Strategic(patch);
    deployments
        .patch("linkerd-failover", &Default::default(), &patch)
        .await
        .unwrap();
    until(&sandbox, "one runs", |report| {
        error(report, "no group has two controllers").is_empty()
    })
    .await;
}

#[tokio::test]
async fn without_any_definition_the_check_fails() {
    let sandbox = Sandbox::start(&["west"]);
    let definitions: Api<CustomResourceDefinition> = Api::all(sandbox.client("west").await);
    for kind in KINDS {
        definitions
            .delete(kind.info().crd, &DeleteParams::default())
            .await
            .unwrap();
    }
    // While it is being deleted, the definition is still listed but not served.
    let words = "CustomResourceDefinition trafficsplits.split.smi-spec.io is not installed";
    let gone = |report: &Value| report.to_string().contains(words);
    let report = until(&sandbox, "the definition is gone", gone).await;
    assert_eq!(
        find(&report, "TrafficSplits of split.smi-spec.io can be used")["result"],
        "error"
    );
    check(&sandbox).args(["--pre"]).run().await.code(1);
    check(&sandbox).args(["--wait", "60s"]).run().await.code(1);
}

#[tokio::test]
async fn traffic_splits_are_deprecated_since_2_18() {
    let sandbox = Sandbox::start(&["west"]);
    let web = namespace(&sandbox, "web", json!({})).await;
    web.group("web", &[("web", 1, 1), ("web-east", 0, 1)]).await;
    let labels = json!({"linkerd.io/is-control-plane": "true"});
    let mesh = namespace(&sandbox, "linkerd", labels).await;
    mesh.deployment("linkerd-destination", 1).await;
    let deployments = mesh.api::<k8s_openapi::api::apps::v1::Deployment>();
    let description = "no group rests on a TrafficSplit, which Linkerd has deprecated";
    for (version, is_deprecating) in [("stable-2.17.3", false), ("edge-26.8.3", true)] {
        let label = json!({"metadata": {"labels": {"app.kubernetes.io/version": version}}});
        crate::support::patch_json(&deployments, "linkerd-destination", label).await;
        let report = check(&sandbox).run().await.json();
        let is_reported = report.to_string().contains(description);
        assert_eq!(is_reported, is_deprecating, "{report:#}");
    }
    let report = check(&sandbox).run().await.json();
    let row = find(&report, description);
    assert_eq!(row["result"], "warning");
    assert_eq!(
        row["error"],
        "Linkerd is edge-26.8.3; TrafficSplits: web/web"
    );
    assert_eq!(
        row["hint"],
        "kubectl failover migrate --all --dry-run=client --context west -n web"
    );
}
