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
pub struct Fight {
    /// The weights that this loop wrote last, until others are agreed with.
    ours: Option<Vec<u64>>,
    wait: Duration,
    last_reversal: Option<Duration>,
    answer_at: Option<Duration>,
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

impl Fight {
    /// Takes in what this loop has written.
    pub fn wrote(&mut self, weights: Vec<u64>) {
        self.ours = Some(weights);
        self.answer_at = None;
    }

    /// Takes in that the group's weights are to stay as they are.
    pub fn agreed(&mut self, group: &Group) {
        self.answer_at = None;
        self.ours.take_if(|ours| !group.has_weights(ours));
    }

    /// When these weights may be written. `urgent`: changed endpoints have left all the traffic on dead backends.
    pub fn answer(
        &mut self,
        group: &Group,
        weights: &[u64],
        dead: bool,
        urgent: bool,
        now: Duration,
    ) -> Answer {
        let is_reversal = group.fitting_move().is_none()
            && self.ours.as_ref().is_some_and(|ours| same_proportion(ours, weights));
        if !is_reversal || urgent {
            self.answer_at = None;
            return Answer::Now;
        }
        let limit = if dead { LONGEST_WHILE_DEAD } else { LONGEST };
        match self.answer_at {
            Some(at) if at <= now => Answer::Now,
            Some(at) => Answer::Later { at: at.min(now + limit), is_news: false },
            None => {
                let fights = self.last_reversal.is_some_and(|last| now.saturating_sub(last) < PEACE);
                self.wait = if fights { self.wait.saturating_mul(2).min(LONGEST) } else { FIRST };
                self.last_reversal = Some(now);
                let at = now + self.wait.min(limit);
                self.answer_at = Some(at);
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
        let id = GroupId { namespace: "ns".into(), kind: "trafficsplit", name: "web".into() };
        let names = ["web", "web-east"].into_iter().zip(weights);
        let backends = names.map(|(name, weight)| Backend::new("ns", ServiceRef::new("ns", name), weight));
        Group::ordinary(id, Carrier::Split, "web".into(), backends.collect(), 0)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The other side reverses at once whatever is written; gives the waits.
    fn waits(fight: &mut Fight, dead: bool, count: usize, now: &mut Duration) -> Vec<u64> {
        let theirs = group([1, 0]);
        let mut waits = Vec::new();
        for _ in 0..count {
            let Answer::Later { at, is_news: true } = fight.answer(&theirs, &[0, 1], dead, false, *now)
            else {
                panic!("a reversal is answered later");
            };
            waits.push((at - *now).as_secs());
            *now = at;
            assert_eq!(fight.answer(&theirs, &[0, 1], dead, false, *now), Answer::Now);
            fight.wrote(vec![0, 1]);
        }
        waits
    }

    #[test]
    fn answers_to_reversals_come_later_and_later() {
        let (mut fight, mut now) = (Fight::default(), seconds(100));
        assert_eq!(fight.answer(&group([1, 0]), &[0, 1], false, false, now), Answer::Now);
        fight.wrote(vec![0, 1]);
        assert_eq!(waits(&mut fight, false, 8, &mut now), [5, 10, 20, 40, 80, 160, 300, 300]);
        now += PEACE;
        assert_eq!(waits(&mut fight, false, 1, &mut now), [5]);
    }

    #[test]
    fn traffic_on_dead_backends_waits_half_a_minute_at_most() {
        let (mut fight, mut now) = (Fight::default(), seconds(100));
        fight.wrote(vec![0, 1]);
        assert_eq!(waits(&mut fight, true, 5, &mut now), [5, 10, 20, 30, 30]);
        assert_eq!(waits(&mut fight, false, 1, &mut now), [160]);
        let theirs = group([1, 0]);
        fight.answer(&theirs, &[0, 1], false, false, now);
        let later = Answer::Later { at: now + seconds(30), is_news: false };
        assert_eq!(fight.answer(&theirs, &[0, 1], true, false, now), later);
        assert_eq!(fight.answer(&theirs, &[0, 1], true, true, now), Answer::Now);
    }

    #[test]
    fn what_was_agreed_with_is_no_reversal() {
        let mut fight = Fight::default();
        fight.wrote(vec![0, 1]);
        fight.agreed(&group([1, 0]));
        assert_eq!(fight.answer(&group([1, 0]), &[0, 1], false, false, seconds(9)), Answer::Now);
    }
}
