//! Writes that only change which backends stand by.

use super::*;
use crate::model::MaxMoves;

const BARE: &[(&str, u64)] = &[("web", 1), ("web-east", 0)];
const DRESSED: &[(&str, u64)] = &[("web", 429_495), ("web-east", 1)];
const AWAY: &[(&str, u64)] = &[("web", 1), ("web-east", 429_495)];

fn standby(version: u64, backends: &[(&str, u64)], last_move: Option<&str>) -> Record {
    let last_move = last_move.unwrap_or_default();
    read(
        version,
        backends,
        &[("standby", "on"), ("last-move", last_move)],
    )
}

impl Harness {
    /// Starts with a group that has no standby yet.
    fn undressed(options: EngineOptions) -> Self {
        let harness = Self::of(options, ReadinessCache::default());
        let mut harness = harness.with_records(vec![standby(1, BARE, None)]);
        let watch = harness.started()[0];
        harness.list(watch, &[("web", 1), ("web-east", 1)]);
        harness
    }
}

#[test]
fn a_standby_is_no_move() {
    let options = EngineOptions {
        max_moves: Some(MaxMoves {
            most: 1,
            within: Duration::from_secs(3600),
        }),
        ..EngineOptions::default()
    };
    let mut harness = Harness::undressed(options);
    let change = harness.only_change().unwrap();
    assert_eq!(change.weights.as_deref(), Some(&[429_495, 1][..]));
    assert!(change.annotations.is_empty() && change.last_move.is_none());
    harness.answer(Ok(standby(2, DRESSED, None)));
    harness.settle();
    assert!(harness.moves() == 0 && harness.engine.is_settled());
    // So the only move that the rate limit allows is left.
    harness.slice_changed(SliceWatchId(1), "web", 0);
    let change = harness.only_change().unwrap();
    assert_eq!(change.weights.as_deref(), Some(&[1, 429_495][..]));
    let last = change.last_move.unwrap();
    assert_eq!(
        [last.from.as_str(), last.to.as_str()],
        ["web=1,web-east=0", "web=0,web-east=1"]
    );
    let note = serde_json::to_string(&last).unwrap();
    harness.answer(Ok(standby(3, AWAY, Some(&note))));
    harness.settle();
    assert_eq!(harness.moves(), 1);
    assert!(harness.only_change().is_none() && harness.engine.is_settled());
}

#[test]
fn a_standby_that_somebody_takes_away_is_a_revert() {
    let mut harness = Harness::undressed(EngineOptions::default());
    harness.only_change();
    harness.answer(Ok(standby(2, DRESSED, None)));
    harness.settle();
    for (version, wait) in [(3, 5), (5, 10)] {
        harness.edit(standby(version, BARE, None));
        assert_eq!(harness.contests(), [("someone".to_owned(), wait)]);
        harness.pass_alive(wait - 1);
        assert_eq!(harness.only_change(), None);
        harness.pass_alive(1);
        let change = harness.only_change().unwrap();
        assert_eq!(change.weights.as_deref(), Some(&[429_495, 1][..]));
        harness.answer(Ok(standby(version + 1, DRESSED, None)));
        harness.settle();
    }
}

#[test]
fn a_service_that_goes_and_comes_back_is_no_revert() {
    let mut harness = Harness::undressed(EngineOptions::default());
    harness.only_change();
    harness.answer(Ok(standby(2, DRESSED, None)));
    harness.settle();
    harness.delete_service("web-east");
    let change = harness.only_change().unwrap();
    assert_eq!(change.weights.as_deref(), Some(&[1, 0][..]));
    harness.answer(Ok(standby(3, BARE, None)));
    harness.engine.service_event(
        SliceWatchId(1),
        Event::Applied(service("web-east")),
        harness.now,
    );
    harness.settle();
    let change = harness.only_change().unwrap();
    assert_eq!(change.weights.as_deref(), Some(&[429_495, 1][..]));
    assert_eq!(harness.contests(), []);
}
