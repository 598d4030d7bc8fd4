//! What `evacuate` and `return` make of a group's traffic, and whether a group is worse off after it
//! was moved.

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

/// Says why the traffic of a group cannot leave the backends `there`, as a clause. `cluster` is
/// where they are.
pub fn why_it_stays(
    group: &Group,
    readiness: &[Readiness],
    there: &[usize],
    cluster: &str,
) -> String {
    let others = (0..group.backends.len()).filter(|index| !there.contains(index));
    let others: Vec<usize> = others.collect();
    if others.is_empty() {
        return format!("it has no backend outside {cluster}");
    }
    let each = others.iter().map(|&index| {
        let known = readiness.get(index);
        let state = match (known, known.and_then(Readiness::counts)) {
            (Some(Readiness::Missing), _) => "does not exist".to_owned(),
            (_, Some((ready, total))) => format!("{ready} of {total} ready"),
            (known, None) => match known.and_then(Readiness::why_unknown) {
                Some(why) => format!("readiness unknown: {why}"),
                None => "readiness unknown".to_owned(),
            },
        };
        format!("{} ({state})", group.backend_name(index))
    });
    let each: Vec<String> = each.collect();
    format!("no other backend is known to be ready: {}", each.join(", "))
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
        assert_eq!(
            why_it_stays(&group(&[1, 0, 0]), &readiness, &[0], "east"),
            "no other backend is known to be ready: web (0 of 2 ready), web-west (does not exist)"
        );
        assert_eq!(
            why_it_stays(&group(&[1]), &readiness, &[0], "east"),
            "it has no backend outside east"
        );
    }

    #[test]
    fn a_group_is_served_by_a_carrying_backend_that_is_not_dead() {
        assert!(is_served(&[1, 0], &[known(1), known(0)]));
        assert!(!is_served(&[1, 0], &[known(0), known(1)]));
        assert!(!is_served(&[0, 0], &[known(1), known(1)]));
    }
}
