//! The notices that `watch` reports. Notices carry facts; `view` turns them into words.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::event::{EventKind, GroupEvent};
use super::ids::GroupId;
use super::state::State;

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

/// A move of one group's traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The group.
    pub group: GroupId,
    /// The group's apex.
    pub apex: String,
    /// The API server's time.
    pub at: Timestamp,
    /// Names and weights of the backends before.
    pub from: Vec<(String, u64)>,
    /// Names and weights of the backends after.
    pub to: Vec<(String, u64)>,
    /// The reason, as a clause.
    pub why: String,
    /// It was unknown whether the new backends were ready.
    pub unverified: bool,
    /// The time from the event that caused it to the response to the write.
    pub took: Duration,
    /// What the primary had been like until the response to the write; none if the move neither
    /// leaves the primary nor returns to it.
    pub after: Option<After>,
}

/// How long the primary had been short, or enough again, before traffic moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// It was short, so traffic left it.
    pub is_down: bool,
    /// How long, as far as the watch knows.
    pub lasted: Duration,
    /// The watch saw it begin. Otherwise it lasted at least that long.
    pub saw_begin: bool,
    /// `failover-delay` or `failback-delay`.
    pub delay: Duration,
}

/// A shorter time before a move is only mentioned if a delay is configured.
const NOTABLE_WAIT: Duration = Duration::from_secs(1);

impl Transition {
    /// Says how long it took, such as `, after 8.0 s down (failover-delay 8s), written in 6 ms`.
    pub fn timing(&self) -> String {
        let after = self.after.map_or(String::new(), After::words);
        let took = self.took.as_secs_f64() * 1e3;
        format!("{after}, written in {took:.0} ms")
    }

    /// Returns a reason without what [`Self::timing`] adds.
    pub fn without_timing(why: &str) -> &str {
        match why.rsplit_once(", written in ") {
            Some((why, _)) => why.rsplit_once(", after ").map_or(why, |(why, _)| why),
            None => why,
        }
    }

    /// Returns the event that a `watch` with this signature has moved the traffic.
    pub fn event(&self, by: String) -> GroupEvent {
        let weights = |weights: &[(String, u64)]| {
            let pairs = weights.iter();
            let pairs = pairs.map(|(name, weight)| format!("{name}={weight}"));
            Some(pairs.collect::<Vec<_>>().join(","))
        };
        GroupEvent {
            kind: EventKind::Moved,
            group: self.group.clone(),
            apex: Some(self.apex.clone()),
            at: self.at,
            from: weights(&self.from),
            to: weights(&self.to),
            by,
            why: self.why.clone(),
            unverified: self.unverified,
            took: Some(self.took),
        }
    }

    /// Returns the names of the backends that carry traffic after the move.
    pub fn active(&self) -> String {
        carrying(&self.to)
    }

    /// Returns the names of the backends that carried traffic before it.
    pub fn was_active(&self) -> String {
        carrying(&self.from)
    }
}

impl After {
    fn words(self) -> String {
        let (state, name) = if self.is_down {
            ("down", "failover-delay")
        } else {
            ("ready", "failback-delay")
        };
        let delay = if self.delay.is_zero() {
            if self.lasted < NOTABLE_WAIT {
                return String::new();
            }
            String::new()
        } else {
            let delay = SignedDuration::try_from(self.delay).unwrap_or(SignedDuration::MAX);
            format!(" ({name} {delay:#})")
        };
        let at_least = if self.saw_begin { "" } else { "at least " };
        let lasted = self.lasted.as_secs_f64();
        format!(", after {at_least}{lasted:.1} s {state}{delay}")
    }
}

fn carrying(weights: &[(String, u64)]) -> String {
    let names: Vec<&str> = weights
        .iter()
        .filter(|(_, weight)| *weight > 0)
        .map(|(name, _)| name.as_str())
        .collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
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
        let told = |notice: Notice| {
            let event = notice.event("", Timestamp::UNIX_EPOCH).unwrap();
            (event.kind, event.why)
        };
        assert_eq!(told(stuck), (EventKind::Down, reason));
        let well = "its traffic goes to a ready backend again (state Failover)";
        assert_eq!(told(unstuck), (EventKind::Recovered, well.to_owned()));
    }

    #[test]
    fn a_move_says_how_long_it_waited_and_how_long_the_write_took() {
        let words = |is_down, lasted, delay| {
            let [lasted, delay] = [lasted, delay].map(Duration::from_millis);
            let after = After {
                is_down,
                lasted,
                saw_begin: true,
                delay,
            };
            let late = After {
                saw_begin: false,
                ..after
            };
            let words = after.words();
            let at_least = words.replace(", after ", ", after at least ");
            assert_eq!(late.words(), at_least);
            words
        };
        assert_eq!(
            words(true, 8_004, 8_000),
            ", after 8.0 s down (failover-delay 8s)"
        );
        assert_eq!(
            words(false, 90_100, 90_000),
            ", after 90.1 s ready (failback-delay 1m 30s)"
        );
        assert_eq!(words(true, 12_000, 0), ", after 12.0 s down");
        assert_eq!(words(true, 20, 0), "");
    }
}
