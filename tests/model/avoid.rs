//! What `evacuate` and `return` write, and what the loop makes of it.

use kubectl_failover::model::moves::MoveCommand;
use kubectl_failover::model::{Failback, PolicyKind, Readiness, State};

use super::object::{DEAD, Object, READY, forced, name};

fn ids(object: &Object) -> Vec<String> {
    let entries = object.avoiding().into_iter();
    entries.map(|entry| entry.id).collect()
}

#[test]
fn an_evacuation_is_one_patch_with_its_reason() {
    let mut object = Object::new(2);
    let plan = object.evacuate("CHG-1", &[0], Some(60)).unwrap();
    assert_eq!(plan.command, MoveCommand::Evacuate);
    assert_eq!(object.weights(), [0, 1]);
    let last = object.record().meta.last_move().unwrap();
    assert_eq!(last.command, Some(MoveCommand::Evacuate));
    assert_eq!(last.why, "svc-0 is evacuated (CHG-1)");
    assert_eq!(last.ready, Some(1));
    let decision = object.decide();
    assert_eq!(decision.state, State::Failover);
    assert!(decision.flags.avoiding && !decision.flags.short && !decision.flags.redundant);
    assert!(!decision.asks_for_change());
    assert!(decision.look_again.is_some(), "until it expires");
}

#[test]
fn the_entry_with_the_same_id_is_replaced_and_others_stay() {
    let mut object = Object::new(3);
    object.evacuate("CHG-1", &[0], None);
    object.evacuate("CHG-2", &[1], None);
    assert_eq!(object.weights(), [0, 0, 1]);
    object.evacuate("CHG-1", &[2], None);
    assert_eq!(ids(&object), ["CHG-2", "CHG-1"]);
    assert_eq!(object.weights(), [1, 0, 0]);
    assert!(object.return_from("CHG-3").is_none());
    object.return_from("CHG-1");
    assert_eq!(ids(&object), ["CHG-2"]);
    object.return_from("CHG-2");
    assert_eq!(object.annotation("avoid"), None);
}

#[test]
fn a_return_is_recorded_whether_traffic_moves_or_not() {
    for (there, moves) in [(0, true), (1, false)] {
        let mut object = Object::new(2);
        object.evacuate("CHG-1", &[there], None);
        assert_eq!(object.record().meta.last_return(), None);
        object.pass(10);
        object.return_from("CHG-1");
        let record = object.record();
        let last = record.meta.last_return().unwrap();
        assert_eq!((last.id.as_str(), last.at), ("CHG-1", object.now));
        let command = record.meta.last_move().and_then(|last| last.command);
        assert_eq!(command == Some(MoveCommand::Return), moves);
        assert_eq!(object.group().last_return, Some(last));
        object.evacuate("CHG-2", &[there], None);
        assert_eq!(object.annotation("last-return"), None);
    }
}

#[test]
fn a_return_skips_manual_failback_only_if_it_kept_traffic_off_the_primary() {
    let mut object = Object::new(3);
    object.policy.failback = Failback::Manual;
    object.evacuate("CHG-1", &[0], None);
    let plan = object.return_from("CHG-1").unwrap();
    assert_eq!(object.weights(), [1, 0, 0]);
    assert_eq!(
        plan.recorded_why,
        "the evacuation of svc-0 (CHG-1) has ended, and svc-0 has 1 of 1 endpoints ready"
    );
    // The primary fails, so that only `failback` brings the traffic back.
    object.readiness[0] = DEAD;
    object.settle();
    object.readiness[0] = READY;
    object.evacuate("CHG-2", &[1], None);
    object.return_from("CHG-2");
    assert_eq!(object.weights()[0], 0);
}

#[test]
fn a_home_that_is_not_ready_stays_away() {
    let mut object = Object::new(2);
    object.evacuate("CHG-1", &[0], None);
    object.readiness[0] = DEAD;
    object.return_from("CHG-1");
    assert_eq!(object.weights(), [0, 1]);
    object.readiness[0] = READY;
    object.settle();
    assert_eq!(object.weights(), [1, 0], "then it is an ordinary group");
}

#[test]
fn an_override_whose_target_is_evacuated_rests_and_comes_back() {
    let mut object = forced(3, 1, None);
    object.evacuate("CHG-1", &[1], None);
    assert_eq!(object.weights(), [0, 0, 1], "home is the last resort");
    assert!(object.in_force().is_some());
    object.return_from("CHG-1");
    assert_eq!(object.weights(), [0, 1, 0]);
}

#[test]
fn policy_and_order_among_the_others_stay() {
    let mut object = Object::new(3);
    object.policy.kind = PolicyKind::ActiveActive;
    object.policy.shares = vec![3, 2, 1];
    object.settle();
    object.evacuate("CHG-1", &[0], None);
    assert_eq!(object.weights(), [0, 2, 1]);
    object.policy.kind = PolicyKind::Ordered;
    object.evacuate("CHG-2", &[1], None);
    assert_eq!(object.weights(), [0, 0, 1]);
}

#[test]
fn what_is_evacuated_does_not_stand_by() {
    let mut object = Object::new(3);
    object.policy.standby = true;
    object.settle();
    let standbys = |object: &Object| {
        let backends = object.group().backends.into_iter();
        let standing_by = backends.filter(|backend| backend.is_standby());
        standing_by.map(|backend| backend.name).collect::<Vec<_>>()
    };
    assert_eq!(standbys(&object), [name(1), name(2)]);
    object.evacuate("CHG-1", &[1], None);
    assert_eq!(standbys(&object), [name(2)]);
    object.return_from("CHG-1");
    assert_eq!(standbys(&object), [name(1), name(2)]);
}

#[test]
fn an_evacuation_leaves_traffic_where_nothing_else_is_known_to_be_ready() {
    let mut object = Object::new(2);
    object.readiness[1] = Readiness::Missing;
    object.evacuate("CHG-1", &[0], None);
    assert_eq!(object.weights(), [1, 0]);
    let decision = object.decide();
    assert!(decision.flags.avoiding);
    assert_eq!(
        decision.reason,
        "svc-0 has 1 of 1 endpoints ready; svc-0 is evacuated (CHG-1), but no other backend \
         can take its traffic"
    );
    object.readiness[1] = READY;
    object.settle();
    assert_eq!(object.weights(), [0, 1]);
}

#[test]
fn an_unreadable_or_too_long_annotation_avoids_nothing() {
    let entry = r#"{"backends":["svc-0"],"id":77}"#;
    let mut object = Object::new(2);
    object.annotate("avoid", Some(format!("[{entry}]")));
    assert_eq!(ids(&object), ["77"]);
    let many = vec![entry; 21].join(",");
    let names = vec![r#""x""#; 101].join(",");
    for broken in [
        "[{".to_owned(),
        "{}".to_owned(),
        r#"[{"id":"CHG-1"}]"#.to_owned(),
        format!("[{many}]"),
        format!(r#"[{{"backends":[{names}]}}]"#),
    ] {
        object.annotate("avoid", Some(broken.clone()));
        let decision = object.decide();
        assert!(
            decision.flags.broken && !decision.flags.avoiding,
            "{broken}"
        );
        assert!(!decision.asks_for_change(), "{broken}");
        let why = object.group().avoid.broken.unwrap();
        assert!(
            why.starts_with("the annotation failover.linkerd.io/avoid"),
            "{why}"
        );
    }
    object.evacuate("CHG-1", &[0], None);
    assert_eq!(ids(&object), ["CHG-1"], "it is replaced");
}

#[test]
fn a_failback_ends_what_has_expired() {
    let mut object = Object::new(3);
    object.policy.failback = Failback::Manual;
    object.evacuate("CHG-1", &[0], Some(60));
    object.evacuate("CHG-2", &[2], None);
    object.pass(61);
    assert_eq!(object.weights(), [0, 1, 0]);
    object.failback(None);
    assert_eq!(
        (object.weights(), ids(&object)),
        (vec![1, 0, 0], vec!["CHG-2".to_owned()])
    );
    assert_eq!(object.decide().state, State::Primary);
}

#[test]
fn an_expired_evacuation_that_is_run_again_still_brings_its_traffic_home() {
    let mut object = Object::new(2);
    object.policy.failback = Failback::Manual;
    object.evacuate("CHG-1", &[0], Some(2));
    object.pass(3);
    object.evacuate("CHG-1", &[0], Some(3600));
    assert!(!object.avoiding()[0].elsewhere);
    object.return_from("CHG-1");
    assert_eq!(object.weights(), [1, 0]);
}

#[test]
fn an_evacuation_that_ends_an_expired_force_is_the_same_when_it_is_run_again() {
    let mut object = Object::new(3);
    object.readiness[1] = DEAD;
    object.force(1, Some(1));
    assert_eq!(object.weights(), [0, 0, 1]);
    object.pass(1);
    object.evacuate("CHG-1", &[1], None);
    assert_eq!(object.weights(), [1, 0, 0]);
    assert_eq!(object.evacuate("CHG-1", &[1], None), None);
}

#[test]
fn an_evacuation_that_can_only_move_within_its_cluster_is_the_same_when_it_is_run_again() {
    let mut object = Object::new(3);
    object.readiness[0] = DEAD;
    object.policy.kind = PolicyKind::Ordered;
    object.settle();
    assert_eq!(object.weights(), [0, 1, 0]);
    object.readiness[1] = DEAD;
    object.evacuate("CHG-1", &[0, 2], None);
    assert_eq!(object.weights(), [0, 0, 1]);
    assert_eq!(object.evacuate("CHG-1", &[0, 2], None), None);
}
