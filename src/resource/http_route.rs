//! The HTTPRoutes: the Gateway API's, and Linkerd's own.

use super::kind::KindInfo;
use super::retries::HTTP_RETRY;
use super::route::Route;
use crate::model::Carrier;

/// HTTPRoute of the Gateway API, <https://gateway-api.sigs.k8s.io/api-types/httproute/>.
pub static HTTP_ROUTE: Route = Route {
    info: KindInfo {
        kind: "HTTPRoute",
        carrier: Carrier::Route,
        name: "httproute",
        api_version: "gateway.networking.k8s.io/v1",
        versions: &["v1", "v1beta1", "v1alpha2"],
        api: "apis/gateway.networking.k8s.io/v1",
        plural: "httproutes",
        singular: "httproute",
        short: "",
        crd: "httproutes.gateway.networking.k8s.io",
        retry_key: Some(HTTP_RETRY),
        source: ("the Gateway API", "https://gateway-api.sigs.k8s.io/guides/"),
    },
};

/// Linkerd's own, older HTTPRoute, <https://linkerd.io/2/reference/httproute/>.
pub static LINKERD_HTTP_ROUTE: Route = Route {
    info: KindInfo {
        kind: "HTTPRoute",
        carrier: Carrier::Route,
        name: "httproute.policy.linkerd.io",
        api_version: "policy.linkerd.io/v1beta3",
        // The backends of v1alpha1 and v1beta1 have no weights.
        versions: &["v1beta3", "v1beta2"],
        api: "apis/policy.linkerd.io/v1beta3",
        plural: "httproutes",
        singular: "httproute",
        short: "",
        crd: "httproutes.policy.linkerd.io",
        retry_key: Some(HTTP_RETRY),
        source: ("Linkerd", "https://linkerd.io/2/getting-started/"),
    },
};
