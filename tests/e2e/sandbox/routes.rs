//! The definitions of routes are the real ones or behave like them.

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PostParams};
use serde_json::{Value, json};

use crate::support::{Side, TestNamespace};

const KINDS: [(&str, &str, &str); 3] = [
    ("gateway.networking.k8s.io", "v1", "HTTPRoute"),
    ("gateway.networking.k8s.io", "v1", "GRPCRoute"),
    ("policy.linkerd.io", "v1beta3", "HTTPRoute"),
];

#[tokio::test]
async fn every_kind_of_route_is_served_and_defaults_a_weight() {
    let ns = TestNamespace::new("routes").await;
    for kind in KINDS {
        let route = create(&ns.east, kind, json!({"name": "web-svc-west", "port": 80})).await;
        let route = serde_json::to_value(route.expect("the route is taken")).unwrap();
        assert_eq!(
            route["spec"]["rules"][0]["backendRefs"][1]["weight"], 1,
            "{kind:?}: {route:#}"
        );
        assert_eq!(
            route["spec"]["rules"][0]["backendRefs"][0]["weight"], 0,
            "{kind:?}: {route:#}"
        );
    }
}

#[tokio::test]
async fn no_kind_of_route_accepts_an_invalid_weight() {
    let ns = TestNamespace::new("routes-invalid").await;
    for kind in KINDS {
        let refused = create(
            &ns.west,
            kind,
            json!({"name": "b", "port": 80, "weight": -1}),
        )
        .await;
        let kube::Error::Api(status) = refused.expect_err("the route is refused") else {
            panic!("{kind:?}")
        };
        assert_eq!(status.code, 422, "{kind:?}: {status:?}");
        assert!(
            status.message.contains("backendRefs[1].weight"),
            "{kind:?}: {status:?}"
        );
    }
}

async fn create(
    side: &Side,
    (group, version, kind): (&str, &str, &str),
    second: Value,
) -> kube::Result<DynamicObject> {
    let gvk = GroupVersionKind::gvk(group, version, kind);
    let api: Api<DynamicObject> = Api::namespaced_with(
        side.client.clone(),
        &side.namespace,
        &ApiResource::from_gvk(&gvk),
    );
    let route = json!({
        "apiVersion": gvk.api_version(),
        "kind": kind,
        "metadata": {"name": "web"},
        "spec": {
            "parentRefs": [{"group": "core", "kind": "Service", "name": "web-svc", "port": 80}],
            "rules": [{"backendRefs": [{"name": "web-svc", "port": 80, "weight": 0}, second]}],
        },
    });
    api.create(
        &PostParams::default(),
        &serde_json::from_value(route).unwrap(),
    )
    .await
}
