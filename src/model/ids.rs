//! The names that identify services and groups.

use std::fmt;

/// A Service of the cluster at hand.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceRef {
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name.
    pub name: String,
}

impl ServiceRef {
    /// Names the Service `name` in `namespace`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ServiceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Where the requests of a backend go: its readiness is that of these ports.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    /// The Service.
    pub service: ServiceRef,
    /// Its ports. Empty: any port.
    pub ports: Vec<u16>,
}

/// A Service of another cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemoteService {
    /// The cluster, as the mirror's label `mirror.linkerd.io/cluster-name` names it.
    pub cluster: String,
    /// The Service in that cluster.
    pub service: ServiceRef,
}

impl fmt::Display for RemoteService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.service.name, self.cluster)
    }
}

/// The object that carries a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId {
    /// The object's namespace.
    pub namespace: String,
    /// The object's kind: singular, lower case, such as `trafficsplit`.
    pub kind: &'static str,
    /// The object's name.
    pub name: String,
}

impl GroupId {
    /// The kind that a name without a kind means.
    const KIND_OF_PLAIN_NAME: &str = "trafficsplit";

    /// Returns `NAME` for a TrafficSplit and `KIND/NAME` for any other kind.
    pub fn short_name(&self) -> String {
        if self.kind == Self::KIND_OF_PLAIN_NAME {
            self.name.clone()
        } else {
            format!("{}/{}", self.kind, self.name)
        }
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.short_name())
    }
}
