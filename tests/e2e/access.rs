//! Ways to reach a cluster, and the errors when there is none.

mod credentials;
mod impersonation;
mod proxies;
mod verbose;
