//! Watches that are silent, not listed yet, or being replaced.

use super::*;
use crate::model::{Mirror, State};

const AWAY: &[(&str, u64)] = &[("web", 0), ("web-east", 1)];

#[test]
fn an_edit_is_answered_at_once_while_the_watch_is_fresh() {
    let mut harness = Harness::at_home();
    harness.pass(9);
    harness.edit(group(2, AWAY, None));
    assert_eq!((harness.relist_count(), harness.writes().len()), (0, 1));
}

#[test]
fn an_edit_after_silence_lists_the_slices_before_anything_moves() {
    let mut harness = Harness::at_home();
    harness.pass(12);
    harness.edit(group(2, AWAY, None));
    assert_eq!((harness.relist_count(), harness.writes().len()), (1, 0));
    harness.pass(3);
    assert_eq!(
        (harness.relist_count(), harness.writes().len()),
        (0, 0),
        "the list is under way"
    );

    harness.relist(Ok(vec![slice("web", 1), slice("web-east", 1)]));
    assert_eq!(harness.writes()[0].0, [1, 0]);
}

#[test]
fn the_fresh_list_counts() {
    let mut harness = Harness::at_home();
    harness.pass(12);
    harness.edit(group(2, AWAY, None));
    harness.relist(Ok(vec![slice("web", 0), slice("web-east", 1)]));
    assert!(harness.writes().is_empty() && harness.engine.is_settled());
}

#[test]
fn without_a_fresh_list_nothing_moves_and_the_list_is_retried() {
    let mut harness = Harness::at_home();
    harness.pass(12);
    harness.edit(group(2, AWAY, None));
    for _ in 0..3 {
        assert_eq!(harness.relist_count(), 1);
        harness.relist(Err(lost()));
        assert!(harness.writes().is_empty() && !harness.engine.is_settled());
        let again = harness.engine.next_turn().unwrap();
        assert!(
            again > harness.now && again < harness.now + Duration::from_secs(2),
            "{again:?}"
        );
        harness.now = again;
        harness.settle();
    }
    assert_eq!(harness.complaints().len(), 1, "reported once");
    harness.relist(Ok(vec![slice("web", 1), slice("web-east", 1)]));
    assert_eq!(harness.writes().len(), 1);
}

#[test]
fn a_slice_moves_traffic_after_any_silence() {
    let mut harness = Harness::at_home();
    harness.pass(25);
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert_eq!((harness.relist_count(), harness.writes().len()), (0, 1));
}

#[test]
fn after_30_s_of_silence_nothing_is_known_and_nothing_moves() {
    let mut harness = Harness::at_home();
    harness.pass(31);
    harness.edit(group(2, AWAY, None));
    harness.pass(60);
    assert_eq!((harness.relist_count(), harness.writes().len()), (0, 0));

    // Any byte shows that the watch is active, so its reports count again.
    harness.pass_alive(1);
    assert_eq!((harness.relist_count(), harness.writes().len()), (0, 1));
}

#[test]
fn a_group_on_its_fallback_that_was_unknown_is_reported_as_known_again() {
    let mut harness = Harness::new(AWAY);
    harness.list(SliceWatchId(1), &[("web", 0), ("web-east", 1)]);
    harness.pass(31);
    let cause = harness.take(|effect| match effect {
        Effect::Report(Notice::Stuck {
            state: State::Unknown,
            cause,
            ..
        }) => Some(cause.clone()),
        _ => None,
    });
    assert!(matches!(&cause[..], [Some(_)]), "{cause:?}");
    harness.pass_alive(1);
    let news = harness.take(|effect| match effect {
        Effect::Report(Notice::Unstuck { was, state, .. }) => Some((*was, *state)),
        _ => None,
    });
    assert_eq!(news, [(State::Unknown, State::Failover)]);
}

#[test]
fn a_start_waits_10_s_for_the_first_list_and_moves_nothing_without_it() {
    let mut harness = Harness::new(AWAY);
    harness.pass(10);
    assert!(!harness.engine.is_settled());
    harness.pass(1);
    assert!(harness.engine.is_settled(), "undecided after 11 s");
    assert!(harness.writes().is_empty());
    harness.list(SliceWatchId(1), &[("web", 1), ("web-east", 1)]);
    assert_eq!(harness.writes().len(), 1);
}

#[test]
fn a_backend_without_slices_is_not_dead_before_the_mirrors_are_known() {
    let mut harness = Harness::new(&[("web", 1), ("web-east", 0)]);
    harness.engine.slice_event(
        SliceWatchId(1),
        Event::Listed(vec![slice("web-east", 1)]),
        harness.now,
    );
    harness.settle();
    assert!(harness.writes().is_empty() && !harness.engine.is_settled());
    let flat = mirror("web", Mirror::Federated(Vec::new()));
    harness.engine.service_event(
        SliceWatchId(1),
        Event::Listed(vec![flat.clone(), service("web-east")]),
        harness.now,
    );
    harness.settle();
    assert!(harness.writes().is_empty() && harness.engine.is_settled());

    harness
        .engine
        .service_event(SliceWatchId(1), Event::Deleted(flat), harness.now);
    harness.settle();
    assert_eq!(harness.writes()[0].0, [0, 1]);
}

#[test]
fn if_services_cannot_be_listed_a_backend_without_slices_is_unknown() {
    for error in [forbidden(), lost()] {
        let mut harness = Harness::new(&[("web", 1), ("web-east", 0)]);
        harness.engine.slice_event(
            SliceWatchId(1),
            Event::Listed(vec![slice("web-east", 1)]),
            harness.now,
        );
        harness
            .engine
            .service_event(SliceWatchId(1), Event::Failed(error), harness.now);
        harness.pass(12);
        assert!(harness.writes().is_empty() && harness.engine.is_settled());
    }
}

#[test]
fn the_old_watch_serves_until_the_new_one_has_listed() {
    let mut harness = Harness::at_home();
    harness.pass(1);
    harness.edit(group(
        2,
        &[("web", 1), ("web-east", 0), ("web-north", 0)],
        None,
    ));
    let [new] = harness.started()[..] else {
        panic!("{:?}", harness.effects)
    };
    assert!(harness.stopped().is_empty());
    harness.pass(2);
    // The old watch does not cover the new name, so nothing can be decided.
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert!(harness.writes().is_empty());

    harness.list(new, &[("web", 0), ("web-east", 0), ("web-north", 1)]);
    assert_eq!(harness.stopped(), [SliceWatchId(1)]);
    assert_eq!(harness.writes()[0].0, [0, 0, 1]);
}

#[test]
fn a_group_that_needs_no_new_watch_is_managed_meanwhile() {
    let mut harness = Harness::at_home();
    harness.pass(1);
    harness.edit(named(
        group(5, &[("mail", 1), ("mail-east", 0)], None),
        "mail",
    ));
    let new = harness.started();
    assert_eq!((new.len(), harness.stopped().len()), (1, 0));
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert_eq!(harness.writes()[0].0, [0, 1]);
    harness.list(
        new[0],
        &[("web", 0), ("web-east", 1), ("mail", 1), ("mail-east", 1)],
    );
    assert_eq!(harness.stopped(), [SliceWatchId(1)]);
    assert!(harness.writes().is_empty());
}

#[test]
fn the_old_watch_serves_until_the_mirrors_are_listed_too() {
    let mut harness = Harness::at_home();
    harness.pass(1);
    harness.edit(named(
        group(5, &[("mail", 1), ("mail-east", 0)], None),
        "mail",
    ));
    let [new] = harness.started()[..] else {
        panic!("{:?}", harness.effects)
    };
    let slices = [
        slice("web-east", 1),
        slice("mail", 1),
        slice("mail-east", 1),
    ];
    harness
        .engine
        .slice_event(new, Event::Listed(slices.into()), harness.now);
    harness.settle();
    // Only the old watch shows whether web has no slices by design.
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert_eq!((harness.writes().len(), harness.stopped().len()), (1, 0));
    harness
        .engine
        .service_event(new, Event::Listed(Vec::new()), harness.now);
    harness.pass(1);
    assert_eq!(harness.stopped(), [SliceWatchId(1)]);
}

#[test]
fn the_old_watch_stops_if_the_mirrors_are_not_listed_in_time() {
    let mut harness = Harness::at_home();
    harness.pass(1);
    harness.edit(group(
        2,
        &[("web", 1), ("web-east", 0), ("web-north", 0)],
        None,
    ));
    let [new] = harness.started()[..] else {
        panic!("{:?}", harness.effects)
    };
    harness
        .engine
        .slice_event(new, Event::Listed(vec![slice("web", 1)]), harness.now);
    harness.pass(10);
    assert!(harness.stopped().is_empty());
    harness.pass(2);
    assert_eq!(harness.stopped(), [SliceWatchId(1)]);
}

#[test]
fn a_fresh_list_marks_every_affected_group_dirty() {
    let mut harness = Harness::at_home();
    harness.pass(1);
    harness.edit(named(
        group(5, &[("web", 1), ("web-north", 0)], None),
        "mail",
    ));
    let watch = harness.started().pop().expect("a watch");
    harness.list(watch, &[("web", 1), ("web-east", 1), ("web-north", 1)]);
    harness.pass(12);
    harness.edit(group(2, AWAY, None));
    assert_eq!((harness.relist_count(), harness.writes().len()), (1, 0));
    harness.relist(Ok(vec![slice("web", 0), slice("web-east", 1)]));
    assert!(harness.writes().is_empty());
    let places = harness.relists();
    let names: Vec<&String> = places.iter().flat_map(|place| &place.names).collect();
    assert_eq!(names, ["web-north"], "the other group's primary is dead");
    let listed = Ok(vec![slice("web-north", 1)]);
    harness.engine.relisted(&places[0], listed, harness.now);
    harness.settle();
    assert_eq!(harness.writes().len(), 1);
}

#[test]
fn a_watch_event_during_a_fresh_list_is_newer_than_the_list() {
    let mut harness = Harness::at_home();
    harness.pass(12);
    harness.edit(group(2, AWAY, None));
    assert_eq!(harness.relist_count(), 1);
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.relist(Ok(vec![slice("web", 1), slice("web-east", 1)]));
    assert!(harness.writes().is_empty() && harness.engine.is_settled());
}

#[test]
fn left_over_slices_of_a_deleted_service_do_not_count() {
    let mut harness = Harness::new(&[("web", 1), ("web-east", 0)]);
    let hand_made = |name| Slice {
        endpoints: endpoints(1, true, false),
        ..slice(name, 1)
    };
    let slices = vec![hand_made("web"), slice("web-east", 1)];
    harness
        .engine
        .slice_event(SliceWatchId(1), Event::Listed(slices), harness.now);
    harness.settle();
    assert!(
        !harness.engine.is_settled(),
        "whether web exists is not known yet"
    );
    harness.engine.service_event(
        SliceWatchId(1),
        Event::Listed(vec![service("web"), service("web-east")]),
        harness.now,
    );
    harness.settle();
    assert!(harness.writes().is_empty() && harness.engine.is_settled());
    harness.delete_service("web");
    let (weights, note) = harness.writes().remove(0);
    assert_eq!(weights, [0, 1]);
    assert!(note.contains("Service web does not exist"), "{note}");
}

/// The garbage collector deletes a slice with the Service that owns it, unless it is down.
#[test]
fn left_over_slices_that_a_deleted_service_owned_do_not_count() {
    let mut harness = Harness::at_home();
    harness.delete_service("web");
    let (weights, note) = harness.writes().remove(0);
    assert_eq!(weights, [0, 1]);
    assert!(note.contains("Service web does not exist"), "{note}");

    let mut harness = Harness::at_home();
    harness.delete_service("web-east");
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert!(
        harness.writes().is_empty() && harness.engine.is_settled(),
        "no backend is ready"
    );
}

/// While the Services are not heard, slices show that the Service exists.
#[test]
fn owned_slices_stand_for_a_service_that_nobody_has_seen_lately() {
    let mut harness = Harness::new(&[("web", 1), ("web-east", 0)]);
    let engine = &mut harness.engine;
    engine.service_event(
        SliceWatchId(1),
        Event::Listed(vec![service("web"), service("web-east")]),
        harness.now,
    );
    for _ in 0..40 {
        let slices = vec![slice("web", 1), slice("web-east", 1)];
        let engine = &mut harness.engine;
        engine.slice_event(SliceWatchId(1), Event::Listed(slices), harness.now);
        harness.pass(1);
    }
    assert!(harness.writes().is_empty() && harness.engine.is_settled());
}

#[test]
fn a_service_that_nobody_has_seen_lately_is_not_missing() {
    let mut harness = Harness::new(AWAY);
    let web = Slice {
        endpoints: endpoints(1, true, false),
        ..slice("web", 1)
    };
    let slices = vec![web, slice("web-east", 1)];
    let engine = &mut harness.engine;
    engine.slice_event(SliceWatchId(1), Event::Listed(slices), harness.now);
    let services = vec![service("web-east")];
    engine.service_event(SliceWatchId(1), Event::Listed(services), harness.now);
    for _ in 0..40 {
        harness.pass_alive(1);
    }
    let reasons = harness.engine.unread();
    assert!(reasons[0].1.contains("nothing received"), "{reasons:?}");
}

#[test]
fn endpoints_without_the_port_of_their_service_are_not_ready() {
    let portless = || Slice {
        endpoints: endpoints(1, false, true),
        ..slice("web", 1)
    };
    for (ports, expected) in [(true, Some(vec![0, 1])), (false, None)] {
        let mut harness = Harness::new(&[("web", 1), ("web-east", 0)]);
        let mut web = service("web");
        if !ports {
            web.ports.clear();
        }
        let slices = vec![portless(), slice("web-east", 1)];
        let engine = &mut harness.engine;
        engine.slice_event(SliceWatchId(1), Event::Listed(slices), harness.now);
        let services = vec![web, service("web-east")];
        engine.service_event(SliceWatchId(1), Event::Listed(services), harness.now);
        harness.settle();
        let write = harness.writes().pop();
        assert_eq!(
            write.as_ref().map(|(weights, _)| weights),
            expected.as_ref()
        );
        if let Some((_, note)) = write {
            assert!(
                note.contains("1 ready, but without a port named http"),
                "{note}"
            );
        }
    }
}

#[test]
fn an_external_name_has_no_endpoints_by_design() {
    let mut harness = Harness::new(&[("web", 1), ("web-east", 0)]);
    let mut external = service("web-east");
    external.is_external_name = true;
    let slices = vec![slice("web", 1), slice("web-east", 1)];
    let engine = &mut harness.engine;
    engine.slice_event(SliceWatchId(1), Event::Listed(slices), harness.now);
    let services = vec![service("web"), external];
    engine.service_event(SliceWatchId(1), Event::Listed(services), harness.now);
    harness.settle();
    harness.slice_changed(SliceWatchId(1), "web", 0);
    let (_, note) = harness.writes().remove(0);
    assert!(note.contains("unverified"), "{note}");
}

#[test]
fn a_pod_in_two_slices_is_one_endpoint() {
    let min_ready = &[("min-ready", "2")];
    let harness = Harness::of(EngineOptions::default(), ReadinessCache::default());
    let group = read(1, &[("web", 1), ("web-east", 0)], min_ready);
    let mut harness = harness.with_records(vec![group]);
    harness.list(SliceWatchId(1), &[("web", 2), ("web-east", 1)]);
    assert!(harness.writes().is_empty());
    harness.slice_changed(SliceWatchId(1), "web", 1);
    let twice = Slice {
        name: "web-again".into(),
        ..slice("web", 1)
    };
    let engine = &mut harness.engine;
    engine.slice_event(SliceWatchId(1), Event::Applied(twice), harness.now);
    harness.settle();
    assert_eq!(harness.writes()[0].0, [0, 1]);
}
