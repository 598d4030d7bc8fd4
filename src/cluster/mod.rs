//! Every request that the tool makes of a cluster.

pub mod apply;
pub mod backoff;
pub mod client;
pub mod clock;
pub mod connector;
pub mod error;
pub mod events;
pub mod groups;
pub mod identity;
pub mod kubeconfig;
pub mod path;
pub mod services;
pub mod slices;
pub mod stream;

pub use client::Cluster;
pub use error::{RequestError, RequestResult};
