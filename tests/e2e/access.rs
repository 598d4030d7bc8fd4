//! Ways to reach a cluster, and what is said where there is none.

mod credentials;
mod impersonation;
mod proxies;
mod verbose;
