//! What is not known, or no longer, moves nothing.

use super::*;
use crate::model::{Mirror, State};

const AWAY: &[(&str, u64)] = &[("web", 0), ("web-east", 1)];

#[test]
fn an_edit_is_answered_at_once_while_the_watch_is_fresh() {
    let mut bench = Harness::at_home();
    bench.pass(9);
    bench.edit(group(2, AWAY, None));
    assert_eq!((bench.verifications(), bench.writes().len()), (0, 1));
}

#[test]
fn an_edit_after_silence_lists_the_slices_before_anything_moves() {
    let mut bench = Harness::at_home();
    bench.pass(12);
    bench.edit(group(2, AWAY, None));
    assert_eq!((bench.verifications(), bench.writes().len()), (1, 0));
    bench.pass(3);
    assert_eq!(
        (bench.verifications(), bench.writes().len()),
        (0, 0),
        "the list is under way"
    );

    bench.verify(Ok(vec![slice("web", 1), slice("web-east", 1)]));
    assert_eq!(bench.writes()[0].0, [1, 0]);
}

#[test]
fn what_the_fresh_list_says_is_what_counts() {
    let mut bench = Harness::at_home();
    bench.pass(12);
    bench.edit(group(2, AWAY, None));
    bench.verify(Ok(vec![slice("web", 0), slice("web-east", 1)]));
    assert!(bench.writes().is_empty() && bench.engine.is_at_rest());
}

#[test]
fn without_a_fresh_list_nothing_moves_and_it_is_tried_again() {
    let mut bench = Harness::at_home();
    bench.pass(12);
    bench.edit(group(2, AWAY, None));
    for _ in 0..3 {
        assert_eq!(bench.verifications(), 1);
        bench.verify(Err(lost()));
        assert!(bench.writes().is_empty() && !bench.engine.is_at_rest());
        let again = bench.engine.next_alarm().unwrap();
        assert!(
            again > bench.now && again < bench.now + Duration::from_secs(2),
            "{again:?}"
        );
        bench.now = again;
        bench.settle();
    }
    assert_eq!(bench.complaints().len(), 1, "said once");
    bench.verify(Ok(vec![slice("web", 1), slice("web-east", 1)]));
    assert_eq!(bench.writes().len(), 1);
}

#[test]
fn a_slice_moves_traffic_after_any_silence() {
    let mut bench = Harness::at_home();
    bench.pass(25);
    bench.tell(SliceWatchId(1), "web", 0);
    assert_eq!((bench.verifications(), bench.writes().len()), (0, 1));
}

#[test]
fn after_thirty_seconds_of_silence_nothing_is_known_and_nothing_moves() {
    let mut bench = Harness::at_home();
    bench.pass(31);
    bench.edit(group(2, AWAY, None));
    bench.pass(60);
    assert_eq!((bench.verifications(), bench.writes().len()), (0, 0));

    // Any byte is a sign of life; what was known holds again.
    bench
        .engine
        .slices(SliceWatchId(1), Event::Alive, bench.now);
    bench.pass(1);
    assert_eq!((bench.verifications(), bench.writes().len()), (0, 1));
}

#[test]
fn a_group_on_its_fallback_that_was_unknown_for_a_while_is_said_to_be_known_again() {
    let mut bench = Harness::new(AWAY);
    bench.list(SliceWatchId(1), &[("web", 0), ("web-east", 1)]);
    bench.pass(31);
    let cause = bench.take(|effect| match effect {
        Effect::Say(Notice::Stuck {
            state: State::Unknown,
            cause,
            ..
        }) => Some(cause.clone()),
        _ => None,
    });
    assert!(matches!(&cause[..], [Some(_)]), "{cause:?}");
    bench
        .engine
        .slices(SliceWatchId(1), Event::Alive, bench.now);
    bench.pass(1);
    let news = bench.take(|effect| match effect {
        Effect::Say(Notice::Unstuck { was, state, .. }) => Some((*was, *state)),
        _ => None,
    });
    assert_eq!(news, [(State::Unknown, State::Failover)]);
}

#[test]
fn a_start_waits_ten_seconds_for_the_first_list_and_moves_nothing_without_it() {
    let mut bench = Harness::new(AWAY);
    bench.pass(10);
    assert!(!bench.engine.is_at_rest());
    bench.pass(1);
    assert!(bench.engine.is_at_rest(), "undecided after 11 s");
    assert!(bench.writes().is_empty());
    bench.list(SliceWatchId(1), &[("web", 1), ("web-east", 1)]);
    assert_eq!(bench.writes().len(), 1);
}

#[test]
fn a_backend_without_slices_is_not_dead_before_the_mirrors_are_known() {
    let mut bench = Harness::new(&[("web", 1), ("web-east", 0)]);
    bench.engine.slices(
        SliceWatchId(1),
        Event::Listed(vec![slice("web-east", 1)]),
        bench.now,
    );
    bench.settle();
    assert!(bench.writes().is_empty() && !bench.engine.is_at_rest());
    let flat = Service {
        no_parent: None,
        at: ServiceRef::new("ns", "web"),
        version: "1".into(),
        ports: Vec::new(),
        is_mirror: true,
        mirrors: None,
        stands_for: Some(Mirror::Federated(Vec::new())),
    };
    bench.engine.mirrors(
        SliceWatchId(1),
        Event::Listed(vec![flat.clone()]),
        bench.now,
    );
    bench.settle();
    assert!(bench.writes().is_empty() && bench.engine.is_at_rest());

    bench
        .engine
        .mirrors(SliceWatchId(1), Event::Deleted(flat), bench.now);
    bench.settle();
    assert_eq!(bench.writes()[0].0, [0, 1]);
}

#[test]
fn where_services_cannot_be_listed_a_backend_without_slices_is_unknown() {
    for error in [forbidden(), lost()] {
        let mut bench = Harness::new(&[("web", 1), ("web-east", 0)]);
        bench.engine.slices(
            SliceWatchId(1),
            Event::Listed(vec![slice("web-east", 1)]),
            bench.now,
        );
        bench
            .engine
            .mirrors(SliceWatchId(1), Event::Failed(error), bench.now);
        bench.pass(12);
        assert!(bench.writes().is_empty() && bench.engine.is_at_rest());
    }
}

#[test]
fn the_old_watch_serves_until_the_new_one_has_listed() {
    let mut bench = Harness::at_home();
    bench.pass(1);
    bench.edit(group(
        2,
        &[("web", 1), ("web-east", 0), ("web-north", 0)],
        None,
    ));
    let [new] = bench.started()[..] else {
        panic!("{:?}", bench.effects)
    };
    assert!(bench.stopped().is_empty());
    bench.pass(2);
    // The old watch tells; the new name is not known yet, so that nothing can be decided.
    bench.tell(SliceWatchId(1), "web", 0);
    assert!(bench.writes().is_empty());

    bench.list(new, &[("web", 0), ("web-east", 0), ("web-north", 1)]);
    assert_eq!(bench.stopped(), [SliceWatchId(1)]);
    assert_eq!(bench.writes()[0].0, [0, 0, 1]);
}

#[test]
fn a_group_that_needs_nothing_new_is_served_during_the_change() {
    let mut bench = Harness::at_home();
    bench.pass(1);
    bench.edit(named(
        group(5, &[("mail", 1), ("mail-east", 0)], None),
        "mail",
    ));
    let new = bench.started();
    assert_eq!((new.len(), bench.stopped().len()), (1, 0));
    bench.tell(SliceWatchId(1), "web", 0);
    assert_eq!(bench.writes()[0].0, [0, 1]);
    bench.list(
        new[0],
        &[("web", 0), ("web-east", 1), ("mail", 1), ("mail-east", 1)],
    );
    assert_eq!(bench.stopped(), [SliceWatchId(1)]);
    assert!(bench.writes().is_empty());
}

#[test]
fn the_old_watch_serves_until_the_mirrors_are_listed_too() {
    let mut bench = Harness::at_home();
    bench.pass(1);
    bench.edit(named(
        group(5, &[("mail", 1), ("mail-east", 0)], None),
        "mail",
    ));
    let [new] = bench.started()[..] else {
        panic!("{:?}", bench.effects)
    };
    let slices = [
        slice("web-east", 1),
        slice("mail", 1),
        slice("mail-east", 1),
    ];
    bench
        .engine
        .slices(new, Event::Listed(slices.into()), bench.now);
    bench.settle();
    // Whether web is without slices by design is known from the old one alone.
    bench.tell(SliceWatchId(1), "web", 0);
    assert_eq!((bench.writes().len(), bench.stopped().len()), (1, 0));
    bench
        .engine
        .mirrors(new, Event::Listed(Vec::new()), bench.now);
    bench.pass(1);
    assert_eq!(bench.stopped(), [SliceWatchId(1)]);
}

#[test]
fn the_old_watch_goes_where_the_mirrors_are_not_listed_in_time() {
    let mut bench = Harness::at_home();
    bench.pass(1);
    bench.edit(group(
        2,
        &[("web", 1), ("web-east", 0), ("web-north", 0)],
        None,
    ));
    let [new] = bench.started()[..] else {
        panic!("{:?}", bench.effects)
    };
    bench
        .engine
        .slices(new, Event::Listed(vec![slice("web", 1)]), bench.now);
    bench.pass(10);
    assert!(bench.stopped().is_empty());
    bench.pass(2);
    assert_eq!(bench.stopped(), [SliceWatchId(1)]);
}

#[test]
fn a_fresh_list_wakes_every_group_that_it_concerns() {
    let mut bench = Harness::at_home();
    bench.pass(1);
    bench.edit(named(
        group(5, &[("web", 1), ("web-north", 0)], None),
        "mail",
    ));
    let feed = bench.started().pop().expect("a feed");
    bench.list(feed, &[("web", 1), ("web-east", 1), ("web-north", 1)]);
    bench.pass(12);
    bench.edit(group(2, AWAY, None));
    assert_eq!((bench.verifications(), bench.writes().len()), (1, 0));
    bench.verify(Ok(vec![slice("web", 0), slice("web-east", 1)]));
    assert_eq!(bench.writes().len(), 1, "the other group's primary is dead");
}

#[test]
fn what_the_watch_has_told_since_is_newer_than_a_fresh_list() {
    let mut bench = Harness::at_home();
    bench.pass(12);
    bench.edit(group(2, AWAY, None));
    assert_eq!(bench.verifications(), 1);
    bench.tell(SliceWatchId(1), "web", 0);
    bench.verify(Ok(vec![slice("web", 1), slice("web-east", 1)]));
    assert!(bench.writes().is_empty() && bench.engine.is_at_rest());
}

#[test]
fn a_service_without_slices_is_looked_up_every_minute_while_it_is_wanted() {
    let mut bench = Harness::new(&[("web", 1), ("web-east", 0)]);
    bench.list(SliceWatchId(1), &[("web", 1)]);
    assert_eq!(bench.looked_up(), [ServiceRef::new("ns", "web-east")]);
    for found in [Ok(false), Err(lost())] {
        bench
            .engine
            .looked_up(ServiceRef::new("ns", "web-east"), found, bench.now);
        for _ in 0..59 {
            bench
                .engine
                .slices(SliceWatchId(1), Event::Alive, bench.now);
            bench.pass(1);
        }
        assert!(bench.looked_up().is_empty());
        bench.pass(1);
        assert_eq!(bench.looked_up().len(), 1);
    }
    bench
        .engine
        .groups("trafficsplit", Event::Listed(Vec::new()), bench.now);
    bench.pass(120);
    assert!(bench.looked_up().is_empty());
}
