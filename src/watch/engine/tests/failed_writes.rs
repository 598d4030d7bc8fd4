//! Writes that fail or get no answer.

use super::*;

const HOME: &[(&str, u64)] = &[("web", 1), ("web-east", 0)];
const AWAY: &[(&str, u64)] = &[("web", 0), ("web-east", 1)];

impl Harness {
    /// Lets the primary die, and leaves the write in flight. Returns its `last-move` annotation.
    fn failing_over() -> (Self, String) {
        let mut harness = Self::at_home();
        harness.slice_changed(SliceWatchId(1), "web", 0);
        let (_, note) = harness.writes().remove(0);
        (harness, note)
    }

    fn written(&mut self, answer: RequestResult<Record>) {
        self.answer(answer);
        self.settle();
    }
}

#[test]
fn a_deleted_group_is_reported_once_from_an_event_or_a_list() {
    let gone = |event| {
        let mut harness = Harness::at_home();
        harness
            .engine
            .group_event("trafficsplit", event, harness.now);
        harness.settle();
        harness.take(|effect| match effect {
            Effect::Report(Notice::Gone { group, .. }) => Some(group.clone()),
            _ => None,
        })
    };
    assert_eq!(
        gone(Event::Deleted(group(
            2,
            &[("web", 1), ("web-east", 0)],
            None
        ))),
        [id()]
    );
    assert_eq!(gone(Event::Listed(Vec::new())), [id()]);
}

#[test]
fn an_unanswered_write_that_was_applied_is_reported_once() {
    let (mut harness, note) = Harness::failing_over();
    harness.written(Err(lost()));
    assert_eq!(harness.moves(), 0);
    harness.edit(group(2, AWAY, Some(&note)));
    harness.pass(5);
    harness.edit(group(3, AWAY, Some(&note)));
    assert_eq!((harness.moves(), harness.writes().len()), (1, 0));
    assert!(harness.engine.is_settled());
}

#[test]
fn the_watch_may_show_a_write_before_its_connection_breaks() {
    let (mut harness, note) = Harness::failing_over();
    harness.edit(group(2, AWAY, Some(&note)));
    assert_eq!(harness.moves(), 0, "the answer may still come");
    harness.written(Err(lost()));
    assert_eq!((harness.moves(), harness.writes().len()), (1, 0));
}

#[test]
fn an_unanswered_write_that_was_not_applied_is_retried() {
    let (mut harness, _) = Harness::failing_over();
    harness.written(Err(lost()));
    harness.now = harness.engine.next_turn().unwrap();
    harness.settle();
    let (weights, note) = harness.writes().remove(0);
    assert_eq!(weights, [0, 1]);
    harness.written(Ok(group(2, AWAY, Some(&note))));
    assert_eq!(harness.moves(), 1);
}

#[test]
fn a_refused_write_is_retried_after_30_s_or_with_another_version() {
    let (mut harness, _) = Harness::failing_over();
    harness.written(Err(forbidden()));
    harness
        .engine
        .slice_event(SliceWatchId(1), Event::Alive, harness.now);
    harness.pass(20);
    assert!(harness.writes().is_empty());
    harness.edit(group(2, HOME, None));
    assert_eq!(harness.relist_count(), 1);
    harness.relist(Ok(vec![slice("web", 0), slice("web-east", 1)]));
    assert_eq!(harness.writes().len(), 1);

    harness.written(Err(forbidden()));
    harness.pass(29);
    assert!(harness.writes().is_empty());
    harness.pass_alive(1);
    assert_eq!(harness.writes().len(), 1);
    assert_eq!(harness.complaints().len(), 1, "reported once");
}

/// The object's version shows which attempt it was.
#[test]
fn the_first_of_two_unanswered_writes_may_be_the_one_that_was_applied() {
    let (mut harness, first) = Harness::failing_over();
    harness.written(Err(lost()));
    harness.now = harness.engine.next_turn().unwrap();
    harness.settle();
    assert_eq!(harness.writes().len(), 1);
    harness.written(Err(lost()));
    harness.edit(group(2, AWAY, Some(&first)));
    harness.pass(5);
    assert_eq!((harness.moves(), harness.writes().len()), (1, 0));
    assert!(harness.engine.is_settled());
}

#[test]
fn an_infinite_delay_never_ends() {
    let mut harness = Harness::at_home();
    harness.edit(read(
        2,
        HOME,
        &[("failover-delay", "18446744073709551615s")],
    ));
    harness.pass(1);
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.pass(5);
    assert_eq!(harness.writes().len(), 0);
    assert!(harness.engine.next_turn().is_some());
}

#[test]
fn an_unavailable_group_is_reported_once_and_so_is_its_recovery() {
    let mut harness = Harness::at_home();
    let watch = SliceWatchId(1);
    harness.slice_changed(watch, "web-east", 0);
    harness.slice_changed(watch, "web", 0);
    harness.pass(3);
    assert_eq!(harness.stuck(), ["stuck"]);
    harness.slice_changed(watch, "web", 1);
    assert_eq!(harness.stuck(), ["unstuck"]);
}

#[test]
fn a_definite_refusal_is_not_uncertain_and_uncertain_writes_are_bounded() {
    for (error, uncertain) in [
        (status(429), 0),
        (status(400), 0),
        (status(500), 16),
        (lost(), 16),
    ] {
        let (mut harness, _) = Harness::failing_over();
        for _ in 0..40 {
            harness.written(Err(error.clone()));
            harness.now = harness.engine.next_turn().unwrap();
            harness
                .engine
                .slice_event(SliceWatchId(1), Event::Alive, harness.now);
            harness.settle();
        }
        assert_eq!(
            harness.engine.groups[&id()].uncertain_writes(),
            uncertain,
            "{error}"
        );
    }
}

fn delayed(version: u64) -> Record {
    read(version, HOME, &[("failover-delay", "10s")])
}

/// A timer that missed it would end too early.
#[test]
fn a_primary_that_flaps_while_a_write_is_refused_restarts_its_timer() {
    let mut harness = Harness::at_home();
    harness.edit(delayed(2));
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.pass_alive(10);
    assert_eq!(harness.writes().len(), 1);
    harness.written(Err(forbidden()));
    harness.pass_alive(25);
    harness.slice_changed(SliceWatchId(1), "web", 1);
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.pass_alive(9);
    assert!(harness.writes().is_empty(), "the delay runs anew");
    harness.pass_alive(1);
    assert_eq!(harness.writes().len(), 1);
}

#[test]
fn the_delays_of_a_group_that_was_invalid_restart() {
    let mut harness = Harness::at_home();
    harness.edit(delayed(2));
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.pass(9);
    harness.edit(read(3, HOME, &[("failover-delay", "soon")]));
    harness.edit(delayed(4));
    harness.pass(1);
    let watch = harness.started().pop().expect("a watch anew");
    harness.list(watch, &[("web", 0), ("web-east", 1)]);
    harness.pass(9);
    assert!(harness.writes().is_empty());
    harness.engine.slice_event(watch, Event::Alive, harness.now);
    harness.pass(1);
    assert_eq!(harness.writes().len(), 1);
}

#[test]
fn a_denial_is_reported_once_in_the_servers_words_and_retried_slowly() {
    for code in [400, 403, 405, 413] {
        let (mut harness, _) = Harness::failing_over();
        harness.written(Err(status(code)));
        assert!(harness.engine.is_settled(), "HTTP {code}");
        harness
            .engine
            .slice_event(SliceWatchId(1), Event::Alive, harness.now);
        harness.pass(29);
        assert!(harness.writes().is_empty(), "HTTP {code}");
        harness.pass_alive(1);
        assert_eq!(harness.writes().len(), 1, "HTTP {code}");
        harness.written(Err(status(code)));
        let complaints = harness.complaints();
        assert!(
            complaints.len() == 1 && complaints[0].contains("not allowed"),
            "{complaints:?}"
        );
    }
}

#[test]
fn a_422_on_the_same_version_is_reported_in_the_servers_words() {
    let (mut harness, _) = Harness::failing_over();
    harness.written(Err(status(422)));
    let read = harness.rereads()[0];
    harness.reread(read, group(1, HOME, None));
    assert!(harness.engine.is_settled());
    let complaints = harness.complaints();
    assert!(complaints[0].contains("not allowed"), "{complaints:?}");
}

#[test]
fn new_readiness_ends_a_retry_after() {
    let (mut harness, _) = Harness::failing_over();
    let mut busy = status(503);
    if let Cause::Status { retry_after, .. } = &mut busy.cause {
        *retry_after = Some(Duration::from_secs(10));
    }
    harness.written(Err(busy));
    harness.pass(5);
    assert!(harness.writes().is_empty());
    harness.slice_changed(SliceWatchId(1), "web-east", 2);
    assert_eq!(harness.writes().len(), 1);
}

#[test]
fn a_slow_write_is_reported_once() {
    let (mut harness, _) = Harness::failing_over();
    let request = harness.request;
    harness.engine.write_is_slow(&id(), request);
    harness.engine.write_is_slow(&id(), request + 1);
    harness.settle();
    let complaints = harness.complaints();
    assert!(
        complaints.len() == 1 && complaints[0].contains("admission webhook"),
        "{complaints:?}"
    );
}
