//! What `evacuate` and `return` make of a group's traffic, and whether a group is worse off after it
//! was moved.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::avoid::AvoidEntry;
use super::group::Group;
use super::readiness::Readiness;
use super::state::State;
use super::status::Status;

/// What happens to the traffic of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrafficEffect {
    /// It leaves the cluster, or comes back.
    Moves,
    /// It does not move, and none is on the backends in question.
    Quiet,
    /// It stays on a backend in question, since no other one can take it.
    Stays,
}

impl TrafficEffect {
    /// Returns what happens to the traffic that goes by `before`, and by `after` if it moves.
    /// `there` are the indexes of the backends in question.
    pub fn of(before: &[u64], after: Option<&[u64]>, there: &[usize]) -> Self {
        let is_there = |weights: &[u64]| {
            let mut weights = there.iter().filter_map(|index| weights.get(*index));
            weights.any(|weight| *weight > 0)
        };
        match after {
            Some(after) if is_there(before) && !is_there(after) => Self::Moves,
            _ if is_there(after.unwrap_or(before)) => Self::Stays,
            _ => Self::Quiet,
        }
    }
}

/// The evacuation of a cluster, as it concerns one group.
#[derive(Debug)]
pub struct GroupEvacuation<'a> {
    /// The group as it is before.
    pub group: &'a Group,
    /// One for each backend.
    pub readiness: &'a [Readiness],
    /// The indexes of the group's backends in the cluster.
    pub there: &'a [usize],
    /// The cluster that is evacuated.
    pub cluster: &'a str,
    /// What `return` ends it by.
    pub id: &'a str,
    /// The API server's time.
    pub now: Timestamp,
}

impl<'a> GroupEvacuation<'a> {
    /// Returns another evacuation that keeps traffic off a backend.
    fn other(&self, index: usize) -> Option<&'a AvoidEntry> {
        let name = self.group.backend_name(index);
        let mut entries = self.group.avoid.entries.iter();
        entries.find(|it| it.id != self.id && !it.is_over(self.now) && it.names(name))
    }

    /// Returns the identifiers of the other evacuations of its backends in the cluster.
    pub fn others(&self) -> BTreeSet<&'a str> {
        let others = self.there.iter().filter_map(|&index| self.other(index));
        others.map(|entry| entry.id.as_str()).collect()
    }

    /// Whether the primary is in the cluster, and gets no traffic by these weights.
    pub fn misses_primary(&self, weights: &[u64]) -> bool {
        let primary = self.group.at(self.now, self.readiness).primary;
        self.there.contains(&primary) && weights.get(primary) == Some(&0)
    }

    fn outside(&self) -> impl Iterator<Item = usize> {
        (0..self.group.backends.len()).filter(|index| !self.there.contains(index))
    }

    /// Whether no backend outside can take the traffic, but one in the cluster may.
    pub fn is_only_way(&self) -> bool {
        let readiness = |index: usize| self.readiness.get(index);
        let takes = |index: usize| {
            let carries = self.group.carries(index);
            let is_unknown = readiness(index).is_none_or(Readiness::is_unknown);
            readiness(index).is_some_and(Readiness::is_ready) || is_unknown && carries
        };
        let is_open = |index: usize| self.other(index).is_none() && takes(index);
        let mut there = self.there.iter();
        !self.outside().any(is_open)
            && there.any(|&index| !readiness(index).is_none_or(Readiness::is_dead))
    }

    /// Says why no backend outside the cluster can take the traffic, as a clause.
    pub fn why_it_stays(&self) -> String {
        let outside: Vec<usize> = self.outside().collect();
        if outside.is_empty() {
            return format!("it has no backend outside {}", self.cluster);
        }
        let others = outside.iter().filter_map(|&index| self.other(index));
        let ids: BTreeSet<&str> = others.clone().map(|it| it.id.as_str()).collect();
        if others.count() == outside.len() {
            let ids: Vec<&str> = ids.into_iter().chain([self.id]).collect();
            return format!("every backend is evacuated ({})", ids.join(", "));
        }
        let each = outside.iter().map(|&index| {
            let known = self.readiness.get(index);
            let state = match (known, known.and_then(Readiness::counts)) {
                (Some(Readiness::Missing), _) => "does not exist".to_owned(),
                (_, Some((ready, total))) => format!("{ready} of {total} ready"),
                (known, None) => match known.and_then(Readiness::why_unknown) {
                    Some(why) => format!("readiness unknown: {why}"),
                    None => "readiness unknown".to_owned(),
                },
            };
            let other = self.other(index);
            let other = other.map(|it| format!(", evacuated by {}", it.id));
            let name = self.group.backend_name(index);
            format!("{name} ({state}{})", other.unwrap_or_default())
        });
        let each: Vec<String> = each.collect();
        format!("no other backend is known to be ready: {}", each.join(", "))
    }
}

/// Whether a backend that carries traffic may answer requests.
pub fn is_served(weights: &[u64], readiness: &[Readiness]) -> bool {
    let mut backends = weights.iter().zip(readiness);
    backends.any(|(weight, readiness)| *weight > 0 && !readiness.is_dead())
}

/// Says how a group is worse off than one that was served, as a clause; none if it is not.
pub fn worse(now: &Status) -> Option<String> {
    let carrying = || now.backends.iter().filter(|backend| backend.weight > 0);
    let is_dead = carrying().count() > 0 && carrying().all(|it| it.readiness.is_dead());
    let is_bad = matches!(now.state, State::Down | State::Unavailable);
    (is_dead || is_bad).then(|| format!("now {}: {}", now.state, now.reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Backend, Carrier, GroupId, ServiceRef};

    fn group(weights: &[u64]) -> Group {
        let id = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let names = ["web-east", "web", "web-west"];
        let backends = names.iter().zip(weights);
        let backends = backends
            .map(|(name, weight)| Backend::new("ns", ServiceRef::new("ns", *name), *weight))
            .collect();
        Group::ordinary(id, Carrier::Split, "web".into(), backends, 0)
    }

    const fn known(ready: u32) -> Readiness {
        Readiness::Known { ready, total: 2 }
    }

    #[test]
    fn traffic_moves_if_it_is_there_before_and_not_afterwards() {
        for (before, after, effect) in [
            ([1, 0], Some([0, 1]), TrafficEffect::Moves),
            ([1, 1], Some([0, 1]), TrafficEffect::Moves),
            ([0, 1], None, TrafficEffect::Quiet),
            ([1, 0], None, TrafficEffect::Stays),
            ([1, 0], Some([1, 1]), TrafficEffect::Stays),
        ] {
            let after = after.as_ref().map(|after| &after[..]);
            assert_eq!(
                TrafficEffect::of(&before, after, &[0]),
                effect,
                "{before:?}"
            );
        }
    }

    #[test]
    fn the_reason_for_staying_names_the_other_backends() {
        let readiness = [known(2), known(0), Readiness::Missing];
        let why = |group: &Group| of(group, &readiness).why_it_stays();
        assert_eq!(
            why(&group(&[1, 0, 0])),
            "no other backend is known to be ready: web (0 of 2 ready), web-west (does not exist)"
        );
        assert_eq!(why(&group(&[1])), "it has no backend outside east");
    }

    #[test]
    fn traffic_misses_a_primary_in_the_cluster_alone() {
        let readiness = [known(2), known(2), known(0)];
        let group = group(&[0, 1, 0]);
        let evacuation = of(&group, &readiness);
        assert!(evacuation.misses_primary(&[0, 1, 0]));
        assert!(!evacuation.misses_primary(&[1, 1, 0]));
        let elsewhere = GroupEvacuation {
            there: &[1],
            ..evacuation
        };
        assert!(!elsewhere.misses_primary(&[0, 1, 0]));
    }

    #[test]
    fn the_reason_for_staying_names_the_other_evacuations() {
        let readiness = [known(2), known(2), known(0)];
        let why = |group: &Group| of(group, &readiness).why_it_stays();
        let mut group = group(&[0, 1, 0]);
        group.avoid.entries = vec![entry("O1", "web")];
        assert!(of(&group, &readiness).is_only_way());
        assert_eq!(
            why(&group),
            "no other backend is known to be ready: web (2 of 2 ready, evacuated by O1), web-west \
             (0 of 2 ready)"
        );
        group.avoid.entries.push(entry("O2", "web-west"));
        assert_eq!(why(&group), "every backend is evacuated (O1, O2, O3)");
        group.avoid.entries[0].until = Some(Timestamp::UNIX_EPOCH);
        assert!(!of(&group, &readiness).is_only_way());
    }

    fn of<'a>(group: &'a Group, readiness: &'a [Readiness]) -> GroupEvacuation<'a> {
        GroupEvacuation {
            group,
            readiness,
            there: &[0],
            cluster: "east",
            id: "O3",
            now: Timestamp::UNIX_EPOCH,
        }
    }

    fn entry(id: &str, backend: &str) -> AvoidEntry {
        AvoidEntry {
            id: id.into(),
            backends: vec![backend.into()],
            ..AvoidEntry::default()
        }
    }

    #[test]
    fn a_group_is_served_by_a_carrying_backend_that_is_not_dead() {
        assert!(is_served(&[1, 0], &[known(1), known(0)]));
        assert!(!is_served(&[1, 0], &[known(0), known(1)]));
        assert!(!is_served(&[0, 0], &[known(1), known(1)]));
    }
}
