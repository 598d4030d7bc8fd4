//! The notices that `watch` reports. Notices carry facts; `view` turns them into words.

use std::time::Duration;

use jiff::Timestamp;

use super::event::{EventKind, GroupEvent};
use super::ids::GroupId;
use super::state::State;
use super::transition::Transition;

/// A report of `watch`.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// All groups are listed, and the watch runs.
    Started {
        /// The number of groups.
        groups: usize,
    },
    /// Traffic was moved.
    Moved(Transition),
    /// Somebody else did something to the group.
    Observed(GroupEvent),
    /// An override or a pause expired and was removed.
    OrderExpired {
        /// The group.
        group: GroupId,
        /// The API server's time.
        at: Timestamp,
        /// `override`, `pause`, or such as `evacuation of east (CHG-77)`.
        what: String,
    },
    /// Traffic would be moved without `--dry-run`.
    WouldMove(Transition),
    /// No backend is ready, or the deciding readiness is unknown, or the move has not been written
    /// in time: the traffic does not move.
    Stuck {
        /// The group.
        group: GroupId,
        /// `Down`, `Unavailable` or `Unknown`.
        state: State,
        /// The reason, as a clause.
        reason: String,
        /// Why readiness is unknown, without the names of backends.
        cause: Option<String>,
    },
    /// A group that was [`Notice::Stuck`] has a ready backend again.
    Unstuck {
        /// The group.
        group: GroupId,
        /// The state while it was stuck.
        was: State,
        /// The state.
        state: State,
        /// The reason, as a clause.
        reason: String,
    },
    /// The primary serves the traffic, and no fallback is alive.
    Exposed {
        /// The group.
        group: GroupId,
        /// The primary.
        primary: String,
    },
    /// A fallback of a group that was [`Notice::Exposed`] is alive again.
    Covered {
        /// The group.
        group: GroupId,
    },
    /// The group's object was deleted, or no longer matches the label or the selector.
    Gone {
        /// The group.
        group: GroupId,
        /// The backends that carried its traffic.
        active: Vec<String>,
        /// What became of its object, if that is known.
        fate: Option<ObjectFate>,
    },
    /// Someone else replaced backends of the group.
    BackendsChanged {
        /// The group.
        group: GroupId,
        /// The field manager that last wrote the backends.
        by: String,
        /// The names of the backends that were removed.
        removed: Vec<String>,
        /// The names of the backends that were added.
        added: Vec<String>,
    },
    /// The cluster no longer serves a kind of object.
    KindRemoved {
        /// Name of the CustomResourceDefinition.
        crd: &'static str,
    },
    /// The cluster serves the kind again.
    KindServed {
        /// Name of the CustomResourceDefinition.
        crd: &'static str,
        /// The number of groups of that kind.
        groups: usize,
    },
    /// The same notice for many groups, at one time and for one cause.
    Batch(Vec<Notice>),
    /// An object with the label is not a valid group; its traffic is left alone.
    Invalid {
        /// The group.
        group: GroupId,
        /// The reason, as a clause.
        reason: String,
        /// How to fix it, as an imperative clause.
        mend: String,
    },
    /// The object may have no effect, or only on part of the traffic.
    Warning {
        /// The group.
        group: GroupId,
        /// The warning, as a clause.
        warning: String,
    },
    /// A write failed.
    WriteFailed {
        /// The group.
        group: GroupId,
        /// The error.
        error: String,
        /// What happens next, as a clause.
        next: &'static str,
    },
    /// The user is not allowed to patch groups of a kind, so nothing moves them. Another `watch`
    /// may run them.
    CannotPatch {
        /// The first namespace where that was found.
        namespace: String,
        /// The CustomResourceDefinition.
        crd: &'static str,
    },
    /// Someone else reverted the weights; the watch backs off before it restores them.
    Contested {
        /// The group.
        group: GroupId,
        /// The field manager that reverted them.
        by: String,
        /// The time until they are restored.
        wait: Duration,
    },
    /// The rate limit (`--max-moves`) delays moves.
    RateLimited {
        /// The number of moves allowed.
        most: usize,
        /// The period that the number applies to.
        within: Duration,
        /// The number of moves that wait.
        waiting: usize,
    },
    /// The group is left to Linkerd's own failover controller.
    ManagedByUpstream {
        /// The group.
        group: GroupId,
        /// The reason, as a clause.
        why: &'static str,
    },
    /// It is unknown whether Linkerd's own failover controller runs in the cluster.
    UpstreamUnknown,
    /// Linkerd's own failover controller is installed, but none of its pods is ready.
    UpstreamNotReady,
    /// The machine was suspended: everything is listed again before the next decision.
    Suspended,
    /// Another `watch` holds the namespace's Lease. This one takes over when the other one ends.
    Standby {
        /// The namespace.
        namespace: String,
        /// The holder's identity.
        holder: String,
        /// The holder has not renewed the Lease in time: this `watch` takes over after this time.
        late: Option<Duration>,
    },
    /// Another `watch` runs the groups that its selector covers. This one leaves them alone.
    LeftToSelector {
        /// The namespace.
        namespace: String,
        /// The holder's identity.
        holder: String,
        /// The holder's label selector.
        selector: String,
    },
    /// The Lease of a namespace was acquired from another holder.
    LeaseAcquired {
        /// The namespace.
        namespace: String,
    },
    /// The Lease cannot be renewed: nothing is written once it has expired.
    LeaseFailing {
        /// The namespace.
        namespace: String,
        /// The error.
        why: String,
    },
    /// The Lease was renewed again.
    LeaseRenewed {
        /// The namespace.
        namespace: String,
    },
    /// There is no Lease: only resource versions keep two controllers from overwriting each other.
    NoLease {
        /// The namespace.
        namespace: String,
        /// The reason, as a clause.
        why: String,
        /// The user lacks the right.
        is_forbidden: bool,
    },
    /// A list or a watch fails, and is retried.
    ReadFailed {
        /// The objects that cannot be read.
        what: String,
        /// The error.
        error: String,
    },
    /// A list or a watch that failed works again.
    ReadRecovered {
        /// The objects.
        what: String,
    },
}

/// What became of the object of a group that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectFate {
    /// It was deleted.
    Deleted,
    /// It exists without the label, or outside the selector.
    Unlabelled {
        /// The field manager that edited it just before: a hint.
        by: Option<String>,
    },
}

impl Notice {
    /// Returns the group that it concerns.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::Moved(transition) | Self::WouldMove(transition) => Some(&transition.group),
            Self::Observed(event) => Some(&event.group),
            Self::OrderExpired { group, .. }
            | Self::Stuck { group, .. }
            | Self::Unstuck { group, .. }
            | Self::Exposed { group, .. }
            | Self::Covered { group }
            | Self::Gone { group, .. }
            | Self::BackendsChanged { group, .. }
            | Self::Invalid { group, .. }
            | Self::WriteFailed { group, .. }
            | Self::Contested { group, .. }
            | Self::ManagedByUpstream { group, .. } => Some(group),
            _ => None,
        }
    }

    /// Returns the namespace that it concerns.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Standby { namespace, .. }
            | Self::CannotPatch { namespace, .. }
            | Self::LeftToSelector { namespace, .. }
            | Self::LeaseAcquired { namespace }
            | Self::LeaseFailing { namespace, .. }
            | Self::LeaseRenewed { namespace }
            | Self::NoLease { namespace, .. } => Some(namespace),
            _ => self.group().map(|group| group.namespace.as_str()),
        }
    }

    /// Returns the event of the group that it is about. `watch`: the signature of the `watch` that
    /// reports it, at `at`.
    pub fn event(&self, watch: &str, at: Timestamp) -> Option<GroupEvent> {
        let (kind, by, why) = match self {
            Self::Moved(transition) => return Some(transition.event(watch.to_owned())),
            Self::Observed(event) => return Some(event.clone()),
            Self::OrderExpired { what, .. } => {
                let why = format!("the {what} expired and was removed");
                (EventKind::Expired, watch, why)
            }
            Self::Stuck { state, reason, .. } => {
                let kind = match state {
                    State::Unknown => EventKind::Unknown,
                    State::Down => EventKind::Down,
                    _ => EventKind::Unavailable,
                };
                (kind, "", reason.clone())
            }
            Self::Unstuck { was, state, .. } => {
                // The reason of the state may still be the outage of the primary.
                let why = format!("{} (state {state})", recovery(*was));
                (EventKind::Recovered, "", why)
            }
            Self::Exposed { primary, .. } => (EventKind::Exposed, "", exposure(primary)),
            Self::Covered { .. } => (
                EventKind::Recovered,
                "",
                "a fallback is ready again".to_owned(),
            ),
            Self::BackendsChanged {
                by, removed, added, ..
            } => {
                let part = |what: &str, names: &[String]| {
                    (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
                };
                let parts = [part("removed", removed), part("added", added)];
                let parts: Vec<String> = parts.into_iter().flatten().collect();
                let why = format!("{} as backends", parts.join(" and "));
                (EventKind::Edited, by.as_str(), why)
            }
            Self::Contested { by, wait, .. } => {
                let why = format!(
                    "weights were reverted; restoring them in {} s",
                    wait.as_secs()
                );
                (EventKind::Contested, by.as_str(), why)
            }
            Self::WriteFailed { error, next, .. } => (
                EventKind::Failing,
                "",
                format!("not moved: {error}; {next}"),
            ),
            Self::Invalid { reason, mend, .. } => (
                EventKind::Invalid,
                "",
                format!("{reason}; to fix it, {mend}"),
            ),
            Self::Gone { active, .. } => {
                let why = match active.as_slice() {
                    [] => "deleted, or without its label".to_owned(),
                    active => format!(
                        "deleted, or without its label; traffic was on {}",
                        active.join(", ")
                    ),
                };
                (EventKind::Gone, "", why)
            }
            _ => return None,
        };
        Some(GroupEvent {
            kind,
            group: self.group()?.clone(),
            apex: None,
            at,
            from: None,
            to: None,
            by: by.to_owned(),
            why,
            unverified: false,
            took: None,
        })
    }

    /// Returns the kind of the event that it is about.
    pub fn event_kind(&self) -> Option<EventKind> {
        let event = self.event("", Timestamp::UNIX_EPOCH)?;
        Some(event.kind)
    }

    /// Whether it is logged as a warning.
    pub fn is_warning(&self) -> bool {
        if let Self::Observed(event) = self {
            return event.kind.is_warning();
        }
        matches!(
            self,
            Self::Stuck { .. }
                | Self::Exposed { .. }
                | Self::BackendsChanged { .. }
                | Self::Invalid { .. }
                | Self::WriteFailed { .. }
                | Self::CannotPatch { .. }
                | Self::Contested { .. }
                | Self::RateLimited { .. }
                | Self::UpstreamUnknown
                | Self::UpstreamNotReady
                | Self::LeaseFailing { .. }
                | Self::KindRemoved { .. }
                | Self::NoLease { .. }
                | Self::ReadFailed { .. }
        )
    }
}

/// Says what the lack of a fallback means.
pub fn exposure(primary: &str) -> String {
    format!("no fallback is ready: if {primary} fails, traffic has nowhere to go")
}

/// Says what is well again in a group that was [`Notice::Stuck`] in this state.
pub fn recovery(was: State) -> &'static str {
    match was {
        State::Unknown => "readiness is known again",
        State::Down => "its traffic goes to a ready backend again",
        _ => "a backend is ready again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_and_its_end_are_events_that_say_which_is_which() {
        let group = GroupId {
            namespace: "ns".to_owned(),
            kind: "trafficsplit",
            name: "web".to_owned(),
        };
        let reason = "web has no ready endpoints (0 of 1)".to_owned();
        let (stuck, unstuck) = (
            Notice::Stuck {
                group: group.clone(),
                state: State::Down,
                reason: reason.clone(),
                cause: None,
            },
            Notice::Unstuck {
                group,
                was: State::Down,
                state: State::Failover,
                reason: reason.clone(),
            },
        );
        let event = |notice: Notice| {
            let event = notice.event("", Timestamp::UNIX_EPOCH).unwrap();
            (event.kind, event.why)
        };
        assert_eq!(event(stuck), (EventKind::Down, reason));
        let well = "its traffic goes to a ready backend again (state Failover)";
        assert_eq!(event(unstuck), (EventKind::Recovered, well.to_owned()));
    }
}
