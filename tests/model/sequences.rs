//! Random histories of a group: outages, operators and accidents, with the loop's answer to each.

use std::time::Duration;

use kubectl_failover::model::operate::{Ends, Forced};
use kubectl_failover::model::{Failback, MinReady, Policy, PolicyKind, Readiness, Rule, Weights, WhyUnknown};
use proptest::prelude::*;

use super::object::{Object, name};

const BACKENDS: usize = 3;

#[derive(Debug, Clone)]
enum Happening {
    Readiness(usize, Readiness),
    Force(usize, Option<i64>),
    Failback,
    Time(i64),
    Pause(Option<i64>),
    Resume,
    ManifestApplied,
    OverrideDeleted,
    OverrideGarbage,
}

fn readiness() -> impl Strategy<Value = Readiness> {
    prop_oneof![
        2 => (0u32..3).prop_map(|ready| Readiness::Known { ready, total: 2 }),
        1 => Just(Readiness::Unknown { why: WhyUnknown::Silent }),
        1 => Just(Readiness::Missing),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let end = || proptest::option::of(1i64..4);
    prop_oneof![
        6 => (0..BACKENDS, readiness()).prop_map(|(backend, it)| Happening::Readiness(backend, it)),
        3 => (0..BACKENDS, end()).prop_map(|(to, seconds)| Happening::Force(to, seconds)),
        2 => Just(Happening::Failback),
        2 => (1i64..4).prop_map(Happening::Time),
        1 => end().prop_map(Happening::Pause),
        1 => Just(Happening::Resume),
        1 => Just(Happening::ManifestApplied),
        1 => Just(Happening::OverrideDeleted),
        1 => Just(Happening::OverrideGarbage),
    ]
}

pub fn policy() -> impl Strategy<Value = Policy> {
    let delay = || prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(10))];
    let kind =
        prop_oneof![Just(PolicyKind::Spread), Just(PolicyKind::Ordered), Just(PolicyKind::ActiveActive)];
    let failback = prop_oneof![Just(Failback::Auto), Just(Failback::Manual)];
    let min_ready = prop_oneof![Just(MinReady::Count(1)), Just(MinReady::Count(2))];
    (kind, delay(), delay(), failback, min_ready).prop_map(
        |(kind, failover_delay, failback_delay, failback, min_ready)| Policy {
            kind,
            failover_delay,
            failback_delay,
            failback,
            min_ready,
            shares: vec![3, 2, 1],
        },
    )
}

impl Object {
    fn befall(&mut self, happening: &Happening) -> Result<(), TestCaseError> {
        match happening {
            Happening::Readiness(backend, it) => self.readiness[*backend] = it.clone(),
            Happening::Force(to, seconds) => self.forced_as_it_should(*to, *seconds)?,
            Happening::Failback => self.sent_home_as_it_should()?,
            Happening::Time(seconds) => self.pass(*seconds),
            Happening::Pause(seconds) => {
                let until = seconds.map(|seconds| format!(r#""until":"{}""#, self.in_seconds(seconds)));
                self.annotate("paused", Some(format!("{{{}}}", until.unwrap_or_default())));
            }
            Happening::Resume => self.annotate("paused", None),
            Happening::ManifestApplied => self.apply_manifest(),
            Happening::OverrideDeleted => self.annotate("override", None),
            Happening::OverrideGarbage => self.annotate("override", Some("[".into())),
        }
        Ok(())
    }

    fn forced_as_it_should(&mut self, to: usize, seconds: Option<i64>) -> Result<(), TestCaseError> {
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
        prop_assert!(again == Forced::AlreadySo, "{:?}, then {:?}", forced, again);
        prop_assert_eq!(self.decide().weights, Weights::Hold, "the loop agrees with {:?}", forced);
        Ok(())
    }

    fn sent_home_as_it_should(&mut self) -> Result<(), TestCaseError> {
        let before = self.annotation("primary-service").map(str::to_owned);
        let Some(returned) = self.failback(None) else { return Ok(()) };
        prop_assert!(self.annotation("override").is_none());
        if returned.ends != Ends::Override {
            prop_assert_eq!(self.annotation("primary-service"), before.as_deref());
        }
        let enough = self.readiness[returned.home].meets(self.policy.min_ready) == Some(true);
        if enough {
            prop_assert!(self.weights()[returned.home] > 0);
            prop_assert_eq!(self.decide().weights, Weights::Hold);
        }
        self.nothing_is_stranded()
    }

    fn nothing_is_stranded(&self) -> Result<(), TestCaseError> {
        let weights = self.weights();
        let carrying: Vec<usize> = (0..BACKENDS).filter(|&i| weights[i] > 0).collect();
        prop_assert!(!carrying.is_empty());
        let all_dead = carrying.iter().all(|&i| self.readiness[i].is_dead());
        prop_assert!(!all_dead || !self.readiness.iter().any(Readiness::is_ready), "{weights:?}");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_loop_keeps_traffic_alive_and_orders_standing(
        policy in policy(),
        happenings in proptest::collection::vec(happening(), 1..20),
    ) {
        let mut object = Object { policy, ..Object::new(BACKENDS) };
        for happening in &happenings {
            object.befall(happening)?;
            let in_force = object.in_force();
            let note = object.annotation("override").map(str::to_owned);
            let is_over = object.group().override_to_end(object.now).is_some();

            let decision = object.settle();
            prop_assert!(object.weights().iter().sum::<u64>() > 0);
            if decision.rule == Rule::Paused {
                prop_assert!(!decision.asks_for_change());
            } else if decision.rule != Rule::FailoverDelayed {
                object.nothing_is_stranded()?;
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
