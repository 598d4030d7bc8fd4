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
