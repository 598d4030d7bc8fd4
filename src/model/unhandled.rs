//! The outages that nobody handles, and the lack of a fallback, as readiness shows them; and
//! outages and recoveries as it shows them afterwards.

use jiff::Timestamp;

use super::down;
use super::event::{EventKind, GroupEvent};
use super::group::Group;
use super::readiness::Readiness;
use super::situation::{Candidate, Situation};
use super::state::State;

/// A group as somebody finds it, without knowing what happened before.
#[derive(Debug, Clone, Copy)]
pub struct Finding<'a> {
    /// The group.
    pub group: &'a Group,
    /// One entry for each backend.
    pub readiness: &'a [Readiness],
    /// Since when each backend is ready, or not ready; none if nothing tells.
    pub since: &'a [Option<Timestamp>],
    /// When its weights were set, if anything tells.
    pub weights_set: Option<Timestamp>,
    /// The API server's time.
    pub now: Timestamp,
}

impl Finding<'_> {
    /// Returns the outage: nothing that carries the traffic has a ready endpoint.
    pub fn outage(&self) -> Option<GroupEvent> {
        let (kind, why) = match outage(self.group, self.readiness)? {
            (State::Down, facts) => (
                EventKind::Down,
                format!("{facts}, but nothing has failed over"),
            ),
            (_, why) => (EventKind::Unavailable, why),
        };
        let situation = Situation::without_avoid(self.group, self.readiness);
        let carrying = situation.select(Candidate::carries);
        let mut times = carrying.iter().map(|it| self.since_of(it.index));
        // The last one to die began the outage, so all have to be known.
        let died = times.try_fold(Timestamp::MIN, |latest, at| Some(latest.max(at?)));
        let at = died.map(|at| self.weights_set.map_or(at, |set| set.max(at)));
        let why = match at {
            Some(_) => why,
            None => format!("{why}; it is not known since when"),
        };
        Some(self.event(kind, at.unwrap_or(self.now), why))
    }

    /// Returns that the home, which traffic has left, has become ready since.
    pub fn recovery(&self) -> Option<GroupEvent> {
        let home = self.group.home_index();
        if self.group.carries(home) {
            return None;
        }
        let readiness = self.readiness.get(home)?;
        let is_enough = readiness.meets(self.group.threshold(home))?;
        let left = self.weights_set?;
        // Slices tell whole seconds.
        let is_since = |at: &Timestamp| at.as_second() >= left.as_second();
        let at = self.since_of(home).filter(is_since)?.max(left);
        let (ready, total) = readiness.counts()?;
        let name = self.group.backend_name(home);
        let why = format!("{name} has ready endpoints again ({ready} of {total})");
        is_enough.then(|| self.event(EventKind::Recovered, at, why))
    }

    /// Returns the kinds of outages, and of the lack of a fallback, that the group does not have.
    pub fn over(&self) -> Vec<EventKind> {
        let situation = Situation::without_avoid(self.group, self.readiness);
        let mut over = Vec::new();
        if situation.any(|it| it.carries() && it.is_ready()) {
            over.extend([EventKind::Down, EventKind::Unavailable, EventKind::Unknown]);
        }
        if situation.fallbacks().any(|it| it.is_ready()) {
            over.push(EventKind::Exposed);
        }
        over
    }

    fn since_of(&self, index: usize) -> Option<Timestamp> {
        self.since.get(index).copied().flatten()
    }

    fn event(&self, kind: EventKind, at: Timestamp, why: String) -> GroupEvent {
        GroupEvent {
            kind,
            group: self.group.id.clone(),
            apex: Some(self.group.apex.clone()),
            at,
            from: None,
            to: None,
            by: String::new(),
            why,
            unverified: false,
            took: None,
        }
    }
}

/// Returns `Down` or `Unavailable`, and why as a clause, if nothing that carries a group's traffic
/// has a ready endpoint.
pub fn outage(group: &Group, readiness: &[Readiness]) -> Option<(State, String)> {
    let situation = Situation::without_avoid(group, readiness);
    if down::is_down_unless_moved(&situation) {
        return Some((State::Down, down::facts(&situation)));
    }
    let is_dead =
        !situation.backends.is_empty() && situation.backends.iter().all(Candidate::is_dead);
    is_dead.then(|| {
        let why = "no backend has a ready endpoint".to_owned();
        (State::Unavailable, why)
    })
}

/// Returns whether no fallback of a primary that serves the traffic is alive.
pub fn is_exposed(group: &Group, readiness: &[Readiness]) -> bool {
    let primary = Situation::without_avoid(group, readiness).primary;
    primary.carries() && primary.is_ready() && !has_live_fallback(group, readiness)
}

/// Returns whether a fallback is not known to be dead.
pub fn has_live_fallback(group: &Group, readiness: &[Readiness]) -> bool {
    let situation = Situation::without_avoid(group, readiness);
    situation.fallbacks().any(|it| !it.is_dead())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures;

    fn group(weights: [u64; 2]) -> Group {
        let [web, east] = weights;
        fixtures::group(fixtures::id("ns", "web"), &[("web", web), ("east", east)])
    }

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    fn found(
        weights: [u64; 2],
        ready: [u32; 2],
        since: [Option<Timestamp>; 2],
    ) -> [Option<(EventKind, i64)>; 2] {
        let group = group(weights);
        let readiness = ready.map(|ready| Readiness::Known { ready, total: 1 });
        let finding = Finding {
            group: &group,
            readiness: &readiness,
            since: &since,
            weights_set: at(100),
            now: at(900).unwrap(),
        };
        let told = |event: GroupEvent| (event.kind, event.at.as_second());
        [finding.outage().map(told), finding.recovery().map(told)]
    }

    #[test]
    fn an_outage_begins_when_the_last_carrier_dies() {
        use EventKind::{Down, Unavailable};
        let since = [at(300), at(400)];
        assert_eq!(found([1, 0], [0, 1], since), [Some((Down, 300)), None]);
        assert_eq!(found([1, 1], [0, 0], since)[0], Some((Unavailable, 400)));
        assert_eq!(found([1, 1], [0, 1], since), [None, None], "one serves");
        assert_eq!(found([0, 1], [1, 0], since)[0], Some((Down, 400)));
    }

    #[test]
    fn an_outage_is_not_older_than_its_weights_nor_than_what_is_known() {
        assert_eq!(found([1, 0], [0, 1], [at(50), None])[0].unwrap().1, 100);
        assert_eq!(found([1, 0], [0, 1], [None, None])[0].unwrap().1, 900);
    }

    #[test]
    fn a_recovery_is_one_of_the_home_since_traffic_left_it() {
        let recovered = Some((EventKind::Recovered, 300));
        assert_eq!(found([0, 1], [1, 1], [at(300), None]), [None, recovered]);
        assert_eq!(found([0, 1], [1, 1], [at(50), None]), [None, None]);
        assert_eq!(found([0, 1], [1, 1], [None, None]), [None, None]);
        assert_eq!(found([1, 0], [1, 1], [at(300), None]), [None, None]);
    }
}
