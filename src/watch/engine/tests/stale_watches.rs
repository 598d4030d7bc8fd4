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
    harness
        .engine
        .slice_event(SliceWatchId(1), Event::Alive, harness.now);
    harness.pass(1);
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
    harness
        .engine
        .slice_event(SliceWatchId(1), Event::Alive, harness.now);
    harness.pass(1);
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
    let flat = Service {
        no_parent: None,
        at: ServiceRef::new("ns", "web"),
        version: "1".into(),
        ports: Vec::new(),
        is_mirror: true,
        mirrors: None,
        stands_for: Some(Mirror::Federated(Vec::new())),
    };
    harness.engine.mirror_event(
        SliceWatchId(1),
        Event::Listed(vec![flat.clone()]),
        harness.now,
    );
    harness.settle();
    assert!(harness.writes().is_empty() && harness.engine.is_settled());

    harness
        .engine
        .mirror_event(SliceWatchId(1), Event::Deleted(flat), harness.now);
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
            .mirror_event(SliceWatchId(1), Event::Failed(error), harness.now);
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
        .mirror_event(new, Event::Listed(Vec::new()), harness.now);
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
    assert_eq!(
        harness.writes().len(),
        1,
        "the other group's primary is dead"
    );
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
fn a_service_without_slices_is_looked_up_every_minute_while_it_is_wanted() {
    let mut harness = Harness::new(&[("web", 1), ("web-east", 0)]);
    harness.list(SliceWatchId(1), &[("web", 1)]);
    assert_eq!(harness.looked_up(), [ServiceRef::new("ns", "web-east")]);
    for found in [Ok(false), Err(lost())] {
        harness
            .engine
            .service_looked_up(&ServiceRef::new("ns", "web-east"), found, harness.now);
        for _ in 0..59 {
            harness
                .engine
                .slice_event(SliceWatchId(1), Event::Alive, harness.now);
            harness.pass(1);
        }
        assert!(harness.looked_up().is_empty());
        harness.pass(1);
        assert_eq!(harness.looked_up().len(), 1);
    }
    harness
        .engine
        .group_event("trafficsplit", Event::Listed(Vec::new()), harness.now);
    harness.pass(120);
    assert!(harness.looked_up().is_empty());
}
