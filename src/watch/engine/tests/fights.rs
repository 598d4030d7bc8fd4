//! Others who write the same objects.

use super::*;
use crate::model::MaxMoves;
use crate::watch::engine::rate_limit::Go;

const HOME: &[(&str, u64)] = &[("web", 1), ("web-east", 0)];
const AWAY: &[(&str, u64)] = &[("web", 0), ("web-east", 1)];

impl Harness {
    /// The primary has died, and traffic has been moved; gives the note of the move.
    fn failed_over(&mut self) -> String {
        self.tell(SliceWatchId(1), "web", 0);
        let (_, note) = self.writes().remove(0);
        self.answer(Ok(group(2, AWAY, Some(&note))));
        self.settle();
        note
    }
}

#[test]
fn a_reversal_is_answered_after_five_seconds_and_the_next_one_after_ten() {
    let mut bench = Harness::at_home();
    let mut note = bench.failed_over();
    for (version, wait) in [(3, 5), (5, 10), (7, 20)] {
        bench.edit(group(version, HOME, Some(&note)));
        assert_eq!(bench.contests(), [("someone".to_owned(), wait)]);
        // The watch must be heard, or a move would read the slices again first.
        for _ in 1..wait {
            bench
                .engine
                .slices(SliceWatchId(1), Event::Alive, bench.now);
            bench.pass(1);
        }
        assert_eq!(bench.writes().len(), 0, "{wait}");
        bench
            .engine
            .slices(SliceWatchId(1), Event::Alive, bench.now);
        bench.pass(1);
        let (weights, again) = bench.writes().remove(0);
        assert_eq!(weights, [0, 1]);
        note = again;
        bench.answer(Ok(group(version + 1, AWAY, Some(&note))));
        bench.settle();
    }
}

#[test]
fn a_move_that_changed_endpoints_cause_does_not_wait() {
    let mut bench = Harness::at_home();
    let note = bench.failed_over();
    bench.edit(group(3, HOME, Some(&note)));
    assert_eq!(bench.contests().len(), 1);
    // The primary is back: what the other side wrote is right now.
    bench.tell(SliceWatchId(1), "web", 1);
    assert_eq!(bench.writes().len(), 0);
    bench.tell(SliceWatchId(1), "web", 0);
    assert_eq!(bench.writes().remove(0).0, [0, 1]);
    assert_eq!(bench.contests().len(), 0);
}

#[test]
fn a_failed_write_is_no_reversal() {
    let mut bench = Harness::at_home();
    bench.tell(SliceWatchId(1), "web", 0);
    assert_eq!(bench.writes().len(), 1);
    bench.answer(Err(lost()));
    bench.pass(3);
    assert_eq!((bench.writes().len(), bench.contests().len()), (1, 0));
}

#[test]
fn the_reaction_of_a_move_counts_from_its_cause_whatever_it_takes() {
    let mut bench = Harness::at_home();
    bench.tell(SliceWatchId(1), "web", 0);
    bench.writes();
    bench.answer(Err(lost()));
    bench.pass(3);
    let (_, note) = bench.writes().remove(0);
    bench.answer(Ok(group(2, AWAY, Some(&note))));
    bench.settle();
    assert_eq!(bench.reactions(), [Duration::from_secs(3)]);
    // The next one counts anew.
    bench.pass(5);
    bench.tell(SliceWatchId(1), "web", 1);
    let (_, note) = bench.writes().remove(0);
    bench.answer(Ok(group(3, HOME, Some(&note))));
    bench.settle();
    assert_eq!(bench.reactions(), [Duration::ZERO]);
}

#[test]
fn moves_over_the_limit_wait_and_come_all_the_same() {
    let within = Duration::from_secs(60);
    let settings = EngineSettings {
        max_moves: Some(MaxMoves { most: 1, within }),
        ..EngineSettings::default()
    };
    let mut bench = Harness::at_home_with(settings);
    bench.failed_over();
    bench.tell(SliceWatchId(1), "web", 1);
    let braked = |bench: &mut Harness| {
        bench.take(|effect| {
            matches!(
                effect,
                Effect::Say(Notice::Braked {
                    most: 1,
                    waiting: 1,
                    ..
                })
            )
            .then_some(())
        })
    };
    assert_eq!((bench.writes().len(), braked(&mut bench).len()), (0, 1));
    for _ in 0..60 {
        bench
            .engine
            .slices(SliceWatchId(1), Event::Alive, bench.now);
        bench.pass(1);
    }
    let (weights, note) = bench.writes().remove(0);
    assert_eq!((weights, braked(&mut bench).len()), (vec![1, 0], 1));
    bench.answer(Ok(group(9, HOME, Some(&note))));
    bench.settle();
    assert_eq!(
        bench.reactions(),
        [Duration::ZERO, within],
        "what waits is not fast"
    );
}

#[test]
fn endpoints_that_change_nothing_about_it_do_not_hasten_an_answer() {
    let mut bench = Harness::at_home();
    let note = bench.failed_over();
    bench.edit(group(3, HOME, Some(&note)));
    assert_eq!(bench.contests().len(), 1);
    // A rollout of the fallback, a moment without it, and a new list.
    for ready in [2, 1, 0, 1] {
        bench.tell(SliceWatchId(1), "web-east", ready);
        assert!(bench.writes().is_empty(), "{ready}");
    }
    bench.list(SliceWatchId(1), &[("web", 0), ("web-east", 1)]);
    assert!(bench.writes().is_empty());
    bench.pass(5);
    assert_eq!((bench.writes().len(), bench.contests().len()), (1, 0));
}

#[test]
fn whoever_has_no_move_to_make_any_more_does_not_wait_for_the_brake() {
    let within = Duration::from_secs(60);
    let ends: [fn(&mut Harness); 3] = [
        |bench| bench.tell(SliceWatchId(1), "web", 0),
        |bench| bench.edit(read(9, AWAY, &[("failback-delay", "soon")])),
        |bench| {
            bench
                .engine
                .groups("trafficsplit", Event::Listed(Vec::new()), bench.now)
        },
    ];
    for end in ends {
        let settings = EngineSettings {
            max_moves: Some(MaxMoves { most: 1, within }),
            ..EngineSettings::default()
        };
        let mut bench = Harness::at_home_with(settings);
        bench.failed_over();
        bench.tell(SliceWatchId(1), "web", 1);
        assert!(bench.writes().is_empty());
        end(&mut bench);
        bench.settle();
        let other = GroupId {
            name: "other".into(),
            ..id()
        };
        let go = bench.engine.brake.start(&other, bench.now);
        assert!(matches!(go, Go::Later { .. }), "{go:?}");
        assert_eq!(bench.engine.brake.waiting(), 1, "only the other one waits");
    }
}
