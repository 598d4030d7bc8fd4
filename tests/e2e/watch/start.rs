//! A start must not move traffic that a running watch would leave alone.

use http::Method;

use crate::support::{FaultProxy, TestNamespace, end, plugin, started};

#[tokio::test]
async fn a_start_with_healthy_groups_writes_nothing() {
    let ns = TestNamespace::new("healthy").await;
    for service in ["web", "web-east"] {
        ns.west.bare_service(service).await;
        ns.west.ready(service, 1).await;
    }
    const GROUPS: usize = 30;
    let mut versions = Vec::new();
    for number in 0..GROUPS {
        let name = format!("group-{number}");
        // In proportion, both have all their traffic on the primary.
        let weight = if number % 2 == 0 { 1 } else { 100 };
        ns.west.bare_service(&name).await;
        ns.west.ready(&name, 1).await;
        let split = ns
            .west
            .traffic_split(&name, &name, &[(&name, weight), ("web-east", 0)])
            .await;
        versions.push((name, split.metadata.resource_version.unwrap()));
    }
    // A group that has to move shows that the watch has decided.
    ns.west
        .group("mark", &[("mark", 1, 0), ("mark-east", 0, 1)])
        .await;

    let proxy = FaultProxy::before(&ns.west).await;
    let mut watch = started(
        plugin()
            .args(["watch"])
            .on(&ns.west)
            .kubeconfig(proxy.kubeconfig()),
    )
    .await;
    watch.line_containing("mark -> mark-east").await;
    // The watch decides on later changes after everything that was known at the start.
    ns.west.ready("mark", 1).await;
    watch.line_containing("mark-east -> mark").await;
    let rest = end(watch).await;
    assert!(rest.stdout.is_empty(), "{rest:?}");
    for (name, version) in versions {
        assert_eq!(ns.west.version(&name).await, version, "{name} was written");
    }
    assert_eq!(proxy.writes(), 2, "{:?}", proxy.seen(&Method::PATCH, ""));
    let lists = proxy.seen(&Method::GET, "endpointslices?*limit=");
    assert_eq!(lists.len(), 1, "one list of slices for all groups");
}
