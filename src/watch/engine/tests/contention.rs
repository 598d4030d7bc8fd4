//! Other writers of the same objects, and the rate limit.

use super::*;
use crate::model::MaxMoves;

const HOME: &[(&str, u64)] = &[("web", 1), ("web-east", 0)];
const AWAY: &[(&str, u64)] = &[("web", 0), ("web-east", 1)];

impl Harness {
    /// Lets the primary die and the traffic move. Returns the `last-move` annotation.
    fn failed_over(&mut self) -> String {
        self.slice_changed(SliceWatchId(1), "web", 0);
        let (_, note) = self.writes().remove(0);
        self.answer(Ok(group(2, AWAY, Some(&note))));
        self.settle();
        note
    }
}

#[test]
fn the_first_revert_is_answered_after_5_s_and_the_next_one_after_10_s() {
    let mut harness = Harness::at_home();
    let mut note = harness.failed_over();
    for (version, wait) in [(3, 5), (5, 10), (7, 20)] {
        harness.edit(group(version, HOME, Some(&note)));
        assert_eq!(harness.contests(), [("someone".to_owned(), wait)]);
        // Without an active watch, a move would list the slices again first.
        harness.pass_alive(wait - 1);
        assert_eq!(harness.writes().len(), 0, "{wait}");
        harness.pass_alive(1);
        let (weights, again) = harness.writes().remove(0);
        assert_eq!(weights, [0, 1]);
        note = again;
        harness.answer(Ok(group(version + 1, AWAY, Some(&note))));
        harness.settle();
    }
}

/// A GitOps tool that syncs every five minutes must not leave half the traffic on a dead backend.
#[test]
fn traffic_that_is_partly_on_a_dead_backend_waits_30_s_at_most() {
    let mut harness = Harness::at_home();
    let mut note = harness.failed_over();
    let mut waits = Vec::new();
    for round in 0..6 {
        let version = 3 + 2 * round;
        harness.edit(group(version, &[("web", 1), ("web-east", 1)], Some(&note)));
        let mut waited = 0;
        let (_, again) = loop {
            if let Some(write) = harness.writes().pop() {
                break write;
            }
            harness.pass_alive(1);
            waited += 1;
        };
        waits.push(waited);
        note = again;
        harness.answer(Ok(group(version + 1, AWAY, Some(&note))));
        harness.settle();
    }
    assert_eq!(waits, [5, 10, 20, 30, 30, 30]);
}

/// As a manifest that was exported and is applied again, or a second loop without a Lease.
#[test]
fn a_revert_with_a_note_that_fits_is_contested_too() {
    let mut harness = Harness::at_home();
    harness.failed_over();
    let note = |at: &str| {
        format!(
            r#"{{"from":"web=0,web-east=1","to":"web=1,web-east=0","at":"{at}","by":"x","why":"y"}}"#
        )
    };
    harness.edit(group(3, HOME, Some(&note("1969-01-01T00:00:00Z"))));
    assert_eq!((harness.contests().len(), harness.writes().len()), (1, 0));
    harness.edit(group(4, HOME, Some(&note("1971-01-01T00:00:00Z"))));
    assert!(harness.writes().is_empty());
}

#[test]
fn a_revert_of_the_holders_move_is_contested_after_a_takeover() {
    let mut harness = Harness::at_home();
    let standby = |renewing| LeaseState::Standby {
        holder: "other".into(),
        renewing,
        late: (!renewing).then_some(std::time::Duration::from_secs(1)),
    };
    harness.engine.lease_event("ns", standby(true), harness.now);
    harness.slice_changed(SliceWatchId(1), "web", 0);
    let note = r#"{"from":"web=1,web-east=0","to":"web=0,web-east=1","at":"1971-01-01T00:00:00Z","by":"x","why":"y"}"#;
    harness.edit(group(2, AWAY, Some(note)));
    harness
        .engine
        .lease_event("ns", standby(false), harness.now);
    harness.hold_lease("ns");
    harness.edit(group(3, HOME, Some(note)));
    assert_eq!((harness.contests().len(), harness.writes().len()), (1, 0));
}

#[test]
fn a_move_that_changed_endpoints_cause_does_not_back_off() {
    let mut harness = Harness::at_home();
    let note = harness.failed_over();
    harness.edit(group(3, HOME, Some(&note)));
    assert_eq!(harness.contests().len(), 1);
    // The primary is ready again: the weights of the other writer are correct.
    harness.slice_changed(SliceWatchId(1), "web", 1);
    assert_eq!(harness.writes().len(), 0);
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert_eq!(harness.writes().remove(0).0, [0, 1]);
    assert_eq!(harness.contests().len(), 0);
}

#[test]
fn a_failed_write_is_not_a_revert() {
    let mut harness = Harness::at_home();
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert_eq!(harness.writes().len(), 1);
    harness.answer(Err(lost()));
    harness.pass(3);
    assert_eq!((harness.writes().len(), harness.contests().len()), (1, 0));
}

#[test]
fn the_reaction_time_of_a_move_counts_from_its_cause() {
    let mut harness = Harness::at_home();
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.writes();
    harness.answer(Err(lost()));
    harness.pass(3);
    let (_, note) = harness.writes().remove(0);
    harness.answer(Ok(group(2, AWAY, Some(&note))));
    harness.settle();
    assert_eq!(harness.reactions(), [Duration::from_secs(3)]);
    // The next move counts from its own cause.
    harness.pass(5);
    harness.slice_changed(SliceWatchId(1), "web", 1);
    let (_, note) = harness.writes().remove(0);
    harness.answer(Ok(group(3, HOME, Some(&note))));
    harness.settle();
    assert_eq!(harness.reactions(), [Duration::ZERO]);
}

#[test]
fn moves_over_the_rate_limit_wait() {
    let within = Duration::from_secs(60);
    let options = EngineOptions {
        max_moves: Some(MaxMoves { most: 1, within }),
        ..EngineOptions::default()
    };
    let mut harness = Harness::at_home_with(options);
    harness.failed_over();
    harness.slice_changed(SliceWatchId(1), "web", 1);
    let rate_limited = |harness: &mut Harness| {
        harness.take(|effect| {
            matches!(
                effect,
                Effect::Report(Notice::RateLimited {
                    most: 1,
                    waiting: 1,
                    ..
                })
            )
            .then_some(())
        })
    };
    assert_eq!(
        (harness.writes().len(), rate_limited(&mut harness).len()),
        (0, 1)
    );
    for _ in 0..60 {
        harness.pass_alive(1);
    }
    let (weights, note) = harness.writes().remove(0);
    assert_eq!((weights, rate_limited(&mut harness).len()), (vec![1, 0], 1));
    harness.answer(Ok(group(9, HOME, Some(&note))));
    harness.settle();
    assert_eq!(
        harness.reactions(),
        [Duration::ZERO, within],
        "waiting counts"
    );
}

#[test]
fn endpoints_that_change_nothing_do_not_shorten_the_backoff() {
    let mut harness = Harness::at_home();
    let note = harness.failed_over();
    harness.edit(group(3, HOME, Some(&note)));
    assert_eq!(harness.contests().len(), 1);
    // A rollout of the fallback, a moment without it, and a new list.
    for ready in [2, 1, 0, 1] {
        harness.slice_changed(SliceWatchId(1), "web-east", ready);
        assert!(harness.writes().is_empty(), "{ready}");
    }
    harness.list(SliceWatchId(1), &[("web", 0), ("web-east", 1)]);
    assert!(harness.writes().is_empty());
    harness.pass(5);
    assert_eq!((harness.writes().len(), harness.contests().len()), (1, 0));
}

#[test]
fn a_group_without_a_move_does_not_wait_for_the_rate_limit() {
    let within = Duration::from_secs(60);
    let ends: [fn(&mut Harness); 3] = [
        |harness| harness.slice_changed(SliceWatchId(1), "web", 0),
        |harness| harness.edit(read(9, AWAY, &[("failback-delay", "soon")])),
        |harness| {
            harness
                .engine
                .group_event("trafficsplit", Event::Listed(Vec::new()), harness.now)
        },
    ];
    for end in ends {
        let options = EngineOptions {
            max_moves: Some(MaxMoves { most: 1, within }),
            ..EngineOptions::default()
        };
        let mut harness = Harness::at_home_with(options);
        harness.failed_over();
        harness.slice_changed(SliceWatchId(1), "web", 1);
        assert!(harness.writes().is_empty());
        end(&mut harness);
        harness.settle();
        let other = GroupId {
            name: "other".into(),
            ..id()
        };
        let permit = harness.engine.limiter.acquire(&other, harness.now);
        assert!(permit.is_err(), "{permit:?}");
        assert_eq!(
            harness.engine.limiter.waiting(),
            1,
            "only the other one waits"
        );
    }
}

#[test]
fn a_write_that_swaps_a_backend_is_reported_and_is_not_a_revert() {
    let mut harness = Harness::at_home();
    let note = harness.failed_over();
    harness.take(|effect| matches!(effect, Effect::Report(_)).then_some(()));
    harness.edit(group(3, &[("web", 1), ("web-new", 0)], Some(&note)));
    let swaps = harness.take(|effect| match effect {
        Effect::Report(Notice::BackendsChanged {
            by, removed, added, ..
        }) => Some((by.clone(), removed.clone(), added.clone())),
        _ => None,
    });
    let names = |name: &str| vec![name.to_owned()];
    assert_eq!(
        swaps,
        [("someone".to_owned(), names("web-east"), names("web-new"))]
    );
    harness.pass(1);
    for watch in harness.started() {
        harness.list(watch, &[("web", 0), ("web-new", 1)]);
    }
    assert_eq!(harness.contests(), []);
    assert_eq!(harness.writes().remove(0).0, [0, 1], "at once");
}
