pub mod clusters;
pub mod links;
pub mod remote_clusters;
pub mod remote_watch;
