//! Which groups a command reads, and from which namespace.

use crate::cluster::Cluster;
use crate::text::{clean, place};

#[derive(Debug, Clone, Copy)]
pub struct GroupQuery<'a> {
    /// None for all namespaces.
    pub namespace: Option<&'a str>,
    /// The label selector.
    pub selector: Option<&'a str>,
    /// The names as they were typed; empty for all groups.
    pub names: &'a [String],
}

/// The namespace and the context, safe to print.
pub fn place_in_context(cluster: &Cluster, namespace: Option<&str>) -> String {
    format!(
        "{} of context {}",
        clean(&place(namespace)),
        clean(&cluster.context)
    )
}
