//! Objects that somebody writes to stop the loop. All other groups move as fast as without them.

use std::time::Duration;

use http::Method;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use serde_json::{Value, json};
use tokio::time::interval;

use crate::support::group_fixture::GroupFixture;
use crate::support::{FaultProxy, TestNamespace, end, plugin, started, traffic_split_resource};

const GROUPS: usize = 20;
/// With quadratic work for each edit, this takes minutes.
const MOVE_LIMIT: Duration = Duration::from_secs(15);
const EDIT_INTERVAL: Duration = Duration::from_millis(500);

async fn create_split(ns: &TestNamespace, name: &str, backends: &[Value]) {
    let resource = traffic_split_resource("v1alpha2");
    let splits: Api<DynamicObject> =
        Api::namespaced_with(ns.west.client.clone(), &ns.west.namespace, &resource);
    let object = json!({
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {"name": name, "labels": {"failover.linkerd.io/controlled-by": "x"}},
        "spec": {"service": name, "backends": backends},
    });
    let object = serde_json::from_value(object).unwrap();
    splits
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
}

async fn there_and_back(fixture: &GroupFixture) {
    fixture.lose_all_primaries().await;
    fixture.until_right(MOVE_LIMIT).await;
    fixture.restore_all_primaries().await;
    fixture.until_right(MOVE_LIMIT).await;
}

#[tokio::test]
async fn a_split_of_40_000_backends_that_changes_all_the_time_delays_no_other_group() {
    let ns = TestNamespace::new("hostile-split").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let backend = |i: usize| json!({"service": format!("a{i:05}"), "weight": 0});
    let backends: Vec<Value> = (0..40_000).map(backend).collect();
    create_split(&ns, "big", &backends).await;
    let mut watch = started(plugin().args(["watch"]).on(&ns.west)).await;
    watch
        .stderr_line_containing("it has more than 100 backends")
        .await;
    let edits = async {
        let mut ticks = interval(EDIT_INTERVAL);
        for number in 0.. {
            ticks.tick().await;
            let edit = json!({"metadata": {"annotations": {"x": number.to_string()}}});
            ns.west.edit_split("big", edit).await;
        }
    };
    tokio::select! {
        () = edits => {}
        () = there_and_back(&fixture) => {}
    }
    end(watch).await;
}

#[tokio::test]
async fn a_federation_of_25_000_members_delays_no_other_group() {
    let ns = TestNamespace::new("hostile-federation").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let federation = async |name: &str, members: usize| {
        let members: Vec<String> = (0..members).map(|i| format!("a@{name}-{i:05}")).collect();
        let metadata = json!({
            "name": name,
            "labels": {"mirror.linkerd.io/mirrored-service": "true"},
            "annotations": {"multicluster.linkerd.io/remote-discovery": members.join(",")},
        });
        let spec = json!({"ports": [{"port": 80}]});
        ns.west
            .create::<Service>(json!({"metadata": metadata, "spec": spec}))
            .await;
    };
    federation("huge", 15_000).await;
    federation("large", 100).await;
    federation("larger", 100).await;
    let backend = |name: &str, weight: u64| json!({"service": name, "weight": weight});
    let backends = ["huge", "large", "larger"].map(|name| backend(name, 0));
    create_split(
        &ns,
        "tenant",
        &[&[backend("g0", 1)], &backends[..]].concat(),
    )
    .await;
    let proxy = FaultProxy::before(&ns.west).await;
    let watch = plugin()
        .args(["watch", "--remote-from-links"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig());
    let watch = started(watch).await;
    there_and_back(&fixture).await;
    // Each of at most 100 names is asked for less and less often.
    let secrets = proxy.seen(&Method::GET, "secrets").len();
    assert!(secrets <= 500, "{secrets} secrets were asked for");
    end(watch).await;
}
