//! At most so many moves in so much time.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::model::{GroupId, MaxMoves};

/// How often it is said that groups wait.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// Counts moves, not tries: one that fails and is tried again is the same move for as long as it counts.
#[derive(Debug, Default)]
pub struct MoveLimiter {
    limit: Option<MaxMoves>,
    /// The moves that count, the oldest first and no more than the limit: when each started and, until it is known to
    /// be done, whose it is.
    started: VecDeque<(Duration, Option<GroupId>)>,
    waiting: BTreeSet<GroupId>,
    /// Groups that have had a turn and made nothing of it: they let others go first.
    yielding: BTreeSet<GroupId>,
    /// When it was last said that groups wait.
    told: Option<Duration>,
}

/// Whether a move may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    Now,
    Later { at: Duration },
}

impl MoveLimiter {
    pub fn new(limit: Option<MaxMoves>) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Asks for a move to start at `now`; what is granted counts.
    pub fn start(&mut self, group: &GroupId, now: Duration) -> Go {
        let Some(limit) = self.limit else {
            return Go::Now;
        };
        self.expire(now, limit);
        if self.has_turn(group) {
            return Go::Now;
        }
        let is_full = self.started.len() >= limit.most;
        let yields =
            self.yielding.contains(group) && self.waiting.iter().any(|other| other != group);
        if !is_full && !yields {
            self.waiting.remove(group);
            self.started.push_back((now, Some(group.clone())));
            return Go::Now;
        }
        self.waiting.insert(group.clone());
        let oldest = self.started.front().map_or(now, |(start, _)| *start);
        Go::Later {
            at: oldest.saturating_add(limit.within),
        }
    }

    fn expire(&mut self, now: Duration, limit: MaxMoves) {
        while self
            .started
            .front()
            .is_some_and(|(start, _)| now.saturating_sub(*start) >= limit.within)
            && let Some((_, owner)) = self.started.pop_front()
        {
            self.yielding.extend(owner);
        }
    }

    fn has_turn(&self, group: &GroupId) -> bool {
        self.started
            .iter()
            .any(|(_, owner)| owner.as_ref() == Some(group))
    }

    /// Takes in that a group has moved, or has no move to make any more. What it has started goes on counting: it may
    /// have been done.
    pub fn settled(&mut self, group: &GroupId) {
        self.waiting.remove(group);
        self.yielding.remove(group);
        for (_, owner) in &mut self.started {
            owner.take_if(|owner| owner == group);
        }
    }

    /// Takes in that a group's move was refused: it does not count.
    pub fn refused(&mut self, group: &GroupId) {
        if self.has_turn(group) {
            self.started
                .retain(|(_, owner)| owner.as_ref() != Some(group));
            self.yielding.insert(group.clone());
        }
    }

    /// How many groups wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What there is to say: the limit, and how many groups wait; at first and then again while some do.
    pub fn news(&mut self, now: Duration) -> Option<(MaxMoves, usize)> {
        if self.waiting.is_empty() {
            self.told = None;
            return None;
        }
        let is_due = self
            .told
            .is_none_or(|told| now.saturating_sub(told) >= TELL_EVERY);
        let limit = self.limit.filter(|_| is_due)?;
        self.told = Some(now);
        Some((limit, self.waiting.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn id(name: &str) -> GroupId {
        GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: name.into(),
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn brake(most: usize) -> MoveLimiter {
        MoveLimiter::new(Some(MaxMoves {
            most,
            within: MINUTE,
        }))
    }

    /// Asks and, where it may, moves.
    fn moves(brake: &mut MoveLimiter, name: &str, now: u64) -> Go {
        let go = brake.start(&id(name), at(now));
        if go == Go::Now {
            brake.settled(&id(name));
        }
        go
    }

    #[test]
    fn moves_keep_to_the_rate() {
        let mut brake = brake(2);
        assert_eq!(moves(&mut brake, "a", 100), Go::Now);
        assert_eq!(moves(&mut brake, "b", 110), Go::Now);
        assert_eq!(moves(&mut brake, "c", 120), Go::Later { at: at(160) });
        assert_eq!(moves(&mut brake, "d", 121), Go::Later { at: at(160) });
        assert_eq!(moves(&mut brake, "c", 160), Go::Now);
        assert_eq!(moves(&mut brake, "d", 160), Go::Later { at: at(170) });
        assert_eq!(moves(&mut brake, "d", 170), Go::Now);
        assert_eq!(moves(&mut brake, "e", 171), Go::Later { at: at(220) });
    }

    #[test]
    fn tries_of_one_move_count_once_and_another_move_counts_again() {
        let mut brake = brake(2);
        assert!((100..110).all(|now| brake.start(&id("a"), at(now)) == Go::Now));
        assert_eq!(moves(&mut brake, "b", 110), Go::Now);
        brake.settled(&id("a"));
        assert_eq!(brake.start(&id("a"), at(111)), Go::Later { at: at(160) });
    }

    #[test]
    fn what_is_refused_holds_nobody_up() {
        let mut brake = brake(1);
        assert_eq!(brake.start(&id("a"), at(100)), Go::Now);
        assert_eq!(brake.start(&id("b"), at(100)), Go::Later { at: at(160) });
        brake.refused(&id("a"));
        assert_eq!(brake.start(&id("a"), at(130)), Go::Later { at: at(190) });
        assert_eq!(moves(&mut brake, "b", 160), Go::Now);
        assert_eq!(brake.start(&id("a"), at(220)), Go::Now);
    }

    #[test]
    fn what_fails_for_long_lets_others_go_first() {
        let mut brake = brake(1);
        assert_eq!(brake.start(&id("a"), at(100)), Go::Now);
        assert_eq!(brake.start(&id("b"), at(100)), Go::Later { at: at(160) });
        assert_eq!(brake.start(&id("a"), at(160)), Go::Later { at: at(220) });
        assert_eq!(moves(&mut brake, "b", 160), Go::Now);
    }

    #[test]
    fn how_many_wait_is_said_at_first_and_again_while_they_do() {
        let mut brake = brake(1);
        let waiting =
            |brake: &mut MoveLimiter, now| brake.news(at(now)).map(|(_, waiting)| waiting);
        assert_eq!(moves(&mut brake, "a", 100), Go::Now);
        assert_eq!(waiting(&mut brake, 100), None);
        assert_eq!(moves(&mut brake, "b", 100), Go::Later { at: at(160) });
        assert_eq!(waiting(&mut brake, 100), Some(1));
        assert_eq!(moves(&mut brake, "c", 101), Go::Later { at: at(160) });
        assert_eq!(
            (waiting(&mut brake, 101), waiting(&mut brake, 130)),
            (None, Some(2))
        );
        brake.settled(&id("b"));
        brake.settled(&id("c"));
        assert_eq!(waiting(&mut brake, 131), None);
        assert_eq!(moves(&mut brake, "d", 132), Go::Later { at: at(160) });
        assert_eq!(
            waiting(&mut brake, 132),
            Some(1),
            "the next slowing down is news"
        );
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let mut brake = MoveLimiter::new(None);
        assert!((0..1000).all(|i| brake.start(&id(&i.to_string()), Duration::ZERO) == Go::Now));
    }
}
