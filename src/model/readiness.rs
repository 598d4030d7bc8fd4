//! The readiness of a backend, and how the counts of its EndpointSlices add up.

use super::mirror_side::MirrorSide;
use super::policy::MinReady;
use super::unknown::WhyUnknown;

/// The readiness of a backend.
///
/// An endpoint is ready unless its `ready` condition is false. Terminating endpoints are counted
/// neither as ready nor in the total. See
/// <https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// The numbers of a Service of this cluster.
    Known {
        /// Ready endpoints.
        ready: u32,
        /// All endpoints.
        total: u32,
    },
    /// The numbers of a mirror Service, from the side that decides.
    Mirrored {
        /// Ready endpoints.
        ready: u32,
        /// All endpoints.
        total: u32,
        /// The side that the numbers describe.
        side: MirrorSide,
    },
    /// The Service does not exist, which counts as 0 of 0 endpoints.
    Missing,
    /// Endpoints are ready, but their slices have no ports, so no proxy can reach them: none counts
    /// as ready.
    NoPort {
        /// Endpoints without a port that would be ready.
        pods: u32,
        /// All endpoints.
        total: u32,
        /// The port that the Service looks for by name (`targetPort`).
        target: Option<String>,
    },
    /// The readiness cannot be determined.
    Unknown {
        /// The reason.
        why: WhyUnknown,
    },
}

impl Readiness {
    /// Returns ready and total endpoints; none if they are unknown.
    pub fn counts(&self) -> Option<(u32, u32)> {
        match self {
            Self::Known { ready, total } | Self::Mirrored { ready, total, .. } => {
                Some((*ready, *total))
            }
            Self::Missing => Some((0, 0)),
            Self::NoPort { total, .. } => Some((0, *total)),
            Self::Unknown { .. } => None,
        }
    }

    /// Returns the side of a mirror that the numbers describe.
    pub fn side(&self) -> Option<&MirrorSide> {
        if let Self::Mirrored { side, .. } = self {
            Some(side)
        } else {
            None
        }
    }

    /// Whether it depends on more than local endpoints. A controller that reads only local
    /// endpoints, such as linkerd-failover, may decide otherwise.
    pub fn rests_elsewhere(&self) -> bool {
        use WhyUnknown::{
            InvalidName, NoLocalEndpoints, NoRemote, Remote, TooManyLinks, TooManyMembers,
            TooManyNamespaces,
        };
        match self {
            Self::Mirrored { .. } => true,
            Self::Unknown { why } => {
                matches!(
                    why,
                    NoLocalEndpoints
                        | InvalidName
                        | TooManyMembers
                        | TooManyLinks(_)
                        | TooManyNamespaces(_)
                        | NoRemote { .. }
                        | Remote { .. }
                )
            }
            Self::Known { .. } | Self::Missing | Self::NoPort { .. } => false,
        }
    }

    /// Whether the readiness cannot be determined.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// Whether at least one endpoint is known to be ready.
    pub fn is_ready(&self) -> bool {
        self.counts().is_some_and(|(ready, _)| ready > 0)
    }

    /// Whether it is known that no endpoint is ready.
    pub fn is_dead(&self) -> bool {
        self.counts().is_some_and(|(ready, _)| ready == 0)
    }

    /// Returns why it is unknown or, for a federated Service, why the first unknown member is.
    pub fn why_unknown(&self) -> Option<&WhyUnknown> {
        match self {
            Self::Unknown { why } => Some(why),
            Self::Mirrored {
                side: MirrorSide::Members { unknown, .. },
                ..
            } => unknown.first(),
            Self::Known { .. } | Self::Mirrored { .. } | Self::Missing | Self::NoPort { .. } => {
                None
            }
        }
    }

    /// Explains a backend that cannot get traffic although Kubernetes has endpoints for it, as a
    /// clause.
    pub fn without_port(&self) -> Option<String> {
        let Self::NoPort { pods, target, .. } = self else {
            return None;
        };
        Some(match target {
            Some(port) => format!("{pods} ready, but without a port named {port}"),
            None => format!("{pods} ready, but without a port"),
        })
    }

    /// Whether the threshold is met; none if that is unknown. Unknown members of a federated
    /// Service can only add to a count, but can move a percentage either way.
    pub fn meets(&self, min_ready: MinReady) -> Option<bool> {
        let (ready, total) = self.counts()?;
        let enough = ready >= min_ready.needed(total);
        match (self.why_unknown(), min_ready) {
            (None, _) => Some(enough),
            (Some(_), MinReady::Count(_)) => enough.then_some(true),
            (Some(_), MinReady::Percent(_)) => None,
        }
    }
}

/// The `addressType` of an EndpointSlice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// `IPv4`.
    V4,
    /// `IPv6`.
    V6,
    /// `FQDN`, or a type that is not known here.
    Other,
}
