//! Which cluster the pods of a backend are in: cluster membership.

use std::collections::BTreeSet;

use super::mirror::Mirror;

/// Where the pods of a backend are, as seen from the cluster of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Residence {
    /// In the group's own cluster: the Service is not a mirror.
    Local,
    /// In another cluster, by the name in the mirror's labels.
    Mirrored {
        /// The cluster.
        cluster: String,
        /// Requests go through that cluster's gateway.
        has_gateway: bool,
    },
    /// In several clusters: a federated Service.
    Federated {
        /// One member is in the group's own cluster.
        has_local: bool,
        /// The clusters of the other members.
        clusters: BTreeSet<String>,
    },
    /// The Service was not read, or its labels name no cluster.
    Unknown,
}

/// Whether a backend belongs to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// All of its pods are there.
    Whole,
    /// It is a federated Service with members there and elsewhere.
    Part,
    /// None of its pods are there.
    Outside,
    /// Nothing tells.
    Unknown,
}

impl Residence {
    /// Returns the residence of a mirror Service. `label` is the cluster in its labels, which also
    /// tells where a mirror is that does not name its Service.
    pub fn of_mirror(mirror: Option<&Mirror>, label: Option<&str>) -> Self {
        match mirror {
            Some(Mirror::Gateway(remote)) => Self::mirrored(&remote.cluster, true),
            Some(Mirror::RemoteDiscovery(remote)) => Self::mirrored(&remote.cluster, false),
            Some(federated @ Mirror::Federated(members)) if !members.is_empty() => {
                Self::Federated {
                    has_local: federated.locals().next().is_some(),
                    clusters: federated.remotes().map(|it| it.cluster.clone()).collect(),
                }
            }
            Some(Mirror::InvalidName | Mirror::TooManyMembers) => Self::Unknown,
            Some(Mirror::Federated(_)) => {
                label.map_or(Self::Unknown, |cluster| Self::mirrored(cluster, false))
            }
            // The mirror of one pod of a headless Service.
            None => label.map_or(Self::Unknown, |cluster| Self::mirrored(cluster, true)),
        }
    }

    fn mirrored(cluster: &str, has_gateway: bool) -> Self {
        Self::Mirrored {
            cluster: cluster.to_owned(),
            has_gateway,
        }
    }

    /// Returns whether the backend belongs to `cluster`. `local` is the name of the group's own
    /// cluster.
    pub fn membership(&self, cluster: &str, local: &str) -> Membership {
        let clusters = self.clusters(local);
        match clusters.len() {
            0 => Membership::Unknown,
            _ if !clusters.contains(cluster) => Membership::Outside,
            1 => Membership::Whole,
            _ => Membership::Part,
        }
    }

    /// Returns the clusters that its pods are in; none if that is unknown. `local` is the name of
    /// the group's own cluster.
    pub fn clusters<'a>(&'a self, local: &'a str) -> BTreeSet<&'a str> {
        match self {
            Self::Local => BTreeSet::from([local]),
            Self::Mirrored { cluster, .. } => BTreeSet::from([cluster.as_str()]),
            Self::Federated {
                has_local,
                clusters,
            } => {
                let own = has_local.then_some(local);
                clusters.iter().map(String::as_str).chain(own).collect()
            }
            Self::Unknown => BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Member, RemoteService, ServiceRef};

    fn remote(cluster: &str) -> RemoteService {
        RemoteService {
            cluster: cluster.into(),
            service: ServiceRef::new("ns", "web"),
        }
    }

    #[test]
    fn a_mirror_is_in_the_cluster_of_its_labels() {
        for (mirror, has_gateway) in [
            (Mirror::Gateway(remote("east")), true),
            (Mirror::RemoteDiscovery(remote("east")), false),
            (Mirror::Federated(Vec::new()), false),
        ] {
            let residence = Residence::of_mirror(Some(&mirror), Some("east"));
            assert_eq!(residence, Residence::mirrored("east", has_gateway));
        }
        let of_one_pod = Residence::of_mirror(None, Some("east"));
        assert_eq!(of_one_pod.membership("east", "west"), Membership::Whole);
        assert_eq!(of_one_pod.membership("west", "west"), Membership::Outside);
    }

    #[test]
    fn a_federated_service_is_partly_in_each_cluster_of_its_members() {
        let local = Member::Local(ServiceRef::new("ns", "web"));
        let members = vec![
            local.clone(),
            Member::Remote(remote("east")),
            Member::Remote(remote("north")),
        ];
        let residence = Residence::of_mirror(Some(&Mirror::Federated(members)), None);
        for cluster in ["east", "north", "west"] {
            assert_eq!(residence.membership(cluster, "west"), Membership::Part);
        }
        assert_eq!(residence.membership("south", "west"), Membership::Outside);
        let alone = Residence::of_mirror(Some(&Mirror::Federated(vec![local])), None);
        assert_eq!(alone.membership("west", "west"), Membership::Whole);
    }

    #[test]
    fn a_mirror_that_names_no_cluster_is_nowhere() {
        for mirror in [
            None,
            Some(Mirror::InvalidName),
            Some(Mirror::TooManyMembers),
        ] {
            let residence = Residence::of_mirror(mirror.as_ref(), None);
            assert_eq!(residence.membership("east", "west"), Membership::Unknown);
            assert!(residence.clusters("west").is_empty());
        }
    }
}
