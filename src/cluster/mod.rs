//! Every request that the tool makes of a cluster.

pub mod backoff;
pub mod client;
pub mod clock;
pub mod connector;
pub mod error;
pub mod kubeconfig;
pub mod path;
pub mod stream;

pub use client::Cluster;
pub use error::{RequestError, RequestResult};
