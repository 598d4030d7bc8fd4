//! Contention: another writer reverts weights that this `watch` has set.
//!
//! Each answer to a revert backs off, so that two writers that disagree do not move the traffic
//! back and forth. A `last-move` annotation that fits the weights proves nothing: it may be a copy,
//! or that of another `watch` that disagrees. An order, such as a force, also changes other
//! annotations, and its effects are not reverts.

use std::time::Duration;

use crate::model::Group;
use crate::model::weights::same_proportion;

/// The backoff of the first answer. It doubles with each further revert.
const FIRST_REVERT_BACKOFF: Duration = Duration::from_secs(5);
const MAX_REVERT_BACKOFF: Duration = Duration::from_secs(5 * 60);
/// The same while traffic goes to a dead backend although another one is ready, or all of it goes to
/// dead backends.
const MAX_REVERT_BACKOFF_WHILE_DEAD: Duration = Duration::from_secs(30);
/// After this long without a revert, the next one counts as the first.
pub const REVERT_MEMORY: Duration = Duration::from_secs(10 * 60);

/// The reverts of one group. Times count from the start of the driver.
#[derive(Debug, Default)]
pub struct RevertBackoff {
    ours: Option<OwnWrite>,
    backoff: Duration,
    last_revert: Option<Duration>,
    pending: Option<PendingAnswer>,
}

/// The last write of this process, or of the holder of the Lease that it stands by for, until it
/// agrees with other writers.
#[derive(Debug)]
struct OwnWrite {
    /// Those of standbys included.
    weights: Vec<u64>,
    settings: GroupSettings,
}

/// All that a group asks for, except for its weights.
#[derive(Debug, PartialEq)]
struct GroupSettings(Group);

impl GroupSettings {
    fn of(group: &Group) -> Self {
        let mut group = group.clone();
        for backend in &mut group.backends {
            (backend.weight, backend.weight_on_object) = (0, 0);
        }
        Self(Group {
            last_move: None,
            held: false,
            uneven: false,
            has_empty_rule: false,
            ..group
        })
    }
}

/// An answer to a revert that backs off.
#[derive(Debug)]
struct PendingAnswer {
    at: Duration,
    /// The revert put traffic on dead backends.
    dead: bool,
}

/// The delay of a write that answers a revert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevertDelay {
    pub until: Duration,
    /// The revert was seen for the first time.
    pub is_new: bool,
}

impl RevertBackoff {
    /// Returns whether another writer has reverted the weights, and not stopped since.
    pub fn is_contested(&self, now: Duration) -> bool {
        let is_recent = |last: Duration| now.saturating_sub(last) < REVERT_MEMORY;
        self.last_revert.is_some_and(is_recent)
    }

    /// Records that this process, or the holder that it stands by for, wrote these weights.
    /// `group`: the object after the write.
    pub fn wrote(&mut self, weights: Vec<u64>, group: &Group) {
        let settings = GroupSettings::of(group);
        self.ours = Some(OwnWrite { weights, settings });
        self.pending = None;
    }

    /// Records the decision to keep the weights. A pending answer stays if the only reason is that
    /// no backend is ready. `served`: a backend with traffic is ready.
    pub fn agreed(&mut self, group: &Group, served: bool) {
        if served || self.pending.is_none() {
            self.pending = None;
            self.ours
                .take_if(|ours| !group.has_on_object(&ours.weights));
        }
    }

    /// Returns the delay before these weights may be written, if any. `dead`: traffic goes to dead
    /// backends. If the backends died after the revert, the write is a failover and does
    /// not wait.
    pub fn delay(
        &mut self,
        group: &Group,
        weights: &[u64],
        dead: bool,
        now: Duration,
    ) -> Option<RevertDelay> {
        let is_reverted = |ours: &OwnWrite| {
            same_proportion(&ours.weights, weights) && ours.settings == GroupSettings::of(group)
        };
        if !self.ours.as_ref().is_some_and(is_reverted) {
            self.pending = None;
            return None;
        }
        let limit = if dead {
            MAX_REVERT_BACKOFF_WHILE_DEAD
        } else {
            MAX_REVERT_BACKOFF
        };
        if let Some(pending) = &mut self.pending {
            if pending.at <= now || (dead && !pending.dead) {
                return None;
            }
            pending.at = pending.at.min(now + limit);
            return Some(RevertDelay {
                until: pending.at,
                is_new: false,
            });
        }
        self.backoff = if self.is_contested(now) {
            self.backoff.saturating_mul(2).min(MAX_REVERT_BACKOFF)
        } else {
            FIRST_REVERT_BACKOFF
        };
        self.last_revert = Some(now);
        let at = now + self.backoff.min(limit);
        self.pending = Some(PendingAnswer { at, dead });
        Some(RevertDelay {
            until: at,
            is_new: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Backend, Carrier, GroupId, ServiceRef};

    fn group(weights: [u64; 2]) -> Group {
        let id = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let names = ["web", "web-east"].into_iter().zip(weights);
        let backends =
            names.map(|(name, weight)| Backend::new("ns", ServiceRef::new("ns", name), weight));
        Group::ordinary(id, Carrier::Split, "web".into(), backends.collect(), 0)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Lets another writer revert every write at once. Returns the delays of the answers.
    fn waits(
        reverts: &mut RevertBackoff,
        dead: bool,
        count: usize,
        now: &mut Duration,
    ) -> Vec<u64> {
        let theirs = group([1, 0]);
        let mut waits = Vec::new();
        for _ in 0..count {
            let Some(RevertDelay {
                until: at,
                is_new: true,
            }) = reverts.delay(&theirs, &[0, 1], dead, *now)
            else {
                panic!("a revert is answered later");
            };
            waits.push((at - *now).as_secs());
            *now = at;
            assert_eq!(reverts.delay(&theirs, &[0, 1], dead, *now), None);
            reverts.wrote(vec![0, 1], &group([0, 1]));
        }
        waits
    }

    #[test]
    fn answers_to_reverts_back_off() {
        let (mut reverts, mut now) = (RevertBackoff::default(), seconds(100));
        assert_eq!(reverts.delay(&group([1, 0]), &[0, 1], false, now), None);
        reverts.wrote(vec![0, 1], &group([0, 1]));
        assert_eq!(
            waits(&mut reverts, false, 8, &mut now),
            [5, 10, 20, 40, 80, 160, 300, 300]
        );
        now += REVERT_MEMORY;
        assert_eq!(waits(&mut reverts, false, 1, &mut now), [5]);
    }

    #[test]
    fn traffic_on_dead_backends_waits_30_s_at_most() {
        let (mut reverts, mut now) = (RevertBackoff::default(), seconds(100));
        reverts.wrote(vec![0, 1], &group([0, 1]));
        assert_eq!(waits(&mut reverts, true, 5, &mut now), [5, 10, 20, 30, 30]);
        assert_eq!(waits(&mut reverts, false, 1, &mut now), [160]);
    }

    #[test]
    fn an_answer_that_becomes_due_sooner_stays_so() {
        let (mut reverts, theirs) = (RevertBackoff::default(), group([1, 0]));
        reverts.wrote(vec![0, 1], &group([0, 1]));
        waits(&mut reverts, true, 5, &mut seconds(100));
        assert_eq!(
            reverts.delay(&theirs, &[0, 1], true, seconds(300)),
            Some(RevertDelay {
                until: seconds(330),
                is_new: true
            })
        );
        let mut reverts = RevertBackoff {
            pending: Some(PendingAnswer {
                at: seconds(600),
                dead: true,
            }),
            ..reverts
        };
        for now in [310, 320, 339] {
            let later = Some(RevertDelay {
                until: seconds(340),
                is_new: false,
            });
            assert_eq!(reverts.delay(&theirs, &[0, 1], true, seconds(now)), later);
        }
        assert_eq!(reverts.delay(&theirs, &[0, 1], true, seconds(340)), None);
    }

    #[test]
    fn traffic_whose_backends_die_after_the_revert_does_not_wait() {
        let (mut reverts, theirs, now) = (RevertBackoff::default(), group([1, 0]), seconds(100));
        reverts.wrote(vec![0, 1], &group([0, 1]));
        assert!(reverts.delay(&theirs, &[0, 1], false, now).is_some());
        assert_eq!(reverts.delay(&theirs, &[0, 1], true, now), None);
        assert_eq!(
            reverts.delay(&theirs, &[0, 1], true, now),
            None,
            "a write that failed is retried"
        );
    }

    #[test]
    fn a_pending_answer_outlives_a_moment_without_ready_backends() {
        let (mut reverts, theirs, now) = (RevertBackoff::default(), group([1, 0]), seconds(100));
        reverts.wrote(vec![0, 1], &group([0, 1]));
        let first = reverts.delay(&theirs, &[0, 1], true, now);
        reverts.agreed(&theirs, false);
        let Some(RevertDelay {
            until: at,
            is_new: true,
        }) = first
        else {
            panic!("{first:?}")
        };
        assert_eq!(
            reverts.delay(&theirs, &[0, 1], true, now),
            Some(RevertDelay {
                until: at,
                is_new: false
            })
        );
        reverts.agreed(&theirs, true);
        assert_eq!(reverts.delay(&theirs, &[0, 1], true, now), None);
    }

    #[test]
    fn agreed_weights_are_not_a_revert() {
        let mut reverts = RevertBackoff::default();
        reverts.wrote(vec![0, 1], &group([0, 1]));
        reverts.agreed(&group([1, 0]), true);
        assert_eq!(
            reverts.delay(&group([1, 0]), &[0, 1], false, seconds(9)),
            None
        );
    }

    #[test]
    fn a_last_move_that_fits_the_reverted_weights_does_not_matter() {
        let (mut reverts, mut theirs) = (RevertBackoff::default(), group([1, 0]));
        reverts.wrote(vec![0, 1], &group([0, 1]));
        theirs.last_move = Some(crate::model::LastMove {
            from: "web=0,web-east=1".into(),
            to: "web=1,web-east=0".into(),
            at: jiff::Timestamp::UNIX_EPOCH,
            by: "another@watch".into(),
            why: String::new(),
            unverified: false,
            ready: None,
            home: None,
            command: None,
        });
        assert!(theirs.fitting_move().is_some());
        let delay = reverts.delay(&theirs, &[0, 1], false, seconds(100));
        assert!(delay.is_some_and(|delay| delay.is_new));
    }

    #[test]
    fn the_effect_of_an_order_is_not_a_revert() {
        let (mut reverts, mut ordered) = (RevertBackoff::default(), group([1, 0]));
        reverts.wrote(vec![0, 1], &group([0, 1]));
        ordered.primary = 1;
        assert_eq!(reverts.delay(&ordered, &[0, 1], false, seconds(100)), None);
    }
}
