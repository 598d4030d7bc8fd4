use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::ListParams;

use crate::support::{Side, TestNamespace, eventually, plugin};

#[tokio::test]
async fn an_exported_service_is_mirrored_as_linkerd_does() {
    let ns = TestNamespace::new("mirror").await;
    export_web(&ns).await;

    let mirror = ns.west.api::<Service>().get("web-svc-east").await.unwrap();
    let labels: Vec<_> = mirror.labels().iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let expected =
        [("mirror.linkerd.io/cluster-name", "east"), ("mirror.linkerd.io/mirrored-service", "true")];
    assert_eq!(labels, expected);
    let fq_name = format!("web-svc.{}.svc.cluster.local", ns.name);
    assert_eq!(mirror.annotations()["mirror.linkerd.io/remote-svc-fq-name"], fq_name);
    let version = ns.east.api::<Service>().get("web-svc").await.unwrap().resource_version();
    assert_eq!(mirror.annotations().get("mirror.linkerd.io/remote-resource-version"), version.as_ref());
}

#[tokio::test]
async fn an_empty_remote_service_leaves_no_slice() {
    let ns = TestNamespace::new("mirror-empty").await;
    export_web(&ns).await;

    ns.east.scale("web", 0).await;
    until_readiness(&ns.west, "web-svc-east", &[]).await;
    let endpoints = ns.west.api::<Endpoints>().get("web-svc-east").await.unwrap();
    assert!(endpoints.subsets.unwrap_or_default().is_empty());

    ns.east.scale("web", 1).await;
    until_readiness(&ns.west, "web-svc-east", &[&[true]]).await;
}

#[tokio::test]
async fn a_gateway_that_is_down_leaves_addresses_that_are_not_ready() {
    let ns = TestNamespace::new("mirror-gateway").await;
    // The other direction: the tests beside this one need the gateway of east.
    ns.west.service("web-svc").await;
    ns.west.deployment("web", 1).await;
    ns.west.export("web-svc", true).await;
    until_readiness(&ns.east, "web-svc-west", &[&[true]]).await;

    plugin().args(["sandbox", "gateway", "west", "down"]).run().await.success();
    until_readiness(&ns.east, "web-svc-west", &[&[false]]).await;

    plugin().args(["sandbox", "gateway", "west", "up"]).run().await.success();
    until_readiness(&ns.east, "web-svc-west", &[&[true]]).await;
}

#[tokio::test]
async fn the_mirror_goes_with_the_export_and_comes_back_when_deleted() {
    let ns = TestNamespace::new("mirror-gone").await;
    export_web(&ns).await;
    let mirrors = ns.west.api::<Service>();

    let first = mirrors.get("web-svc-east").await.unwrap().uid();
    mirrors.delete("web-svc-east", &Default::default()).await.unwrap();
    eventually("the mirror is made again", async || {
        let present = mirrors.get_opt("web-svc-east").await.unwrap();
        let again = present.filter(|service| service.uid() != first);
        again.map(drop).ok_or_else(|| "it is missing".to_owned())
    })
    .await;

    ns.east.export("web-svc", false).await;
    eventually("the mirror is gone", async || {
        let present = mirrors.get_opt("web-svc-east").await.unwrap();
        present.map_or(Ok(()), |_| Err("it is there".to_owned()))
    })
    .await;
}

async fn export_web(ns: &TestNamespace) {
    ns.east.service("web-svc").await;
    ns.east.deployment("web", 1).await;
    ns.east.export("web-svc", true).await;
    until_readiness(&ns.west, "web-svc-east", &[&[true]]).await;
}

async fn until_readiness(side: &Side, service: &str, expected: &[&[bool]]) {
    eventually(&format!("{service} has the readiness {expected:?}"), async || {
        let seen = readiness(side, service).await;
        if seen == expected { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
}

/// The ready condition of each endpoint of a service, slice by slice.
async fn readiness(side: &Side, service: &str) -> Vec<Vec<bool>> {
    let selector = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
    let slices = side.api::<EndpointSlice>().list(&selector).await.unwrap();
    let ready = |slice: EndpointSlice| {
        let endpoints = slice.endpoints.into_iter();
        endpoints.map(|endpoint| endpoint.conditions.and_then(|it| it.ready) != Some(false)).collect()
    };
    slices.items.into_iter().map(ready).collect()
}
