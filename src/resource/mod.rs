//! Between objects and the model: how each kind of object carries a group. No I/O.

pub mod annotations;
pub mod kind;
pub mod meta;
pub mod names;
pub mod patch;
pub mod record;
mod traffic_split;

pub use kind::{KINDS, Kind, KindInfo, NewGroup};
pub use meta::Meta;
pub use patch::{Change, Operation, patch};
pub use record::Record;
pub use traffic_split::TrafficSplit;
