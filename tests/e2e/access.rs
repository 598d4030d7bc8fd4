//! Ways to reach a cluster, and the errors when there is none.

mod credentials;
mod impersonation;
mod kubeconfigs;
mod namespace;
mod proxies;
mod verbose;
