//! Between objects and the model: how each kind of object carries a group. No I/O.

pub mod annotations;
pub mod change;
pub mod group_name;
pub mod kind;
pub mod meta;
pub mod names;
mod orders;
pub mod patch;
pub mod policy;
pub mod record;
mod traffic_split;

pub use change::Change;
pub use group_name::GroupName;
pub use kind::{KINDS, Kind, KindInfo, NewGroup};
pub use meta::Meta;
pub use patch::{Operation, patch};
pub use record::Record;
pub use traffic_split::TrafficSplit;
