//! What `evacuate` and `return` do to one group: the entries of `avoid`, and the weights to write in
//! the same patch.

use jiff::Timestamp;

use super::avoid::{AvoidChange, AvoidEntry};
use super::decide::decide;
use super::decision::{Decision, Weights};
use super::group::Group;
use super::moves::MoveCommand;
use super::readiness::Readiness;
use super::timers::Timers;

/// A change of the entries of `avoid`, and what the rules make of the group after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvoidPlan {
    /// The command that asks for it.
    pub command: MoveCommand,
    /// The identifier of the evacuation.
    pub id: String,
    /// The weights, and the annotations to change: `avoid` is among them.
    pub decision: Decision,
    /// The reason for the weights, as a clause.
    pub why: String,
    /// The same for the object and its Events.
    pub recorded_why: String,
}

impl AvoidPlan {
    /// Whether it brings traffic to a backend that is to be avoided, since no other one can take it.
    pub fn moves_into_avoided(&self, group: &Group) -> bool {
        let (Weights::Set(weights), Some(change)) =
            (&self.decision.weights, &self.decision.notes.avoid)
        else {
            return false;
        };
        let mut backends = group.backends.iter().zip(weights);
        backends.any(|(backend, weight)| {
            let mut entries = change.entries.iter();
            *weight > 0 && backend.weight == 0 && entries.any(|it| it.names(&backend.name))
        })
    }

    /// Returns the same change of the entries, without that of the weights. Returns none if the
    /// group has these entries, apart from who made them and when.
    #[must_use]
    pub fn without_move(mut self, group: &Group) -> Option<Self> {
        let unsigned = |entries: &[AvoidEntry]| {
            let entries = entries.iter().map(AvoidEntry::unsigned);
            let mut entries: Vec<AvoidEntry> = entries.collect();
            entries.sort_by(|a, b| a.id.cmp(&b.id));
            entries
        };
        let notes = &mut self.decision.notes;
        notes.held = None;
        let after = notes.avoid.as_ref().map(|change| unsigned(&change.entries));
        let is_same = after.is_some_and(|after| after == unsigned(&group.avoid.entries));
        if is_same && notes.end_override.is_none() {
            return None;
        }
        self.decision.weights = Weights::Hold;
        self.decision.written = None;
        self.decision.unverified = false;
        Some(self)
    }
}

/// Plans to keep the traffic off backends: adds the entry, or replaces the one with its id. Nothing
/// delays it. A pause does not matter: whether to evacuate a paused group is the caller's decision.
///
/// Returns none if the group has this entry, apart from who made it and when, and its weights agree.
pub fn evacuate(
    group: &Group,
    entry: &AvoidEntry,
    readiness: &[Readiness],
    now: Timestamp,
) -> Option<AvoidPlan> {
    // A force that has expired ends with it, and home is the primary again.
    let primary = group.at(now, readiness).primary;
    let entry = &AvoidEntry {
        elsewhere: is_elsewhere(group, primary, entry, now),
        ..entry.clone()
    };
    let is_replaced = |known: &AvoidEntry| known.id == entry.id || known.is_over(now);
    let mut change = group.avoid.ending(is_replaced);
    change.entries.push(entry.clone());
    let is_there =
        matches!(change.ended.as_slice(), [known] if known.unsigned() == entry.unsigned());
    let decision = decide_after(group, &change, readiness, now);
    if is_there && !decision.asks_for_change() {
        return None;
    }
    let (why, recorded_why) = (decision.reason.clone(), decision.recorded_reason.clone());
    Some(AvoidPlan {
        command: MoveCommand::Evacuate,
        id: entry.id.clone(),
        decision: decision.with_avoid(change),
        why,
        recorded_why,
    })
}

/// Whether the group's traffic is away from its primary, the entry names that, and no evacuation moved
/// it. One that goes on remembers what it moved.
fn is_elsewhere(group: &Group, primary: usize, entry: &AvoidEntry, now: Timestamp) -> bool {
    let name = group.backend_name(primary);
    // An expired one is there until somebody ends it, and so is what it moved.
    let known = || group.avoid.entries.iter().filter(|it| it.names(name));
    if !entry.names(name) || known().any(|it| !it.elsewhere) {
        return false;
    }
    let goes_on =
        |it: &AvoidEntry| it.id == entry.id && it.backends == entry.backends && !it.is_over(now);
    if known().any(goes_on) {
        return true;
    }
    let mut backends = group.backends.iter().enumerate();
    !backends.any(|(index, it)| entry.names(&it.name) && group.carries(index))
}

/// Plans to end the entries with this id alone. If they kept traffic off the primary and that is
/// enough, neither `failback: manual` nor `failback-delay` keeps it away from there.
///
/// Returns none if there is no such entry.
pub fn return_from(
    group: &Group,
    id: &str,
    readiness: &[Readiness],
    now: Timestamp,
) -> Option<AvoidPlan> {
    let mut entries = group.avoid.entries.iter();
    let returned = entries.find(|entry| entry.id == id)?.as_noun();
    let ends = |entry: &AvoidEntry| entry.id == id || entry.is_over(now);
    let change = group.avoid.ending(ends);
    let decision = decide_after(group, &change, readiness, now);
    let why = |reason: &str| format!("the {returned} has ended, and {reason}");
    Some(AvoidPlan {
        command: MoveCommand::Return,
        id: id.to_owned(),
        why: why(&decision.reason),
        recorded_why: why(&decision.recorded_reason),
        decision: decision.with_avoid(change),
    })
}

/// Decides for the group after a change of its entries. An override that has expired ends as well.
fn decide_after(
    group: &Group,
    change: &AvoidChange,
    readiness: &[Readiness],
    now: Timestamp,
) -> Decision {
    let effective = group.at(now, readiness).into_owned();
    let after = Group {
        paused: None,
        ..effective.after(change, readiness)
    };
    let mut decision = decide(&after, readiness, &Timers::none(), now);
    let ends_override = group.override_to_end(now).is_some();
    decision.notes.end_override = ends_override.then(|| after.primary_name().to_owned());
    decision
}

/// Whether the group has this entry, apart from who made it and when.
pub fn has_entry(group: &Group, entry: &AvoidEntry, now: Timestamp) -> bool {
    let mut entries = group.avoid.entries.iter();
    entries.any(|known| !known.is_over(now) && known.unsigned() == entry.unsigned())
}

impl AvoidEntry {
    fn unsigned(&self) -> Self {
        Self {
            by: String::new(),
            at: None,
            ..self.clone()
        }
    }
}

impl Decision {
    fn with_avoid(mut self, change: AvoidChange) -> Self {
        self.notes.avoid = Some(change);
        self
    }
}
