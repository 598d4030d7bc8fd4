//! Answers that come late, and objects that look older than what is known.

use super::*;

const HOME: &[(&str, u64)] = &[("web", 1), ("web-east", 0)];
const AWAY: &[(&str, u64)] = &[("web", 0), ("web-east", 1)];

fn listed(bench: &mut Harness, record: Record) {
    bench
        .engine
        .groups("trafficsplit", Event::Listed(vec![record]), bench.now);
    bench.settle();
}

#[test]
fn an_older_object_in_a_list_is_read_and_what_is_read_counts() {
    let mut bench = Harness::at_home();
    bench.edit(group(900, HOME, None));
    listed(&mut bench, group(400, AWAY, None));
    assert!(bench.writes().is_empty() && !bench.engine.is_at_rest());
    let read = bench.rereads()[0];
    bench.reread(read, group(400, AWAY, None));
    assert_eq!(bench.writes().remove(0).0, [1, 0]);
    assert!(bench.rereads().is_empty());
}

#[test]
fn a_list_from_before_the_last_write_changes_nothing() {
    let mut bench = Harness::at_home();
    bench.edit(group(9, HOME, None));
    listed(&mut bench, group(8, AWAY, None));
    let read = bench.rereads()[0];
    bench.reread(read, group(9, HOME, None));
    assert!(bench.writes().is_empty() && bench.rereads().is_empty() && bench.engine.is_at_rest());
}

#[test]
fn what_is_told_while_the_object_is_read_is_not_lost() {
    let mut bench = Harness::at_home();
    bench.edit(group(9, HOME, None));
    listed(&mut bench, group(8, HOME, None));
    let read = bench.rereads()[0];
    bench.edit(group(10, AWAY, None));
    bench.reread(read, group(9, HOME, None));
    let again = bench.rereads()[0];
    bench.reread(again, group(10, AWAY, None));
    assert_eq!(bench.writes().remove(0).0, [1, 0]);
}

#[test]
fn conflicts_in_a_row_are_answered_more_slowly() {
    let mut bench = Harness::at_home();
    bench.tell(SliceWatchId(1), "web", 0);
    for version in 2..=4 {
        assert_eq!(bench.writes().len(), 1, "{version}");
        bench.answer(Err(status(409)));
        bench.settle();
        let read = bench.rereads()[0];
        bench.reread(read, group(version, HOME, None));
    }
    assert_eq!(
        bench.writes().len(),
        1,
        "the third one is answered at once too"
    );
    bench.answer(Err(status(409)));
    bench.settle();
    let read = bench.rereads()[0];
    bench.reread(read, group(5, HOME, None));
    assert!(bench.writes().is_empty());
    bench.now = bench.engine.next_alarm().unwrap();
    bench.settle();
    assert_eq!(bench.writes().len(), 1);
}

#[test]
fn the_answer_to_an_older_write_is_not_taken_for_that_to_the_next_one() {
    let mut bench = Harness::at_home();
    bench.tell(SliceWatchId(1), "web", 0);
    let (first, (_, note)) = (bench.number, bench.writes().remove(0));
    bench.engine.groups(
        "trafficsplit",
        Event::Deleted(group(2, HOME, None)),
        bench.now,
    );
    bench.edit(group(3, HOME, None));
    assert_eq!(bench.writes().len(), 1);
    bench
        .engine
        .written(&id(), first, Err(forbidden()), bench.now);
    bench.settle();
    assert_eq!((bench.complaints().len(), bench.engine.refused()), (0, 0));
    bench.answer(Ok(group(4, AWAY, Some(&note))));
    bench.settle();
    assert_eq!(bench.moves(), 1);
}

#[test]
fn an_answer_that_comes_twice_does_not_disturb_a_read() {
    let mut bench = Harness::at_home();
    bench.tell(SliceWatchId(1), "web", 0);
    bench.writes();
    bench.answer(Err(status(409)));
    bench.answer(Ok(group(7, AWAY, None)));
    bench.settle();
    let read = bench.rereads()[0];
    bench.reread(read, group(2, HOME, None));
    assert_eq!(bench.writes().len(), 1);
}
