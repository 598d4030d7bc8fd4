//! A machine that was suspended.

use super::*;

const AWAY: &[(&str, u64)] = &[("web", 0), ("web-east", 1)];

impl Harness {
    fn suspended(&mut self) {
        self.engine.resumed(self.now);
        self.engine
            .other_leases_event(Event::Listed(Vec::new()), "me", self.now);
        self.settle();
    }
}

#[test]
fn nothing_moves_before_everything_is_listed_again() {
    let mut harness = Harness::at_home();
    harness.suspended();
    assert_eq!(harness.stopped(), [SliceWatchId(1)]);
    let watch = harness.started()[0];
    // Late events of the old watch are ignored.
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.pass(1);
    assert_eq!(harness.writes().len(), 0);
    harness.list(watch, &[("web", 0), ("web-east", 1)]);
    assert_eq!(harness.writes().len(), 0, "the Lease is not held yet");
    harness.hold_lease("ns");
    harness.settle();
    assert_eq!(harness.writes().remove(0).0, [0, 1]);
}

#[test]
fn a_running_delay_restarts() {
    let mut harness = Harness::at_home();
    let delayed = read(2, AWAY, &[("failback-delay", "10s")]);
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.take(|effect| matches!(effect, Effect::Write(..)).then_some(()));
    harness.answer(Ok(delayed));
    harness.slice_changed(SliceWatchId(1), "web", 1);
    harness.pass(8);
    assert_eq!(harness.writes().len(), 0, "the delay is running");
    harness.suspended();
    let watch = harness.started()[0];
    harness.hold_lease("ns");
    harness.list(watch, &[("web", 1), ("web-east", 1)]);
    harness.pass(8);
    assert_eq!(harness.writes().len(), 0, "it has started again");
    harness.engine.slice_event(watch, Event::Alive, harness.now);
    harness.pass(3);
    assert_eq!(harness.writes().remove(0).0, [1, 0]);
}

#[test]
fn a_primary_that_has_recovered_meanwhile_keeps_its_traffic() {
    let mut harness = Harness::at_home();
    harness.edit(read(
        2,
        &[("web", 1), ("web-east", 0)],
        &[("failover-delay", "10s")],
    ));
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.pass(8);
    assert_eq!(harness.writes().len(), 0, "the delay is running");
    harness.suspended();
    harness.pass(8);
    let watch = harness.started()[0];
    harness.hold_lease("ns");
    harness.list(watch, &[("web", 1), ("web-east", 1)]);
    harness.pass(60);
    assert_eq!((harness.writes().len(), harness.relist_count()), (0, 0));
}

#[test]
fn a_write_that_had_not_started_is_decided_on_again() {
    let mut harness = Harness::at_home();
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert_eq!(harness.writes().len(), 1);
    harness.suspended();
    harness
        .engine
        .write_postponed(&id(), harness.request, harness.now);
    harness.settle();
    harness.hold_lease("ns");
    harness.settle();
    assert!(harness.writes().is_empty() && !harness.engine.is_settled());
    let watch = harness.started()[0];
    harness.list(watch, &[("web", 1), ("web-east", 1)]);
    assert!(harness.writes().is_empty() && harness.engine.is_settled());
}
