//! Someone else who puts weights back that this loop has set: answered later and later, so that two loops that
//! disagree do not throw the traffic to and fro.

use std::time::Duration;

use crate::model::Group;
use crate::model::group::same_proportion;

/// The first answer comes after this long; each further one takes twice as long.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// The longest wait while all the traffic goes to dead backends.
const LONGEST_WHILE_DEAD: Duration = Duration::from_secs(30);
/// After this long without a reversal the next one is the first again.
const PEACE: Duration = Duration::from_secs(10 * 60);

/// What one group has been through. Times are since the loop's start.
#[derive(Debug, Default)]
pub struct RevertBackoff {
    /// The weights that this loop wrote last, until others are agreed with.
    ours: Option<Vec<u64>>,
    wait: Duration,
    last_reversal: Option<Duration>,
    /// The answer that is due.
    due: Option<Due>,
}

#[derive(Debug)]
struct Due {
    at: Duration,
    /// The reversal left all the traffic on dead backends.
    dead: bool,
}

/// Whether a write may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Now,
    /// It is an answer to a reversal, and is due then.
    Later {
        at: Duration,
        /// The reversal has just been seen.
        is_news: bool,
    },
}

impl RevertBackoff {
    /// Takes in what this loop has written.
    pub fn wrote(&mut self, weights: Vec<u64>) {
        self.ours = Some(weights);
        self.due = None;
    }

    /// Takes in that the group's weights are to stay as they are. That is no peace where an answer is due and only
    /// waits for somebody to be ready; `served`: a backend that carries is.
    pub fn agreed(&mut self, group: &Group, served: bool) {
        if served || self.due.is_none() {
            self.due = None;
            self.ours.take_if(|ours| !group.has_weights(ours));
        }
    }

    /// When these weights may be written. `dead`: all the traffic goes to dead backends; where it did not when it was
    /// put there, that is what causes the write.
    pub fn answer(&mut self, group: &Group, weights: &[u64], dead: bool, now: Duration) -> Answer {
        let is_reversal = group.fitting_move().is_none()
            && self
                .ours
                .as_ref()
                .is_some_and(|ours| same_proportion(ours, weights));
        if !is_reversal {
            self.due = None;
            return Answer::Now;
        }
        let limit = if dead { LONGEST_WHILE_DEAD } else { LONGEST };
        match &mut self.due {
            Some(due) if due.at <= now || (dead && !due.dead) => Answer::Now,
            Some(due) => {
                due.at = due.at.min(now + limit);
                Answer::Later {
                    at: due.at,
                    is_news: false,
                }
            }
            None => {
                let fights = self
                    .last_reversal
                    .is_some_and(|last| now.saturating_sub(last) < PEACE);
                self.wait = if fights {
                    self.wait.saturating_mul(2).min(LONGEST)
                } else {
                    FIRST
                };
                self.last_reversal = Some(now);
                let at = now + self.wait.min(limit);
                self.due = Some(Due { at, dead });
                Answer::Later { at, is_news: true }
            }
        }
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

    /// The other side reverses at once whatever is written; gives the waits.
    fn waits(fight: &mut RevertBackoff, dead: bool, count: usize, now: &mut Duration) -> Vec<u64> {
        let theirs = group([1, 0]);
        let mut waits = Vec::new();
        for _ in 0..count {
            let Answer::Later { at, is_news: true } = fight.answer(&theirs, &[0, 1], dead, *now)
            else {
                panic!("a reversal is answered later");
            };
            waits.push((at - *now).as_secs());
            *now = at;
            assert_eq!(fight.answer(&theirs, &[0, 1], dead, *now), Answer::Now);
            fight.wrote(vec![0, 1]);
        }
        waits
    }

    #[test]
    fn answers_to_reversals_come_later_and_later() {
        let (mut fight, mut now) = (RevertBackoff::default(), seconds(100));
        assert_eq!(
            fight.answer(&group([1, 0]), &[0, 1], false, now),
            Answer::Now
        );
        fight.wrote(vec![0, 1]);
        assert_eq!(
            waits(&mut fight, false, 8, &mut now),
            [5, 10, 20, 40, 80, 160, 300, 300]
        );
        now += PEACE;
        assert_eq!(waits(&mut fight, false, 1, &mut now), [5]);
    }

    #[test]
    fn traffic_on_dead_backends_waits_half_a_minute_at_most() {
        let (mut fight, mut now) = (RevertBackoff::default(), seconds(100));
        fight.wrote(vec![0, 1]);
        assert_eq!(waits(&mut fight, true, 5, &mut now), [5, 10, 20, 30, 30]);
        assert_eq!(waits(&mut fight, false, 1, &mut now), [160]);
    }

    #[test]
    fn an_answer_that_becomes_due_sooner_stays_so() {
        let (mut fight, theirs) = (RevertBackoff::default(), group([1, 0]));
        fight.wrote(vec![0, 1]);
        waits(&mut fight, true, 5, &mut seconds(100));
        assert_eq!(
            fight.answer(&theirs, &[0, 1], true, seconds(300)),
            Answer::Later {
                at: seconds(330),
                is_news: true
            }
        );
        let mut fight = RevertBackoff {
            due: Some(Due {
                at: seconds(600),
                dead: true,
            }),
            ..fight
        };
        for now in [310, 320, 339] {
            let later = Answer::Later {
                at: seconds(340),
                is_news: false,
            };
            assert_eq!(fight.answer(&theirs, &[0, 1], true, seconds(now)), later);
        }
        assert_eq!(
            fight.answer(&theirs, &[0, 1], true, seconds(340)),
            Answer::Now
        );
    }

    #[test]
    fn traffic_that_dies_where_it_was_put_does_not_wait() {
        let (mut fight, theirs, now) = (RevertBackoff::default(), group([1, 0]), seconds(100));
        fight.wrote(vec![0, 1]);
        assert!(matches!(
            fight.answer(&theirs, &[0, 1], false, now),
            Answer::Later { .. }
        ));
        assert_eq!(fight.answer(&theirs, &[0, 1], true, now), Answer::Now);
        assert_eq!(
            fight.answer(&theirs, &[0, 1], true, now),
            Answer::Now,
            "a write that failed is repeated"
        );
    }

    #[test]
    fn a_moment_in_which_nobody_is_ready_makes_no_peace() {
        let (mut fight, theirs, now) = (RevertBackoff::default(), group([1, 0]), seconds(100));
        fight.wrote(vec![0, 1]);
        let first = fight.answer(&theirs, &[0, 1], true, now);
        fight.agreed(&theirs, false);
        let Answer::Later { at, is_news: true } = first else {
            panic!("{first:?}")
        };
        assert_eq!(
            fight.answer(&theirs, &[0, 1], true, now),
            Answer::Later { at, is_news: false }
        );
        fight.agreed(&theirs, true);
        assert_eq!(fight.answer(&theirs, &[0, 1], true, now), Answer::Now);
    }

    #[test]
    fn what_was_agreed_with_is_no_reversal() {
        let mut fight = RevertBackoff::default();
        fight.wrote(vec![0, 1]);
        fight.agreed(&group([1, 0]), true);
        assert_eq!(
            fight.answer(&group([1, 0]), &[0, 1], false, seconds(9)),
            Answer::Now
        );
    }
}
