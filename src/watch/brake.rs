//! At most so many moves in so much time.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::model::GroupId;

/// How many moves may start within a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxMoves {
    pub most: usize,
    pub within: Duration,
}

#[derive(Debug, Default)]
pub struct Brake {
    limit: Option<MaxMoves>,
    /// When the last moves started, the oldest one first; no more than the limit.
    started: VecDeque<Duration>,
    waiting: BTreeSet<GroupId>,
}

/// Whether a move may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    Now,
    Later { at: Duration, is_news: bool },
}

impl Brake {
    pub fn new(limit: Option<MaxMoves>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Asks for a move to start at `now`; what is granted counts.
    pub fn start(&mut self, group: &GroupId, now: Duration) -> Go {
        let Some(limit) = self.limit else { return Go::Now };
        while self.started.front().is_some_and(|start| now.saturating_sub(*start) >= limit.within) {
            self.started.pop_front();
        }
        match self.started.front() {
            Some(oldest) if self.started.len() >= limit.most => {
                let is_news = self.waiting.is_empty();
                self.waiting.insert(group.clone());
                Go::Later { at: oldest.saturating_add(limit.within), is_news }
            }
            _ => {
                self.waiting.remove(group);
                self.started.push_back(now);
                Go::Now
            }
        }
    }

    /// Takes in that a group has no move to make any more.
    pub fn forget(&mut self, group: &GroupId) {
        self.waiting.remove(group);
    }

    pub fn limit(&self) -> Option<MaxMoves> {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> GroupId {
        GroupId { namespace: "ns".into(), kind: "trafficsplit", name: name.into() }
    }

    #[test]
    fn moves_keep_to_the_rate() {
        let minute = Duration::from_secs(60);
        let mut brake = Brake::new(Some(MaxMoves { most: 2, within: minute }));
        let at = Duration::from_secs;
        assert_eq!(brake.start(&id("a"), at(100)), Go::Now);
        assert_eq!(brake.start(&id("b"), at(110)), Go::Now);
        assert_eq!(brake.start(&id("c"), at(120)), Go::Later { at: at(160), is_news: true });
        assert_eq!(brake.start(&id("d"), at(121)), Go::Later { at: at(160), is_news: false });
        assert_eq!(brake.start(&id("c"), at(160)), Go::Now);
        assert_eq!(brake.start(&id("d"), at(160)), Go::Later { at: at(170), is_news: false });
        assert_eq!(brake.start(&id("d"), at(170)), Go::Now);
        assert_eq!(brake.start(&id("e"), at(171)), Go::Later { at: at(220), is_news: true });
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let mut brake = Brake::new(None);
        assert!((0..1000).all(|i| brake.start(&id(&i.to_string()), Duration::ZERO) == Go::Now));
    }
}
