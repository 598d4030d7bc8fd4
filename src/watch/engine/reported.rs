//! The last reports about a group, so that each fact is reported once.

use crate::model::due::WRITE_GRACE;
use crate::model::notice::Notice;
use crate::model::{Decision, GroupId, Readiness, State, Weights};

#[derive(Debug, Default)]
pub struct Reported {
    /// The last reported reason why its traffic does not move.
    last: Option<String>,
    /// The warnings about its object.
    warnings: Vec<String>,
    stuck: Option<Stuck>,
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
        self.stuck = Some(Stuck {
            state: State::Down,
            is_reported: true,
        });
        let seconds = WRITE_GRACE.as_secs();
        Notice::Stuck {
            group: id.clone(),
            state: State::Down,
            reason: format!("{reason}, and the move has not been written for {seconds} s"),
            cause: None,
        }
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
