//! A machine that has slept.

use super::*;

const AWAY: &[(&str, u64)] = &[("web", 0), ("web-east", 1)];

impl Harness {
    fn slept(&mut self) {
        self.engine.slept(self.now);
        self.settle();
    }
}

#[test]
fn nothing_moves_before_all_is_listed_anew() {
    let mut bench = Harness::at_home();
    bench.slept();
    assert_eq!(bench.stopped(), [SliceWatchId(1)]);
    let feed = bench.started()[0];
    // Whatever the old watch still tells is of no interest.
    bench.tell(SliceWatchId(1), "web", 0);
    bench.pass(1);
    assert_eq!(bench.writes().len(), 0);
    let standing = LeaseState::Held {
        until: Duration::from_secs(100_000),
    };
    bench.list(feed, &[("web", 0), ("web-east", 1)]);
    assert_eq!(bench.writes().len(), 0, "the Lease is not known to be ours");
    bench.engine.lease("ns", standing, bench.now);
    bench.settle();
    assert_eq!(bench.writes().remove(0).0, [0, 1]);
}

#[test]
fn a_delay_that_was_running_starts_again() {
    let mut bench = Harness::at_home();
    let delayed = read(2, AWAY, &[("failback-delay", "10s")]);
    bench.tell(SliceWatchId(1), "web", 0);
    bench.take(|effect| matches!(effect, Effect::Write(..)).then_some(()));
    bench.answer(Ok(delayed));
    bench.tell(SliceWatchId(1), "web", 1);
    bench.pass(8);
    assert_eq!(bench.writes().len(), 0, "the delay is running");
    bench.slept();
    let feed = bench.started()[0];
    let standing = LeaseState::Held {
        until: Duration::from_secs(100_000),
    };
    bench.engine.lease("ns", standing, bench.now);
    bench.list(feed, &[("web", 1), ("web-east", 1)]);
    bench.pass(8);
    assert_eq!(bench.writes().len(), 0, "it has started again");
    bench.engine.slices(feed, Event::Alive, bench.now);
    bench.pass(3);
    assert_eq!(bench.writes().remove(0).0, [1, 0]);
}

#[test]
fn a_primary_that_has_recovered_meanwhile_is_not_left() {
    let mut bench = Harness::at_home();
    bench.edit(read(
        2,
        &[("web", 1), ("web-east", 0)],
        &[("failover-delay", "10s")],
    ));
    bench.tell(SliceWatchId(1), "web", 0);
    bench.pass(8);
    assert_eq!(bench.writes().len(), 0, "the delay is running");
    bench.slept();
    bench.pass(8);
    let feed = bench.started()[0];
    let standing = LeaseState::Held {
        until: Duration::from_secs(100_000),
    };
    bench.engine.lease("ns", standing, bench.now);
    bench.list(feed, &[("web", 1), ("web-east", 1)]);
    bench.pass(60);
    assert_eq!((bench.writes().len(), bench.verifications()), (0, 0));
}

#[test]
fn a_write_that_had_not_started_is_decided_on_anew() {
    let mut bench = Harness::at_home();
    bench.tell(SliceWatchId(1), "web", 0);
    assert_eq!(bench.writes().len(), 1);
    bench.slept();
    bench.engine.postponed(&id(), bench.number, bench.now);
    bench.settle();
    let standing = LeaseState::Held {
        until: Duration::from_secs(100_000),
    };
    bench.engine.lease("ns", standing, bench.now);
    bench.settle();
    assert!(bench.writes().is_empty() && !bench.engine.is_at_rest());
    let feed = bench.started()[0];
    bench.list(feed, &[("web", 1), ("web-east", 1)]);
    assert!(bench.writes().is_empty() && bench.engine.is_at_rest());
}
