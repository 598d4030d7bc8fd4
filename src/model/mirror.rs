//! Mirror Services, which stand for Services of other clusters, and the readiness of one.

use super::ids::{RemoteService, ServiceRef};
use super::mirror_side::MirrorSide;
use super::readiness::Readiness;
use super::unknown::WhyUnknown;

/// What a mirror Service stands for. The modes are those of Linkerd multicluster, see
/// <https://linkerd.io/2/features/multicluster/>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mirror {
    /// Hierarchical network: the other cluster's gateway is the local endpoint.
    Gateway(RemoteService),
    /// Flat network (remote discovery): traffic goes to the remote pods, without local endpoints.
    RemoteDiscovery(RemoteService),
    /// Federated Service: a union of Services in several clusters, without local endpoints.
    Federated(Vec<Member>),
    /// The labels or annotations contain an invalid name, so no cluster is read.
    InvalidName,
    /// A federated Service with more than [`MAX_MEMBERS`](super::limits::MAX_MEMBERS) members. No
    /// cluster is read.
    TooManyMembers,
}

/// A member of a federated Service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Member {
    /// A Service of this cluster.
    Local(ServiceRef),
    /// A Service of another cluster.
    Remote(RemoteService),
}

impl Mirror {
    /// Whether the mirror has local endpoints: only a gateway is one.
    pub fn has_local_endpoints(&self) -> bool {
        matches!(self, Self::Gateway(_))
    }

    /// Returns the mirrored Services of other clusters.
    pub fn remotes(&self) -> impl Iterator<Item = &RemoteService> {
        let (one, members) = match self {
            Self::Gateway(remote) | Self::RemoteDiscovery(remote) => (Some(remote), &[][..]),
            Self::Federated(members) => (None, members.as_slice()),
            Self::InvalidName | Self::TooManyMembers => (None, &[][..]),
        };
        let remote_members = members.iter().filter_map(|member| match member {
            Member::Remote(remote) => Some(remote),
            Member::Local(_) => None,
        });
        one.into_iter().chain(remote_members)
    }

    /// Returns the members of a federated Service that are in this cluster.
    pub fn locals(&self) -> impl Iterator<Item = &ServiceRef> {
        let members = match self {
            Self::Federated(members) => members.as_slice(),
            _ => &[],
        };
        members.iter().filter_map(|member| match member {
            Member::Local(service) => Some(service),
            Member::Remote(_) => None,
        })
    }

    /// Returns the readiness of a mirror without local endpoints if no other cluster can be read.
    pub fn without_remotes(&self) -> Readiness {
        let why = match (self, self.remotes().next()) {
            (Self::InvalidName, _) => WhyUnknown::InvalidName,
            (Self::TooManyMembers, _) => WhyUnknown::TooManyMembers,
            (_, Some(remote)) => WhyUnknown::no_remote(&remote.cluster),
            (_, None) => WhyUnknown::NoLocalEndpoints,
        };
        Readiness::Unknown { why }
    }

    /// Returns the mirror's readiness. `local` is the readiness of the mirror's own endpoints;
    /// `here` and `there` return that of a Service in this or in another cluster.
    pub fn reading(
        &self,
        local: Readiness,
        here: impl Fn(&ServiceRef) -> Readiness,
        there: impl Fn(&RemoteService) -> Readiness,
    ) -> Readiness {
        match self {
            Self::Gateway(remote) => through_gateway(local, remote, there(remote)),
            Self::RemoteDiscovery(remote) => as_remote(remote, there(remote)),
            Self::Federated(members) => federated(members.iter().map(|member| match member {
                Member::Local(service) => here(service),
                Member::Remote(remote) => as_remote(remote, there(remote)),
            })),
            Self::InvalidName | Self::TooManyMembers => self.without_remotes(),
        }
    }
}

/// The gateway and the remote Service must both be ready, if the remote cluster can be read.
fn through_gateway(local: Readiness, remote: &RemoteService, there: Readiness) -> Readiness {
    let has_no_remote = matches!(
        &there,
        Readiness::Unknown {
            why: WhyUnknown::NoRemote { .. }
        }
    );
    if has_no_remote || local.is_unknown() || local == Readiness::Missing {
        return local;
    }
    // The mirror controller deletes the slice of a mirror whose remote Service is empty, whether
    // the gateway is ready or not.
    let is_emptied = there.is_dead() && local.counts() == Some((0, 0));
    if local.is_ready() || is_emptied {
        return as_remote(remote, there);
    }
    let side = if there.is_dead() {
        MirrorSide::Both
    } else {
        MirrorSide::Gateway
    };
    let total = there.counts().map_or(0, |(_, total)| total);
    Readiness::Mirrored {
        ready: 0,
        total,
        side: side(remote.clone()),
    }
}

fn as_remote(remote: &RemoteService, there: Readiness) -> Readiness {
    match there.counts() {
        Some((ready, total)) => Readiness::Mirrored {
            ready,
            total,
            side: MirrorSide::Remote(remote.clone()),
        },
        None => there,
    }
}

/// One ready member is enough. Without one, every member has to be known.
fn federated(members: impl Iterator<Item = Readiness>) -> Readiness {
    let (mut ready, mut total, mut all) = (0u32, 0u32, 0);
    let mut unknown = Vec::new();
    for member in members {
        all += 1;
        if let Some((more_ready, more)) = member.counts() {
            ready = ready.saturating_add(more_ready);
            total = total.saturating_add(more);
        }
        unknown.extend(member.why_unknown().cloned());
    }
    match unknown.first() {
        Some(why) if ready == 0 => Readiness::Unknown { why: why.clone() },
        None if all == 0 => Readiness::Unknown {
            why: WhyUnknown::NoLocalEndpoints,
        },
        _ => Readiness::Mirrored {
            ready,
            total,
            side: MirrorSide::Members { all, unknown },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_down_only_if_its_slice_still_exists() {
        let remote = RemoteService {
            cluster: "east".to_owned(),
            service: ServiceRef::new("ns", "web-svc"),
        };
        let side = |local_total, there_ready| {
            let local = Readiness::Known {
                ready: 0,
                total: local_total,
            };
            let there = Readiness::Known {
                ready: there_ready,
                total: there_ready,
            };
            match through_gateway(local, &remote, there) {
                Readiness::Mirrored { ready: 0, side, .. } => side.short(),
                _ => None,
            }
        };
        assert_eq!(side(0, 0), Some("remote empty"));
        assert_eq!(side(1, 0), Some("both down"));
        assert_eq!(side(1, 2), Some("gateway down"));
        assert_eq!(side(0, 2), Some("gateway down"));
    }
}
