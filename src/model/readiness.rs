use std::fmt;

use super::mirror::Side;
use super::policy::MinReady;

/// What is known of a backend's endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    Known {
        ready: u32,
        total: u32,
    },
    /// The same of a mirror service, from the side that decides.
    Mirrored {
        ready: u32,
        total: u32,
        side: Side,
    },
    /// The Service does not exist: none of none are ready.
    Missing,
    Unknown {
        why: WhyUnknown,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyUnknown {
    NotListed,
    /// Nothing has been heard on the watch for too long.
    Silent,
    Forbidden(ReadinessSource),
    /// Reading fails; the words say how.
    Failing(ReadinessSource, String),
    /// A mirror service of a flat network or a federation has no local endpoints by design, and does not say whom
    /// it stands for.
    NoLocalEndpoints,
    /// A mirror service that names a cluster or a service by what can be no name.
    Misnamed,
    /// What it mirrors is in a cluster that nobody may be asked about; the words say why.
    NoRemote {
        cluster: String,
        how: String,
    },
    /// The cluster that it mirrors can't be read: why, as for one of our own.
    Remote {
        cluster: String,
        why: Box<WhyUnknown>,
    },
    /// There is a remote to ask, but no way to do so; the words say why.
    NoAccess(String),
}

/// What a backend's readiness is read from. Where there are no slices, its Service says what that means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadinessSource {
    Slices,
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
    /// Whether no change of endpoints will make it known.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Forbidden(_)
            | Self::NoLocalEndpoints
            | Self::Misnamed
            | Self::NoRemote { .. } => true,
            Self::Remote { why, .. } => why.is_lasting(),
            Self::NotListed | Self::Silent | Self::Failing(..) | Self::NoAccess(_) => false,
        }
    }

    /// Whether nothing was to be read where nobody else may be asked.
    pub fn is_by_design(&self) -> bool {
        match self {
            Self::NoLocalEndpoints | Self::NoRemote { .. } => true,
            Self::Remote { why, .. } => why.is_by_design(),
            _ => false,
        }
    }

    /// Whether a request failed that may do better.
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
            Self::Silent => f.write_str("nothing heard from the API server for 30 s"),
            Self::Forbidden(source) => write!(f, "reading {source} is forbidden"),
            Self::Failing(source, how) => write!(f, "{source} cannot be read: {how}"),
            Self::NoLocalEndpoints => f.write_str("a mirror service without local endpoints, by design"),
            Self::Misnamed => f.write_str(
                "a mirror service whose labels or annotations name a cluster or a service by what can be no name",
            ),
            Self::NoRemote { cluster, how } => {
                write!(f, "a mirror of cluster {cluster} without local endpoints, by design, and {how}")
            }
            Self::Remote { cluster, why } => write!(f, "cluster {cluster}: {why}"),
            Self::NoAccess(how) => f.write_str(how),
        }
    }
}

impl WhyUnknown {
    pub fn no_remote(cluster: &str) -> Self {
        Self::NoRemote {
            cluster: cluster.to_owned(),
            how: "no remote to ask is named".to_owned(),
        }
    }

    /// The same of a cluster that is mirrored.
    pub fn in_cluster(self, cluster: &str) -> Self {
        match self {
            Self::NoRemote { .. } | Self::Remote { .. } => self,
            why => Self::Remote {
                cluster: cluster.to_owned(),
                why: Box::new(why),
            },
        }
    }

    /// The cluster for which a remote would have to be named.
    pub fn cluster_without_remote(&self) -> Option<&str> {
        if let Self::NoRemote { cluster, .. } = self {
            Some(cluster)
        } else {
            None
        }
    }
}

impl Readiness {
    /// Ready and total endpoints, where they are known.
    pub fn counts(&self) -> Option<(u32, u32)> {
        match self {
            Self::Known { ready, total } | Self::Mirrored { ready, total, .. } => {
                Some((*ready, *total))
            }
            Self::Missing => Some((0, 0)),
            Self::Unknown { .. } => None,
        }
    }

    /// Which side of a mirror the numbers speak of.
    pub fn side(&self) -> Option<&Side> {
        if let Self::Mirrored { side, .. } = self {
            Some(side)
        } else {
            None
        }
    }

    /// Whether local endpoints do not say all of it, so that who reads those alone comes to another answer.
    pub fn rests_elsewhere(&self) -> bool {
        use WhyUnknown::{Misnamed, NoLocalEndpoints, NoRemote, Remote};
        match self {
            Self::Mirrored { .. } => true,
            Self::Unknown { why } => {
                matches!(
                    why,
                    NoLocalEndpoints | Misnamed | NoRemote { .. } | Remote { .. }
                )
            }
            Self::Known { .. } | Self::Missing => false,
        }
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    pub fn is_ready(&self) -> bool {
        self.counts().is_some_and(|(ready, _)| ready > 0)
    }

    pub fn is_dead(&self) -> bool {
        self.counts().is_some_and(|(ready, _)| ready == 0)
    }

    /// Why it is not known or, of a federation, why a member is not.
    pub fn why_unknown(&self) -> Option<&WhyUnknown> {
        match self {
            Self::Unknown { why } => Some(why),
            Self::Mirrored {
                side: Side::Members { unknown, .. },
                ..
            } => unknown.first(),
            Self::Known { .. } | Self::Mirrored { .. } | Self::Missing => None,
        }
    }

    /// Whether the threshold is met; none while that is not known. Members of a federation that are not known could
    /// only add to a count, and could turn a percentage either way.
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

/// The endpoints of one EndpointSlice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceCounts {
    pub family: AddressFamily,
    pub ready: u32,
    pub total: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    V4,
    V6,
    Other,
}

/// Adds up a service's slices: all of one address family together, and of a dual-stack service the family with
/// more ready endpoints, then with the larger total, gives both numbers.
pub fn sum_slices(slices: impl IntoIterator<Item = SliceCounts>) -> (u32, u32) {
    let mut families = [(0u32, 0u32); 3];
    for slice in slices {
        let family = &mut families[slice.family as usize];
        family.0 = family.0.saturating_add(slice.ready);
        family.1 = family.1.saturating_add(slice.total);
    }
    families.into_iter().max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_change_of_endpoints_makes_known_is_lasting() {
        let no_remote = WhyUnknown::no_remote("east");
        assert!(no_remote.is_lasting() && WhyUnknown::NoLocalEndpoints.is_lasting());
        let forbidden = WhyUnknown::Forbidden(ReadinessSource::Slices);
        assert!(forbidden.is_lasting() && forbidden.in_cluster("east").is_lasting());
        let failing = WhyUnknown::Failing(ReadinessSource::Slices, "HTTP 503".to_owned());
        assert!(failing.is_failing() && !failing.is_lasting());
        let remote = failing.in_cluster("east");
        assert!(remote.is_failing() && !remote.is_lasting());
    }
}
