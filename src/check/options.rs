//! What `check` has to check.

use crate::cluster::remotes::remote_clusters::Remotes;
use crate::cluster::transport::options::ConnectOptions;

/// What to check.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    pub connect: ConnectOptions,
    /// Rights and groups in all namespaces.
    pub all_namespaces: bool,
    /// Namespace of Linkerd's control plane.
    pub linkerd_namespace: String,
    /// Only what must hold before the first use.
    pub pre: bool,
    /// The pods behind the groups' services too.
    pub proxy: bool,
    /// The other clusters to ask about mirrors.
    pub remotes: Remotes,
}
