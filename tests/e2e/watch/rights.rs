//! A watch as a user with fewer rights. The other tests run it with exactly the rights that it
//! needs.

use http::Method;
use serde_json::json;

use crate::support::{
    Fault, FaultProxy, TestNamespace, end, operator_rights_without, plugin, restricted_kubeconfig,
    rule, started, watching_as,
};

#[tokio::test]
async fn without_the_right_to_leases_it_warns_and_runs() {
    let ns = TestNamespace::new("no-leases").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let mut watch = watching_as(&ns.west, &operator_rights_without("leases"), &[]).await;
    watch
        .stderr_line_containing(&format!("{}: running without a Lease (", ns.name))
        .await;
    ns.west.ready("web", 0).await;
    watch.line_containing("web -> web-east").await;
    let rest = end(watch).await;
    assert_eq!(rest.complaints("without a Lease"), 1, "{rest:?}");
}

#[tokio::test]
async fn without_the_right_to_events_it_still_moves() {
    let ns = TestNamespace::new("no-events").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let mut watch = watching_as(&ns.west, &operator_rights_without("events"), &[]).await;
    ns.west.ready("web", 0).await;
    watch.line_containing("web -> web-east").await;
    ns.west.ready("web", 1).await;
    watch.line_containing("web-east -> web").await;
    end(watch).await;
}

/// A backend without slices may be a mirror that has none by design. Only its Service could show
/// that.
#[tokio::test]
async fn without_services_a_backend_without_slices_is_unknown() {
    let ns = TestNamespace::new("no-services").await;
    for service in ["bare", "bare-east"] {
        ns.west.bare_service(service).await;
    }
    ns.west.ready("bare-east", 1).await;
    ns.west
        .traffic_split("bare", "bare", &[("bare", 1), ("bare-east", 0)])
        .await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let rights = operator_rights_without("services");
    let mut watch = watching_as(&ns.west, &rights, &[]).await;
    watch.stderr_line_containing("Services of namespace").await;
    ns.west.ready("web", 0).await;
    watch.line_containing("web: web -> web-east").await;
    let rest = end(watch).await;
    assert_eq!(rest.moves("bare"), 0, "{rest:?}");
    ns.west.until_weights("bare", &[1, 0]).await;

    let kubeconfig = restricted_kubeconfig(&ns.west, "reader", &rights).await;
    let status = plugin()
        .args(["status"])
        .on(&ns.west)
        .kubeconfig(kubeconfig.path())
        .run()
        .await
        .success();
    status
        .stdout_contains("bare:? bare-east:1/2")
        .stdout_contains("reading its Service is forbidden");
}

#[tokio::test]
async fn without_slices_nothing_moves() {
    let ns = TestNamespace::new("no-slices").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let mut watch = watching_as(&ns.west, &operator_rights_without("endpointslices"), &[]).await;
    watch
        .stderr_line_containing("EndpointSlices of namespace")
        .await;
    let rest = end(watch).await;
    assert!(rest.stdout.is_empty(), "{rest:?}");
    ns.west.until_weights("web", &[1, 0]).await;
}

#[tokio::test]
async fn a_right_missing_in_one_namespace_is_reported_once_and_affects_no_other() {
    let (open, shut) = (
        TestNamespace::new("open").await,
        TestNamespace::new("shut").await,
    );
    for ns in [&open, &shut] {
        ns.west
            .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
            .await;
        ns.west
            .edit_split("web", json!({"metadata": {"labels": {"test": open.name}}}))
            .await;
    }
    let proxy = FaultProxy::before(&open.west).await;
    let slices = format!("/namespaces/{}/endpointslices", shut.name);
    proxy.inject(Method::GET, &slices, usize::MAX, Fault::Answer(403, None));
    let args = ["watch", "-A", "-l", &format!("test={}", open.name)];
    let mut watch = started(
        plugin()
            .args(args)
            .context("west")
            .kubeconfig(proxy.kubeconfig()),
    )
    .await;
    for (ready, line) in [(0, "web -> web-east"), (1, "web-east -> web")] {
        for ns in [&open, &shut] {
            ns.west.ready("web", ready).await;
        }
        watch.line_containing(line).await;
        let tries = proxy.seen(&Method::GET, &slices).len();
        proxy.until_seen(Method::GET, &slices, tries + 2).await;
    }
    let rest = end(watch).await;
    let complaint = format!("cannot read EndpointSlices of namespace {}", shut.name);
    assert_eq!(
        (
            rest.complaints(&complaint),
            rest.complaints("can be read again")
        ),
        (1, 0),
        "{rest:?}"
    );
    assert_eq!(rest.moves(&shut.name), 0, "{rest:?}");
    shut.west.until_weights("web", &[1, 0]).await;
}

#[tokio::test]
async fn without_the_right_to_groups_it_ends_with_an_error() {
    let ns = TestNamespace::new("no-rights").await;
    let rights = [rule("", &["services"], &["get"])];
    let kubeconfig = restricted_kubeconfig(&ns.west, "stranger", &rights).await;
    for command in ["status", "watch"] {
        let output = plugin()
            .args([command])
            .on(&ns.west)
            .kubeconfig(kubeconfig.path())
            .run()
            .await
            .code(1);
        output
            .stderr_contains("context west")
            .stderr_contains("cannot list trafficsplits.split.smi-spec.io in namespace")
            .stderr_contains("ask an administrator");
    }
}

#[tokio::test]
async fn once_without_endpoint_slices_fails_and_names_the_groups() {
    let ns = TestNamespace::new("once-unread").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let rights = operator_rights_without("endpointslices");
    let kubeconfig = restricted_kubeconfig(&ns.west, "once", &rights).await;
    let output = plugin()
        .args(["watch", "--once"])
        .on(&ns.west)
        .kubeconfig(kubeconfig.path())
        .run()
        .await
        .code(1);
    output
        .stderr_contains("can't tell whether 1 group is up to date")
        .stderr_contains("/web: reading its EndpointSlices is forbidden");
}
