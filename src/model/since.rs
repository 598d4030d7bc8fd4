//! The age of a group's state: the later of the last change of its weights and of the readiness
//! that the state rests on, as far as anything tells.

use jiff::Timestamp;

use super::runner::Runner;
use super::state::State;
use super::status::{OverrideStatus, Status, WeightsOrigin};

impl WeightsOrigin {
    /// Returns when the weights were set.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Moved(last) => Some(last.at),
            Self::Edited { at, .. } => Some(*at),
            Self::Created(at) => *at,
        }
    }
}

impl Status {
    /// Returns since when the group is in its state; none if nothing tells. `last_edit` is the last
    /// write of the object by anybody.
    pub fn state_since(&self, last_edit: Option<Timestamp>) -> Option<Timestamp> {
        let weights = self.changed.at();
        let readiness = || self.backends.iter().filter_map(|backend| backend.since);
        match self.state {
            State::Invalid => last_edit,
            State::Paused => self
                .paused
                .as_ref()
                .and_then(|pause| pause.at)
                .or(last_edit),
            // Weights do not tell since when backends cannot be read.
            State::Unknown => None,
            State::Unavailable => readiness()
                .max()
                .map(|at| weights.map_or(at, |it| it.max(at))),
            State::Down => self.carriers_since().max(weights),
            State::OutOfSync => {
                let edit = last_edit.filter(|_| !self.is_caused_by_readiness());
                let known = readiness().chain(self.expiry()).chain(weights).chain(edit);
                known.max()
            }
            State::Overridden => weights.max(self.forced_at()),
            State::Failover => weights,
            State::Waiting | State::Primary | State::Active => weights.max(self.primary_since()),
        }
    }

    /// Returns when the delay that it waits for ends, as far as a running watch has seen the same.
    pub fn wait_ends(&self) -> Option<Timestamp> {
        let delay = self.wait?.delay;
        let is_run = matches!(self.runner, Runner::Watch(_));
        let since = self.primary_since().filter(|_| is_run)?;
        since.checked_add(delay).ok()
    }

    /// Whether the primary is why the object should be changed.
    fn is_caused_by_readiness(&self) -> bool {
        self.flags.short && self.primary_since().is_some()
    }

    fn carriers_since(&self) -> Option<Timestamp> {
        let carrying = self.backends.iter().filter(|backend| backend.weight > 0);
        carrying.filter_map(|backend| backend.since).max()
    }

    fn primary_since(&self) -> Option<Timestamp> {
        let primary = self.primary.as_ref()?;
        let mut backends = self.backends.iter();
        backends.find(|backend| backend.name == *primary)?.since
    }

    fn forced_at(&self) -> Option<Timestamp> {
        match self.order.as_ref()? {
            OverrideStatus::InForce(order) | OverrideStatus::WithoutHome(order) => order.at,
            OverrideStatus::Expired(_) | OverrideStatus::Broken { .. } => None,
        }
    }

    /// Returns when the order that should be removed expired.
    fn expiry(&self) -> Option<Timestamp> {
        match &self.order {
            Some(OverrideStatus::Expired(order)) => order.until,
            _ => self.paused.as_ref()?.until,
        }
    }
}

/// Sets the times of what has changed between two reports to that of the later one, and keeps the
/// times of what has not. Both are sorted by group.
pub fn carry_over(before: &[Status], after: &mut [Status], at: Timestamp) {
    for status in after {
        let Ok(index) = before.binary_search_by(|old| old.id.cmp(&status.id)) else {
            continue;
        };
        let Some(old) = before.get(index) else {
            continue;
        };
        if old.state != status.state {
            status.since = Some(at);
        } else if old.changed.at() == status.changed.at() {
            status.since = old.since;
        }
        for backend in &mut status.backends {
            let mut backends = old.backends.iter();
            let Some(old) = backends.find(|old| old.name == backend.name) else {
                continue;
            };
            let is_same = old.readiness.is_ready() == backend.readiness.is_ready()
                && old.readiness.is_unknown() == backend.readiness.is_unknown();
            backend.since = if is_same { old.since } else { Some(at) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Backend, BackendStatus, Carrier, Group, GroupId, LastMove, Readiness, Runner, ServiceRef,
    };

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    /// A group that was moved in second 100. Each backend has its ready endpoints and a time.
    fn status(backends: [(u64, u32, Option<Timestamp>); 2]) -> Status {
        let id = GroupId {
            namespace: "ns".to_owned(),
            kind: "trafficsplit",
            name: "web".to_owned(),
        };
        let names = ["web", "east"].map(|name| ServiceRef::new("ns", name));
        let listed = names.into_iter().zip(backends);
        let listed = listed
            .map(|(service, (weight, ..))| Backend::new("ns", service, weight))
            .collect();
        let group = Group::ordinary(id, Carrier::Split, "web".to_owned(), listed, 0);
        let readiness = backends.map(|(_, ready, _)| Readiness::Known { ready, total: 1 });
        let moved = WeightsOrigin::Moved(LastMove {
            from: String::new(),
            to: String::new(),
            at: Timestamp::from_second(100).unwrap(),
            by: String::new(),
            why: String::new(),
            unverified: false,
            ready: None,
            home: None,
            command: None,
        });
        let now = Timestamp::from_second(1000).unwrap();
        let mut status = Status::of(&group, &readiness, moved, Runner::Unattended, now);
        for (backend, (.., since)) in status.backends.iter_mut().zip(backends) {
            backend.since = since;
        }
        status.since = status.state_since(at(100));
        status
    }

    #[test]
    fn a_state_is_as_old_as_the_readiness_or_the_weights_that_it_rests_on() {
        let since = |backends| status(backends).since;
        assert_eq!(since([(1, 1, None), (0, 1, None)]), at(100), "at home");
        assert_eq!(
            since([(1, 1, at(150)), (0, 1, at(200))]),
            at(150),
            "home again"
        );
        assert_eq!(since([(1, 0, at(300)), (0, 1, None)]), at(300), "an outage");
        assert_eq!(
            since([(0, 0, at(99)), (1, 1, at(400))]),
            at(100),
            "failed over"
        );
        assert_eq!(
            since([(1, 0, at(300)), (0, 0, at(200))]),
            at(300),
            "all dead"
        );
        assert_eq!(since([(1, 0, None), (0, 0, None)]), None, "nothing tells");
    }

    #[test]
    fn a_change_that_was_seen_is_timed_and_the_rest_keeps_its_time() {
        let home = [status([(1, 1, at(150)), (0, 1, None)])];
        let mut rewritten = [status([(1, 1, at(500)), (0, 1, at(500))])];
        carry_over(&home, &mut rewritten, Timestamp::from_second(501).unwrap());
        assert_eq!(rewritten[0].since, at(150), "pods were replaced");
        assert_eq!(rewritten[0].backends, home[0].backends);
        let mut outage = [status([(1, 0, at(600)), (0, 1, None)])];
        carry_over(&home, &mut outage, Timestamp::from_second(601).unwrap());
        let times = outage[0]
            .backends
            .iter()
            .map(|backend: &BackendStatus| backend.since);
        assert_eq!(outage[0].since, at(601));
        assert_eq!(times.collect::<Vec<_>>(), [at(601), None]);
    }
}
