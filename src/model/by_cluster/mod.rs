//! A summary of each cluster that backends are in: what it carries, and what it could carry.

mod counts;
mod gateway;
mod summary;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};

pub use self::counts::BackendCounts;
pub use self::gateway::GatewayState;
pub use self::summary::{ClusterSummary, Evacuation, GroupThere};
use super::avoid_status::AvoidStatus;
use super::moves::LastReturn;
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
