//! Writes that fail, or of which nobody knows.

use super::*;

const HOME: &[(&str, u64)] = &[("web", 1), ("web-east", 0)];
const AWAY: &[(&str, u64)] = &[("web", 0), ("web-east", 1)];

impl Harness {
    /// The primary has died and a write is under way; gives what it notes.
    fn failing_over() -> (Self, String) {
        let mut bench = Self::at_home();
        bench.tell(SliceWatchId(1), "web", 0);
        let (_, note) = bench.writes().remove(0);
        (bench, note)
    }

    fn written(&mut self, answer: RequestResult<Record>) {
        self.answer(answer);
        self.settle();
    }
}

#[test]
fn a_group_that_is_gone_is_said_to_be_however_that_is_heard() {
    let gone = |event| {
        let mut bench = Harness::at_home();
        bench.engine.groups("trafficsplit", event, bench.now);
        bench.settle();
        bench.take(|effect| match effect {
            Effect::Say(Notice::Gone { group }) => Some(group.clone()),
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
fn a_write_without_an_answer_that_was_done_is_told_once() {
    let (mut bench, note) = Harness::failing_over();
    bench.written(Err(lost()));
    assert_eq!(bench.moves(), 0);
    bench.edit(group(2, AWAY, Some(&note)));
    bench.pass(5);
    bench.edit(group(3, AWAY, Some(&note)));
    assert_eq!((bench.moves(), bench.writes().len()), (1, 0));
    assert!(bench.engine.is_at_rest());
}

#[test]
fn it_may_be_seen_on_the_watch_before_the_connection_breaks() {
    let (mut bench, note) = Harness::failing_over();
    bench.edit(group(2, AWAY, Some(&note)));
    assert_eq!(bench.moves(), 0, "the answer may still come");
    bench.written(Err(lost()));
    assert_eq!((bench.moves(), bench.writes().len()), (1, 0));
}

#[test]
fn a_write_without_an_answer_that_was_not_done_is_repeated() {
    let (mut bench, _) = Harness::failing_over();
    bench.written(Err(lost()));
    bench.now = bench.engine.next_alarm().unwrap();
    bench.settle();
    let (weights, note) = bench.writes().remove(0);
    assert_eq!(weights, [0, 1]);
    bench.written(Ok(group(2, AWAY, Some(&note))));
    assert_eq!(bench.moves(), 1);
}

#[test]
fn what_was_refused_waits_for_half_a_minute_or_another_version() {
    let (mut bench, _) = Harness::failing_over();
    bench.written(Err(forbidden()));
    bench
        .engine
        .slices(SliceWatchId(1), Event::Alive, bench.now);
    bench.pass(20);
    assert!(bench.writes().is_empty());
    bench.edit(group(2, HOME, None));
    assert_eq!(bench.verifications(), 1);
    bench.verify(Ok(vec![slice("web", 0), slice("web-east", 1)]));
    assert_eq!(bench.writes().len(), 1);

    bench.written(Err(forbidden()));
    bench.pass(29);
    assert!(bench.writes().is_empty());
    bench
        .engine
        .slices(SliceWatchId(1), Event::Alive, bench.now);
    bench.pass(1);
    assert_eq!(bench.writes().len(), 1);
    assert_eq!(bench.complaints().len(), 1, "said once");
}

/// The object's version tells which of the tries it was.
#[test]
fn the_first_of_two_writes_without_an_answer_may_be_the_one_that_was_done() {
    let (mut bench, first) = Harness::failing_over();
    bench.written(Err(lost()));
    bench.now = bench.engine.next_alarm().unwrap();
    bench.settle();
    assert_eq!(bench.writes().len(), 1);
    bench.written(Err(lost()));
    bench.edit(group(2, AWAY, Some(&first)));
    bench.pass(5);
    assert_eq!((bench.moves(), bench.writes().len()), (1, 0));
    assert!(bench.engine.is_at_rest());
}

#[test]
fn a_delay_without_end_is_waited_for() {
    let mut bench = Harness::at_home();
    bench.edit(read(
        2,
        HOME,
        &[("failover-delay", "18446744073709551615s")],
    ));
    bench.pass(1);
    bench.tell(SliceWatchId(1), "web", 0);
    bench.pass(5);
    assert_eq!(bench.writes().len(), 0);
    assert!(bench.engine.next_alarm().is_some());
}

#[test]
fn traffic_that_has_nowhere_to_go_is_told_once_and_so_is_its_end() {
    let mut bench = Harness::at_home();
    let feed = SliceWatchId(1);
    bench.tell(feed, "web-east", 0);
    bench.tell(feed, "web", 0);
    bench.pass(3);
    assert_eq!(bench.stuck(), ["stuck"]);
    bench.tell(feed, "web", 1);
    assert_eq!(bench.stuck(), ["unstuck"]);
}

#[test]
fn a_definite_refusal_leaves_no_doubt_and_failures_without_end_leave_few() {
    for (error, doubts) in [
        (status(429), 0),
        (status(400), 0),
        (status(500), 16),
        (lost(), 16),
    ] {
        let (mut bench, _) = Harness::failing_over();
        for _ in 0..40 {
            bench.written(Err(error.clone()));
            bench.now = bench.engine.next_alarm().unwrap();
            bench
                .engine
                .slices(SliceWatchId(1), Event::Alive, bench.now);
            bench.settle();
        }
        assert_eq!(bench.engine.groups[&id()].doubts.len(), doubts, "{error}");
    }
}

fn delayed(version: u64) -> Record {
    read(version, HOME, &[("failover-delay", "10s")])
}

/// A timer that missed it would end too early.
#[test]
fn a_primary_that_comes_and_goes_while_a_write_is_refused_is_seen() {
    let mut bench = Harness::at_home();
    bench.edit(delayed(2));
    bench.tell(SliceWatchId(1), "web", 0);
    let alive = |bench: &mut Harness, seconds: u64| {
        for _ in 0..seconds {
            bench
                .engine
                .slices(SliceWatchId(1), Event::Alive, bench.now);
            bench.pass(1);
        }
    };
    alive(&mut bench, 10);
    assert_eq!(bench.writes().len(), 1);
    bench.written(Err(forbidden()));
    alive(&mut bench, 25);
    bench.tell(SliceWatchId(1), "web", 1);
    bench.tell(SliceWatchId(1), "web", 0);
    alive(&mut bench, 9);
    assert!(bench.writes().is_empty(), "the delay runs anew");
    alive(&mut bench, 1);
    assert_eq!(bench.writes().len(), 1);
}

#[test]
fn what_is_no_group_for_a_while_has_its_delays_run_anew() {
    let mut bench = Harness::at_home();
    bench.edit(delayed(2));
    bench.tell(SliceWatchId(1), "web", 0);
    bench.pass(9);
    bench.edit(read(3, HOME, &[("failover-delay", "soon")]));
    bench.edit(delayed(4));
    bench.pass(1);
    let feed = bench.started().pop().expect("a watch anew");
    bench.list(feed, &[("web", 0), ("web-east", 1)]);
    bench.pass(9);
    assert!(bench.writes().is_empty());
    bench.engine.slices(feed, Event::Alive, bench.now);
    bench.pass(1);
    assert_eq!(bench.writes().len(), 1);
}
