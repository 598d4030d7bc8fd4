//! Every request to a cluster. Layers, from the bottom: `transport`, `listwatch`, `api`, `remotes`,
//! `queries`.

pub mod api;
pub(crate) mod listwatch;
pub(crate) mod queries;
pub(crate) mod remotes;
#[cfg(test)]
pub mod test_server;
pub mod transport;

pub use remotes::clusters::Clusters;
pub use transport::client::Cluster;
pub use transport::error::{RequestError, RequestResult};
