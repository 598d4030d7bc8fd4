//! The invariants of a decision, over random groups of one to five backends.

use std::time::Duration;

use kubectl_failover::model::MirrorSide;
use kubectl_failover::model::standby::set_standbys_apart;
use kubectl_failover::model::weights::same_proportion;
use kubectl_failover::model::{
    Backend, Carrier, Decision, Failback, Group, GroupId, LastMove, MinReady, Policy, PolicyKind,
    Readiness, Rule, ServiceRef, Timers, Weights, WhyUnknown, decide,
};
use proptest::prelude::*;

const DELAY: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
struct Scene {
    group: Group,
    readiness: Vec<Readiness>,
    timers: Timers,
}

impl Scene {
    fn decide(&self) -> Decision {
        decide(
            &self.group,
            &self.readiness,
            &self.timers,
            jiff::Timestamp::UNIX_EPOCH,
        )
    }

    fn weights_after(&self, decision: &Decision) -> Vec<u64> {
        match &decision.weights {
            Weights::Hold => self.group.weights(),
            Weights::Set(weights) => weights.clone(),
        }
    }

    /// The scene after the decision has been written.
    fn after(&self, decision: &Decision) -> Self {
        let mut next = self.clone();
        for (backend, &weight) in next
            .group
            .backends
            .iter_mut()
            .zip(decision.written.iter().flatten())
        {
            (backend.weight, backend.weight_on_object) = (weight, weight);
        }
        if next.group.policy.standby {
            set_standbys_apart(&mut next.group.backends);
        }
        if decision.weights != Weights::Hold {
            let blind = decision.unverified;
            next.group.last_move = Some(moved(&next.group, blind));
        }
        next
    }

    fn carries(&self, index: usize) -> bool {
        self.group.carries(index)
    }

    /// Whether this rule should keep the weights here.
    fn holds(&self, rule: Rule) -> bool {
        let carrying = || {
            (0..self.readiness.len())
                .filter(|&i| self.carries(i))
                .map(|i| &self.readiness[i])
        };
        let blind = self.group.placed_unverified();
        match rule {
            Rule::NoneReady => carrying().next().is_some(),
            Rule::PrimaryUnknown => carrying().any(|it| it.is_ready() || it.is_unknown()),
            Rule::FailbackHeld => carrying().any(|it| it.is_ready() || (it.is_unknown() && !blind)),
            Rule::FailoverDelayed | Rule::FallbackUnknown => true,
            Rule::Paused
            | Rule::OnPrimary
            | Rule::FailBack
            | Rule::FailOver
            | Rule::PrimaryShort
            | Rule::Unverified => false,
        }
    }
}

fn moved(group: &Group, unverified: bool) -> LastMove {
    LastMove {
        from: String::new(),
        to: group.write_weights(&group.weights()),
        at: jiff::Timestamp::UNIX_EPOCH,
        by: "someone".into(),
        why: "something".into(),
        unverified,
        ready: None,
        home: None,
        command: None,
    }
}

fn known() -> BoxedStrategy<Readiness> {
    let counts = (0u32..4, 0u32..3);
    prop_oneof![
        Just(Readiness::Missing),
        counts.prop_map(|(ready, more)| Readiness::Known {
            ready,
            total: ready + more
        })
    ]
    .boxed()
}

fn any_readiness() -> BoxedStrategy<Readiness> {
    let unknown = Just(Readiness::Unknown {
        why: WhyUnknown::NotListed,
    });
    let partly = (1u32..4, 0u32..3).prop_map(|(ready, more)| partly_known(ready, ready + more));
    prop_oneof![2 => unknown, 1 => partly, 4 => known()].boxed()
}

/// A federation with one unknown member.
fn partly_known(ready: u32, total: u32) -> Readiness {
    Readiness::Mirrored {
        ready,
        total,
        side: MirrorSide::Members {
            all: 2,
            unknown: vec![WhyUnknown::NotListed],
        },
    }
}

fn scene(readiness: fn() -> BoxedStrategy<Readiness>) -> impl Strategy<Value = Scene> {
    (1usize..=5)
        .prop_flat_map(move |n| {
            let backends = proptest::collection::vec(
                (
                    prop_oneof![9 => 0u64..3, 1 => 400_000u64..2_000_000],
                    readiness(),
                    prop_oneof![9 => 1u64..4, 1 => 400_000u64..1_000_000],
                    prop_oneof![Just(None), Just(Some(DELAY / 2)), Just(Some(DELAY))],
                ),
                n,
            );
            let policy = (
                prop_oneof![
                    Just(PolicyKind::Spread),
                    Just(PolicyKind::Ordered),
                    Just(PolicyKind::ActiveActive)
                ],
                prop_oneof![
                    Just(MinReady::Count(1)),
                    Just(MinReady::Count(2)),
                    Just(MinReady::Percent(60))
                ],
                prop_oneof![Just(Duration::ZERO), Just(DELAY)],
                prop_oneof![Just(Duration::ZERO), Just(DELAY)],
                prop_oneof![Just(Failback::Auto), Just(Failback::Manual)],
                prop_oneof![
                    3 => Just(None),
                    1 => Just(Some(MinReady::Count(3))),
                    1 => Just(Some(MinReady::Percent(50)))
                ],
                any::<bool>(),
            );
            (
                backends,
                policy,
                0..n,
                proptest::option::of(0..n),
                any::<(bool, bool)>(),
            )
        })
        .prop_map(|(backends, policy, primary, home, (route, unverified))| {
            let (
                kind,
                min_ready,
                failover_delay,
                failback_delay,
                failback,
                failback_ready,
                standby,
            ) = policy;
            let id = GroupId {
                namespace: "ns".into(),
                kind: "trafficsplit",
                name: "x".into(),
            };
            let carrier = if route {
                Carrier::Route
            } else {
                Carrier::Split
            };
            let service = |i: usize| ServiceRef::new("ns", format!("svc-{i}"));
            let listed = backends.iter().enumerate();
            let listed = listed
                .map(|(i, b)| Backend::new("ns", service(i), b.0))
                .collect();
            let mut group = Group {
                overridden: home.is_some(),
                home,
                policy: Policy {
                    kind,
                    shares: backends
                        .iter()
                        .map(|b| if standby { b.2.min(100) } else { b.2 })
                        .collect(),
                    min_ready,
                    failover_delay,
                    failback_delay,
                    failback,
                    failback_ready,
                    standby,
                },
                ..Group::ordinary(id, carrier, "svc".into(), listed, primary)
            };
            if standby {
                set_standbys_apart(&mut group.backends);
            }
            group.last_move = unverified.then(|| moved(&group, true));
            let timers = Timers(backends.iter().map(|b| b.3).collect());
            Scene {
                group,
                readiness: backends.into_iter().map(|b| b.1).collect(),
                timers,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn weights_are_never_all_zero(scene in scene(any_readiness)) {
        let decision = scene.decide();
        prop_assert!(scene.weights_after(&decision).iter().sum::<u64>() > 0, "{decision:?}");
    }

    #[test]
    fn no_traffic_is_left_on_the_dead_while_another_is_ready(scene in scene(any_readiness)) {
        let decision = scene.decide();
        prop_assume!(decision.rule != Rule::FailoverDelayed);
        let weights = scene.weights_after(&decision);
        let carrying: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] > 0).collect();
        let someone_ready = scene.readiness.iter().any(Readiness::is_ready);
        let all_dead = carrying.iter().all(|&i| scene.readiness[i].is_dead());
        prop_assert!(!(someone_ready && all_dead), "{decision:?}");

        let served = carrying.iter().any(|&i| scene.readiness[i].is_ready());
        let dead_fallback =
            carrying.iter().any(|&i| i != scene.group.primary && scene.readiness[i].is_dead());
        prop_assert!(!(served && dead_fallback), "{decision:?}");
    }

    #[test]
    fn a_decision_that_is_applied_holds(scene in scene(any_readiness)) {
        let decision = scene.decide();
        let again = scene.after(&decision).decide();
        prop_assert_eq!(&again.weights, &Weights::Hold, "first {:?}, then {:?}", decision, again);
        prop_assert_eq!(&again.written, &None, "first {:?}, then {:?}", decision, again);
    }

    #[test]
    fn standbys_change_nothing_for_the_rules(scene in scene(any_readiness)) {
        let mut bare = scene.clone();
        bare.group.policy.standby = false;
        for backend in &mut bare.group.backends {
            backend.weight_on_object = backend.weight;
        }
        let (with, without) = (scene.decide(), bare.decide());
        prop_assert_eq!(with.rule, without.rule);
        prop_assert_eq!(with.unverified, without.unverified);
        if scene.group.trouble_with_weights().is_none() {
            prop_assert_eq!(with.waiting, without.waiting);
            prop_assert_eq!(&with.weights, &without.weights);
        }
        let after = (scene.after(&with).group.weights(), bare.after(&without).group.weights());
        prop_assert!(same_proportion(&after.0, &after.1), "{with:?}, {without:?}");
    }

    #[test]
    fn a_backend_that_stands_by_may_do_so(scene in scene(any_readiness)) {
        let after = scene.after(&scene.decide());
        let group = &after.group;
        for (index, backend) in group.backends.iter().enumerate().filter(|(_, it)| it.is_standby()) {
            prop_assert!(group.policy.standby && !group.overridden);
            prop_assert!(scene.readiness[index] != Readiness::Missing);
            prop_assert!(index != group.primary || group.policy.failback != Failback::Manual);
            prop_assert_eq!(backend.weight_on_object, 1);
        }
        let fallbacks = group.backends.iter().enumerate().filter(|(i, _)| *i != group.primary);
        let standing_by = fallbacks.filter(|(_, it)| it.is_standby()).count();
        prop_assert!(group.policy.kind != PolicyKind::Ordered || standing_by <= 1);
    }

    #[test]
    fn a_decision_is_never_what_is_there_already(scene in scene(any_readiness)) {
        let present = scene.group.weights();
        if let Weights::Set(weights) = scene.decide().weights
            && scene.group.trouble_with_weights().is_none()
        {
            prop_assert!(!same_proportion(&weights, &present));
        }
    }

    #[test]
    fn what_a_decision_leaves_is_never_above_the_limits(scene in scene(any_readiness)) {
        let decision = scene.decide();
        let left = scene.after(&decision).group.weights_on_object();
        prop_assert!(scene.group.carrier.takes(&left), "{decision:?}");
    }

    #[test]
    fn a_hold_takes_weight_only_from_dead_fallbacks(scene in scene(any_readiness)) {
        let decision = scene.decide();
        if !scene.holds(decision.rule) {
            return Ok(());
        }
        let served = (0..scene.readiness.len()).any(|i| scene.carries(i) && scene.readiness[i].is_ready());
        let weights = scene.weights_after(&decision);
        prop_assume!(scene.group.trouble_with_weights().is_none());
        for (i, &weight) in weights.iter().enumerate() {
            let before = scene.group.backends[i].weight;
            let dead_fallback = i != scene.group.primary && scene.readiness[i].is_dead();
            let expected = if served && dead_fallback { 0 } else { before };
            prop_assert_eq!(weight, expected, "backend {} of {:?}", i, decision);
        }
    }

    #[test]
    fn readiness_that_turns_unknown_moves_nothing(scene in scene(known), gone in any::<[bool; 5]>()) {
        let scene = scene.after(&scene.decide());
        let mut blind = scene.clone();
        for (readiness, gone) in blind.readiness.iter_mut().zip(gone) {
            if gone {
                *readiness = Readiness::Unknown { why: WhyUnknown::NotListed };
            }
        }
        let decision = blind.decide();
        let excepted = decision.unverified || scene.group.placed_unverified();
        prop_assert!(decision.weights == Weights::Hold || excepted, "{decision:?}");
    }

    #[test]
    fn a_member_that_turns_unknown_moves_nothing(
        scene in scene(known),
        left in prop::collection::vec(prop::option::of((0u32..4, 0u32..4)), 5),
    ) {
        let scene = scene.after(&scene.decide());
        let mut blind = scene.clone();
        for (readiness, left) in blind.readiness.iter_mut().zip(left) {
            let (Some((ready, total)), Some((fewer, less))) = (readiness.counts(), left) else { continue };
            let (ready, total) = (ready.min(fewer), total.min(less));
            *readiness = match ready {
                0 => Readiness::Unknown { why: WhyUnknown::NotListed },
                ready => partly_known(ready, total.max(ready)),
            };
        }
        let decision = blind.decide();
        let excepted = decision.unverified || scene.group.placed_unverified();
        prop_assert!(decision.weights == Weights::Hold || excepted, "{decision:?}");
    }

    #[test]
    fn with_all_known_and_no_delays_a_group_comes_to_rest_where_it_belongs(scene in scene(known)) {
        let mut settled = scene.clone();
        settled.group.policy.failover_delay = Duration::ZERO;
        settled.group.policy.failback_delay = Duration::ZERO;
        settled.group.policy.failback = Failback::Auto;
        settled.group.policy.failback_ready = None;
        let end = settled.after(&settled.decide());
        let primary = end.group.primary;
        let carrying: Vec<usize> = (0..end.readiness.len()).filter(|&i| end.carries(i)).collect();
        if end.readiness[primary].meets(end.group.threshold(primary)) == Some(true) {
            let shares = end.group.policy_kind() == PolicyKind::ActiveActive;
            prop_assert!(end.carries(primary) && (shares || carrying == [primary]));
        } else if (0..end.readiness.len()).any(|i| i != primary && end.readiness[i].is_ready()) {
            prop_assert!(!end.carries(primary) && carrying.iter().all(|&i| end.readiness[i].is_ready()));
        } else if end.readiness[primary].is_ready() {
            prop_assert_eq!(carrying, [primary]);
        }
    }
}
