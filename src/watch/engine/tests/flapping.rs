//! A primary that flaps.

use super::*;

/// The object as the API server stores it after a write.
fn delayed(version: u64, weights: &[u64], last_move: Option<&str>) -> Record {
    let backends: Vec<(&str, u64)> = ["web", "web-east"]
        .into_iter()
        .zip(weights.iter().copied())
        .collect();
    let mut record = group(version, &backends, last_move);
    record.group.as_mut().unwrap().policy.failback_delay = Duration::from_secs(10);
    record
}

#[test]
fn a_flapping_primary_causes_one_failover_and_one_failback() {
    let mut harness = Harness::at_home();
    harness.edit(delayed(2, &[1, 0], None));
    let mut moves = Vec::new();
    for second in 0..90 {
        match (second, second % 4) {
            (0..60, 0) => harness.slice_changed(SliceWatchId(1), "web", 0),
            (0..60, 2) => harness.slice_changed(SliceWatchId(1), "web", 1),
            _ => harness
                .engine
                .slice_event(SliceWatchId(1), Event::Alive, harness.now),
        }
        for (weights, note) in harness.writes() {
            let answer = delayed(3 + second, &weights, Some(&note));
            moves.push((second, weights));
            harness.answer(Ok(answer));
            harness.settle();
        }
        harness.pass(1);
    }
    // It became ready for good in second 58.
    assert_eq!(moves, [(0, vec![0, 1]), (68, vec![1, 0])]);
    assert_eq!((harness.moves(), harness.relist_count()), (2, 0));
    assert!(harness.engine.is_settled());
}
