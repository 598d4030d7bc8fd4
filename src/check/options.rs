//! The options of `check`.

use crate::cluster::remotes::remote_clusters::Remotes;
use crate::cluster::transport::options::ConnectOptions;

/// The options of `check`.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    pub connect: ConnectOptions,
    /// Check rights and groups in all namespaces.
    pub all_namespaces: bool,
    /// The namespace of Linkerd's control plane.
    pub linkerd_namespace: String,
    /// Check only what is required before the first use.
    pub pre: bool,
    /// Check the pods behind the groups' services too.
    pub proxy: bool,
    /// Show each missing right once, not for each command that needs it.
    pub short: bool,
    /// Up to how many groups with the same problem have a line each.
    pub max_single_findings: usize,
    /// The flags by which a suggested command reaches all contexts that are checked; none if there is
    /// one.
    pub everywhere: Option<String>,
    /// The other clusters to ask about mirrors.
    pub remotes: Remotes,
}
