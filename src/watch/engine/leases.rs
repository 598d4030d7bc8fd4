//! In which namespaces the loop may write.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::model::{GroupId, Notice};

/// How long one write may take. None starts that could not end before the Lease does.
pub const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// What is known of the Lease of one namespace. Times are since the loop's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseState {
    Held {
        until: Duration,
    },
    /// Another loop holds it; `renewing` once that one has been seen to renew it, `late` where it should have by now.
    Standby {
        holder: String,
        renewing: bool,
        late: bool,
    },
    /// Leases are not allowed to us: writes are guarded by the object's version alone.
    Unguarded {
        why: String,
    },
    /// It can't be asked for: what was known before holds as long as it did.
    Failing {
        why: String,
    },
}

#[derive(Debug, Default)]
struct Entry {
    /// Somebody keeps it; otherwise it is there for the groups that wait.
    is_kept: bool,
    /// None: not known yet.
    standing: Option<LeaseState>,
    /// It can't be asked for at present, and that has been said.
    failing: bool,
    /// Groups that wait for the right to write.
    blocked: BTreeSet<GroupId>,
}

#[derive(Debug, Default)]
pub struct Leases {
    namespaces: HashMap<String, Entry>,
}

/// Whether a write may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeasePermit {
    /// Until then, where there is an end.
    Granted {
        until: Option<Duration>,
    },
    Denied,
}

impl Leases {
    /// Keeps Leases for just these namespaces; gives those to take and those to give back.
    pub fn plan(&mut self, namespaces: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
        let gone = self
            .kept()
            .filter(|namespace| !namespaces.contains(*namespace))
            .cloned()
            .collect();
        self.namespaces
            .retain(|namespace, _| namespaces.contains(namespace));
        let take = |namespace: &&String| {
            let entry = self.namespaces.entry((*namespace).clone()).or_default();
            !std::mem::replace(&mut entry.is_kept, true)
        };
        (namespaces.iter().filter(take).cloned().collect(), gone)
    }

    fn kept(&self) -> impl Iterator<Item = &String> {
        self.namespaces
            .iter()
            .filter(|(_, entry)| entry.is_kept)
            .map(|(namespace, _)| namespace)
    }

    /// Takes in a standing; gives the groups that may be written now, and what is to be told.
    pub fn learn(
        &mut self,
        namespace: &str,
        standing: LeaseState,
    ) -> (BTreeSet<GroupId>, Option<Notice>) {
        let Some(entry) = self.namespaces.get_mut(namespace) else {
            return Default::default();
        };
        if let LeaseState::Failing { why } = standing {
            let first = !std::mem::replace(&mut entry.failing, true);
            let notice = Notice::LeaseFailing {
                namespace: namespace.to_owned(),
                why,
            };
            return (BTreeSet::new(), first.then_some(notice));
        }
        let again = std::mem::take(&mut entry.failing).then(|| Notice::LeaseAgain {
            namespace: namespace.to_owned(),
        });
        let notice = notice(namespace, entry.standing.as_ref(), &standing).or(again);
        let may_write = !matches!(standing, LeaseState::Standby { .. });
        entry.standing = Some(standing);
        let freed = if may_write {
            std::mem::take(&mut entry.blocked)
        } else {
            BTreeSet::new()
        };
        (freed, notice)
    }

    /// Whether a write of this group may start at `now`; where not, the group waits for the right.
    pub fn permit(&mut self, group: &GroupId, now: Duration) -> LeasePermit {
        let entry = self.namespaces.entry(group.namespace.clone()).or_default();
        match &entry.standing {
            Some(LeaseState::Held { until }) if now + WRITE_LIMIT <= *until => {
                LeasePermit::Granted {
                    until: Some(*until),
                }
            }
            Some(LeaseState::Unguarded { .. }) => LeasePermit::Granted { until: None },
            _ => {
                entry.blocked.insert(group.clone());
                LeasePermit::Denied
            }
        }
    }

    /// Forgets all standings; gives the namespaces.
    pub fn lose(&mut self) -> Vec<String> {
        self.namespaces
            .values_mut()
            .for_each(|entry| entry.standing = None);
        self.kept().cloned().collect()
    }

    /// Who else runs groups here, once it is certain that they still do.
    pub fn other_holder(&self) -> Option<(&str, &str)> {
        self.namespaces
            .iter()
            .find_map(|(namespace, entry)| match &entry.standing {
                Some(LeaseState::Standby {
                    holder,
                    renewing: true,
                    ..
                }) => Some((namespace.as_str(), holder.as_str())),
                _ => None,
            })
    }

    /// Whether every standing is known and nobody else is the holder.
    pub fn are_settled(&self) -> bool {
        let settled = |entry: &Entry| {
            matches!(
                entry.standing,
                Some(LeaseState::Held { .. } | LeaseState::Unguarded { .. })
            )
        };
        self.namespaces.values().all(settled)
    }
}

fn notice(namespace: &str, before: Option<&LeaseState>, now: &LeaseState) -> Option<Notice> {
    let namespace = namespace.to_owned();
    match (before, now) {
        (
            Some(LeaseState::Standby {
                holder: before,
                late: was_late,
                ..
            }),
            LeaseState::Standby { holder, late, .. },
        ) if before == holder && (late == was_late || *late) => None,
        (_, LeaseState::Standby { holder, late, .. }) => Some(Notice::Standby {
            namespace,
            holder: holder.clone(),
            late: *late,
        }),
        (Some(LeaseState::Standby { .. }), LeaseState::Held { .. }) => {
            Some(Notice::TookOver { namespace })
        }
        (Some(LeaseState::Unguarded { .. }), LeaseState::Unguarded { .. }) => None,
        (_, LeaseState::Unguarded { why }) => Some(Notice::Unguarded {
            namespace,
            why: why.clone(),
        }),
        (_, LeaseState::Held { .. } | LeaseState::Failing { .. }) => None,
    }
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

    fn leases(standing: Option<LeaseState>) -> Leases {
        let mut leases = Leases::default();
        leases.plan(&["ns".to_owned()].into());
        if let Some(standing) = standing {
            leases.learn("ns", standing);
        }
        leases
    }

    #[test]
    fn no_write_starts_before_the_standing_is_known() {
        let mut leases = leases(None);
        assert_eq!(leases.permit(&group(), NOW), LeasePermit::Denied);
        let (freed, _) = leases.learn(
            "ns",
            LeaseState::Held {
                until: NOW + WRITE_LIMIT,
            },
        );
        assert_eq!(freed, [group()].into());
    }

    #[test]
    fn a_namespace_whose_group_waits_already_is_still_to_be_taken() {
        let mut leases = Leases::default();
        assert_eq!(leases.permit(&group(), NOW), LeasePermit::Denied);
        assert!(leases.lose().is_empty() && !leases.are_settled());
        let namespaces = ["ns".to_owned()].into();
        assert_eq!(
            leases.plan(&namespaces),
            (vec!["ns".to_owned()], Vec::new())
        );
        assert_eq!(leases.plan(&namespaces), Default::default());
        let (freed, _) = leases.learn(
            "ns",
            LeaseState::Held {
                until: NOW + WRITE_LIMIT,
            },
        );
        assert_eq!(freed, [group()].into());
    }

    #[test]
    fn no_write_starts_that_could_outlast_the_lease() {
        let until = NOW + WRITE_LIMIT;
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
    fn a_standby_does_not_write_and_takes_over_what_waits() {
        let mut leases = leases(Some(LeaseState::Standby {
            holder: "other".into(),
            renewing: true,
            late: false,
        }));
        assert_eq!(leases.permit(&group(), NOW), LeasePermit::Denied);
        assert_eq!(leases.other_holder(), Some(("ns", "other")));
        let (freed, notice) = leases.learn(
            "ns",
            LeaseState::Held {
                until: NOW + WRITE_LIMIT * 3,
            },
        );
        assert_eq!(freed, [group()].into());
        assert_eq!(
            notice,
            Some(Notice::TookOver {
                namespace: "ns".into()
            })
        );
    }

    #[test]
    fn a_holder_that_seemed_late_and_renews_is_said_to_run_the_groups() {
        let standby = |renewing, late| LeaseState::Standby {
            holder: "other".to_owned(),
            renewing,
            late,
        };
        let said = |late| {
            Some(Notice::Standby {
                namespace: "ns".into(),
                holder: "other".into(),
                late,
            })
        };
        let mut leases = leases(None);
        assert_eq!(leases.learn("ns", standby(false, true)).1, said(true));
        assert_eq!(leases.learn("ns", standby(false, true)).1, None);
        assert_eq!(leases.learn("ns", standby(true, false)).1, said(false));
        assert_eq!(
            leases.learn("ns", standby(false, true)).1,
            None,
            "that it may end is known by then"
        );
    }

    #[test]
    fn without_the_right_to_leases_writes_go_on_and_it_is_said_once() {
        let unguarded = LeaseState::Unguarded {
            why: "forbidden".into(),
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
