//! A primary that comes and goes.

use super::*;

/// As the API server has it after a write.
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
fn in_a_whole_minute_traffic_moves_once_there_and_once_back() {
    let mut bench = Harness::at_home();
    bench.edit(delayed(2, &[1, 0], None));
    let mut moves = Vec::new();
    for second in 0..90 {
        match (second, second % 4) {
            (0..60, 0) => bench.tell(SliceWatchId(1), "web", 0),
            (0..60, 2) => bench.tell(SliceWatchId(1), "web", 1),
            _ => bench
                .engine
                .slices(SliceWatchId(1), Event::Alive, bench.now),
        }
        for (weights, note) in bench.writes() {
            let answer = delayed(3 + second, &weights, Some(&note));
            moves.push((second, weights));
            bench.answer(Ok(answer));
            bench.settle();
        }
        bench.pass(1);
    }
    // It came for good in second 58.
    assert_eq!(moves, [(0, vec![0, 1]), (68, vec![1, 0])]);
    assert_eq!((bench.moves(), bench.verifications()), (2, 0));
    assert!(bench.engine.is_at_rest());
}
