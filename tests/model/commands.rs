//! The plans of `force` and `failback`.

use std::time::Duration;

use kubectl_failover::model::operate::{ForcePlan, RemovedOverride};
use kubectl_failover::model::{
    Failback, MinReady, PolicyKind, Readiness, Rule, State, Weights, WhyUnknown,
};

use super::object::{DEAD, Object, READY, forced, name};

const UNKNOWN: Readiness = Readiness::Unknown {
    why: WhyUnknown::Silent(Duration::from_secs(30)),
};

#[test]
fn an_override_has_a_policy_of_its_own() {
    let mut object = Object::new(3);
    object.policy.kind = PolicyKind::ActiveActive;
    object.policy.shares = vec![3, 2, 1];
    object.policy.min_ready = MinReady::Count(2);
    object.readiness = vec![Readiness::Known { ready: 2, total: 2 }; 3];
    object.settle();
    assert_eq!(object.weights(), [3, 2, 1]);
    object.force(0, None);
    assert_eq!(object.weights(), [1, 0, 0], "pinned to home");
    object.force(1, None);
    object.readiness[1] = READY;
    assert!(
        !object.settle().flags.short,
        "one endpoint is enough for a target"
    );
    object.readiness[1] = DEAD;
    object.settle();
    assert_eq!(
        object.weights(),
        [0, 0, 1],
        "home only where no other is ready"
    );
    object.readiness[2] = DEAD;
    object.settle();
    assert_eq!(object.weights(), [1, 0, 0]);
    object.readiness[1] = READY;
    object.settle();
    assert_eq!(object.weights(), [0, 1, 0], "the target is back");
    object.readiness = vec![Readiness::Known { ready: 2, total: 2 }; 3];
    object.failback(None);
    assert_eq!(object.weights(), [3, 2, 1]);
}

#[test]
fn delays_hold_for_the_moves_after_a_force_only() {
    let mut object = Object::new(3);
    object.policy.failover_delay = Duration::from_secs(10);
    object.policy.failback_delay = Duration::from_secs(10);
    object.force(1, None);
    assert_eq!(object.weights(), [0, 1, 0]);
    object.readiness[1] = DEAD;
    assert_eq!(object.settle().rule, Rule::FailoverDelayed);
    object.timers.0 = vec![Some(Duration::from_secs(10)); 3];
    object.settle();
    assert_eq!(object.weights(), [0, 0, 1]);
    object.timers.0 = vec![None; 3];
    object.readiness[1] = READY;
    assert_eq!(object.settle().state, State::Waiting);
}

#[test]
fn a_dead_target_is_not_pinned_and_an_unknown_one_gets_all() {
    let mut object = Object::new(3);
    object.readiness[1] = DEAD;
    object.force(1, None);
    assert_eq!(
        (object.in_force().unwrap().to, object.weights()),
        (name(1), vec![0, 0, 1])
    );

    object.readiness[1] = UNKNOWN;
    let ForcePlan::Write { unverified, .. } = object.force(1, None) else {
        panic!("the weights differ")
    };
    assert!(unverified && object.group().placed_unverified());
    assert_eq!(object.weights(), [0, 1, 0]);
    assert!(!object.settle().asks_for_change());
    assert!(object.decide().flags.unverified);
}

#[test]
fn failback_ends_each_kind_of_override() {
    let mut object = forced(2, 1, Some(60));
    let returned = object.failback(None).unwrap();
    assert_eq!(
        (returned.removes, returned.home, object.weights()),
        (RemovedOverride::Valid, 0, vec![1, 0])
    );
    let returned = object.failback(None).unwrap();
    assert_eq!(
        (returned.removes, returned.weights),
        (RemovedOverride::None, Weights::Hold)
    );

    object.force(1, None);
    object.annotate("primary-service", Some(name(0)));
    object.settle();
    let returned = object.failback(None).unwrap();
    assert_eq!(
        returned.removes,
        RemovedOverride::Broken { sets_home: false }
    );
    assert_eq!(
        (
            object.annotation("override"),
            object.annotation("primary-service")
        ),
        (None, Some("svc-0"))
    );
}

#[test]
fn the_home_of_a_force_returns_although_its_override_is_broken() {
    for override_text in [r#"{"to": "gone", "home": "svc-0"}"#, "{garbage"] {
        for (readiness, weights) in [(READY, [1, 0]), (DEAD, [0, 1])] {
            let mut object = forced(2, 1, None);
            object.annotate("override", Some(override_text.to_owned()));
            object.readiness[0] = readiness;
            let returned = object.failback(None).unwrap();
            assert_eq!(
                (returned.removes, returned.home),
                (RemovedOverride::Broken { sets_home: true }, 0)
            );
            assert_eq!(
                (
                    object.annotation("override"),
                    object.annotation("primary-service")
                ),
                (None, Some("svc-0"))
            );
            assert_eq!(object.weights(), weights);
            assert_eq!(object.group().forgotten_home(), None);
        }
    }
}

#[test]
fn home_can_be_named_for_an_unreadable_override() {
    let mut object = forced(2, 1, None);
    object.annotate("override", Some("{garbage".to_owned()));
    let returned = object.failback(Some(0)).unwrap();
    assert_eq!(
        (returned.removes, returned.home),
        (RemovedOverride::Broken { sets_home: true }, 0)
    );
    assert_eq!(
        (
            object.annotation("override"),
            object.annotation("primary-service")
        ),
        (None, Some("svc-0"))
    );
    assert_eq!(object.weights(), [1, 0]);
}

#[test]
fn failback_ends_a_hold_of_the_manual_policy() {
    let mut object = Object::new(2);
    object.policy.failback = Failback::Manual;
    object.readiness[0] = DEAD;
    object.settle();
    object.readiness[0] = READY;
    assert!(object.settle().flags.held && object.annotation("held").is_some());
    let returned = object.failback(None).unwrap();
    assert_eq!(
        (returned.removes, object.weights()),
        (RemovedOverride::None, vec![1, 0])
    );
    assert_eq!(object.annotation("held"), None);
    assert!(!object.settle().asks_for_change());
}

#[test]
fn failback_to_an_unknown_primary_moves_the_traffic() {
    let mut object = forced(2, 1, None);
    object.readiness[0] = UNKNOWN;
    let returned = object.failback(None).unwrap();
    assert!(returned.unverified);
    assert_eq!(object.weights(), [1, 0]);
    assert!(!object.settle().asks_for_change());
}

#[test]
fn failback_keeps_traffic_on_a_home_that_failover_delay_holds() {
    for target in [0, 1] {
        let mut object = forced(2, target, None);
        object.policy.failover_delay = Duration::from_secs(600);
        object.policy.min_ready = MinReady::Count(2);
        object.readiness[0] = Readiness::Known { ready: 1, total: 2 };
        object.json["spec"]["backends"][0]["weight"] = 1.into();
        object.json["spec"]["backends"][1]["weight"] = 0.into();
        object.annotate("primary-service", Some(name(0)));
        object.failback(None).unwrap();
        assert_eq!(
            (object.annotation("override"), object.weights()),
            (None, vec![1, 0]),
            "forced to {target}"
        );
    }
}

#[test]
fn a_move_off_dead_backends_names_them_when_the_primary_is_unknown() {
    let mut object = Object::new(3);
    object.readiness = vec![DEAD, READY, READY];
    object.settle();
    object.readiness = vec![UNKNOWN, DEAD, DEAD];
    object.json["spec"]["backends"][2]["weight"] = 0.into();
    object.readiness[2] = READY;
    let decision = object.settle();
    assert_eq!(
        (decision.rule, object.weights()),
        (Rule::PrimaryUnknown, vec![0, 0, 1])
    );
    let unknown =
        "the readiness of svc-0 is unknown: nothing received from the API server for 30 s";
    assert_eq!(
        decision.reason,
        format!("svc-1 has no ready endpoints (0 of 1), and {unknown}")
    );
}

#[test]
fn a_move_to_a_ready_backend_is_verified() {
    let blind = || {
        let mut object = Object::new(3);
        object.readiness = vec![DEAD, UNKNOWN, DEAD];
        object.settle();
        assert!(object.group().placed_unverified());
        object
    };
    let mut home = blind();
    home.readiness[0] = READY;
    home.settle();
    let mut forced = blind();
    forced.readiness[2] = READY;
    forced.force(2, None);
    let mut sent = blind();
    sent.policy.failback = Failback::Manual;
    sent.readiness[0] = READY;
    sent.failback(None);
    for object in [home, forced, sent] {
        assert!(
            !object.group().placed_unverified(),
            "{:?}",
            object.weights()
        );
    }
}
