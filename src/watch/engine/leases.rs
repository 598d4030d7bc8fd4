//! The engine's part of leader election: in which namespaces a valid Lease permits writes.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use LeaseState::{Failing, Held, Standby, Unguarded};

use crate::model::{GroupId, Notice};

/// No write starts with less of its Lease left. One that takes longer goes on while the Lease is
/// renewed.
pub const MIN_LEASE_LEFT: Duration = Duration::from_secs(5);

/// The known state of the Lease of one namespace. Times count from the start of the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseState {
    Held {
        until: Duration,
    },
    /// Another `watch` holds it. `renewing`: that `watch` has renewed it. `late`: a renewal is
    /// overdue, and this `watch` takes over after this time.
    Standby {
        holder: String,
        renewing: bool,
        late: Option<Duration>,
    },
    /// The Lease cannot be written. Only the object's resource version guards a write.
    Unguarded {
        why: String,
        is_forbidden: bool,
    },
    /// It cannot be read or renewed. The last known state holds until it expires.
    Failing {
        why: String,
    },
}

#[derive(Debug, Default)]
struct Entry {
    /// An elector runs for it. Otherwise the entry exists only for its blocked groups.
    has_elector: bool,
    /// None: not yet known.
    state: Option<LeaseState>,
    /// The failure to read or renew the Lease was reported.
    failing: bool,
    /// Groups whose writes wait for the Lease.
    blocked: BTreeSet<GroupId>,
}

#[derive(Debug, Default)]
pub struct Leases {
    namespaces: HashMap<String, Entry>,
}

/// Whether a write may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeasePermit {
    /// None: no limit.
    Granted {
        until: Option<Duration>,
    },
    Denied,
}

impl Leases {
    /// Limits the Leases to these namespaces. Returns the Leases to acquire and those to release.
    pub fn plan(&mut self, namespaces: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
        let mut release = self.elected();
        release.retain(|namespace| !namespaces.contains(namespace));
        self.namespaces
            .retain(|namespace, _| namespaces.contains(namespace));
        let acquire = |namespace: &&String| {
            let entry = self.namespaces.entry((*namespace).clone()).or_default();
            !std::mem::replace(&mut entry.has_elector, true)
        };
        let acquire = namespaces.iter().filter(acquire).cloned().collect();
        (acquire, release)
    }

    fn elected(&self) -> Vec<String> {
        let elected = self
            .namespaces
            .iter()
            .filter(|(_, entry)| entry.has_elector);
        elected.map(|(namespace, _)| namespace.clone()).collect()
    }

    /// Records a new state of a Lease. Returns the groups that may be written now, and the notices
    /// to report.
    pub fn learn(
        &mut self,
        namespace: &str,
        state: LeaseState,
    ) -> (BTreeSet<GroupId>, Option<Notice>) {
        let Some(entry) = self.namespaces.get_mut(namespace) else {
            return Default::default();
        };
        if let Failing { why } = state {
            let is_first = !std::mem::replace(&mut entry.failing, true);
            let notice = Notice::LeaseFailing {
                namespace: namespace.to_owned(),
                why,
            };
            return (BTreeSet::new(), is_first.then_some(notice));
        }
        let recovered = std::mem::take(&mut entry.failing).then(|| Notice::LeaseRenewed {
            namespace: namespace.to_owned(),
        });
        let notice = notice(namespace, entry.state.as_ref(), &state).or(recovered);
        let mut unblocked = BTreeSet::new();
        if !matches!(state, Standby { .. }) {
            unblocked.append(&mut entry.blocked);
        }
        entry.state = Some(state);
        (unblocked, notice)
    }

    /// Returns whether a write of this group may start. If not, blocks the group until the Lease is
    /// held.
    pub fn permit(&mut self, group: &GroupId, now: Duration) -> LeasePermit {
        let entry = self.namespaces.entry(group.namespace.clone()).or_default();
        let until = match &entry.state {
            Some(Held { until }) if now + MIN_LEASE_LEFT <= *until => Some(*until),
            Some(Unguarded { .. }) => None,
            _ => {
                entry.blocked.insert(group.clone());
                return LeasePermit::Denied;
            }
        };
        LeasePermit::Granted { until }
    }

    /// Records that every Lease may be lost. Returns the namespaces whose Leases must be acquired
    /// again.
    pub fn lose(&mut self) -> Vec<String> {
        let entries = self.namespaces.values_mut();
        entries.for_each(|entry| entry.state = None);
        self.elected()
    }

    /// Returns the namespace and the holder of a Lease that another `watch` certainly still renews.
    pub fn other_holder(&self) -> Option<(&str, &str)> {
        let mut leases = self.namespaces.iter();
        leases.find_map(|(namespace, entry)| match &entry.state {
            Some(Standby {
                holder, renewing, ..
            }) if *renewing => Some((namespace.as_str(), holder.as_str())),
            _ => None,
        })
    }

    /// Returns whether another `watch` certainly renews the Lease of this namespace.
    pub fn is_run_by_other(&self, namespace: &str) -> bool {
        let state = self
            .namespaces
            .get(namespace)
            .and_then(|entry| entry.state.as_ref());
        matches!(state, Some(Standby { renewing: true, .. }))
    }

    /// Returns whether another `watch` holds the Lease of this namespace, as far as it is known.
    pub fn stands_by(&self, namespace: &str) -> bool {
        let entry = self.namespaces.get(namespace);
        let state = entry.and_then(|entry| entry.state.as_ref());
        matches!(state, Some(Standby { .. }))
    }

    /// Returns whether every required Lease is held.
    pub fn are_settled(&self) -> bool {
        let is_settled =
            |entry: &Entry| matches!(entry.state, Some(Held { .. } | Unguarded { .. }));
        self.namespaces.values().all(is_settled)
    }
}

fn notice(namespace: &str, before: Option<&LeaseState>, now: &LeaseState) -> Option<Notice> {
    let namespace = namespace.to_owned();
    Some(match (before, now) {
        (Some(Standby { .. }), Held { .. }) => Notice::LeaseAcquired { namespace },
        (Some(Unguarded { .. }), Unguarded { .. }) | (_, Held { .. } | Failing { .. }) => {
            return None;
        }
        (_, Unguarded { why, is_forbidden }) => Notice::NoLease {
            namespace,
            why: why.clone(),
            is_forbidden: *is_forbidden,
        },
        (before, Standby { holder, late, .. }) => {
            if let Some(Standby {
                holder: known,
                late: was_late,
                ..
            }) = before
                && known == holder
                && late.is_some() == was_late.is_some()
            {
                return None;
            }
            let (holder, late) = (holder.clone(), *late);
            Notice::Standby {
                namespace,
                holder,
                late,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn group() -> GroupId {
        GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        }
    }

    fn leases(state: Option<LeaseState>) -> Leases {
        let mut leases = Leases::default();
        leases.plan(&["ns".to_owned()].into());
        if let Some(state) = state {
            leases.learn("ns", state);
        }
        leases
    }

    #[test]
    fn no_write_starts_before_the_state_of_the_lease_is_known() {
        let mut leases = leases(None);
        assert_eq!(leases.permit(&group(), NOW), LeasePermit::Denied);
        let (unblocked, _) = leases.learn(
            "ns",
            LeaseState::Held {
                until: NOW + MIN_LEASE_LEFT,
            },
        );
        assert_eq!(unblocked, [group()].into());
    }

    #[test]
    fn the_lease_of_a_namespace_with_a_blocked_group_is_still_acquired() {
        let mut leases = Leases::default();
        assert_eq!(leases.permit(&group(), NOW), LeasePermit::Denied);
        assert!(leases.lose().is_empty() && !leases.are_settled());
        let namespaces = ["ns".to_owned()].into();
        assert_eq!(
            leases.plan(&namespaces),
            (vec!["ns".to_owned()], Vec::new())
        );
        assert_eq!(leases.plan(&namespaces), Default::default());
        let (unblocked, _) = leases.learn(
            "ns",
            LeaseState::Held {
                until: NOW + MIN_LEASE_LEFT,
            },
        );
        assert_eq!(unblocked, [group()].into());
    }

    #[test]
    fn no_write_starts_shortly_before_the_lease_expires() {
        let until = NOW + MIN_LEASE_LEFT;
        let mut leases = leases(Some(LeaseState::Held { until }));
        assert_eq!(
            leases.permit(&group(), NOW),
            LeasePermit::Granted { until: Some(until) }
        );
        assert_eq!(
            leases.permit(&group(), NOW + Duration::from_millis(1)),
            LeasePermit::Denied
        );
    }

    #[test]
    fn a_standby_does_not_write_until_it_takes_over() {
        let mut leases = leases(Some(LeaseState::Standby {
            holder: "other".into(),
            renewing: true,
            late: None,
        }));
        assert_eq!(leases.permit(&group(), NOW), LeasePermit::Denied);
        assert_eq!(leases.other_holder(), Some(("ns", "other")));
        let (unblocked, notice) = leases.learn(
            "ns",
            LeaseState::Held {
                until: NOW + MIN_LEASE_LEFT * 3,
            },
        );
        assert_eq!(unblocked, [group()].into());
        assert_eq!(
            notice,
            Some(Notice::LeaseAcquired {
                namespace: "ns".into()
            })
        );
    }

    #[test]
    fn a_holder_that_renews_late_is_still_reported_as_the_holder() {
        let standby = |renewing, late| LeaseState::Standby {
            holder: "other".to_owned(),
            renewing,
            late,
        };
        let late = Some(Duration::from_secs(9));
        let said = |late| {
            Some(Notice::Standby {
                namespace: "ns".into(),
                holder: "other".into(),
                late,
            })
        };
        let mut leases = leases(None);
        assert_eq!(leases.learn("ns", standby(false, late)).1, said(late));
        assert_eq!(leases.learn("ns", standby(false, late)).1, None);
        assert_eq!(leases.learn("ns", standby(true, None)).1, said(None));
        assert_eq!(leases.learn("ns", standby(true, late)).1, said(late));
    }

    #[test]
    fn without_permission_for_leases_writes_continue_and_one_notice_is_reported() {
        let unguarded = LeaseState::Unguarded {
            why: "forbidden".into(),
            is_forbidden: true,
        };
        let mut leases = leases(None);
        assert!(leases.learn("ns", unguarded.clone()).1.is_some());
        assert!(leases.learn("ns", unguarded).1.is_none());
        assert_eq!(
            leases.permit(&group(), NOW),
            LeasePermit::Granted { until: None }
        );
    }
}
