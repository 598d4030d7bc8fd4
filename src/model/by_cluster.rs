//! A summary of each cluster that backends are in: what it carries, and what it could carry.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;

use super::avoid_status::{AvoidEffect, AvoidStatus};
use super::ids::GroupId;
use super::mirror_side::MirrorSide;
use super::moves::LastReturn;
use super::readiness::Readiness;
use super::residence::{Membership, Residence};
use super::status::{BackendStatus, Status};

/// A group, and where its backends are.
#[derive(Debug, Clone)]
pub struct PlacedGroup<'a> {
    /// The context in which the group was read.
    pub context: &'a str,
    /// The address of that context's API server.
    pub server: &'a str,
    /// The name of that context's own cluster.
    pub own: &'a str,
    /// The group.
    pub status: &'a Status,
    /// One for each backend.
    pub residences: Vec<Residence>,
}

/// One cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSummary<'a> {
    /// The name.
    pub name: &'a str,
    /// The contexts of this cluster, of those that were read.
    pub contexts: Vec<&'a str>,
    /// The groups with a backend there.
    pub groups: Vec<GroupThere<'a>>,
    /// The backends there.
    pub backends: BackendCounts,
    /// Its gateway, as seen from each context with mirrors that need it.
    pub gateways: BTreeMap<&'a str, GatewayState>,
    /// The orders that keep traffic off it, the oldest first.
    pub evacuations: Vec<Evacuation<'a>>,
}

/// What one order, by its id and who gave it, keeps off a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evacuation<'a> {
    /// The id; empty if it has none.
    pub id: &'a str,
    /// Who gave it: user and host.
    pub by: &'a str,
    /// Since when, in the first of the groups.
    pub since: Option<Timestamp>,
    /// When it expires.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: Option<&'a str>,
    /// The number of groups that avoid their backends there.
    pub groups: usize,
    /// It has expired, but was not ended.
    pub has_expired: bool,
    /// Some groups were returned from it, and these are to follow.
    pub is_returning: bool,
}

/// A group with a backend in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupThere<'a> {
    /// The context in which the group was read.
    pub context: &'a str,
    /// The group.
    pub id: &'a GroupId,
    /// Its traffic goes there, or a part of it.
    pub carries: bool,
    /// It has a ready backend there; none if that is unknown.
    pub is_ready: Option<bool>,
}

/// Backends by their readiness. The members of a federated Service are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackendCounts {
    /// Those with a ready endpoint.
    pub ready: usize,
    /// Those without.
    pub dead: usize,
    /// Those whose readiness is unknown.
    pub unknown: usize,
}

/// Whether a gateway is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayState {
    /// A mirror has a ready endpoint.
    Ready,
    /// No mirror has one.
    Down,
    /// Nothing tells.
    Unknown,
}

impl GatewayState {
    /// Returns the state's name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }

    fn of(readiness: &Readiness) -> Self {
        match readiness {
            Readiness::Mirrored {
                side: MirrorSide::Gateway(_) | MirrorSide::Both(_),
                ..
            } => Self::Down,
            Readiness::Known { ready: 0, total } if *total > 0 => Self::Down,
            readiness if readiness.is_ready() => Self::Ready,
            _ => Self::Unknown,
        }
    }

    /// One mirror with a ready endpoint shows that the gateway is ready.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Ready, _) | (_, Self::Ready) => Self::Ready,
            (Self::Down, _) | (_, Self::Down) => Self::Down,
            _ => Self::Unknown,
        }
    }
}

impl BackendCounts {
    /// The number of backends.
    pub fn all(self) -> usize {
        self.ready + self.dead + self.unknown
    }

    fn add(&mut self, readiness: &Readiness) {
        let count = if readiness.is_unknown() {
            &mut self.unknown
        } else if readiness.is_ready() {
            &mut self.ready
        } else {
            &mut self.dead
        };
        *count += 1;
    }
}

impl<'a> ClusterSummary<'a> {
    fn new(name: &'a str) -> Self {
        Self {
            name,
            contexts: Vec::new(),
            groups: Vec::new(),
            backends: BackendCounts::default(),
            gateways: BTreeMap::new(),
            evacuations: Vec::new(),
        }
    }

    fn evacuated(&mut self, AvoidStatus { entry, effect }: &'a AvoidStatus) {
        let has_expired = *effect == AvoidEffect::Expired;
        let mut known = self.evacuations.iter_mut();
        if let Some(known) =
            known.find(|it| (it.id, it.by, it.has_expired) == (&*entry.id, &*entry.by, has_expired))
        {
            known.groups += 1;
            known.since = [known.since, entry.at].into_iter().flatten().min();
            return;
        }
        self.evacuations.push(Evacuation {
            id: &entry.id,
            by: &entry.by,
            since: entry.at,
            until: entry.until,
            reason: entry.reason.as_deref(),
            groups: 1,
            has_expired,
            is_returning: false,
        });
    }

    /// Returns the groups whose traffic it carries, or a part of it.
    pub fn carrying(&self) -> impl Iterator<Item = &GroupThere<'a>> {
        self.groups.iter().filter(|group| group.carries)
    }

    /// Returns the groups that have a ready backend there but no traffic.
    pub fn spare(&self) -> impl Iterator<Item = &GroupThere<'a>> {
        let groups = self.groups.iter();
        groups.filter(|group| !group.carries && group.is_ready == Some(true))
    }
}

/// Returns a summary of each cluster, by name: of the contexts' own clusters, and of those that
/// backends are in. `own` are the contexts and the names of their clusters. A group that several
/// contexts of one server show counts once.
pub fn by_cluster<'a>(
    own: impl IntoIterator<Item = (&'a str, &'a str)>,
    groups: &'a [PlacedGroup<'a>],
) -> Vec<ClusterSummary<'a>> {
    let mut clusters: BTreeMap<&str, ClusterSummary> = BTreeMap::new();
    for (context, name) in own {
        let cluster = clusters
            .entry(name)
            .or_insert_with(|| ClusterSummary::new(name));
        cluster.contexts.push(context);
    }
    let mut counted = HashSet::new();
    for group in groups {
        if !counted.insert((group.server, &group.status.id)) {
            continue;
        }
        let mut there: BTreeMap<&str, GroupThere> = BTreeMap::new();
        for (backend, residence) in group.status.backends.iter().zip(&group.residences) {
            for name in residence.clusters(group.own) {
                let is_whole = residence.membership(name, group.own) == Membership::Whole;
                let cluster = clusters
                    .entry(name)
                    .or_insert_with(|| ClusterSummary::new(name));
                if is_whole {
                    cluster.backends.add(&backend.readiness);
                }
                if let Residence::Mirrored {
                    has_gateway: true, ..
                } = residence
                {
                    let state = GatewayState::of(&backend.readiness);
                    let known = cluster.gateways.entry(group.context).or_insert(state);
                    *known = known.and(state);
                }
                let this = there_with(group, backend, is_whole);
                there
                    .entry(name)
                    .and_modify(|it| *it = it.and(this))
                    .or_insert(this);
            }
        }
        for (name, entry) in avoiding(group) {
            if let Some(cluster) = clusters.get_mut(name) {
                cluster.evacuated(entry);
            }
        }
        for (name, group) in there {
            if let Some(cluster) = clusters.get_mut(name) {
                cluster.groups.push(group);
            }
        }
    }
    let returns = groups
        .iter()
        .filter_map(|it| it.status.last_return.as_ref());
    let returns = LastReturn::of_each(returns);
    for cluster in clusters.values_mut() {
        cluster.evacuations.sort_by_key(|it| it.since);
        for evacuation in &mut cluster.evacuations {
            let last = returns.get(evacuation.id);
            evacuation.is_returning = last.is_some_and(|last| evacuation.since < Some(last.at));
        }
    }
    clusters.into_values().collect()
}

/// The clusters that the group's orders keep its traffic off, or have kept it off if they have
/// expired, each with the order.
fn avoiding<'a>(group: &'a PlacedGroup<'a>) -> Vec<(&'a str, &'a AvoidStatus)> {
    let mut avoiding = Vec::new();
    for avoid in group.status.avoid.iter().filter(|avoid| avoid.is_left()) {
        let backends = group.status.backends.iter().zip(&group.residences);
        let named = backends.filter(|(backend, _)| avoid.entry.names(&backend.name));
        let clusters: BTreeSet<&str> = named
            .flat_map(|(_, residence)| residence.clusters(group.own))
            .collect();
        avoiding.extend(clusters.into_iter().map(|name| (name, avoid)));
    }
    avoiding
}

/// A group by one of its backends. Which member of a federated Service is ready is unknown.
fn there_with<'a>(
    group: &PlacedGroup<'a>,
    backend: &BackendStatus,
    is_whole: bool,
) -> GroupThere<'a> {
    let is_known = is_whole && !backend.readiness.is_unknown();
    GroupThere {
        context: group.context,
        id: &group.status.id,
        carries: backend.weight > 0,
        is_ready: is_known.then(|| backend.readiness.is_ready()),
    }
}

impl GroupThere<'_> {
    fn and(self, other: Self) -> Self {
        Self {
            carries: self.carries || other.carries,
            is_ready: match (self.is_ready, other.is_ready) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::model::AvoidEntry;
    use crate::model::{
        Backend, Carrier, Group, RemoteService, Runner, ServiceRef, WeightsOrigin, WhyUnknown,
    };

    /// A group with these backends: name, weight and readiness.
    fn status(name: &str, backends: &[(&str, u64, Readiness)]) -> Status {
        let id = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: name.into(),
        };
        let each = backends.iter();
        let each =
            each.map(|(name, weight, _)| Backend::new("ns", ServiceRef::new("ns", *name), *weight));
        let group = Group::ordinary(id, Carrier::Split, "web".into(), each.collect(), 0);
        let readiness: Vec<Readiness> = backends.iter().map(|it| it.2.clone()).collect();
        let origin = WeightsOrigin::Created(None);
        Status::of(
            &group,
            &readiness,
            origin,
            Runner::Unattended,
            Timestamp::UNIX_EPOCH,
        )
    }

    fn known(ready: u32) -> Readiness {
        Readiness::Known { ready, total: 1 }
    }

    fn in_east() -> Residence {
        Residence::Mirrored {
            cluster: "east".into(),
            has_gateway: true,
        }
    }

    fn placed<'a>(
        context: &'a str,
        status: &'a Status,
        residences: Vec<Residence>,
    ) -> PlacedGroup<'a> {
        PlacedGroup {
            context,
            server: context,
            own: context,
            status,
            residences,
        }
    }

    #[test]
    fn a_cluster_carries_what_has_a_weight_there_and_could_carry_what_is_ready_there() {
        let home = status("home", &[("web", 1, known(1)), ("web-east", 0, known(1))]);
        let away = status("away", &[("web", 0, known(0)), ("web-east", 1, known(1))]);
        let dead = status("dead", &[("web", 1, known(1)), ("web-east", 0, known(0))]);
        let residences = || vec![Residence::Local, in_east()];
        let groups: Vec<PlacedGroup> = [&home, &away, &dead]
            .map(|status| placed("west", status, residences()))
            .into();
        let clusters = by_cluster([("west", "west")], &groups);
        let [east, west] = clusters.as_slice() else {
            panic!("{clusters:?}")
        };
        let counts =
            |it: &ClusterSummary| (it.groups.len(), it.carrying().count(), it.spare().count());
        assert_eq!((east.name, counts(east)), ("east", (3, 1, 1)));
        assert_eq!((west.name, counts(west)), ("west", (3, 2, 0)));
        assert_eq!(west.contexts, ["west"]);
        assert!(east.contexts.is_empty());
        let BackendCounts {
            ready,
            dead,
            unknown,
        } = east.backends;
        assert_eq!((ready, dead, unknown), (2, 1, 0));
        assert_eq!(
            east.gateways,
            BTreeMap::from([("west", GatewayState::Ready)])
        );
        assert!(west.gateways.is_empty());
    }

    #[test]
    fn an_order_of_several_groups_is_one_evacuation_of_the_cluster_of_their_backends() {
        let id = |name: &str| GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: name.into(),
        };
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        let evacuated = |name: &str, second| {
            let backends = vec![
                Backend::new("ns", ServiceRef::new("ns", "web"), 1),
                Backend::new("ns", ServiceRef::new("ns", "web-east"), 0),
            ];
            let mut group = Group::ordinary(id(name), Carrier::Split, "web".into(), backends, 0);
            group.avoid.entries = vec![AvoidEntry {
                backends: vec!["web-east".into()],
                id: "CHG-77".into(),
                by: "ops@vm".into(),
                at: at(second),
                ..AvoidEntry::default()
            }];
            let origin = WeightsOrigin::Created(None);
            let readiness = [known(1), known(1)];
            let now = Timestamp::UNIX_EPOCH;
            Status::of(&group, &readiness, origin, Runner::Unattended, now)
        };
        let (one, other) = (evacuated("one", 20), evacuated("other", 10));
        let residences = || vec![Residence::Local, in_east()];
        let groups = [&one, &other].map(|status| placed("west", status, residences()));
        let clusters = by_cluster([("west", "west")], &groups);
        let expected = Evacuation {
            id: "CHG-77",
            by: "ops@vm",
            since: at(10),
            until: None,
            reason: None,
            groups: 2,
            has_expired: false,
            is_returning: false,
        };
        assert_eq!(clusters[0].evacuations, [expected]);
        assert!(clusters[1].evacuations.is_empty());
    }

    #[test]
    fn a_federated_service_carries_in_each_cluster_but_is_ready_in_none() {
        let only = status(
            "fed",
            &[("web", 0, known(1)), ("web-federated", 1, known(3))],
        );
        let federated = Residence::Federated {
            has_local: true,
            clusters: BTreeSet::from(["east".to_owned()]),
        };
        let groups = [placed("west", &only, vec![Residence::Local, federated])];
        let clusters = by_cluster([("west", "west")], &groups);
        for cluster in &clusters {
            assert_eq!(cluster.carrying().count(), 1, "{cluster:?}");
            assert_eq!(cluster.spare().count(), 0, "{cluster:?}");
        }
        assert_eq!(clusters[0].backends.all(), 0);
        assert_eq!(clusters[0].groups[0].is_ready, None);
        assert_eq!(clusters[1].groups[0].is_ready, Some(true));
    }

    #[test]
    fn a_group_of_two_contexts_of_one_server_counts_once() {
        let group = status("web", &[("web", 1, known(1)), ("web-east", 0, known(1))]);
        let residences = || vec![Residence::Local, in_east()];
        let groups = ["west", "reader"].map(|context| PlacedGroup {
            server: "https://1",
            own: "west",
            ..placed(context, &group, residences())
        });
        let clusters = by_cluster([("west", "west"), ("reader", "west")], &groups);
        assert_eq!(clusters.len(), 2);
        assert_eq!(clusters[1].groups.len(), 1);
        assert_eq!(clusters[1].contexts, ["west", "reader"]);
    }

    #[test]
    fn a_gateway_is_down_if_a_mirror_says_so_and_none_is_ready() {
        let remote = RemoteService {
            cluster: "east".into(),
            service: ServiceRef::new("ns", "web"),
        };
        let down = Readiness::Mirrored {
            ready: 0,
            total: 1,
            side: MirrorSide::Gateway(remote),
        };
        let unknown = Readiness::Unknown {
            why: WhyUnknown::NotListed,
        };
        let state = |all: &[Readiness]| {
            let states = all.iter().map(GatewayState::of);
            states.reduce(GatewayState::and).unwrap()
        };
        assert_eq!(state(&[down.clone(), known(1)]), GatewayState::Ready);
        assert_eq!(state(&[unknown.clone(), down]), GatewayState::Down);
        assert_eq!(state(&[unknown, Readiness::Missing]), GatewayState::Unknown);
    }
}
