//! Late results, and objects that look older than the known ones.

use super::*;

const HOME: &[(&str, u64)] = &[("web", 1), ("web-east", 0)];
const AWAY: &[(&str, u64)] = &[("web", 0), ("web-east", 1)];

fn listed(harness: &mut Harness, record: Record) {
    harness
        .engine
        .group_event("trafficsplit", Event::Listed(vec![record]), harness.now);
    harness.settle();
}

#[test]
fn an_object_that_looks_older_is_read_and_the_result_counts() {
    let mut harness = Harness::at_home();
    harness.edit(group(900, HOME, None));
    listed(&mut harness, group(400, AWAY, None));
    assert!(harness.writes().is_empty() && !harness.engine.is_settled());
    let read = harness.rereads()[0];
    harness.reread(read, group(400, AWAY, None));
    assert_eq!(harness.writes().remove(0).0, [1, 0]);
    assert!(harness.rereads().is_empty());
}

/// A store that is restored from a backup shows the weights from before our move.
#[test]
fn a_restored_object_is_not_a_revert_by_somebody_else() {
    let mut harness = Harness::at_home();
    harness.slice_changed(SliceWatchId(1), "web", 0);
    let (_, note) = harness.writes().remove(0);
    harness.answer(Ok(group(900, AWAY, Some(&note))));
    harness.settle();
    listed(&mut harness, group(400, HOME, None));
    let read = harness.rereads()[0];
    harness.reread(read, group(400, HOME, None));
    assert_eq!(harness.writes().remove(0).0, [0, 1], "at once");
    assert!(harness.contests().is_empty());
}

#[test]
fn a_list_from_before_the_last_write_changes_nothing() {
    let mut harness = Harness::at_home();
    harness.edit(group(9, HOME, None));
    listed(&mut harness, group(8, AWAY, None));
    let read = harness.rereads()[0];
    harness.reread(read, group(9, HOME, None));
    assert!(
        harness.writes().is_empty() && harness.rereads().is_empty() && harness.engine.is_settled()
    );
}

#[test]
fn an_event_during_a_read_is_not_lost() {
    let mut harness = Harness::at_home();
    harness.edit(group(9, HOME, None));
    listed(&mut harness, group(8, HOME, None));
    let read = harness.rereads()[0];
    harness.edit(group(10, AWAY, None));
    harness.reread(read, group(9, HOME, None));
    let again = harness.rereads()[0];
    harness.reread(again, group(10, AWAY, None));
    assert_eq!(harness.writes().remove(0).0, [1, 0]);
}

#[test]
fn conflicts_in_a_row_back_off() {
    let mut harness = Harness::at_home();
    harness.slice_changed(SliceWatchId(1), "web", 0);
    for version in 2..=4 {
        assert_eq!(harness.writes().len(), 1, "{version}");
        harness.answer(Err(status(409)));
        harness.settle();
        let read = harness.rereads()[0];
        harness.reread(read, group(version, HOME, None));
    }
    assert_eq!(
        harness.writes().len(),
        1,
        "the third conflict does not back off yet"
    );
    harness.answer(Err(status(409)));
    harness.settle();
    let read = harness.rereads()[0];
    harness.reread(read, group(5, HOME, None));
    assert!(harness.writes().is_empty());
    harness.now = harness.engine.next_turn().unwrap();
    harness.settle();
    assert_eq!(harness.writes().len(), 1);
}

#[test]
fn conflicts_with_a_busy_writer_are_retried_soon_and_reported_once() {
    let mut harness = Harness::at_home();
    harness.slice_changed(SliceWatchId(1), "web", 0);
    let start = harness.now;
    for version in 2..=60 {
        assert_eq!(harness.writes().len(), 1, "{version}");
        harness.answer(Err(status(409)));
        harness.settle();
        let read = harness.rereads()[0];
        harness.reread(read, group(version, HOME, None));
        // The first ones are retried at once.
        let next = harness.engine.next_turn();
        if let Some(next) = next.filter(|next| *next < harness.now + Duration::from_secs(1)) {
            harness.now = harness.now.max(next);
        }
        harness.settle();
    }
    let took = harness.now - start;
    assert!(took < Duration::from_secs(3), "{took:?}");
    let complaints = harness.complaints();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
}

#[test]
fn a_late_result_is_not_taken_for_the_result_of_the_next_write() {
    let mut harness = Harness::at_home();
    harness.slice_changed(SliceWatchId(1), "web", 0);
    let (first, (_, note)) = (harness.request, harness.writes().remove(0));
    harness.engine.group_event(
        "trafficsplit",
        Event::Deleted(group(2, HOME, None)),
        harness.now,
    );
    harness.edit(group(3, HOME, None));
    assert_eq!(harness.writes().len(), 1);
    harness
        .engine
        .written(&id(), first, Err(forbidden()), harness.now);
    harness.settle();
    assert_eq!(
        (harness.complaints().len(), harness.engine.refused()),
        (0, 0)
    );
    harness.answer(Ok(group(4, AWAY, Some(&note))));
    harness.settle();
    assert_eq!(harness.moves(), 1);
}

#[test]
fn a_result_that_arrives_twice_does_not_disturb_a_read() {
    let mut harness = Harness::at_home();
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.writes();
    harness.answer(Err(status(409)));
    harness.answer(Ok(group(7, AWAY, None)));
    harness.settle();
    let read = harness.rereads()[0];
    harness.reread(read, group(2, HOME, None));
    assert_eq!(harness.writes().len(), 1);
}
