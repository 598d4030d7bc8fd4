use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::ListParams;

use crate::support::{Side, TestNamespace, eventually, plugin, shared};

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

async fn until_readiness(side: &Side, service: &str, expected: &[&[bool]]) {
    eventually(&format!("{service} has the readiness {expected:?}"), async || {
        let seen = readiness(side, service).await;
        if seen == expected { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
}

#[tokio::test]
async fn an_exported_service_is_mirrored_and_follows_its_origin() {
    let ns = TestNamespace::new("mirror").await;
    ns.east.service("web-svc").await;
    ns.east.deployment("web", 1).await;
    ns.east.export("web-svc", true).await;

    until_readiness(&ns.west, "web-svc-east", &[&[true]]).await;
    let mirror = ns.west.api::<Service>().get("web-svc-east").await.unwrap();
    assert_eq!(mirror.labels()["mirror.linkerd.io/mirrored-service"], "true");
    assert_eq!(mirror.labels()["mirror.linkerd.io/cluster-name"], "east");
    assert!(!mirror.labels().contains_key("mirror.linkerd.io/exported"));
    let fq_name = format!("web-svc.{}.svc.cluster.local", ns.name);
    assert_eq!(mirror.annotations()["mirror.linkerd.io/remote-svc-fq-name"], fq_name);
    let version = ns.east.api::<Service>().get("web-svc").await.unwrap().resource_version();
    assert_eq!(mirror.annotations().get("mirror.linkerd.io/remote-resource-version"), version.as_ref());

    ns.east.scale("web", 0).await;
    until_readiness(&ns.west, "web-svc-east", &[]).await;
    let endpoints = ns.west.api::<Endpoints>().get("web-svc-east").await.unwrap();
    assert!(endpoints.subsets.unwrap_or_default().is_empty());

    ns.east.scale("web", 1).await;
    until_readiness(&ns.west, "web-svc-east", &[&[true]]).await;

    ns.east.export("web-svc", false).await;
    eventually("the mirror is gone", async || {
        let present = ns.west.api::<Service>().get_opt("web-svc-east").await.unwrap();
        present.map_or(Ok(()), |_| Err("it is there".to_owned()))
    })
    .await;
}
