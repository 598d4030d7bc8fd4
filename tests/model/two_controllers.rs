//! Two controllers on one object. The view of each may lag behind, through outages, operators and
//! accidents.

use std::time::Duration;

use jiff::Timestamp;
use kubectl_failover::model::{
    Carrier, Policy, Readiness, Rule, State, Stopwatches, Timers, Weights, WhyUnknown,
};
use proptest::prelude::*;

use super::object::Object;
use super::sequences::{carrier, policy, some_backends};

const BACKENDS: usize = 3;
/// Longer than the delays of every policy in the test, and than every pause and override.
const SETTLING: i64 = 40;
const AT_REST: i64 = 20;
/// The changes that time alone can bring: dead fallbacks lose their traffic, it moves, it moves to
/// a better fallback; once under an override and once after its end.
const MAX_MOVES: usize = 6;

#[derive(Debug, Clone)]
enum Happening {
    Readiness(usize, Readiness),
    Force(usize, Option<i64>),
    Failback,
    /// By one of two evacuations.
    Evacuate(&'static str, Vec<usize>, Option<i64>),
    Return(&'static str),
    Pause(i64),
    ManifestApplied,
    RuleEmptied(usize),
    OverrideDeleted,
    /// A controller learns the current state.
    Hear(usize),
    /// A controller decides on the state that it knows, and writes.
    Act(usize),
    Restart(usize),
    Time(i64),
}

fn readiness() -> impl Strategy<Value = Readiness> {
    prop_oneof![
        3 => (0u32..3).prop_map(|ready| Readiness::Known { ready, total: 2 }),
        1 => Just(Readiness::Unknown { why: WhyUnknown::NotListed }),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        5 => (0..BACKENDS, readiness()).prop_map(|(backend, it)| Happening::Readiness(backend, it)),
        1 => (0..BACKENDS, proptest::option::of(1i64..20)).prop_map(|(to, end)| Happening::Force(to, end)),
        1 => Just(Happening::Failback),
        1 => (evacuation(), some_backends(), proptest::option::of(1i64..20))
            .prop_map(|(id, backends, end)| Happening::Evacuate(id, backends, end)),
        1 => evacuation().prop_map(Happening::Return),
        1 => (1i64..20).prop_map(Happening::Pause),
        1 => Just(Happening::ManifestApplied),
        1 => (0..2usize).prop_map(Happening::RuleEmptied),
        1 => Just(Happening::OverrideDeleted),
        4 => (0..2usize).prop_map(Happening::Hear),
        6 => (0..2usize).prop_map(Happening::Act),
        1 => (0..2usize).prop_map(Happening::Restart),
        4 => (1i64..6).prop_map(Happening::Time),
    ]
}

fn evacuation() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("CHG-1"), Just("CHG-2")]
}

/// The state that one controller knows.
struct Loop {
    seen: Object,
    version: u64,
    stopwatches: Stopwatches,
}

struct World {
    object: Object,
    version: u64,
    loops: [Loop; 2],
    moves: usize,
}

impl World {
    fn new(carrier: Carrier, policy: Policy) -> Self {
        let object = Object {
            policy,
            ..Object::of(carrier, BACKENDS)
        };
        let view = || Loop {
            seen: object.clone(),
            version: 0,
            stopwatches: Stopwatches::default(),
        };
        Self {
            loops: [view(), view()],
            object,
            version: 0,
            moves: 0,
        }
    }

    fn befall(&mut self, happening: &Happening) -> Result<(), TestCaseError> {
        let before = self.object.json.clone();
        match happening {
            Happening::Readiness(backend, it) => self.object.readiness[*backend] = it.clone(),
            Happening::Force(to, end) => {
                self.object.force(*to, *end);
            }
            Happening::Failback => {
                self.object.failback(None);
            }
            Happening::Evacuate(id, backends, end) => {
                self.object.evacuate(id, backends, *end);
            }
            Happening::Return(id) => {
                self.object.return_from(id);
            }
            Happening::Pause(seconds) => {
                let until = self.object.in_seconds(*seconds);
                self.object
                    .annotate("paused", Some(format!(r#"{{"until":"{until}"}}"#)));
            }
            Happening::ManifestApplied => self.object.apply_manifest(),
            Happening::RuleEmptied(rule) => self.object.empty_rule(*rule),
            Happening::OverrideDeleted if self.object.annotation("override").is_some() => {
                self.object.annotate("override", None);
            }
            Happening::OverrideDeleted => {}
            Happening::Hear(index) => self.hear(*index),
            Happening::Act(index) => return self.act(*index),
            Happening::Restart(index) => {
                self.loops[*index].stopwatches = Stopwatches::default();
                self.hear(*index);
            }
            Happening::Time(seconds) => self.object.pass(*seconds),
        }
        self.version += u64::from(self.object.json != before);
        Ok(())
    }

    fn clock(&self) -> Duration {
        Duration::try_from(self.object.now.duration_since(Timestamp::UNIX_EPOCH)).unwrap()
    }

    fn hear(&mut self, index: usize) {
        let view = &mut self.loops[index];
        view.seen = self.object.clone();
        view.version = self.version;
    }

    /// The server refuses a write for an older version. The controller then reads the object again.
    fn act(&mut self, index: usize) -> Result<(), TestCaseError> {
        let clock = self.clock();
        let view = &mut self.loops[index];
        view.seen.now = self.object.now;
        let group = view.seen.group();
        view.stopwatches.observe(
            &group.at(view.seen.now, &view.seen.readiness),
            &view.seen.readiness,
            clock,
        );
        view.seen.timers = view.stopwatches.read(clock);
        if !view.seen.decide().asks_for_change() {
            return Ok(());
        }
        if view.version != self.version {
            view.seen.json = self.object.json.clone();
            view.version = self.version;
            return Ok(());
        }
        let (in_force, weights) = (self.object.in_force(), self.object.weights());
        let avoiding = self.object.avoiding();
        view.seen.settle();
        self.object.json = view.seen.json.clone();
        self.version += 1;
        view.version = self.version;
        self.moves += usize::from(self.object.weights() != weights);
        prop_assert_eq!(
            self.object.in_force(),
            in_force,
            "a loop ends no order that stands"
        );
        prop_assert_eq!(
            self.object.avoiding(),
            avoiding,
            "a loop ends no evacuation that stands"
        );
        prop_assert!(self.object.weights().iter().sum::<u64>() > 0);
        Ok(())
    }

    /// Only time passes from here, and both controllers learn the current state.
    fn rest(&mut self, seconds: i64) -> Result<(), TestCaseError> {
        for _ in 0..seconds {
            for index in [0, 1] {
                self.hear(index);
                self.act(index)?;
            }
            self.object.pass(1);
        }
        Ok(())
    }

    fn is_where_it_should_be(&mut self) -> Result<(), TestCaseError> {
        self.object.timers = Timers(vec![Some(Duration::from_secs(3600)); BACKENDS]);
        let decision = self.object.decide();
        prop_assert_eq!(
            &decision.weights,
            &Weights::Hold,
            "it is stuck: {:?}",
            decision
        );
        prop_assert!(
            match decision.state {
                State::OutOfSync => false,
                // For endpoints alone.
                State::Waiting => decision.look_again.is_none(),
                _ => true,
            },
            "{:?}",
            decision
        );
        prop_assert!(!self.object.has_empty_rule(), "{:?}", decision);
        let weights = self.object.weights();
        let avoided = self.object.avoided();
        prop_assert!(
            (0..BACKENDS).all(|i| weights[i] == 0 || !avoided[i]) || decision.rule == Rule::Paused,
            "{weights:?} with {avoided:?}: {decision:?}"
        );
        let dead = (0..BACKENDS)
            .filter(|&i| weights[i] > 0)
            .all(|i| self.object.readiness[i].is_dead());
        let ready = self.object.readiness.iter().any(Readiness::is_ready);
        prop_assert!(
            !dead || !ready || decision.rule == Rule::Paused,
            "{weights:?} is stranded: {decision:?}"
        );
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_loops_that_lag_come_to_rest_where_they_should(
        carrier in carrier(),
        policy in policy(),
        happenings in proptest::collection::vec(happening(), 1..60),
    ) {
        let mut world = World::new(carrier, policy);
        for happening in &happenings {
            world.befall(happening)?;
        }
        let moves = world.moves;
        world.rest(SETTLING)?;
        prop_assert!(world.moves - moves <= MAX_MOVES, "the traffic moves {} times", world.moves - moves);
        let moves = world.moves;
        world.rest(AT_REST)?;
        prop_assert_eq!(world.moves, moves, "the traffic does not come to rest");
        world.is_where_it_should_be()?;
    }
}
