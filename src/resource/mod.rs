//! Translates between Kubernetes objects and the model: how each kind of object carries a group. No
//! I/O.

#![warn(missing_docs)]

pub mod annotations;
mod assemble;
mod backend_list;
pub(crate) mod bounded;
pub mod breaker;
pub mod change;
pub mod gitops;
pub mod group_name;
mod grpc_route;
mod http_route;
mod kind;
mod kinds;
pub mod linkerd;
pub mod meta;
pub mod migration;
pub mod names;
mod new_group;
mod observed;
mod orders;
mod parent_ref;
mod patch;
pub mod policy;
mod provenance;
mod record;
mod recorded_event;
pub mod retries;
mod route;
mod route_rules;
mod route_status;
pub mod routing;
pub mod selector;
mod traffic_split;
pub mod upstream;
mod writer;

pub use backend_list::{BackendListChange, change_backends};
pub use change::{Change, ChangeBuilder, TrafficMove};
pub use group_name::GroupName;
pub use grpc_route::GRPC_ROUTE;
pub use http_route::{HTTP_ROUTE, LINKERD_HTTP_ROUTE};
pub use kind::KindInfo;
pub use kinds::{KINDS, kinds_called};
pub use meta::{Labels, Meta};
pub use new_group::NewGroup;
pub use observed::events_between;
pub use patch::{annotation_patch, patch, patched};
pub use provenance::FIELD_MANAGER;
pub use record::{Kind, Record};
pub use recorded_event::RecordedEvent;
pub use routing::{Overlap, Routing};
pub use selector::LabelSelector;
pub use traffic_split::TrafficSplit;
pub use upstream::Upstream;
