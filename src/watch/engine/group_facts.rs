//! What the metrics say about one group.

use jiff::Timestamp;

use super::core::Engine;
use super::effect::Moment;
use super::group_state::GroupState;
use crate::model::{Flags, Group, GroupId, OverrideState, Readiness, State, unhandled};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFacts {
    pub state: State,
    /// The flags of `status`, except for those that are set while all is well, and the names of
    /// events.
    pub flags: Vec<&'static str>,
    pub backends: Vec<BackendFacts>,
    pub last_move: Option<Timestamp>,
    /// Since when its home carries nothing; none while home carries traffic.
    pub away_since: Option<Timestamp>,
    /// The override, if its target is the primary.
    pub forced: Option<OrderTimes>,
    pub paused: Option<OrderTimes>,
    pub evacuated: Option<OrderTimes>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendFacts {
    pub name: String,
    /// Ready endpoints; none if they are unknown.
    pub ready: Option<u32>,
    /// Without that of a standby.
    pub weight: u64,
}

/// The times of an operator's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderTimes {
    /// When it was made; if nothing tells, when this process saw it first.
    pub since: Timestamp,
    pub until: Option<Timestamp>,
}

impl Engine {
    /// Returns the groups whose facts may have changed since the last call.
    pub fn take_touched(&mut self) -> Vec<GroupId> {
        std::mem::take(&mut self.touched)
    }

    /// Returns the facts of a group; none if it is gone, not decided on, or left to others.
    /// `before`: its last facts.
    pub fn facts(
        &self,
        id: &GroupId,
        before: Option<&GroupFacts>,
        moment: Moment,
    ) -> Option<GroupFacts> {
        let state = self.groups.get(id)?;
        let group = state.record().group.as_ref().ok();
        let (readiness, _) = self.look_up(state.record(), moment.now);
        let mut facts = GroupFacts {
            state: state.state()?,
            flags: flags(state, moment),
            backends: Vec::new(),
            last_move: group.and_then(|it| Some(it.last_move.as_ref()?.at)),
            away_since: None,
            forced: None,
            paused: None,
            evacuated: None,
        };
        let Some(group) = group else {
            return Some(facts);
        };
        if facts.state == State::Paused
            && let Some((outage, _)) = unhandled::outage(group, &readiness)
        {
            facts.flags.push(match outage {
                State::Down => "down",
                _ => "unavailable",
            });
        }
        facts.backends = backends(group, &readiness);
        facts.away_since = away_since(state, group, before, moment);
        let now = moment.server;
        facts.forced = forced(group).map(|times| seen(times, before.and_then(|it| it.forced), now));
        let paused = group.paused.as_ref().map(|pause| (pause.at, pause.until));
        facts.paused = paused.map(|times| seen(times, before.and_then(|it| it.paused), now));
        let evacuated = evacuated(group);
        facts.evacuated =
            evacuated.map(|times| seen(times, before.and_then(|it| it.evacuated), now));
        Some(facts)
    }
}

fn flags(state: &GroupState, moment: Moment) -> Vec<&'static str> {
    let set = Flags {
        contested: state.is_contested(moment.now),
        exposed: state.is_exposed(),
        // Set while all is well.
        redundant: false,
        standby: false,
        ..state.flags()
    };
    let mut names = set.names();
    names.extend(state.is_failing().then_some("failing"));
    names
}

fn backends(group: &Group, readiness: &[Readiness]) -> Vec<BackendFacts> {
    let listed = group.backends.iter().zip(readiness);
    listed
        .map(|(backend, known)| BackendFacts {
            name: backend.name.clone(),
            ready: known.counts().map(|(ready, _)| ready),
            weight: backend.weight,
        })
        .collect()
}

/// A later move between fallbacks does not count, if this process saw the traffic leave.
fn away_since(
    state: &GroupState,
    group: &Group,
    before: Option<&GroupFacts>,
    moment: Moment,
) -> Option<Timestamp> {
    if group.carries(group.home_index()) {
        return None;
    }
    let moved = state.record().weights_origin().at();
    let known = before.and_then(|it| it.away_since);
    moved.into_iter().chain(known).min().or(Some(moment.server))
}

type Times = (Option<Timestamp>, Option<Timestamp>);

fn forced(group: &Group) -> Option<Times> {
    match group.order.as_ref()? {
        OverrideState::Valid { order, .. } => Some((order.at, order.until)),
        OverrideState::Broken { .. } => None,
    }
}

/// Of several entries, the first to be made, and the first to expire.
fn evacuated(group: &Group) -> Option<Times> {
    let entries = &group.avoid.entries;
    let made = entries.iter().filter_map(|entry| entry.at).min();
    (!entries.is_empty()).then(|| (made, group.avoid.next_end()))
}

fn seen((at, until): Times, before: Option<OrderTimes>, now: Timestamp) -> OrderTimes {
    let since = at.or(before.map(|it| it.since)).unwrap_or(now);
    OrderTimes { since, until }
}
