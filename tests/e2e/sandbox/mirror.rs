//! The sandbox's service mirror, which behaves like Linkerd's.

use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;

use crate::support::{Side, TestNamespace, eventually, plugin};

const EXPORTED: &str = "mirror.linkerd.io/exported";
const FEDERATED: &str = "mirror.linkerd.io/federated";

#[tokio::test]
async fn an_exported_service_is_mirrored_as_linkerd_does() {
    let ns = TestNamespace::new("mirror").await;
    export_web(&ns).await;

    let mirror = ns.west.api::<Service>().get("web-svc-east").await.unwrap();
    let labels: Vec<_> = mirror
        .labels()
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let expected = [
        ("mirror.linkerd.io/cluster-name", "east"),
        ("mirror.linkerd.io/mirrored-service", "true"),
    ];
    assert_eq!(labels, expected);
    let fq_name = format!("web-svc.{}.svc.cluster.local", ns.name);
    assert_eq!(
        mirror.annotations()["mirror.linkerd.io/remote-svc-fq-name"],
        fq_name
    );
    let version = ns
        .east
        .api::<Service>()
        .get("web-svc")
        .await
        .unwrap()
        .resource_version();
    assert_eq!(
        mirror
            .annotations()
            .get("mirror.linkerd.io/remote-resource-version"),
        version.as_ref()
    );
}

#[tokio::test]
async fn an_empty_remote_service_leaves_no_slice() {
    let ns = TestNamespace::new("mirror-empty").await;
    export_web(&ns).await;

    ns.east.scale("web", 0).await;
    until_readiness(&ns.west, "web-svc-east", &[]).await;
    let endpoints = ns
        .west
        .api::<Endpoints>()
        .get("web-svc-east")
        .await
        .unwrap();
    assert!(endpoints.subsets.unwrap_or_default().is_empty());

    ns.east.scale("web", 1).await;
    until_readiness(&ns.west, "web-svc-east", &[&[true]]).await;
}

#[tokio::test]
async fn addresses_behind_a_dead_gateway_are_not_ready() {
    let ns = TestNamespace::new("mirror-gateway").await;
    // East mirrors west here, since other tests need the gateway of east.
    web(&ns.west).await;
    ns.west.export("web-svc", true).await;
    until_readiness(&ns.east, "web-svc-west", &[&[true]]).await;

    plugin()
        .args(["sandbox", "gateway", "west", "down"])
        .run()
        .await
        .success();
    until_readiness(&ns.east, "web-svc-west", &[&[false]]).await;

    plugin()
        .args(["sandbox", "gateway", "west", "up"])
        .run()
        .await
        .success();
    until_readiness(&ns.east, "web-svc-west", &[&[true]]).await;
}

#[tokio::test]
async fn the_mirror_follows_the_export_and_is_restored() {
    let ns = TestNamespace::new("mirror-gone").await;
    export_web(&ns).await;
    let mirrors = ns.west.api::<Service>();

    let first = mirrors.get("web-svc-east").await.unwrap().uid();
    mirrors
        .delete("web-svc-east", &Default::default())
        .await
        .unwrap();
    eventually("the mirror is made again", async || {
        let present = mirrors.get_opt("web-svc-east").await.unwrap();
        let again = present.filter(|service| service.uid() != first);
        again.map(drop).ok_or_else(|| "it is missing".to_owned())
    })
    .await;

    ns.east.export("web-svc", false).await;
    until_gone(&ns.west, "web-svc-east").await;
}

#[tokio::test]
async fn a_mirror_in_a_flat_network_has_labels_but_no_endpoints() {
    let ns = TestNamespace::new("mirror-flat").await;
    web(&ns.east).await;
    ns.east
        .label("web-svc", EXPORTED, Some("remote-discovery"))
        .await;

    let mirror = until_mirror(&ns.west, "web-svc-east", |mirror| {
        mirror
            .labels()
            .contains_key("multicluster.linkerd.io/remote-discovery")
    })
    .await;
    let labels: Vec<_> = mirror
        .labels()
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let expected = [
        ("mirror.linkerd.io/cluster-name", "east"),
        ("mirror.linkerd.io/mirrored-service", "true"),
        ("multicluster.linkerd.io/remote-discovery", "east"),
        ("multicluster.linkerd.io/remote-service", "web-svc"),
    ];
    assert_eq!(labels, expected);
    let fq_name = format!("web-svc.{}.svc.cluster.local", ns.name);
    assert_eq!(
        mirror.annotations()["mirror.linkerd.io/remote-svc-fq-name"],
        fq_name
    );
    assert!(
        ns.west
            .api::<Endpoints>()
            .get_opt("web-svc-east")
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        readiness(&ns.west, "web-svc-east").await,
        Vec::<Vec<bool>>::new()
    );
}

#[tokio::test]
async fn a_mirror_follows_changes_of_the_export() {
    let ns = TestNamespace::new("mirror-mode").await;
    export_web(&ns).await;
    let is_flat = |mirror: &Service| {
        mirror
            .labels()
            .keys()
            .any(|key| key.starts_with("multicluster."))
    };

    ns.east
        .label("web-svc", EXPORTED, Some("remote-discovery"))
        .await;
    until_mirror(&ns.west, "web-svc-east", is_flat).await;
    until_readiness(&ns.west, "web-svc-east", &[]).await;

    ns.east.label("web-svc", EXPORTED, Some("true")).await;
    until_mirror(&ns.west, "web-svc-east", |mirror| !is_flat(mirror)).await;
    until_readiness(&ns.west, "web-svc-east", &[&[true]]).await;
}

#[tokio::test]
async fn a_federated_service_names_its_members_and_ends_with_the_last() {
    let ns = TestNamespace::new("mirror-federated").await;
    web(&ns.west).await;
    web(&ns.east).await;
    let federate = async |side: &Side, member| side.label("web-svc", FEDERATED, member).await;

    federate(&ns.east, Some("member")).await;
    until_members(&ns.west, Some("web-svc@east"), None).await;
    until_members(&ns.east, None, Some("web-svc")).await;
    let labels = ns
        .west
        .api::<Service>()
        .get("web-svc-federated")
        .await
        .unwrap()
        .metadata
        .labels
        .unwrap();
    assert_eq!(
        labels,
        [("mirror.linkerd.io/mirrored-service".into(), "true".into())].into()
    );

    federate(&ns.west, Some("member")).await;
    until_members(&ns.west, Some("web-svc@east"), Some("web-svc")).await;
    until_members(&ns.east, Some("web-svc@west"), Some("web-svc")).await;

    federate(&ns.east, None).await;
    until_members(&ns.west, None, Some("web-svc")).await;
    federate(&ns.west, None).await;
    for side in [&ns.west, &ns.east] {
        until_gone(side, "web-svc-federated").await;
    }
}

#[tokio::test]
async fn mirrors_made_by_hand_are_left_alone() {
    let ns = TestNamespace::new("mirror-hand").await;
    let labels = json!({"mirror.linkerd.io/mirrored-service": "true", "mirror.linkerd.io/cluster-name": "east"});
    let by_hand = json!({
        "metadata": {"name": "mail-svc-east", "labels": labels},
        "spec": {"ports": [{"port": 80}]},
    });
    ns.west.create::<Service>(by_hand).await;
    // A later one that comes and goes shows that the mirror has seen the first.
    export_web(&ns).await;
    ns.east.export("web-svc", false).await;
    until_gone(&ns.west, "web-svc-east").await;
    assert!(
        ns.west
            .api::<Service>()
            .get_opt("mail-svc-east")
            .await
            .unwrap()
            .is_some()
    );
}

async fn web(side: &Side) {
    side.service("web-svc").await;
    side.deployment("web", 1).await;
}

async fn until_mirror(side: &Side, name: &str, holds: impl Fn(&Service) -> bool) -> Service {
    eventually(&format!("{name} is as it should be"), async || {
        let mirror = side.api::<Service>().get_opt(name).await.unwrap();
        mirror
            .clone()
            .filter(&holds)
            .ok_or_else(|| format!("{mirror:?}"))
    })
    .await
}

async fn until_members(side: &Side, remote: Option<&str>, local: Option<&str>) {
    until_mirror(side, "web-svc-federated", |mirror| {
        let annotation = |key| mirror.annotations().get(key).map(String::as_str);
        annotation("multicluster.linkerd.io/remote-discovery") == remote
            && annotation("multicluster.linkerd.io/local-discovery") == local
    })
    .await;
}

async fn until_gone(side: &Side, service: &str) {
    eventually(&format!("{service} is gone"), async || {
        let present = side.api::<Service>().get_opt(service).await.unwrap();
        present.map_or(Ok(()), |_| Err("it is there".to_owned()))
    })
    .await;
}

async fn export_web(ns: &TestNamespace) {
    web(&ns.east).await;
    ns.east.export("web-svc", true).await;
    until_readiness(&ns.west, "web-svc-east", &[&[true]]).await;
}

async fn until_readiness(side: &Side, service: &str, expected: &[&[bool]]) {
    eventually(
        &format!("{service} has the readiness {expected:?}"),
        async || {
            let seen = readiness(side, service).await;
            if seen == expected {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        },
    )
    .await;
}

/// The ready condition of each endpoint of a service, slice by slice.
async fn readiness(side: &Side, service: &str) -> Vec<Vec<bool>> {
    let selector = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
    let slices = side.api::<EndpointSlice>().list(&selector).await.unwrap();
    let ready = |slice: EndpointSlice| {
        let endpoints = slice.endpoints.into_iter();
        endpoints
            .map(|endpoint| endpoint.conditions.and_then(|it| it.ready) != Some(false))
            .collect()
    };
    slices.items.into_iter().map(ready).collect()
}
