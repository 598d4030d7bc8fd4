//! The reasons why the readiness of a backend is unknown.

use std::fmt;
use std::time::Duration;

use super::limits::{MAX_LINKED_CLUSTERS, MAX_MEMBERS, MAX_REMOTE_NAMESPACES};

/// Why the readiness of a backend is unknown. Its `Display` is a clause without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyUnknown {
    /// The EndpointSlices have not been listed yet.
    NotListed,
    /// The watch has received nothing for this long, not even a bookmark.
    Silent(Duration),
    /// Reading the source is forbidden (403).
    Forbidden(ReadinessSource),
    /// Reading the source fails; the text says how.
    Failing(ReadinessSource, String),
    /// A mirror Service of a flat network or a federation, which has no local endpoints, does not
    /// name the Services that it mirrors.
    NoLocalEndpoints,
    /// It is an ExternalName Service, which has no endpoints by design.
    ExternalName,
    /// The mirror Service's labels or annotations name a cluster or a Service by an invalid name.
    InvalidName,
    /// It is a federated Service with too many members.
    TooManyMembers,
    /// The namespace's mirrors name too many clusters to ask this one by its link.
    TooManyLinks(String),
    /// The mirrors name too many namespaces of this cluster, which has to be read by namespace.
    TooManyNamespaces(String),
    /// The mirrored Service is in a cluster that has no remote to read it from.
    NoRemote {
        /// The mirrored cluster.
        cluster: String,
        /// Why there is no remote, as a clause.
        how: String,
    },
    /// The mirrored cluster cannot be read.
    Remote {
        /// The mirrored cluster.
        cluster: String,
        /// The reason, in that cluster.
        why: Box<WhyUnknown>,
    },
    /// A remote is configured, but no client can be made for it; the text says why.
    NoAccess(String),
}

/// The objects that a backend's readiness is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadinessSource {
    /// The backend's EndpointSlices.
    Slices,
    /// The backend's Service, which is read if there are no EndpointSlices: it may be missing, or a
    /// mirror that has none.
    Service,
}

impl fmt::Display for ReadinessSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slices => "its EndpointSlices",
            Self::Service => "its Service",
        })
    }
}

impl WhyUnknown {
    /// Returns the reason for a mirror of `cluster` if the user has named no remote for it.
    pub fn no_remote(cluster: &str) -> Self {
        Self::NoRemote {
            cluster: cluster.to_owned(),
            how: "no remote is configured for it".to_owned(),
        }
    }

    /// Returns the same reason for a Service in the mirrored cluster `cluster`.
    pub fn in_cluster(self, cluster: &str) -> Self {
        match self {
            Self::NoRemote { .. }
            | Self::Remote { .. }
            | Self::TooManyLinks(_)
            | Self::TooManyNamespaces(_) => self,
            why => Self::Remote {
                cluster: cluster.to_owned(),
                why: Box::new(why),
            },
        }
    }

    /// Returns the reason for those who can read the group's object and its Events, as a clause:
    /// without what a credential plugin or the API server of another cluster said.
    pub fn brief(&self) -> String {
        match self {
            Self::Failing(source, _) => format!("cannot read {source}"),
            Self::NoAccess(_) => "its cluster cannot be reached".to_owned(),
            Self::NoRemote { cluster, .. } => {
                format!("it is mirrored from cluster {cluster}, which is not read")
            }
            Self::Remote { cluster, why } => match why.as_ref() {
                Self::NoAccess(_) => format!("cluster {cluster} cannot be reached"),
                why => format!("cluster {cluster}: {}", why.brief()),
            },
            Self::NotListed
            | Self::Silent(_)
            | Self::Forbidden(_)
            | Self::NoLocalEndpoints
            | Self::ExternalName
            | Self::InvalidName
            | Self::TooManyMembers
            | Self::TooManyLinks(_)
            | Self::TooManyNamespaces(_) => self.to_string(),
        }
    }

    /// Returns the cluster that a remote would have to be configured for.
    pub fn cluster_without_remote(&self) -> Option<&str> {
        match self {
            Self::NoRemote { cluster, .. } => Some(cluster),
            _ => None,
        }
    }

    /// Whether the readiness stays unknown however the endpoints change.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Forbidden(_)
            | Self::NoLocalEndpoints
            | Self::ExternalName
            | Self::TooManyMembers
            | Self::TooManyLinks(_)
            | Self::TooManyNamespaces(_)
            | Self::InvalidName
            | Self::NoRemote { .. } => true,
            Self::Remote { why, .. } => why.is_lasting(),
            Self::NotListed | Self::Silent(_) | Self::Failing(..) | Self::NoAccess(_) => false,
        }
    }

    /// Whether the backend has no local endpoints by design, and no other cluster can be read.
    pub fn is_by_design(&self) -> bool {
        match self {
            Self::NoLocalEndpoints | Self::NoRemote { .. } => true,
            Self::Remote { why, .. } => why.is_by_design(),
            _ => false,
        }
    }

    /// Whether a request failed that may succeed when it is retried.
    pub fn is_failing(&self) -> bool {
        match self {
            Self::Failing(..) => true,
            Self::Remote { why, .. } => why.is_failing(),
            _ => false,
        }
    }
}

impl fmt::Display for WhyUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed => f.write_str("its endpoints are not listed yet"),
            Self::Silent(limit) => {
                let seconds = limit.as_secs();
                write!(f, "nothing received from the API server for {seconds} s")
            }
            Self::Forbidden(source) => write!(f, "reading {source} is forbidden"),
            Self::Failing(source, how) => write!(f, "cannot read {source}: {how}"),
            Self::NoLocalEndpoints => f.write_str(
                "it is a mirror service without a gateway, so it has no local endpoints",
            ),
            Self::ExternalName => {
                f.write_str("it is an ExternalName Service, which never has endpoints")
            }
            Self::TooManyMembers => {
                write!(
                    f,
                    "it is a federated Service with more than {MAX_MEMBERS} members"
                )
            }
            Self::TooManyLinks(cluster) => write!(
                f,
                "the mirrors of its namespace name more than {MAX_LINKED_CLUSTERS} clusters, so \
                 cluster {cluster} is not asked"
            ),
            Self::TooManyNamespaces(cluster) => write!(
                f,
                "mirrors name more than {MAX_REMOTE_NAMESPACES} namespaces of cluster {cluster}, \
                 which forbids to list all namespaces, so this one is not read"
            ),
            Self::InvalidName => {
                f.write_str("its mirror labels or annotations contain an invalid name")
            }
            Self::NoRemote { cluster, how } => {
                write!(
                    f,
                    "it is mirrored from cluster {cluster} without a gateway, and {how}"
                )
            }
            Self::Remote { cluster, why } => write!(f, "cluster {cluster}: {why}"),
            Self::NoAccess(how) => f.write_str(how),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_no_endpoint_change_resolves_are_lasting() {
        let no_remote = WhyUnknown::no_remote("east");
        assert!(no_remote.is_lasting() && WhyUnknown::NoLocalEndpoints.is_lasting());
        let forbidden = WhyUnknown::Forbidden(ReadinessSource::Slices);
        assert!(forbidden.is_lasting() && forbidden.in_cluster("east").is_lasting());
        let failing = WhyUnknown::Failing(ReadinessSource::Slices, "HTTP 503".to_owned());
        assert!(failing.is_failing() && !failing.is_lasting());
        let remote = failing.in_cluster("east");
        assert!(remote.is_failing() && !remote.is_lasting());
    }

    #[test]
    fn the_brief_form_has_no_text_of_a_plugin_or_of_an_api_server() {
        let said = || "plugin aws failed: arn:aws:iam::1:user/ops".to_owned();
        let plugin = WhyUnknown::NoAccess(said()).in_cluster("ev");
        assert_eq!(plugin.brief(), "cluster ev cannot be reached");
        let failing = WhyUnknown::Failing(ReadinessSource::Slices, said());
        assert_eq!(failing.brief(), "cannot read its EndpointSlices");
        let remote = failing.in_cluster("ev");
        assert_eq!(remote.brief(), "cluster ev: cannot read its EndpointSlices");
    }
}
