//! The remote clusters of mirror services: their credentials, connections and watches.

pub mod clusters;
mod link_lookups;
pub mod links;
pub mod named_remotes;
pub mod remote_clusters;
pub mod remote_watch;
