//! Between objects and the model: how each kind of object carries a group. No I/O.

pub mod annotations;
mod assemble;
pub mod change;
pub mod group_name;
pub mod grpc_route;
pub mod http_route;
pub mod kind;
pub mod meta;
pub mod names;
mod orders;
pub mod patch;
pub mod policy;
pub mod record;
mod route;
mod route_rules;
mod route_status;
pub mod routing;
pub mod traffic_split;
pub mod upstream;

pub use change::{Change, ChangeBuilder, TrafficMove};
pub use group_name::GroupName;
pub use grpc_route::GRPC_ROUTE;
pub use http_route::{HTTP_ROUTE, LINKERD_HTTP_ROUTE};
pub use kind::{KINDS, Kind, KindInfo, NewGroup, kinds_called};
pub use meta::{Labels, Meta};
pub use patch::{patch, patched};
pub use record::Record;
pub use routing::{Overlap, Routing};
pub use traffic_split::TrafficSplit;
pub use upstream::Upstream;
