//! The events of a group: one vocabulary for the hooks and the log of `watch`, for Kubernetes Events,
//! for the journal and for `history`.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::GroupId;
use super::moves::{LastMove, MoveCommand, carriers, same_weights};

/// The begin of the signature of a `watch`.
const WATCH: &str = "watch (";

/// What happened to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A `watch` moved the traffic.
    Moved,
    /// Somebody forced the traffic to a backend.
    Forced,
    /// A force replaced another one that was in force.
    Replaced,
    /// Somebody failed back, or ended a force.
    Failback,
    /// Somebody had the traffic keep off a cluster's backends.
    Evacuated,
    /// Somebody ended that.
    Returned,
    /// A force, an evacuation or a pause expired.
    Expired,
    /// Somebody paused the group.
    Paused,
    /// Somebody resumed the group.
    Resumed,
    /// Somebody changed the group's settings.
    Set,
    /// Somebody changed the weights or the backends without this tool.
    Edited,
    /// All that carries traffic is dead, another backend is ready, and nothing fails over.
    Down,
    /// No backend is ready.
    Unavailable,
    /// It is unknown whether the backends are ready.
    Unknown,
    /// No fallback is ready, so that the next outage is one without a way out.
    Exposed,
    /// Another writer reverts the weights.
    Contested,
    /// A write fails.
    Failing,
    /// The group is not valid.
    Invalid,
    /// An outage, or the lack of a ready fallback, has ended.
    Recovered,
    /// The group's object was deleted, or lost its label.
    Gone,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 20] = [
        Self::Moved,
        Self::Forced,
        Self::Replaced,
        Self::Failback,
        Self::Evacuated,
        Self::Returned,
        Self::Expired,
        Self::Paused,
        Self::Resumed,
        Self::Set,
        Self::Edited,
        Self::Down,
        Self::Unavailable,
        Self::Unknown,
        Self::Exposed,
        Self::Contested,
        Self::Failing,
        Self::Invalid,
        Self::Recovered,
        Self::Gone,
    ];

    /// Returns the name, as in `FAILOVER_EVENT` and in the EVENT column of `history`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Forced => "forced",
            Self::Replaced => "replaced",
            Self::Failback => "failback",
            Self::Evacuated => "evacuated",
            Self::Returned => "returned",
            Self::Expired => "expired",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Set => "set",
            Self::Edited => "edited",
            Self::Down => "down",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown",
            Self::Exposed => "exposed",
            Self::Contested => "contested",
            Self::Failing => "failing",
            Self::Invalid => "invalid",
            Self::Recovered => "recovered",
            Self::Gone => "gone",
        }
    }

    /// Returns the kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the kind of a move that the annotation of an object notes.
    pub fn of_note(note: &LastMove) -> Self {
        match note.command {
            Some(MoveCommand::Evacuate) => Self::Evacuated,
            Some(MoveCommand::Return) => Self::Returned,
            None if note.home.is_some() => Self::Forced,
            None if is_watch(&note.by) => Self::Moved,
            None => Self::Failback,
        }
    }

    /// Returns the `reason` of a Kubernetes Event.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Moved => "TrafficMoved",
            Self::Forced => "Forced",
            Self::Replaced => "ForceReplaced",
            Self::Failback => "FailedBack",
            Self::Evacuated => "Evacuated",
            Self::Returned => "Returned",
            Self::Expired => "Expired",
            Self::Paused => "Paused",
            Self::Resumed => "Resumed",
            Self::Set => "SettingsChanged",
            Self::Edited => "EditedByOther",
            Self::Down => "Down",
            Self::Unavailable => "Unavailable",
            Self::Unknown => "ReadinessUnknown",
            Self::Exposed => "NoFallbackReady",
            Self::Contested => "Contested",
            Self::Failing => "WriteFailed",
            Self::Invalid => "Invalid",
            Self::Recovered => "Recovered",
            Self::Gone => "Gone",
        }
    }

    /// Whether something is wrong. The Kubernetes Event then has the type `Warning`.
    pub fn is_warning(self) -> bool {
        matches!(
            self,
            Self::Edited
                | Self::Down
                | Self::Unavailable
                | Self::Unknown
                | Self::Exposed
                | Self::Contested
                | Self::Failing
                | Self::Invalid
                | Self::Gone
        )
    }

    /// Whether a command of this tool does it, and writes the Kubernetes Event itself.
    pub fn is_of_command(self) -> bool {
        matches!(
            self,
            Self::Forced
                | Self::Replaced
                | Self::Failback
                | Self::Evacuated
                | Self::Returned
                | Self::Paused
                | Self::Resumed
                | Self::Set
        )
    }

    /// Whether it can come with a move of traffic.
    pub fn may_move(self) -> bool {
        matches!(self, Self::Moved | Self::Expired | Self::Edited) || self.is_of_command()
    }

    /// Whether traffic fails, or may fail, until the group recovers.
    pub fn is_outage(self) -> bool {
        matches!(self, Self::Down | Self::Unavailable | Self::Unknown)
    }
}

impl std::fmt::Display for EventKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// One event of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEvent {
    /// What happened.
    pub kind: EventKind,
    /// The group.
    pub group: GroupId,
    /// The group's apex; none if the object no longer exists.
    pub apex: Option<String>,
    /// The API server's time.
    pub at: Timestamp,
    /// Weights before, such as `web-svc=1,web-svc-east=0`, if they are known.
    pub from: Option<String>,
    /// Weights after, if they are known.
    pub to: Option<String>,
    /// Who did it: user and host, such a user's `watch`, or a field manager. Empty: nobody.
    pub by: String,
    /// The reason, in words.
    pub why: String,
    /// It was unknown whether the new backends were ready.
    pub unverified: bool,
    /// The time that a `watch` took, from the cause that it saw to the response to its write.
    pub took: Option<Duration>,
}

impl GroupEvent {
    /// Whether it goes on until another event ends it.
    pub fn stands(&self) -> bool {
        let is_fault = matches!(self.kind, EventKind::Invalid | EventKind::Failing);
        is_fault || self.kind.is_outage() || self.kind == EventKind::Exposed
    }

    /// Whether a later report says the same again, as a `watch` does that was restarted.
    pub fn is_repeated_by(&self, later: &Self) -> bool {
        let is_fault = matches!(self.kind, EventKind::Invalid | EventKind::Failing);
        self.stands()
            && self.kind == later.kind
            && self.group == later.group
            && (self.why == later.why || !is_fault)
    }

    /// Whether traffic moved, as far as the weights are known.
    pub fn moves(&self) -> bool {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => !same_weights(from, to),
            _ => matches!(self.kind, EventKind::Moved),
        }
    }
}

/// Returns the signature of what a user's `watch` does, which tells it from what the user does.
pub fn watch_signature(user: &str) -> String {
    format!("{WATCH}{user})")
}

/// Whether a `watch` signed so.
pub fn is_watch(signature: &str) -> bool {
    signature.starts_with(WATCH)
}

/// Returns the backends that carry traffic, from weights such as `web-svc=1,web-svc-east=0`.
pub fn carrying(weights: &str) -> String {
    match carriers(weights).as_slice() {
        [] => "nothing".to_owned(),
        names => names.join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_the_same_in_json() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::named(kind.name()), Some(kind));
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(json, kind.name());
        }
    }
}
