//! The requests that flow to the backends of a group: where the numbers come from (`source`), and
//! what a proxy's metrics say (`metrics`, pure).

pub mod clients;
pub mod metrics;
pub mod pod_http;
pub mod prometheus;
pub mod proxies;
pub mod proxy_client;
pub mod source;
mod window;
