//! The evacuations that stand, put together from the orders on the groups, and the groups that they
//! have missed.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::avoid::AvoidEntry;
use super::avoid_status::{AvoidEffect, AvoidStatus};
use super::by_cluster::PlacedGroup;
use super::ids::GroupId;
use super::moves::LastReturn;
use super::overrides::{Override, author};
use super::residence::Membership;
use super::state::State;
use super::status::{BackendStatus, OverrideStatus, Status};

/// A group, where its backends are, and when its object was created.
#[derive(Debug, Clone)]
pub struct DatedGroup<'a> {
    /// The group and its backends.
    pub placed: PlacedGroup<'a>,
    /// The API server's time.
    pub created: Option<Timestamp>,
}

/// An evacuation of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingEvacuation<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// Its latest order.
    pub entry: &'a AvoidEntry,
    /// How many groups have the order.
    pub groups: usize,
    /// In how many of them the order rests, since no other backend can take the traffic.
    pub resting: usize,
    /// It has expired, but was not ended.
    pub has_expired: bool,
    /// The last `return` of a group from it: the others are to follow.
    pub last_return: Option<&'a LastReturn>,
    /// The groups that have a backend there, but not the order. None while a `return` is under way.
    pub missed: Vec<MissedGroup<'a>>,
}

/// A group with a backend in an evacuated cluster, without the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissedGroup<'a> {
    /// The context in which the group was read.
    pub context: &'a str,
    /// The group.
    pub id: &'a GroupId,
    /// It was created after the evacuation.
    pub is_newer: bool,
    /// Why `evacuate` leaves it alone, if it does.
    pub left: Option<LeftAlone<'a>>,
}

/// Why `evacuate` leaves a group alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftAlone<'a> {
    /// It cannot be a group.
    Invalid,
    /// Somebody paused it.
    Paused,
    /// Somebody forced it to a backend in the cluster.
    Forced(&'a Override),
}

impl fmt::Display for LeftAlone<'_> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Invalid => write!(out, "invalid"),
            Self::Paused => write!(out, "paused"),
            Self::Forced(order) => {
                write!(out, "forced to {} by {}", order.to, author(&order.by))
            }
        }
    }
}

/// Returns the evacuations that stand, or that have expired and were not ended, by cluster and
/// identifier.
pub fn evacuations<'a>(groups: &'a [DatedGroup<'a>]) -> Vec<StandingEvacuation<'a>> {
    let orders = groups.iter().flat_map(|group| {
        let avoid = group.placed.status.avoid.iter();
        avoid.filter_map(|order| {
            let known = order.entry.cluster.as_deref();
            let cluster = group.placed.cluster_of(&order.entry).or(known)?;
            Some((cluster, order))
        })
    });
    let statuses = groups.iter().map(|group| group.placed.status);
    let mut found = counted(orders, statuses);
    for evacuation in &mut found {
        if !evacuation.has_expired && evacuation.last_return.is_none() {
            evacuation.missed = missed(groups, evacuation.cluster, evacuation.entry);
        }
    }
    found
}

/// Returns the same of entries that name their cluster, without the groups that were missed.
pub fn recorded<'a>(
    statuses: impl Iterator<Item = &'a Status> + Clone,
) -> Vec<StandingEvacuation<'a>> {
    let orders = statuses.clone().flat_map(|status| &status.avoid);
    let orders = orders.filter_map(|order| Some((order.entry.cluster.as_deref()?, order)));
    counted(orders, statuses)
}

fn counted<'a>(
    orders: impl Iterator<Item = (&'a str, &'a AvoidStatus)>,
    statuses: impl Iterator<Item = &'a Status>,
) -> Vec<StandingEvacuation<'a>> {
    let mut found: BTreeMap<(&str, &str), StandingEvacuation> = BTreeMap::new();
    for (cluster, order) in orders.filter(|(_, order)| order.is_left()) {
        let known = found
            .entry((cluster, &order.entry.id))
            .or_insert_with(|| StandingEvacuation {
                cluster,
                entry: &order.entry,
                groups: 0,
                resting: 0,
                has_expired: true,
                last_return: None,
                missed: Vec::new(),
            });
        known.groups += 1;
        known.resting += usize::from(order.effect == AvoidEffect::Resting);
        if order.entry.at > known.entry.at || known.groups == 1 {
            known.entry = &order.entry;
            known.has_expired = !order.stands();
        }
    }
    let returns = statuses.filter_map(|status| status.last_return.as_ref());
    let returns = LastReturn::of_each(returns);
    for evacuation in found.values_mut() {
        let last = returns.get(&*evacuation.entry.id).copied();
        evacuation.last_return = last.filter(|last| evacuation.entry.at < Some(last.at));
    }
    found.into_values().collect()
}

fn missed<'a>(
    groups: &'a [DatedGroup<'a>],
    cluster: &str,
    entry: &AvoidEntry,
) -> Vec<MissedGroup<'a>> {
    let missed = groups.iter().filter_map(|group| {
        let placed = &group.placed;
        let avoid = placed.status.avoid.iter();
        if avoid
            .clone()
            .any(|it| it.stands() && it.entry.id == entry.id)
        {
            return None;
        }
        placed.there(cluster).next()?;
        Some(MissedGroup {
            context: placed.context,
            id: &placed.status.id,
            // Creation times are whole seconds. An older group would have been evacuated.
            is_newer: group
                .created
                .zip(entry.at)
                .is_some_and(|(new, at)| new.as_second() >= at.as_second()),
            left: placed.left_alone(cluster),
        })
    });
    missed.collect()
}

impl<'a> PlacedGroup<'a> {
    /// Returns the cluster of the backends that an entry names, if all are in the same.
    fn cluster_of(&'a self, entry: &AvoidEntry) -> Option<&'a str> {
        let backends = self.status.backends.iter().zip(&self.residences);
        let named = backends.filter(|(backend, _)| entry.names(&backend.name));
        let mut clusters = named.flat_map(|(_, residence)| residence.clusters(self.own));
        let first = clusters.next()?;
        clusters.all(|other| other == first).then_some(first)
    }

    /// Returns the backends that are in a cluster.
    fn there(&self, cluster: &str) -> impl Iterator<Item = &BackendStatus> {
        let backends = self.status.backends.iter().zip(&self.residences);
        let there = backends.filter(move |(_, residence)| {
            residence.membership(cluster, self.own) == Membership::Whole
        });
        there.map(|(backend, _)| backend)
    }

    fn left_alone(&self, cluster: &str) -> Option<LeftAlone<'a>> {
        if self.status.state == State::Invalid {
            return Some(LeftAlone::Invalid);
        }
        if let Some(OverrideStatus::InForce(order)) = &self.status.order
            && self.there(cluster).any(|it| it.name == order.to)
        {
            return Some(LeftAlone::Forced(order));
        }
        self.status.paused.as_ref().map(|_| LeftAlone::Paused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Readiness, Residence, Runner, WeightsOrigin, fixtures};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A group with a backend in east. It is evacuated by W2, or was returned from it.
    fn group(name: &str, evacuated: Option<i64>, returned: Option<(&str, i64)>) -> Status {
        let id = fixtures::id("shop", name);
        let mut group = fixtures::group(id, &[("web", 0), ("web-west", 1)]);
        let entries = evacuated.map(|second| AvoidEntry {
            backends: vec!["web".into()],
            cluster: Some("east".into()),
            id: "W2".into(),
            at: Some(at(second)),
            ..AvoidEntry::default()
        });
        group.avoid.entries = Vec::from_iter(entries);
        group.last_return = returned.map(|(id, second)| LastReturn {
            id: id.into(),
            by: "bob@laptop".into(),
            at: at(second),
        });
        let ready = Readiness::Known { ready: 1, total: 1 };
        let origin = WeightsOrigin::Created(None);
        Status::of(
            &group,
            &[ready.clone(), ready],
            origin,
            Runner::Unattended,
            at(100),
        )
    }

    fn dated(status: &Status, created: Option<Timestamp>) -> DatedGroup<'_> {
        DatedGroup {
            placed: PlacedGroup {
                context: "east",
                server: "https://east",
                own: "east",
                status,
                residences: vec![Residence::Local, Residence::Unknown],
            },
            created,
        }
    }

    /// Whether a return is under way, and the groups that the evacuation has missed.
    fn found(statuses: &[Status]) -> (bool, Vec<String>) {
        let dated: Vec<DatedGroup> = statuses.iter().map(|it| dated(it, None)).collect();
        let found = evacuations(&dated);
        let [only] = found.as_slice() else {
            panic!("one evacuation: {found:?}")
        };
        let recorded = recorded(statuses.iter());
        assert_eq!(recorded[0].last_return, only.last_return);
        let missed = only.missed.iter();
        (
            only.last_return.is_some(),
            missed.map(|it| it.id.short_name()).collect(),
        )
    }

    #[test]
    fn a_group_from_the_second_of_the_evacuation_is_newer() {
        let mut left = group("left", Some(10), None);
        for avoid in &mut left.avoid {
            avoid.entry.at = Timestamp::from_millisecond(10_400).ok();
        }
        let new = group("new", None, None);
        for (created, is_newer) in [(9, false), (10, true), (11, true)] {
            let groups = [dated(&left, None), dated(&new, Some(at(created)))];
            let found = evacuations(&groups);
            assert_eq!(found[0].missed[0].is_newer, is_newer, "{created}");
        }
    }

    #[test]
    fn a_return_that_is_under_way_has_missed_no_group() {
        let left = group("left", Some(10), None);
        let new = group("new", None, None);
        let missed = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        assert_eq!(
            found(&[left.clone(), new.clone()]),
            (false, missed(&["new"]))
        );
        let back = |id, second| group("back", None, Some((id, second)));
        let all = |back| [left.clone(), new.clone(), back];
        assert_eq!(found(&all(back("W2", 20))), (true, missed(&[])));
        // Of another evacuation, or of one before this one.
        for other in [back("W1", 20), back("W2", 5)] {
            assert_eq!(found(&all(other)), (false, missed(&["new", "back"])));
        }
    }
}
