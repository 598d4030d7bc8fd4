//! Random histories of a group: outages, operators and accidents, with the controller's answer to
//! each.

use std::time::Duration;

use jiff::Timestamp;
use kubectl_failover::model::operate::{ForcePlan, RemovedOverride};
use kubectl_failover::model::{
    AvoidEntry, Carrier, Failback, MinReady, Policy, PolicyKind, Readiness, Rule, Stopwatches,
    Timers, Weights, WhyUnknown,
};
use proptest::prelude::*;

use super::object::{DEAD, Object, READY, name};

const BACKENDS: usize = 3;
const EVACUATIONS: [&str; 2] = ["CHG-1", "CHG-2"];

#[derive(Debug, Clone)]
enum Happening {
    Readiness(usize, Readiness),
    Force(usize, Option<i64>),
    Failback,
    /// By one of two evacuations.
    Evacuate(usize, Vec<usize>, Option<i64>),
    Return(usize),
    AvoidDeleted,
    AvoidGarbage,
    /// A colleague changes the policy.
    Set(Box<Policy>),
    Time(i64),
    Restart,
    Pause(Option<i64>),
    Resume,
    ManifestApplied,
    /// A split has none.
    RuleEmptied(usize),
    OverrideDeleted,
    OverrideGarbage,
}

fn readiness() -> impl Strategy<Value = Readiness> {
    prop_oneof![
        2 => (0u32..3).prop_map(|ready| Readiness::Known { ready, total: 2 }),
        1 => Just(Readiness::Unknown { why: WhyUnknown::NotListed }),
        1 => Just(Readiness::Missing),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let end = || proptest::option::of(1i64..4);
    prop_oneof![
        6 => (0..BACKENDS, readiness()).prop_map(|(backend, it)| Happening::Readiness(backend, it)),
        3 => (0..BACKENDS, end()).prop_map(|(to, seconds)| Happening::Force(to, seconds)),
        2 => Just(Happening::Failback),
        3 => (0..2usize, some_backends(), end())
            .prop_map(|(id, backends, seconds)| Happening::Evacuate(id, backends, seconds)),
        2 => (0..2usize).prop_map(Happening::Return),
        1 => Just(Happening::AvoidDeleted),
        1 => Just(Happening::AvoidGarbage),
        1 => policy().prop_map(|policy| Happening::Set(Box::new(policy))),
        4 => (1i64..12).prop_map(Happening::Time),
        1 => Just(Happening::Restart),
        1 => end().prop_map(Happening::Pause),
        1 => Just(Happening::Resume),
        1 => Just(Happening::ManifestApplied),
        1 => (0..2usize).prop_map(Happening::RuleEmptied),
        1 => Just(Happening::OverrideDeleted),
        1 => Just(Happening::OverrideGarbage),
    ]
}

/// Those of a cluster: one or two, seldom all.
pub fn some_backends() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        4 => (0..BACKENDS).prop_map(|index| vec![index]),
        2 => (0..BACKENDS).prop_map(|other| (0..BACKENDS).filter(|it| *it != other).collect()),
        1 => Just((0..BACKENDS).collect::<Vec<_>>()),
    ]
}

pub fn policy() -> impl Strategy<Value = Policy> {
    let delay = || prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(10))];
    let kind = prop_oneof![
        Just(PolicyKind::Spread),
        Just(PolicyKind::Ordered),
        Just(PolicyKind::ActiveActive)
    ];
    let failback = prop_oneof![Just(Failback::Auto), Just(Failback::Manual)];
    let min_ready = prop_oneof![
        Just(MinReady::Count(1)),
        Just(MinReady::Count(2)),
        Just(MinReady::Percent(60))
    ];
    (
        kind,
        delay(),
        delay(),
        failback,
        min_ready,
        failback_ready(),
        any::<bool>(),
    )
        .prop_map(
            |(
                kind,
                failover_delay,
                failback_delay,
                failback,
                min_ready,
                failback_ready,
                standby,
            )| Policy {
                kind,
                failover_delay,
                failback_delay,
                failback,
                min_ready,
                shares: vec![3, 2, 1],
                failback_ready,
                standby,
            },
        )
}

fn failback_ready() -> impl Strategy<Value = Option<MinReady>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(MinReady::Count(2))),
        1 => Just(Some(MinReady::Percent(100)))
    ]
}

pub fn carrier() -> impl Strategy<Value = Carrier> {
    prop_oneof![Just(Carrier::Split), Just(Carrier::Route)]
}

impl Object {
    fn befall(&mut self, happening: &Happening) -> Result<(), TestCaseError> {
        match happening {
            Happening::Readiness(backend, it) => self.readiness[*backend] = it.clone(),
            Happening::Force(to, seconds) => self.forced_as_it_should(*to, *seconds)?,
            Happening::Failback => self.sent_home_as_it_should()?,
            Happening::Evacuate(id, backends, seconds) => {
                self.evacuated_as_it_should(EVACUATIONS[*id], backends, *seconds)?;
            }
            Happening::Return(id) => self.returned_as_it_should(EVACUATIONS[*id])?,
            Happening::AvoidDeleted => self.annotate("avoid", None),
            Happening::AvoidGarbage => self.annotate("avoid", Some("[{".into())),
            Happening::Set(policy) => self.policy = (**policy).clone(),
            Happening::Time(seconds) => self.pass(*seconds),
            // Of the controller, which loses its timers.
            Happening::Restart => {}
            Happening::RuleEmptied(rule) => self.empty_rule(*rule),
            Happening::Pause(seconds) => {
                let until =
                    seconds.map(|seconds| format!(r#""until":"{}""#, self.in_seconds(seconds)));
                self.annotate("paused", Some(format!("{{{}}}", until.unwrap_or_default())));
            }
            Happening::Resume => self.annotate("paused", None),
            Happening::ManifestApplied => self.apply_manifest(),
            Happening::OverrideDeleted => self.annotate("override", None),
            Happening::OverrideGarbage => self.annotate("override", Some("[".into())),
        }
        Ok(())
    }

    fn forced_as_it_should(
        &mut self,
        to: usize,
        seconds: Option<i64>,
    ) -> Result<(), TestCaseError> {
        let home = match self.in_force() {
            Some(order) => order.home,
            None => name(self.group().at(self.now, &self.readiness).primary),
        };
        let forced = self.force(to, seconds);
        let order = self.in_force();
        prop_assert_eq!(order.as_ref().map(|order| &order.to), Some(&name(to)));
        prop_assert_eq!(order.map(|order| order.home), Some(home));
        self.nothing_is_stranded()?;
        let again = self.clone().force(to, seconds);
        prop_assert!(
            again == ForcePlan::Unchanged,
            "{:?}, then {:?}",
            forced,
            again
        );
        prop_assert!(
            self.decide().written.is_none(),
            "the loop agrees with {:?}",
            forced
        );
        Ok(())
    }

    fn sent_home_as_it_should(&mut self) -> Result<(), TestCaseError> {
        let before = self.annotation("primary-service").map(str::to_owned);
        let Some(returned) = self.failback(None) else {
            return Ok(());
        };
        prop_assert!(self.annotation("override").is_none());
        if returned.removes != RemovedOverride::Valid {
            let sets_home = RemovedOverride::Broken { sets_home: true };
            let home = (returned.removes == sets_home).then(|| format!("svc-{}", returned.home));
            let primary = home.or(before);
            prop_assert_eq!(self.annotation("primary-service"), primary.as_deref());
        }
        let enough = self.readiness[returned.home].meets(self.policy.min_ready) == Some(true);
        let home = name(returned.home);
        let is_named = self.avoiding().iter().any(|entry| entry.names(&home));
        self.nothing_carries_that_is_avoided()?;
        if enough && !is_named {
            prop_assert!(self.weights()[returned.home] > 0);
            prop_assert!(!self.decide().asks_for_change());
        } else if self.weights()[returned.home] > 0 && !self.policy.failover_delay.is_zero() {
            // The controller leaves home once the delay is over.
            return Ok(());
        }
        self.nothing_is_stranded()
    }

    fn evacuated_as_it_should(
        &mut self,
        id: &str,
        backends: &[usize],
        seconds: Option<i64>,
    ) -> Result<(), TestCaseError> {
        let (others, order) = (self.entries_but(id), self.in_force());
        let evacuated = self.evacuate(id, backends, seconds);
        prop_assert_eq!(self.entries_but(id), others);
        prop_assert_eq!(self.in_force(), order);
        let entries = self.avoiding();
        let names: Vec<String> = backends.iter().map(|&index| name(index)).collect();
        let entry = entries.iter().find(|entry| entry.id == id);
        prop_assert_eq!(entry.map(|entry| &entry.backends), Some(&names));
        let primary = self.group().at(self.now, &self.readiness).primary;
        self.nothing_carries_that_is_avoided()?;
        // No delay, while another one is ready.
        if self.avoided()[primary] {
            self.nothing_is_stranded()?;
        }
        let again = self.clone().evacuate(id, backends, seconds);
        prop_assert!(again.is_none(), "{:?}, then {:?}", evacuated, again);
        // A command knows no timers.
        let agreeing = Self {
            timers: Timers::none(),
            ..self.clone()
        };
        prop_assert!(
            agreeing.decide().written.is_none(),
            "the loop agrees with {:?}",
            evacuated
        );
        Ok(())
    }

    fn returned_as_it_should(&mut self, id: &str) -> Result<(), TestCaseError> {
        let (others, order) = (self.entries_but(id), self.in_force());
        let before = self.avoiding();
        let Some(returned) = self.return_from(id) else {
            return Ok(());
        };
        prop_assert_eq!(self.avoiding(), others);
        prop_assert_eq!(self.in_force(), order);
        self.nothing_carries_that_is_avoided()?;
        prop_assert!(self.return_from(id).is_none());
        let group = self.group().at(self.now, &self.readiness).into_owned();
        let primary = group.primary;
        // Traffic that was elsewhere before waits for the delay.
        let was_moved = before
            .iter()
            .any(|entry| entry.id == id && !entry.elsewhere && entry.names(&name(primary)));
        let is_avoided = self
            .avoiding()
            .iter()
            .any(|entry| entry.names(&name(primary)));
        let few = group.too_few_to_return(primary, &self.readiness[primary], &self.timers);
        let enough = self.readiness[primary].meets(group.threshold(primary)) == Some(true);
        if was_moved && !is_avoided && enough && few.is_none() {
            prop_assert!(self.weights()[primary] > 0, "{:?}", returned);
        }
        Ok(())
    }

    fn entries_but(&self, id: &str) -> Vec<AvoidEntry> {
        let mut entries = self.avoiding();
        entries.retain(|entry| entry.id != id);
        entries
    }

    fn nothing_carries_that_is_avoided(&self) -> Result<(), TestCaseError> {
        let (weights, avoided) = (self.weights(), self.avoided());
        for index in 0..BACKENDS {
            prop_assert!(
                weights[index] == 0 || !avoided[index],
                "{:?} of {:?}",
                avoided,
                weights
            );
            let on_object = self.group().backends[index].weight_on_object;
            prop_assert!(on_object == 0 || !avoided[index], "svc-{} stands by", index);
        }
        Ok(())
    }

    /// Updates the timers with the current readiness, as the controller does before it decides.
    fn keep_time(&mut self, stopwatches: &mut Stopwatches) {
        let clock = Duration::try_from(self.now.duration_since(Timestamp::UNIX_EPOCH)).unwrap();
        stopwatches.observe(
            &self.group().at(self.now, &self.readiness),
            &self.readiness,
            clock,
        );
        self.timers = stopwatches.read(clock);
    }

    fn nothing_is_stranded(&self) -> Result<(), TestCaseError> {
        let weights = self.weights();
        let carrying: Vec<usize> = (0..BACKENDS).filter(|&i| weights[i] > 0).collect();
        prop_assert!(!carrying.is_empty());
        let all_dead = carrying.iter().all(|&i| self.readiness[i].is_dead());
        prop_assert!(
            !all_dead || !self.readiness.iter().any(Readiness::is_ready),
            "{weights:?}"
        );
        Ok(())
    }
}

fn primary_more_often() -> impl Strategy<Value = usize> {
    prop_oneof![2 => Just(0), 1 => 1..BACKENDS]
}

/// When the traffic left the primary, and when it came back.
#[derive(Default)]
struct Turns {
    away: Option<Timestamp>,
    home: Option<Timestamp>,
}

impl Turns {
    /// Two moves of a kind are never closer to each other than their delay.
    fn see(&mut self, object: &Object, rule: Rule) -> Result<(), TestCaseError> {
        let (last, delay) = match rule {
            Rule::FailOver | Rule::Unverified => (&mut self.away, object.policy.failover_delay),
            Rule::FailBack => (&mut self.home, object.policy.failback_delay),
            // It is back although the primary is not enough, because no other backend was ready.
            _ => {
                self.away = None;
                return Ok(());
            }
        };
        if let Some(last) = last.replace(object.now) {
            let between = Duration::try_from(object.now.duration_since(last)).unwrap();
            prop_assert!(between >= delay, "{:?} after {:?} already", rule, between);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_loop_keeps_traffic_alive_and_orders_standing(
        carrier in carrier(),
        policy in policy(),
        happenings in proptest::collection::vec(happening(), 1..25),
    ) {
        let mut object = Object { policy, ..Object::of(carrier, BACKENDS) };
        let mut stopwatches = Stopwatches::default();
        for happening in &happenings {
            object.befall(happening)?;
            if matches!(happening, Happening::Restart) {
                stopwatches = Stopwatches::default();
            }
            let in_force = object.in_force();
            let note = object.annotation("override").map(str::to_owned);
            let avoiding = object.avoiding();
            let avoid_note = object.annotation("avoid").map(str::to_owned);
            let is_garbage = object.group().avoid.broken.is_some();
            let is_over = object.group().override_to_end(object.now).is_some();
            object.keep_time(&mut stopwatches);

            let decision = object.settle();
            if decision.rule == Rule::Paused {
                prop_assert!(!decision.asks_for_change());
            } else {
                prop_assert!(object.weights().iter().sum::<u64>() > 0);
                prop_assert!(!object.has_empty_rule(), "{:?}", decision);
                if decision.rule != Rule::FailoverDelayed {
                    object.nothing_is_stranded()?;
                    object.nothing_carries_that_is_avoided()?;
                }
                let left = object.group().avoid.entries;
                prop_assert_eq!(&left, &avoiding, "what has expired is gone, and nothing else");
            }
            prop_assert_eq!(object.avoiding(), avoiding);
            if is_garbage || decision.rule == Rule::Paused {
                prop_assert_eq!(object.annotation("avoid"), avoid_note.as_deref());
            }
            prop_assert_eq!(object.in_force(), in_force);
            if !is_over || decision.rule == Rule::Paused {
                prop_assert_eq!(object.annotation("override"), note.as_deref());
            } else {
                prop_assert!(object.annotation("override").is_none());
            }
            let again = object.decide();
            prop_assert!(!again.asks_for_change(), "first {:?}, then {:?}", decision, again);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn turns_are_never_closer_to_each_other_than_the_delay(
        carrier in carrier(),
        policy in policy(),
        steps in proptest::collection::vec((primary_more_often(), readiness(), 0i64..8), 20..60),
    ) {
        let mut object = Object { policy, ..Object::of(carrier, BACKENDS) };
        let (mut stopwatches, mut turns) = (Stopwatches::default(), Turns::default());
        for (backend, readiness, seconds) in steps {
            object.readiness[backend] = readiness;
            for seconds in [0, seconds] {
                object.pass(seconds);
                object.keep_time(&mut stopwatches);
                let carried = object.group().carries(0);
                let decision = object.settle();
                if carried != object.group().carries(0) {
                    turns.see(&object, decision.rule)?;
                }
            }
        }
    }

    #[test]
    fn a_primary_that_comes_and_goes_within_the_delay_moves_traffic_once_there_and_once_back(
        carrier in carrier(),
        failover_delay in prop_oneof![Just(0u64), Just(10)],
        turns in proptest::collection::vec((1i64..10, any::<bool>()), 2..20),
    ) {
        let seconds = Duration::from_secs;
        let policy = Policy { failback_delay: seconds(10), failover_delay: seconds(failover_delay), ..Policy::of(2) };
        let mut object = Object { policy, ..Object::of(carrier, 2) };
        let (mut stopwatches, mut moves) = (Stopwatches::default(), 0);
        let mut pass = |object: &mut Object, seconds: i64, readiness: Readiness| {
            object.readiness[0] = readiness;
            for seconds in [0, seconds] {
                object.pass(seconds);
                object.keep_time(&mut stopwatches);
                moves += usize::from(object.settle().weights != Weights::Hold);
            }
            moves
        };
        for (up, (seconds, unknown)) in turns.into_iter().enumerate() {
            pass(&mut object, seconds, if up % 2 == 0 { DEAD } else { READY });
            if unknown {
                pass(&mut object, 15, Readiness::Unknown { why: WhyUnknown::NotListed });
            }
        }
        let moves = pass(&mut object, 20, READY);
        prop_assert_eq!(moves, if failover_delay == 0 { 2 } else { 0 });
    }
}
