//! Which endpoints count as ready.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::support::group_fixture::for_each;
use crate::support::{TestNamespace, end, endpoint, plugin, watching};

#[tokio::test]
async fn weights_stay_until_a_backend_is_ready() {
    let ns = TestNamespace::new("nobody").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 0)])
        .await;
    // A second group shows when the watch has received a change that came after the first group's.
    ns.west
        .group("mark", &[("mark", 1, 1), ("mark-east", 0, 1)])
        .await;
    let mut watch = watching(&ns.west, &[]).await;

    ns.west.ready("web", 0).await;
    ns.west.ready("mark", 0).await;
    watch.line_containing("mark ->").await;
    ns.west.until_weights("web", &[1, 0]).await;
    let status = plugin()
        .args(["status", "web"])
        .on(&ns.west)
        .run()
        .await
        .success();
    status
        .stdout_contains("Unavailable")
        .stdout_contains("no backend has a ready endpoint");

    ns.west.ready("web-east", 1).await;
    ns.west.until_weights("web", &[0, 1]).await;
    end(watch).await;
}

#[tokio::test]
async fn a_backend_whose_service_does_not_exist_is_dead() {
    let ns = TestNamespace::new("missing").await;
    ns.west.bare_service("web-east").await;
    ns.west.ready("web-east", 1).await;
    ns.west
        .traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
    let mut watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("web", &[0, 1]).await;
    watch.line_containing("web: web -> web-east").await;
    end(watch).await;
    let status = plugin().args(["status"]).on(&ns.west).run().await.success();
    status
        .stdout_contains("web:missing web-east:1/2")
        .stdout_contains("Service web does not exist");
}

#[tokio::test]
async fn all_slices_of_a_service_count_together() {
    let ns = TestNamespace::new("pieces").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    ns.west
        .slice(
            "web-2",
            "web",
            "IPv4",
            json!([endpoint("10.0.1.1", true, false)]),
        )
        .await;
    let watch = watching(&ns.west, &[]).await;

    ns.west.delete_slice("web-2").await;
    ns.west.until_weights("web", &[0, 1]).await;
    ns.west
        .slice(
            "web-3",
            "web",
            "IPv4",
            json!([endpoint("10.0.1.1", true, false)]),
        )
        .await;
    ns.west.until_weights("web", &[1, 0]).await;
    let status = plugin().args(["status"]).on(&ns.west).run().await.success();
    status.stdout_contains("web:1/2 ");
    end(watch).await;
}

#[tokio::test]
async fn the_address_family_with_more_ready_endpoints_counts() {
    let ns = TestNamespace::new("dual-stack").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let six = [
        endpoint("fd00::1", true, false),
        endpoint("fd00::2", true, false),
        endpoint("fd00::3", false, false),
    ];
    ns.west.slice("web-6", "web", "IPv6", json!(six)).await;
    let watch = watching(&ns.west, &[]).await;
    let status = async || plugin().args(["status"]).on(&ns.west).run().await.success();
    status()
        .await
        .stdout_contains("web:2/3 ")
        .stdout_contains("Primary");

    ns.west
        .slice(
            "web-6",
            "web",
            "IPv6",
            json!([endpoint("fd00::1", false, false)]),
        )
        .await;
    ns.west.until_weights("web", &[0, 1]).await;
    ns.west.ready("web", 1).await;
    ns.west.until_weights("web", &[1, 0]).await;
    status().await.stdout_contains("web:1/2 ");
    end(watch).await;
}

#[tokio::test]
async fn terminating_endpoints_do_not_count() {
    let ns = TestNamespace::new("terminating").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let watch = watching(&ns.west, &[]).await;
    ns.west
        .slice(
            "web",
            "web",
            "IPv4",
            json!([endpoint("10.0.0.1", true, true)]),
        )
        .await;
    ns.west.until_weights("web", &[0, 1]).await;
    let status = plugin().args(["status"]).on(&ns.west).run().await.success();
    status
        .stdout_contains("web:0/0 ")
        .stdout_contains("(0 of 0)");
    end(watch).await;
}

#[tokio::test]
async fn a_slice_without_endpoints_is_not_an_error() {
    let ns = TestNamespace::new("null").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.slice("web", "web", "IPv4", json!(null)).await;
    ns.west.until_weights("web", &[0, 1]).await;
    let rest = end(watch).await;
    assert_eq!(rest.complaints("is skipped"), 0, "{rest:?}");
}

#[tokio::test]
async fn a_mirror_in_a_flat_network_is_unknown_and_not_dead() {
    let ns = TestNamespace::new("flat").await;
    ns.west.unknowable_service("web-north").await;
    ns.west.bare_service("web").await;
    ns.west.ready("web", 1).await;
    // It has traffic: a watch that took it for dead would move that at the start.
    ns.west
        .traffic_split("web", "web-north", &[("web-north", 1), ("web", 0)])
        .await;
    ns.west
        .group("mark", &[("mark", 1, 0), ("mark-east", 0, 1)])
        .await;
    let mut watch = watching(&ns.west, &[]).await;
    watch.line_containing("mark ->").await;
    let status = plugin()
        .args(["status", "ts/web"])
        .on(&ns.west)
        .run()
        .await
        .success();
    status
        .stdout_contains("web-north:?")
        .stdout_contains("Unknown")
        .stdout_contains("without a gateway, and no remote");
    let rest = end(watch).await;
    assert!(rest.stdout.is_empty(), "{rest:?}");
    ns.west.until_weights("web", &[1, 0]).await;
}

#[tokio::test]
async fn left_over_slices_of_a_deleted_service_do_not_count() {
    let ns = TestNamespace::new("left-over").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let mut watch = watching(&ns.west, &[]).await;
    let services = ns.west.api::<Service>();
    services
        .delete("web", &DeleteParams::default())
        .await
        .expect("the service is deleted");
    watch.line_containing("web: web -> web-east").await;
    let status = plugin().args(["status"]).on(&ns.west).run().await.success();
    status
        .stdout_contains("web:missing web-east:1/2")
        .stdout_contains("Service web does not exist");
    ns.west.bare_service("web").await;
    watch.line_containing("web: web-east -> web").await;
    end(watch).await;
}

#[tokio::test]
async fn pods_without_the_port_of_their_service_are_not_ready() {
    let ns = TestNamespace::new("no-ports").await;
    let spec = json!({"ports": [{"name": "http", "port": 80, "targetPort": "web"}]});
    let service = json!({"metadata": {"name": "search"}, "spec": spec});
    ns.west.create::<Service>(service).await;
    ns.west.bare_service("search-east").await;
    ns.west.ready("search-east", 1).await;
    let portless = json!({
        "metadata": {"name": "search-1", "labels": {"kubernetes.io/service-name": "search"}},
        "addressType": "IPv4",
        "endpoints": [endpoint("10.10.0.31", true, false)],
        "ports": [],
    });
    ns.west.create::<EndpointSlice>(portless).await;
    ns.west
        .traffic_split("search", "search", &[("search", 1), ("search-east", 0)])
        .await;
    let status = plugin().args(["status"]).on(&ns.west).run().await.success();
    status.stdout_contains("search:0/1 search-east:1/2");
    let mut watch = watching(&ns.west, &[]).await;
    watch
        .line_containing(
            "search has no ready endpoints (0 of 1: 1 ready, but without a port named web)",
        )
        .await;
    ns.west.until_weights("search", &[0, 1]).await;
    end(watch).await;
}

#[tokio::test]
async fn an_external_name_is_unknown() {
    let ns = TestNamespace::new("external").await;
    ns.west.bare_service("catalog").await;
    ns.west.ready("catalog", 1).await;
    let spec = json!({"type": "ExternalName", "externalName": "catalog.example.com"});
    let service = json!({"metadata": {"name": "catalog-dr"}, "spec": spec});
    ns.west.create::<Service>(service).await;
    ns.west
        .traffic_split("catalog", "catalog", &[("catalog", 1), ("catalog-dr", 0)])
        .await;
    let status = plugin()
        .args(["status", "-o", "json"])
        .on(&ns.west)
        .run()
        .await
        .success();
    status.stdout_contains("it is an ExternalName Service, which never has endpoints");
}

/// Among so many Services, a watch reads those of its backends by their names.
#[tokio::test]
async fn changes_of_services_are_noticed_beside_many_others() {
    let ns = TestNamespace::new("crowd").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let others: Vec<String> = (0..520).map(|other| format!("other-{other}")).collect();
    for_each(&others, async |name: &String| {
        let spec = json!({"clusterIP": "None"});
        let service = json!({"metadata": {"name": name}, "spec": spec});
        ns.west.create::<Service>(service).await;
    })
    .await;
    let mut watch = watching(&ns.west, &[]).await;
    let services = ns.west.api::<Service>();
    services
        .delete("web", &DeleteParams::default())
        .await
        .expect("the service is deleted");
    watch.line_containing("web: web -> web-east").await;
    ns.west.bare_service("web").await;
    watch.line_containing("web: web-east -> web").await;

    // A new group has other backends.
    ns.west
        .group("mail", &[("mail", 1, 0), ("mail-east", 0, 1)])
        .await;
    watch.line_containing("mail: mail -> mail-east").await;
    let external = json!({"spec": {"type": "ExternalName", "externalName": "example.com", "clusterIP": null,
        "clusterIPs": null}});
    services
        .patch(
            "mail-east",
            &PatchParams::default(),
            &Patch::Merge(external),
        )
        .await
        .expect("the service becomes an ExternalName");
    ns.west.ready("mail", 1).await;
    watch.line_containing("mail: mail-east -> mail").await;
    ns.west.ready("mail", 0).await;
    watch.line_containing("(unverified)").await;
    end(watch).await;
}
