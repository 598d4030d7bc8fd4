//! The list of the kinds of objects that carry groups. A new kind is a file of its own and an entry
//! here.

use super::grpc_route::GRPC_ROUTE;
use super::http_route::{HTTP_ROUTE, LINKERD_HTTP_ROUTE};
use super::record::Kind;
use super::traffic_split::TrafficSplit;

/// Every kind of object that can carry a group.
pub static KINDS: &[&dyn Kind] = &[&TrafficSplit, &HTTP_ROUTE, &GRPC_ROUTE, &LINKERD_HTTP_ROUTE];

/// Returns the kinds with this name, the preferred one first.
pub fn kinds_called(word: &str) -> Vec<&'static dyn Kind> {
    KINDS
        .iter()
        .copied()
        .filter(|kind| kind.info().is_called(word))
        .collect()
}
