//! The connection to one cluster: kubeconfig, credentials, HTTP client, time limits and errors.

pub mod api_resource;
pub(crate) mod auth;
pub mod backoff;
pub mod client;
pub mod connector;
pub mod descriptors;
pub mod error;
pub mod http_endpoint;
pub mod kubeconfig;
pub mod options;
pub mod page_size;
pub mod proxy;
pub mod response;
pub(crate) mod served_versions;
pub mod server_clock;
pub mod store_history;
pub mod tls_problem;
pub(crate) mod websocket;
