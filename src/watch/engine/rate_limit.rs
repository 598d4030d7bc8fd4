//! The rate limit of moves (`--max-moves`).
//!
//! governor is not used: its permits have no owner. Here a retried move counts once, a refused move
//! does not count, and a group that fails lets others go first. The caller passes the time.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::model::{GroupId, MaxMoves};

/// How often waiting groups are reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct MoveLimiter {
    limit: Option<MaxMoves>,
    /// The moves that count, oldest first, up to the limit.
    started: VecDeque<StartedMove>,
    /// Several namespaces have groups: none of them may use all permits.
    is_shared: bool,
    waiting: BTreeSet<GroupId>,
    /// Groups whose permit expired, or whose move was refused. They let others go first.
    yielding: BTreeSet<GroupId>,
    reported_at: Option<Duration>,
}

#[derive(Debug)]
struct StartedMove {
    at: Duration,
    namespace: String,
    /// The group, until the move is known to be done.
    owner: Option<GroupId>,
}

impl MoveLimiter {
    pub fn new(limit: Option<MaxMoves>) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Sets whether several namespaces have groups. Then none of them uses more than three quarters
    /// of the permits, so that one whose endpoints flap does not hold up the others.
    pub fn share(&mut self, is_shared: bool) {
        self.is_shared = is_shared;
    }

    /// Requests a permit to move now.
    ///
    /// # Errors
    /// When to retry, if the limit is reached.
    pub fn acquire(&mut self, group: &GroupId, now: Duration) -> Result<(), Duration> {
        let Some(limit) = self.limit else {
            return Ok(());
        };
        self.expire(now, limit);
        if self.has_permit(group) {
            return Ok(());
        }
        let reserve = if self.is_shared { limit.most / 4 } else { 0 };
        let own = self
            .started
            .iter()
            .filter(|it| it.namespace == group.namespace);
        let own_is_full = own.clone().count() >= limit.most - reserve;
        let is_full = own_is_full || self.started.len() >= limit.most;
        let goes_first = |other: &GroupId| !self.yielding.contains(other);
        // It yields once, so that nobody starves.
        let yields = self.waiting.iter().any(goes_first) && self.yielding.remove(group);
        if !is_full && !yields {
            self.waiting.remove(group);
            self.started.push_back(StartedMove {
                at: now,
                namespace: group.namespace.clone(),
                owner: Some(group.clone()),
            });
            return Ok(());
        }
        let own_oldest = own.map(|it| it.at).next().filter(|_| own_is_full);
        let oldest = self.started.front().map(|it| it.at);
        let oldest = own_oldest.or(oldest).unwrap_or(now);
        self.waiting.insert(group.clone());
        Err(oldest.saturating_add(limit.within))
    }

    fn expire(&mut self, now: Duration, limit: MaxMoves) {
        let is_over = |start: Duration| now.saturating_sub(start) >= limit.within;
        while self.started.front().is_some_and(|it| is_over(it.at)) {
            let expired = self.started.pop_front();
            self.yielding.extend(expired.and_then(|it| it.owner));
        }
    }

    fn has_permit(&self, group: &GroupId) -> bool {
        self.started
            .iter()
            .any(|it| it.owner.as_ref() == Some(group))
    }

    /// Records that a group has moved or has no move to make. A move that it started still counts,
    /// since it may have been applied.
    pub fn settled(&mut self, group: &GroupId) {
        self.waiting.remove(group);
        self.yielding.remove(group);
        for started in &mut self.started {
            started.owner.take_if(|owner| owner == group);
        }
    }

    /// Records that a group cannot move for another reason, so that no other group lets it go first.
    pub fn withdraw(&mut self, group: &GroupId) {
        self.waiting.remove(group);
    }

    /// Records that a group's move was refused. It does not count.
    pub fn refused(&mut self, group: &GroupId) {
        if self.has_permit(group) {
            self.started.retain(|it| it.owner.as_ref() != Some(group));
            self.yielding.insert(group.clone());
        }
    }

    /// Returns the number of groups that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns the limit and the number of waiting groups, if they are to be reported: at once,
    /// then at intervals while groups wait.
    pub fn report(&mut self, now: Duration) -> Option<(MaxMoves, usize)> {
        if self.waiting.is_empty() {
            self.reported_at = None;
            return None;
        }
        let is_due = |at: Duration| now.saturating_sub(at) >= REPORT_INTERVAL;
        let limit = self.limit.filter(|_| self.reported_at.is_none_or(is_due))?;
        self.reported_at = Some(now);
        Some((limit, self.waiting.len()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    fn limiter(most: usize) -> MoveLimiter {
        MoveLimiter::new(Some(MaxMoves {
            most,
            within: MINUTE,
        }))
    }

    /// Requests a permit and, if granted, moves.
    fn moves(limiter: &mut MoveLimiter, name: &str, now: u64) -> Result<(), Duration> {
        let permit = limiter.acquire(&id(name), at(now));
        if permit == Ok(()) {
            limiter.settled(&id(name));
        }
        permit
    }

    #[test]
    fn moves_keep_to_the_limit() {
        let mut limiter = limiter(2);
        assert_eq!(moves(&mut limiter, "a", 100), Ok(()));
        assert_eq!(moves(&mut limiter, "b", 110), Ok(()));
        assert_eq!(moves(&mut limiter, "c", 120), Err(at(160)));
        assert_eq!(moves(&mut limiter, "d", 121), Err(at(160)));
        assert_eq!(moves(&mut limiter, "c", 160), Ok(()));
        assert_eq!(moves(&mut limiter, "d", 160), Err(at(170)));
        assert_eq!(moves(&mut limiter, "d", 170), Ok(()));
        assert_eq!(moves(&mut limiter, "e", 171), Err(at(220)));
    }

    #[test]
    fn retries_of_one_move_count_once_and_another_move_counts_again() {
        let mut limiter = limiter(2);
        assert!((100..110).all(|now| limiter.acquire(&id("a"), at(now)) == Ok(())));
        assert_eq!(moves(&mut limiter, "b", 110), Ok(()));
        limiter.settled(&id("a"));
        assert_eq!(limiter.acquire(&id("a"), at(111)), Err(at(160)));
    }

    #[test]
    fn a_refused_move_does_not_delay_others() {
        let mut limiter = limiter(1);
        assert_eq!(limiter.acquire(&id("a"), at(100)), Ok(()));
        assert_eq!(limiter.acquire(&id("b"), at(100)), Err(at(160)));
        limiter.refused(&id("a"));
        assert_eq!(limiter.acquire(&id("a"), at(130)), Err(at(190)));
        assert_eq!(moves(&mut limiter, "b", 160), Ok(()));
        assert_eq!(limiter.acquire(&id("a"), at(220)), Ok(()));
    }

    #[test]
    fn a_group_that_keeps_failing_lets_others_go_first() {
        let mut limiter = limiter(1);
        assert_eq!(limiter.acquire(&id("a"), at(100)), Ok(()));
        assert_eq!(limiter.acquire(&id("b"), at(100)), Err(at(160)));
        assert_eq!(limiter.acquire(&id("a"), at(160)), Err(at(220)));
        assert_eq!(moves(&mut limiter, "b", 160), Ok(()));
    }

    #[test]
    fn groups_that_all_failed_do_not_wait_for_each_other() {
        let mut limiter = limiter(1);
        let names = ["a", "b", "c"];
        // An outage: every permit expires before its write succeeds.
        for now in 0..300 {
            for name in names {
                let _ = limiter.acquire(&id(name), at(now));
            }
        }
        let moved: Vec<bool> = (300..900)
            .map(|now| {
                names
                    .iter()
                    .any(|name| moves(&mut limiter, name, now) == Ok(()))
            })
            .collect();
        let moves_per_period = moved
            .chunks(60)
            .map(|period| period.iter().filter(|is| **is).count());
        assert!(
            moves_per_period.skip(1).all(|count| count == 1),
            "{moved:?}"
        );
    }

    #[test]
    fn a_namespace_that_flaps_leaves_permits_to_the_others() {
        let mut limiter = limiter(4);
        limiter.share(true);
        let other = GroupId {
            namespace: "other".into(),
            ..id("x")
        };
        let flaps = (100..110).filter(|now| moves(&mut limiter, "a", *now) == Ok(()));
        assert_eq!(flaps.count(), 3);
        assert_eq!(moves(&mut limiter, "a", 111), Err(at(160)));
        assert_eq!(limiter.acquire(&other, at(112)), Ok(()));
        assert_eq!(moves(&mut limiter, "a", 160), Ok(()));
    }

    #[test]
    fn a_group_that_cannot_move_holds_nobody_back() {
        let mut limiter = limiter(1);
        assert_eq!(limiter.acquire(&id("a"), at(100)), Ok(()));
        assert_eq!(limiter.acquire(&id("b"), at(100)), Err(at(160)));
        limiter.withdraw(&id("b"));
        assert_eq!(limiter.acquire(&id("a"), at(160)), Ok(()));
    }

    proptest! {
        /// Groups ask again when they are told to, or earlier. Some writes fail.
        #[test]
        fn nobody_starves(most in 1usize..4, turns in prop::collection::vec((0..5usize, any::<bool>()), 50..200)) {
            let mut limiter = limiter(most);
            for (turn, (group, fails)) in turns.iter().enumerate() {
                let name = group.to_string();
                let granted = limiter.acquire(&id(&name), at(turn as u64 * 7)) == Ok(());
                match (granted, fails) {
                    (true, false) => limiter.settled(&id(&name)),
                    (true, true) => limiter.refused(&id(&name)),
                    (false, _) => {}
                }
            }
            // From here on every write succeeds.
            let mut waiting: Vec<String> = (0..5).map(|group: u32| group.to_string()).collect();
            for now in 0..20 {
                let now = turns.len() as u64 * 7 + now * 61;
                waiting.retain(|name| moves(&mut limiter, name, now).is_err());
            }
            prop_assert!(waiting.is_empty(), "{waiting:?}");
        }
    }

    #[test]
    fn the_number_of_waiting_groups_is_reported_at_once_and_at_intervals() {
        let mut limiter = limiter(1);
        let waiting =
            |limiter: &mut MoveLimiter, now| limiter.report(at(now)).map(|(_, waiting)| waiting);
        assert_eq!(moves(&mut limiter, "a", 100), Ok(()));
        assert_eq!(waiting(&mut limiter, 100), None);
        assert_eq!(moves(&mut limiter, "b", 100), Err(at(160)));
        assert_eq!(waiting(&mut limiter, 100), Some(1));
        assert_eq!(moves(&mut limiter, "c", 101), Err(at(160)));
        assert_eq!(
            (waiting(&mut limiter, 101), waiting(&mut limiter, 130)),
            (None, Some(2))
        );
        limiter.settled(&id("b"));
        limiter.settled(&id("c"));
        assert_eq!(waiting(&mut limiter, 131), None);
        assert_eq!(moves(&mut limiter, "d", 132), Err(at(160)));
        assert_eq!(
            waiting(&mut limiter, 132),
            Some(1),
            "that groups wait again is news"
        );
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let mut limiter = MoveLimiter::new(None);
        assert!((0..1000).all(|i| limiter.acquire(&id(&i.to_string()), Duration::ZERO) == Ok(())));
    }
}
