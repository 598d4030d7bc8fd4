//! The GRPCRoute of the Gateway API.

use super::kind::KindInfo;
use super::retries::GRPC_RETRY;
use super::route::Route;
use crate::model::Carrier;

/// GRPCRoute, <https://gateway-api.sigs.k8s.io/api-types/grpcroute/>.
pub static GRPC_ROUTE: Route = Route {
    info: KindInfo {
        kind: "GRPCRoute",
        carrier: Carrier::Route,
        name: "grpcroute",
        api_version: "gateway.networking.k8s.io/v1",
        versions: &["v1", "v1alpha2"],
        api: "apis/gateway.networking.k8s.io/v1",
        plural: "grpcroutes",
        singular: "grpcroute",
        short: "",
        crd: "grpcroutes.gateway.networking.k8s.io",
        retry_key: Some(GRPC_RETRY),
        source: ("the Gateway API", "https://gateway-api.sigs.k8s.io/guides/"),
    },
};
