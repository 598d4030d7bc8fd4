//! Services that stand for services of other clusters, and what is known of one when both sides have been read.

use std::fmt;

use super::group::ServiceRef;
use super::readiness::{Readiness, WhyUnknown};

/// How a Service stands for services elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mirror {
    /// Traffic goes through the other cluster's gateway, which is its local endpoint.
    Gateway(RemoteService),
    /// A flat network: traffic goes to the remote pods, and there are no local endpoints.
    RemoteDiscovery(RemoteService),
    /// The same service in several clusters, this one perhaps among them; there are no local endpoints.
    Federated(Vec<Member>),
    /// What it says of whom it stands for are no names, so nobody is asked.
    Misnamed,
}

/// A service of another cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemoteService {
    /// As the mirror's labels name it.
    pub cluster: String,
    pub service: ServiceRef,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    Here(ServiceRef),
    There(RemoteService),
}

impl Mirror {
    /// Flat networks and federations have no local endpoints by design.
    pub fn has_local_endpoints(&self) -> bool {
        matches!(self, Self::Gateway(_))
    }

    /// The services of other clusters that it stands for.
    pub fn remotes(&self) -> impl Iterator<Item = &RemoteService> {
        let (one, members) = match self {
            Self::Gateway(remote) | Self::RemoteDiscovery(remote) => (Some(remote), &[][..]),
            Self::Federated(members) => (None, members.as_slice()),
            Self::Misnamed => (None, &[][..]),
        };
        let there = members.iter().filter_map(|member| match member {
            Member::There(remote) => Some(remote),
            Member::Here(_) => None,
        });
        one.into_iter().chain(there)
    }

    /// The services of this cluster that it stands for.
    pub fn locals(&self) -> impl Iterator<Item = &ServiceRef> {
        let members = if let Self::Federated(members) = self {
            members.as_slice()
        } else {
            &[]
        };
        members.iter().filter_map(|member| match member {
            Member::Here(service) => Some(service),
            Member::There(_) => None,
        })
    }

    /// What is known of one without local endpoints while nobody may be asked.
    pub fn without_remotes(&self) -> Readiness {
        if *self == Self::Misnamed {
            return Readiness::Unknown {
                why: WhyUnknown::Misnamed,
            };
        }
        let why = self
            .remotes()
            .next()
            .map(|remote| WhyUnknown::no_remote(&remote.cluster));
        Readiness::Unknown {
            why: why.unwrap_or(WhyUnknown::NoLocalEndpoints),
        }
    }

    /// What is known of it. `local` is what its own endpoints say, `here` and `there` what those of the services say
    /// that it stands for.
    pub fn reading(
        &self,
        local: Readiness,
        here: impl Fn(&ServiceRef) -> Readiness,
        there: impl Fn(&RemoteService) -> Readiness,
    ) -> Readiness {
        match self {
            Self::Gateway(remote) => through_gateway(local, remote, there(remote)),
            Self::RemoteDiscovery(remote) => as_there(remote, there(remote)),
            Self::Federated(members) => together(members.iter().map(|member| match member {
                Member::Here(service) => here(service),
                Member::There(remote) => as_there(remote, there(remote)),
            })),
            Self::Misnamed => self.without_remotes(),
        }
    }
}

/// Which side a mirror's numbers speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// The gateway is ready, or there is none: the numbers are the remote service's.
    Remote(RemoteService),
    /// The gateway is not ready; the remote service is, or is not known.
    Gateway(RemoteService),
    /// Neither the gateway nor the remote service is ready.
    Both(RemoteService),
    /// The members of a federation, those that are known added up, and why the others are not.
    Members {
        all: usize,
        unknown: Vec<WhyUnknown>,
    },
}

impl Side {
    pub fn remote(&self) -> Option<&RemoteService> {
        match self {
            Self::Remote(remote) | Self::Gateway(remote) | Self::Both(remote) => Some(remote),
            Self::Members { .. } => None,
        }
    }

    /// What is short where nothing is ready: `gateway`, `remote`, `both` or `members`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Remote(_) => "remote",
            Self::Gateway(_) => "gateway",
            Self::Both(_) => "both",
            Self::Members { .. } => "members",
        }
    }

    /// Which side of one that is not ready lacks endpoints, in two words at most.
    pub fn short(&self) -> Option<&'static str> {
        match self {
            Self::Remote(_) => Some("remote empty"),
            Self::Gateway(_) => Some("gateway down"),
            Self::Both(_) => Some("both down"),
            Self::Members { .. } => None,
        }
    }

    /// Why a mirror with these numbers is ready, or is not.
    pub fn words(&self, ready: u32, total: u32) -> String {
        let counts = |remote: &RemoteService| {
            format!(
                "{} in {} has {ready} of {total} endpoints ready",
                remote.service.name, remote.cluster
            )
        };
        match self {
            Self::Remote(remote) => counts(remote),
            Self::Gateway(remote) => format!("the gateway of {} is not ready", remote.cluster),
            Self::Both(remote) => {
                format!(
                    "the gateway of {} is not ready, and {}",
                    remote.cluster,
                    counts(remote)
                )
            }
            Self::Members { all, unknown } => {
                let known = all.saturating_sub(unknown.len());
                let of = if known == *all {
                    String::new()
                } else {
                    format!(", {known} of which are known,")
                };
                format!("{ready} of {total} endpoints of its {all} members{of} are ready")
            }
        }
    }
}

impl fmt::Display for RemoteService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.service.name, self.cluster)
    }
}

/// Both are needed, where the remote service can be read.
fn through_gateway(local: Readiness, remote: &RemoteService, there: Readiness) -> Readiness {
    let nobody_to_ask = matches!(
        &there,
        Readiness::Unknown {
            why: WhyUnknown::NoRemote { .. }
        }
    );
    if nobody_to_ask || local.is_unknown() || local == Readiness::Missing {
        return local;
    }
    // The mirror controller deletes the slice of a mirror whose remote service is empty, however the gateway is.
    let is_emptied = there.is_dead() && local.counts() == Some((0, 0));
    if local.is_ready() || is_emptied {
        return as_there(remote, there);
    }
    let side = if there.is_dead() {
        Side::Both
    } else {
        Side::Gateway
    };
    let total = there.counts().map_or(0, |(_, total)| total);
    Readiness::Mirrored {
        ready: 0,
        total,
        side: side(remote.clone()),
    }
}

fn as_there(remote: &RemoteService, there: Readiness) -> Readiness {
    match there.counts() {
        Some((ready, total)) => Readiness::Mirrored {
            ready,
            total,
            side: Side::Remote(remote.clone()),
        },
        None => there,
    }
}

/// One ready member is enough to be ready; without one, every member has to be known.
fn together(members: impl Iterator<Item = Readiness>) -> Readiness {
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
            side: Side::Members { all, unknown },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_blamed_only_where_a_slice_of_it_is_left() {
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
