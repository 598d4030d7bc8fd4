//! Groups in more than 50 namespaces. One watch of the whole cluster follows them if the user may
//! do that.

use futures::future::join_all;
use http::Method;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding};
use serde_json::json;

use super::metrics;
use crate::support::{
    FaultProxy, Sandbox, Side, allow_everywhere, client, end, operator_rights, plugin,
    restricted_kubeconfig_of,
};

const OPERATOR: &str = "operator";
const NAMESPACES: usize = 51;
const EVERYWHERE: &str = "/apis/discovery.k8s.io/v1/endpointslices?watch";
const IN_A_NAMESPACE: &str = "/namespaces/*/endpointslices?watch";

fn is_about_slices(rule: &PolicyRule) -> bool {
    rule.resources
        .iter()
        .flatten()
        .any(|name| name == "endpointslices")
}

/// A namespace with a group, whose EndpointSlices the operator may read.
async fn namespace(sandbox: &Sandbox, number: usize) -> Side {
    let client = sandbox.client("west").await;
    let side = Side {
        context: "west",
        namespace: format!("n{number}"),
        client,
    };
    side.create_namespace().await;
    let rules: Vec<PolicyRule> = operator_rights()
        .into_iter()
        .filter(is_about_slices)
        .collect();
    let subject = json!({"kind": "ServiceAccount", "name": OPERATOR, "namespace": "n0"});
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "slices"});
    side.create::<Role>(json!({"metadata": {"name": "slices"}, "rules": rules}))
        .await;
    side.create::<RoleBinding>(
        json!({"metadata": {"name": "slices"}, "subjects": [subject], "roleRef": role}),
    )
    .await;
    for service in ["web", "web-east"] {
        side.bare_service(service).await;
        side.ready(service, 1).await;
    }
    side.traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
    side
}

/// Follows all namespaces as this user, and moves traffic there and back in old namespaces and in a
/// new one. Returns the proxy between.
async fn moves_everywhere(sandbox: &Sandbox, sides: &mut Vec<Side>, user: Side) -> FaultProxy {
    let proxy = FaultProxy::before(&user).await;
    let args = ["watch", "-A", "--metrics", "127.0.0.1:0"];
    let mut watch = plugin()
        .args(args)
        .context("west")
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    let address = metrics::address(&mut watch).await;
    watch
        .stderr_line_containing(&format!("watching {} groups", sides.len()))
        .await;
    metrics::until(&address, "/readyz", &["HTTP/1.1 200 OK"]).await;
    sides.push(namespace(sandbox, sides.len()).await);
    for (ready, weights) in [(0, [0, 1]), (1, [1, 0])] {
        for side in [&sides[0], &sides[NAMESPACES / 2], &sides[sides.len() - 1]] {
            side.ready("web", ready).await;
            side.until_weights("web", &weights).await;
        }
    }
    metrics::until(&address, "/readyz", &["HTTP/1.1 200 OK"]).await;
    end(watch).await;
    proxy
}

#[tokio::test]
async fn many_namespaces_are_followed_with_and_without_cluster_wide_rights() {
    let sandbox = Sandbox::start(&["west"]);
    let mut sides = join_all((0..NAMESPACES).map(|number| namespace(&sandbox, number))).await;
    let administrator = sides[0].clone();
    let proxy = moves_everywhere(&sandbox, &mut sides, administrator).await;
    assert!(!proxy.seen(&Method::GET, EVERYWHERE).is_empty());
    assert!(proxy.seen(&Method::GET, IN_A_NAMESPACE).is_empty());

    // Everything except EndpointSlices may be read cluster-wide, and those in each namespace.
    let (slices, others): (Vec<_>, Vec<_>) =
        operator_rights().into_iter().partition(is_about_slices);
    let operator =
        restricted_kubeconfig_of(&sandbox.kubeconfig(), &sides[0], OPERATOR, &slices).await;
    allow_everywhere(&sides[0], OPERATOR, &others).await;
    let user = Side {
        client: client(operator.path(), "west").await,
        ..sides[0].clone()
    };
    let proxy = moves_everywhere(&sandbox, &mut sides, user).await;
    assert!(!proxy.seen(&Method::GET, IN_A_NAMESPACE).is_empty());
    assert!(proxy.seen(&Method::GET, EVERYWHERE).is_empty());
}
