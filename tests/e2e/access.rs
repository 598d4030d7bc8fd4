//! Ways to reach a cluster, and the errors when there is none.

mod credentials;
mod impersonation;
mod namespace;
mod proxies;
mod verbose;
