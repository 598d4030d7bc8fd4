//! The last reports about a group, so that each fact is reported once.

use std::time::Duration;

use crate::model::due::WRITE_GRACE;
use crate::model::notice::Notice;
use crate::model::{Decision, Group, GroupId, Readiness, State, Weights, unhandled};

/// How long a group has to be without a fallback before that is reported (debounce): the only pod
/// of a fallback may just have been replaced.
const EXPOSURE_GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub struct Reported {
    /// The last reported reason why its traffic does not move.
    last: Option<String>,
    /// The warnings about its object.
    warnings: Vec<String>,
    stuck: Option<Stuck>,
    exposure: Option<Exposure>,
}

/// The primary serves, and no fallback is alive.
#[derive(Debug)]
struct Exposure {
    since: Duration,
    is_reported: bool,
}

/// The group is Down, Unavailable or Unknown.
#[derive(Debug)]
struct Stuck {
    state: State,
    is_reported: bool,
}

impl Reported {
    /// Returns whether `reason` is new and has to be reported.
    pub fn is_news(&mut self, reason: &str) -> bool {
        let is_news = self.last.as_deref() != Some(reason);
        if is_news {
            self.last = Some(reason.to_owned());
        }
        is_news
    }

    /// Records that the group works as intended. The next failure is reported even if it is the
    /// same.
    pub fn clear(&mut self) {
        self.last = None;
    }

    /// Returns the warnings that were not reported before.
    pub fn new_warnings(&mut self, warnings: &[String]) -> Vec<String> {
        if self.warnings == warnings {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.warnings, warnings.to_vec());
        let is_new = |warning: &&String| !before.contains(warning);
        warnings.iter().filter(is_new).cloned().collect()
    }

    /// Returns the notice that a move has not been written in time.
    pub fn down(&mut self, id: &GroupId, reason: String) -> Notice {
        let seconds = WRITE_GRACE.as_secs();
        let reason = format!("{reason}, and the move has not been written for {seconds} s");
        self.is_stuck(id, State::Down, reason)
    }

    /// Returns the notice of an outage in a group that is paused, if that is new.
    pub fn down_while_paused(&mut self, id: &GroupId, state: State, facts: &str) -> Option<Notice> {
        let is_known = |it: &Stuck| it.is_reported && it.state == state;
        let is_new = !self.stuck.as_ref().is_some_and(is_known);
        is_new.then(|| self.is_stuck(id, state, format!("{facts}, but the group is paused")))
    }

    fn is_stuck(&mut self, id: &GroupId, state: State, reason: String) -> Notice {
        self.stuck = Some(Stuck {
            state,
            is_reported: true,
        });
        Notice::Stuck {
            group: id.clone(),
            state,
            reason,
            cause: None,
        }
    }

    /// Whether it is reported that no fallback is alive.
    pub fn is_exposed(&self) -> bool {
        self.exposure.as_ref().is_some_and(|it| it.is_reported)
    }

    /// Forgets that no fallback is alive.
    pub fn forget_exposure(&mut self) {
        self.exposure = None;
    }

    /// Returns the notice that no fallback has been alive for a while, or that one is again; and
    /// when to look again.
    pub fn exposure(
        &mut self,
        group: &Group,
        readiness: &[Readiness],
        now: Duration,
    ) -> (Option<Notice>, Option<Duration>) {
        let id = &group.id;
        if !unhandled::is_exposed(group, readiness) {
            let was_reported = self.exposure.take().is_some_and(|it| it.is_reported);
            let is_covered = was_reported && unhandled::has_live_fallback(group, readiness);
            let covered = is_covered.then(|| Notice::Covered { group: id.clone() });
            return (covered, None);
        }
        let exposure = self.exposure.get_or_insert(Exposure {
            since: now,
            is_reported: false,
        });
        let due = exposure.since.saturating_add(EXPOSURE_GRACE);
        if exposure.is_reported {
            return (None, None);
        }
        if now < due {
            return (None, Some(due));
        }
        exposure.is_reported = true;
        let notice = Notice::Exposed {
            group: id.clone(),
            primary: group.primary_name().to_owned(),
        };
        (Some(notice), None)
    }

    /// Returns the notice that no backend is known to be ready, or that one is again. If traffic
    /// moves anyway, the report of the move is enough.
    pub fn stuck(
        &mut self,
        id: &GroupId,
        decision: &Decision,
        state: State,
        readiness: &[Readiness],
    ) -> Option<Notice> {
        let (group, reason) = (id.clone(), decision.reason.clone());
        if state == State::Down {
            let is_new = self.stuck.as_ref().is_none_or(|it| it.state != State::Down);
            return is_new.then(|| self.down(id, reason));
        }
        let was_down = |it: &Stuck| it.state == State::Down;
        if decision.down_unless_moved && self.stuck.as_ref().is_some_and(was_down) {
            // The write that ends it is due.
            return None;
        }
        let is_stuck = matches!(state, State::Unavailable | State::Unknown);
        match (self.stuck.take(), is_stuck) {
            (None, false) => None,
            (Some(before), true) => {
                self.stuck = Some(Stuck { state, ..before });
                None
            }
            (None, true) => {
                let is_reported = decision.weights == Weights::Hold;
                self.stuck = Some(Stuck { state, is_reported });
                let cause = readiness.iter().find_map(Readiness::why_unknown);
                is_reported.then(|| Notice::Stuck {
                    group,
                    state,
                    reason,
                    cause: cause.map(ToString::to_string),
                })
            }
            (Some(before), false) => before.is_reported.then_some(Notice::Unstuck {
                group,
                was: before.state,
                state,
                reason,
            }),
        }
    }
}
