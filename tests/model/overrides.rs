//! The life of an override and of a pause.

use std::time::Duration;

use kubectl_failover::model::operate::{ForcePlan, RemovedOverride};
use kubectl_failover::model::{
    Failback, MinReady, OverrideStatus, Readiness, Rule, Runner, State, Status, Weights,
};

use super::object::{DEAD, Object, READY, forced, name};

fn status(object: &Object) -> Option<OverrideStatus> {
    let record = object.record();
    let group = object.group();
    Status::of(
        &group,
        &object.readiness,
        record.weights_origin(),
        Runner::Unattended,
        object.now,
    )
    .order
}

#[test]
fn a_force_makes_its_target_the_primary_and_stays() {
    let mut object = forced(3, 1, None);
    assert_eq!(object.annotation("primary-service"), Some("svc-1"));
    assert_eq!(object.in_force().unwrap().home, name(0));
    assert_eq!(object.weights(), [0, 1, 0]);
    let decision = object.settle();
    assert_eq!(
        (decision.state, decision.asks_for_change()),
        (State::Overridden, false)
    );
    object.pass(1_000_000);
    assert!(!object.settle().asks_for_change());
}

#[test]
fn traffic_moved_by_failover_still_gets_the_override() {
    let mut object = Object::new(2);
    object.readiness[0] = DEAD;
    object.settle();
    assert_eq!(object.weights(), [0, 1]);
    assert!(matches!(
        object.force(1, None),
        ForcePlan::Write {
            weights: Weights::Hold,
            ..
        }
    ));
    object.readiness[0] = READY;
    assert!(
        !object.settle().asks_for_change(),
        "it stays when the primary is back"
    );
}

#[test]
fn a_force_is_redundant_with_the_same_target_expiry_and_weights() {
    let mut object = forced(3, 1, Some(60));
    assert_eq!(object.force(1, Some(60)), ForcePlan::Unchanged);
    for (to, seconds) in [(1, None), (1, Some(61)), (2, Some(60))] {
        assert_ne!(
            object.clone().force(to, seconds),
            ForcePlan::Unchanged,
            "{to} {seconds:?}"
        );
    }
    object.json["spec"]["backends"][0]["weight"] = 1.into();
    let ForcePlan::Write { weights, .. } = object.force(1, Some(60)) else {
        panic!("the weights differ")
    };
    assert_eq!(weights, Weights::Set(vec![0, 1, 0]));
    object.pass(60);
    assert_ne!(object.force(1, Some(0)), ForcePlan::Unchanged, "it is over");
}

#[test]
fn a_later_force_keeps_the_home_of_the_current_one() {
    let mut object = forced(3, 1, Some(60));
    object.force(2, None);
    assert_eq!(object.in_force().unwrap().home, name(0));
    object.force(0, None);
    assert_eq!(
        (object.in_force().unwrap().home, object.weights()),
        (name(0), vec![1, 0, 0])
    );
    object.force(1, Some(60));
    object.pass(60);
    object.force(2, None);
    assert_eq!(
        object.in_force().unwrap().home,
        name(0),
        "over, and not ended"
    );
}

#[test]
fn after_a_broken_override_home_is_the_primary_of_the_object() {
    let mut object = forced(3, 1, None);
    object.annotate("primary-service", Some(name(2)));
    object.settle();
    object.force(1, None);
    assert_eq!(object.in_force().unwrap().home, name(2));
}

#[test]
fn a_broken_override_has_a_reason_and_traffic_follows_the_primary() {
    let manifest: fn(&mut Object) = Object::apply_manifest;
    let garbage: fn(&mut Object) = |object| object.annotate("override", Some("{".into()));
    let no_backend: fn(&mut Object) = |object| {
        let text = object
            .annotation("override")
            .unwrap()
            .replace("svc-1", "gone");
        object.annotate("override", Some(text));
    };
    let cases = [
        (
            manifest,
            "its target is svc-1, but the object names svc-0 as primary",
            0,
        ),
        (
            garbage,
            "the annotation failover.linkerd.io/override cannot be parsed",
            1,
        ),
        (no_backend, "its target gone is no longer a backend", 1),
    ];
    for (breaking, why, primary) in cases {
        let mut object = forced(3, 1, Some(60));
        breaking(&mut object);
        assert_eq!(object.broken().as_deref(), Some(why));
        assert_eq!(object.group().primary, primary, "{why}");
        assert!(
            object.in_force().is_none() && object.decide().flags.broken,
            "{why}"
        );
        let note = object.annotation("override").map(str::to_owned);
        object.pass(61);
        let decision = object.settle();
        assert_eq!(
            object.annotation("override"),
            note.as_deref(),
            "{why}: the loop leaves it"
        );
        assert_eq!(
            (decision.state, decision.flags.overridden),
            (State::Primary, false),
            "{why}"
        );
    }
}

#[test]
fn without_the_annotation_an_override_takes_the_first_backend_as_primary() {
    let mut object = forced(2, 0, None);
    object.annotate("primary-service", None);
    assert_eq!(object.in_force().unwrap().to, name(0));
}

#[test]
fn home_replaces_a_primary_that_is_not_a_backend() {
    let mut object = forced(2, 1, None);
    object.annotate("primary-service", Some("gone".into()));
    assert_eq!(object.group().primary, 0);
    let returned = object.failback(None).unwrap();
    assert_eq!(
        returned.removes,
        RemovedOverride::Broken { sets_home: true }
    );
    assert_eq!(
        (
            object.annotation("override"),
            object.annotation("primary-service")
        ),
        (None, Some("svc-0"))
    );
    assert_eq!(object.weights(), [1, 0]);

    object.annotate("primary-service", Some("gone".into()));
    let invalid = object.record().group.unwrap_err();
    assert!(
        invalid
            .reason
            .contains("\"gone\" is not among the backends"),
        "{invalid}"
    );
}

#[test]
fn an_override_without_a_home_does_not_expire() {
    for home in ["gone", ""] {
        let mut object = forced(2, 1, Some(60));
        let text = object
            .annotation("override")
            .unwrap()
            .replace("svc-0", home);
        object.annotate("override", Some(text));
        object.pass(100);
        assert!(!object.settle().asks_for_change(), "{home:?}");
        assert!(matches!(
            status(&object),
            Some(OverrideStatus::WithoutHome(_))
        ));
        assert!(object.failback(None).is_none());
        assert_eq!(
            object.failback(Some(0)).unwrap().removes,
            RemovedOverride::Valid
        );
        assert_eq!(
            (object.weights(), object.annotation("primary-service")),
            (vec![1, 0], Some("svc-0"))
        );
    }
}

#[test]
fn an_expiry_schedules_the_next_decision() {
    let mut object = forced(2, 1, Some(60));
    object.pass(20);
    assert_eq!(object.decide().look_again, Some(Duration::from_secs(40)));
    object.pass(40);
    assert!(matches!(status(&object), Some(OverrideStatus::Expired(_))));
    let decision = object.settle();
    assert_eq!(
        (decision.notes.end_override.as_deref(), decision.rule),
        (Some("svc-0"), Rule::FailBack)
    );
    assert_eq!(decision.state, State::OutOfSync);
    assert_eq!(
        (
            object.annotation("override"),
            object.annotation("primary-service")
        ),
        (None, Some("svc-0"))
    );
    assert_eq!(object.weights(), [1, 0]);
    assert!(!object.settle().asks_for_change());
}

#[test]
fn the_end_skips_manual_failback_and_delay_if_home_is_ready_enough() {
    for enough in [true, false] {
        let mut object = forced(2, 1, Some(60));
        object.policy.failback = Failback::Manual;
        object.policy.failback_delay = Duration::from_secs(10);
        object.policy.min_ready = MinReady::Count(2);
        object.readiness[0] = Readiness::Known {
            ready: 1 + u32::from(enough),
            total: 2,
        };
        object.pass(60);
        object.settle();
        assert_eq!(
            (
                object.annotation("override"),
                object.annotation("primary-service")
            ),
            (None, Some("svc-0"))
        );
        assert_eq!(object.weights(), if enough { [1, 0] } else { [0, 1] });
        object.readiness[0] = Readiness::Known { ready: 2, total: 2 };
        let later = object.settle();
        assert_eq!(
            object.weights(),
            if enough { [1, 0] } else { [0, 1] },
            "an ordinary group from then on"
        );
        assert_eq!(later.flags.held, !enough);
    }
}

#[test]
fn a_pause_holds_everything() {
    let mut object = forced(2, 1, Some(60));
    object.annotate(
        "paused",
        Some(r#"{"by":"me","until":"1970-01-01T00:05:00Z","reason":"a rehearsal"}"#.into()),
    );
    object.readiness[1] = DEAD;
    object.pass(100);
    let decision = object.settle();
    assert_eq!(
        (decision.state, decision.rule),
        (State::Paused, Rule::Paused)
    );
    assert_eq!(
        decision.reason,
        "paused by me until 1970-01-01T00:05:00Z: a rehearsal"
    );
    assert_eq!(decision.look_again, Some(Duration::from_secs(200)));
    assert!(!decision.asks_for_change() && object.order().is_some());

    object.pass(200);
    let decision = object.settle();
    assert!(decision.notes.end_pause && decision.notes.end_override.is_some());
    assert_eq!(
        (object.annotation("paused"), object.annotation("override")),
        (None, None)
    );
    assert_eq!(object.weights(), [1, 0]);
}

#[test]
fn an_unreadable_pause_does_not_expire() {
    let mut object = Object::new(2);
    object.annotate("paused", Some("until tomorrow".into()));
    object.readiness[0] = DEAD;
    object.pass(1_000_000);
    let decision = object.settle();
    assert_eq!((decision.state, decision.look_again), (State::Paused, None));
    assert_eq!(object.weights(), [1, 0]);
}

#[test]
fn the_last_move_remembers_the_home_of_a_deleted_override() {
    let mut object = forced(3, 1, None);
    object.force(2, None);
    object.annotate("override", None);
    assert_eq!(object.group().forgotten_home(), Some(name(0).as_str()));
    object.annotate("primary-service", Some(name(0)));
    assert_eq!(object.group().forgotten_home(), None);
}
