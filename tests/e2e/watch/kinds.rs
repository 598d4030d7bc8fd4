//! Kinds of objects that appear and disappear while the watch runs, or that are forbidden.

use std::time::Duration;

use http::Method;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, PostParams};
use rustix::process::Signal;

use super::metrics;
use crate::support::{
    Fault, FaultProxy, Sandbox, Side, TestNamespace, end, eventually, operator_rights_without,
    plugin, restricted_kubeconfig, started,
};

/// A kind that is not served is looked for every 10 s.
const RETURN_LIMIT: Duration = Duration::from_secs(45);
const GROUP: &[(&str, u32, u8)] = &[("web", 1, 1), ("web-east", 0, 1)];

#[tokio::test]
async fn groups_go_and_come_back_with_their_definition() {
    let sandbox = Sandbox::start(&["west"]);
    let side = Side {
        context: "west",
        namespace: "shop".into(),
        client: sandbox.client("west").await,
    };
    side.create_namespace().await;
    side.group("web", GROUP).await;
    let run = |args: &[&str]| {
        plugin()
            .args(args.to_vec())
            .on(&side)
            .kubeconfig(&sandbox.kubeconfig())
    };
    let mut watch = started(run(&["watch"])).await;
    let mut status = run(&["status", "-w"]).spawn();
    status.line_containing("shop/web: Primary").await;

    let definitions = side.cluster_api::<CustomResourceDefinition>();
    let name = "trafficsplits.split.smi-spec.io";
    let mut definition = definitions.get(name).await.unwrap();
    definitions
        .delete(name, &DeleteParams::default())
        .await
        .unwrap();
    status.line_containing("shop/web: gone").await;
    watch.stderr_line_containing("shop/web was deleted").await;
    watch
        .stderr_line_containing(&format!("{name} is no longer served by the cluster"))
        .await;
    eventually("the definition is gone", async || {
        match definitions.get_opt(name).await.unwrap() {
            None => Ok(()),
            Some(_) => Err("still there"),
        }
        .map_err(str::to_owned)
    })
    .await;

    definition.status = None;
    (
        definition.metadata.resource_version,
        definition.metadata.uid,
    ) = (None, None);
    definitions
        .create(&PostParams::default(), &definition)
        .await
        .unwrap();
    eventually("TrafficSplits are served again", async || {
        side.traffic_splits()
            .list(&Default::default())
            .await
            .map(drop)
            .map_err(|cause| cause.to_string())
    })
    .await;
    side.traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
    status.line_containing("shop/web: appeared, Primary").await;
    watch
        .stderr_line_containing(&format!("{name} is served again"))
        .await;
    side.ready("web", 0).await;
    watch.line_containing("web: web -> web-east").await;
    status.line_containing("-> Failover").await;
    let (ended, _, errors) = status.end_and_collect(Signal::INT).await;
    assert_eq!((ended.code(), errors.len()), (Some(0), 0), "{errors:?}");
    let rest = end(watch).await;
    assert_eq!(rest.complaints("is no longer served"), 1, "{rest:?}");
}

/// The server does not serve the kind any more, and the watch has not received the deletion of its
/// objects.
#[tokio::test]
async fn groups_of_a_kind_that_is_gone_are_forgotten() {
    const SPLITS: &str = "/trafficsplits?";
    let ns = TestNamespace::new("gone-kind").await;
    ns.west.group("web", GROUP).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let mut status = plugin()
        .args(["status", "-w"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    status.line_containing("/web: Primary").await;
    proxy.inject(Method::GET, SPLITS, 2, Fault::Answer(404, None));
    proxy.cut_streams();
    status.line_containing("/web: gone").await;
    let line = status.line_within(RETURN_LIMIT).await;
    let line = line.expect("a line about the kind that is served again");
    assert!(line.contains("/web: appeared, Primary"), "{line}");
    let (ended, ..) = status.end_and_collect(Signal::INT).await;
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test]
async fn a_forbidden_kind_is_reported_once_and_does_not_affect_readiness() {
    let ns = TestNamespace::new("forbidden-kind").await;
    ns.west.group("web", GROUP).await;
    let rights = operator_rights_without("httproutes");
    let operator = restricted_kubeconfig(&ns.west, "operator", &rights).await;
    let args = ["watch", "--metrics", "127.0.0.1:0"];
    let mut watch = plugin()
        .args(args)
        .on(&ns.west)
        .kubeconfig(operator.path())
        .spawn();
    let address = metrics::address(&mut watch).await;
    watch.stderr_line_containing("httproutes").await;
    metrics::until(&address, "/readyz", &["HTTP/1.1 200 OK", "ok"]).await;
    let rest = end(watch).await;
    assert_eq!(
        rest.complaints("cannot read httproutes.gateway.networking.k8s.io"),
        1,
        "{rest:?}"
    );
}

#[tokio::test]
async fn forbidden_kinds_are_one_line() {
    let ns = TestNamespace::new("forbidden-kinds").await;
    ns.west.group("web", GROUP).await;
    let routes = |name: &str| name.ends_with("routes");
    let rights = operator_rights_without("httproutes").into_iter();
    let rights: Vec<_> = rights
        .filter(|rule| !rule.resources.iter().flatten().any(|name| routes(name)))
        .collect();
    let operator = restricted_kubeconfig(&ns.west, "operator", &rights).await;
    let watch = plugin().args(["watch"]).on(&ns.west);
    let mut watch = watch.kubeconfig(operator.path()).spawn();
    let line = watch.stderr_line_containing("cannot read").await;
    let kinds = [
        "httproutes.gateway",
        "httproutes.policy",
        "grpcroutes",
        "Forbidden: user",
    ];
    assert!(kinds.iter().all(|it| line.contains(it)), "{line}");
    let rest = end(watch).await;
    assert_eq!(rest.complaints("cannot read"), 1, "{rest:?}");
}
