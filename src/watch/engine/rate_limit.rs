//! The rate limit of moves (`--max-moves`).
//!
//! governor is not used: its permits have no owner. Here a retried move counts once, a refused move
//! does not count, and a group that fails lets others go first. The caller passes the time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
    /// The groups that wait, by namespace.
    waiting: BTreeMap<String, Waiting>,
    /// Groups whose permit expired, or whose move was refused. They let others go first.
    yielding: BTreeSet<GroupId>,
    /// When each namespace last got a permit.
    granted: BTreeMap<String, Duration>,
    reported_at: Option<Duration>,
}

/// The groups of a namespace that wait.
#[derive(Debug)]
struct Waiting {
    since: Duration,
    groups: BTreeSet<GroupId>,
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

    /// Sets whether several namespaces have groups. Then a namespace whose endpoints flap does not
    /// hold up the others: see [`Self::is_at_its_share`].
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
        let own = self.moves_of(&group.namespace);
        let free = limit.most.saturating_sub(self.started.len());
        let own_is_full = free > 0 && self.is_at_its_share(own, free, limit);
        let is_full = own_is_full || free == 0 || self.others_go_first(&group.namespace, free, now);
        let mut waiting = self.waiting.values().flat_map(|it| &it.groups);
        let others_wait = waiting.any(|other| !self.yielding.contains(other));
        // It yields once, so that nobody starves.
        let yields = others_wait && self.yielding.remove(group);
        if !is_full && !yields {
            self.withdraw(group);
            self.granted.insert(group.namespace.clone(), now);
            self.started.push_back(StartedMove {
                at: now,
                namespace: group.namespace.clone(),
                owner: Some(group.clone()),
            });
            return Ok(());
        }
        let is_own = |it: &&StartedMove| it.namespace == group.namespace;
        let own_oldest = self.started.iter().find(is_own).filter(|_| own_is_full);
        let oldest = own_oldest.or(self.started.front());
        let oldest = oldest.map_or(now, |it| it.at);
        let waiting = self.waiting.entry(group.namespace.clone());
        let waiting = waiting.or_insert_with(|| Waiting {
            since: now,
            groups: BTreeSet::new(),
        });
        waiting.groups.insert(group.clone());
        Err(oldest.saturating_add(limit.within))
    }

    fn moves_of(&self, namespace: &str) -> usize {
        let moves = self.started.iter();
        moves.filter(|it| it.namespace == namespace).count()
    }

    /// Returns whether a namespace with `own` moves leaves the `free` permits to others: it has
    /// three quarters of those that it found free, or only the last permit is left.
    fn is_at_its_share(&self, own: usize, free: usize, limit: MaxMoves) -> bool {
        let is_last = free == 1 && own > 0 && limit.most > 1;
        self.is_shared && (is_last || own >= 3 * free)
    }

    /// Returns whether groups wait for all the `free` permits whose namespaces have moved less, or
    /// moved last a longer time ago, or wait longer.
    fn others_go_first(&self, namespace: &str, free: usize, now: Duration) -> bool {
        let order =
            |namespace: &str, since| (self.moves_of(namespace), self.granted.get(namespace), since);
        let since = self.waiting.get(namespace).map_or(now, |it| it.since);
        let own = order(namespace, since);
        let before = self.waiting.iter();
        let before = before.filter(|(other, waiting)| order(other, waiting.since) < own);
        let groups = before.flat_map(|(_, waiting)| &waiting.groups);
        let first = groups.filter(|group| !self.yielding.contains(group));
        free > 0 && first.take(free).count() == free
    }

    fn expire(&mut self, now: Duration, limit: MaxMoves) {
        let is_over = |start: Duration| now.saturating_sub(start) >= limit.within;
        self.granted
            .retain(|_, at| now.saturating_sub(*at) < 2 * limit.within);
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
        self.withdraw(group);
        self.yielding.remove(group);
        for started in &mut self.started {
            started.owner.take_if(|owner| owner == group);
        }
    }

    /// Records that a group cannot move for another reason, so that no other group lets it go first.
    pub fn withdraw(&mut self, group: &GroupId) {
        if let Some(waiting) = self.waiting.get_mut(&group.namespace) {
            waiting.groups.remove(group);
            if waiting.groups.is_empty() {
                self.waiting.remove(&group.namespace);
            }
        }
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
        self.waiting.values().map(|it| it.groups.len()).sum()
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
        Some((limit, self.waiting()))
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
        assert_eq!(moves(&mut limiter, "a", 160), Err(at(161)));
        assert_eq!(moves(&mut limiter, "a", 161), Ok(()));
    }

    #[test]
    fn no_limit_is_too_small_to_be_shared() {
        let in_namespace = |namespace: &str, name: &str| GroupId {
            namespace: namespace.into(),
            ..id(name)
        };
        for most in 1..=20 {
            let mut limiter = limiter(most);
            limiter.share(true);
            let waits = (0..10).find(|turn| {
                // Two namespaces flap, and ask again as soon as they may.
                for second in 0..30 {
                    for namespace in ["flaps", "flaps-too"] {
                        let group = in_namespace(namespace, "x");
                        if limiter.acquire(&group, at(turn * 30 + second)).is_ok() {
                            limiter.settled(&group);
                        }
                    }
                }
                let shop = in_namespace("shop", "web");
                limiter.acquire(&shop, at(turn * 30 + 29)).is_ok()
            });
            let longest = match most {
                1 => 6,
                2 => 2,
                _ => 0,
            };
            assert!(
                waits.is_some_and(|turns| turns <= longest),
                "{most}: {waits:?}"
            );
        }
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
