//! Every request that the tool makes of a cluster.

pub mod access;
pub mod apply;
mod authorization;
pub mod backoff;
pub mod client;
pub mod clock;
pub mod connector;
pub mod credentials;
pub mod discovery;
pub mod effects;
pub mod error;
pub mod events;
pub mod far_stream;
pub mod groups;
pub mod history;
pub mod identity;
pub mod kubeconfig;
pub mod lease;
mod lines;
pub mod links;
pub mod mirrors;
pub mod namespaces;
pub mod path;
pub mod profiles;
pub mod readiness;
pub mod remotes;
mod renewal;
pub mod services;
pub mod slices;
pub mod stream;
pub mod survey;
pub mod upstream;
pub mod workloads;

pub use client::Cluster;
pub use error::{RequestError, RequestResult};
