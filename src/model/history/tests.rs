//! Rows from reports of several sources.

use jiff::Timestamp;

use super::*;
use crate::model::event::{EventKind, GroupEvent};
use crate::model::fixtures::id;

const HOME: &str = "web=1,east=0";
const AWAY: &str = "web=0,east=1";

fn row(
    source: EventSource,
    kind: EventKind,
    millis: i64,
    weights: Option<(&str, &str)>,
) -> HistoryRow {
    let event = GroupEvent {
        kind,
        group: id("ns", "web"),
        apex: None,
        at: Timestamp::from_millisecond(millis).unwrap(),
        from: weights.map(|(from, _)| from.to_owned()),
        to: weights.map(|(_, to)| to.to_owned()),
        by: String::new(),
        why: String::new(),
        unverified: false,
        took: None,
    };
    HistoryRow::new(event, source)
}

fn told(reports: Vec<HistoryRow>, groups: &[CurrentGroup]) -> Vec<HistoryRow> {
    history(reports, groups, Timestamp::from_second(1000).unwrap())
}

fn listed(reports: Vec<HistoryRow>) -> Vec<(i64, EventKind, Vec<EventSource>)> {
    told(reports, &[])
        .into_iter()
        .map(|row| (row.event.at.as_millisecond(), row.event.kind, row.sources))
        .collect()
}

#[test]
fn reports_of_one_move_are_merged() {
    use EventKind::{Forced, Moved, Replaced};
    use EventSource::{Event, Journal, LastMove, Order};
    let reports = vec![
        row(LastMove, Forced, 200_000, Some((HOME, AWAY))),
        row(Order, Forced, 200_000, None),
        row(Event, Replaced, 200_000, Some((HOME, AWAY))),
        row(Journal, Moved, 50_000, Some((AWAY, HOME))),
        row(Event, Moved, 50_000, Some((AWAY, HOME))),
    ];
    assert_eq!(
        listed(reports),
        [
            (200_000, Replaced, vec![LastMove, Event, Order]),
            (50_000, Moved, vec![Event, Journal])
        ]
    );
}

#[test]
fn an_outage_that_is_reported_again_is_one_row_until_it_ends() {
    use EventKind::{Down, Forced, Recovered};
    use EventSource::{Event, Journal};
    let reports = vec![
        row(Event, Down, 100_000, None),
        row(Journal, Down, 105_000, None),
        row(Journal, Down, 200_000, None),
        row(Event, Forced, 300_000, Some((HOME, AWAY))),
        row(Journal, Down, 400_000, None),
        row(Journal, Recovered, 410_000, None),
        row(Journal, Down, 420_000, None),
    ];
    let rows = told(reports, &[]);
    let lasted = |row: &HistoryRow| row.lasted.map(|lasted| lasted.time.as_secs());
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.event.at.as_second(), row.event.kind, lasted(row)))
        .collect();
    assert_eq!(
        rows,
        [
            (420, Down, Some(580)),
            (410, Recovered, None),
            (400, Down, Some(10)),
            (300, Forced, Some(700)),
            (100, Down, Some(200)),
        ]
    );
}

#[test]
fn an_outage_that_is_over_does_not_go_on_although_nobody_saw_its_end() {
    let outage = || vec![row(EventSource::Journal, EventKind::Down, 100_000, None)];
    let group = |over| CurrentGroup {
        group: id("ns", "web"),
        apex: "web".to_owned(),
        home: None,
        last_edit: None,
        over,
    };
    let goes_on = told(outage(), &[group(Vec::new())])[0].lasted;
    assert!(goes_on.is_some_and(|it| it.goes_on));
    let is_over = told(outage(), &[group(vec![EventKind::Down])])[0].lasted;
    assert_eq!(is_over, None);
}

#[test]
fn moves_in_quick_succession_are_not_merged() {
    use EventKind::Moved;
    use EventSource::{Event, LastMove};
    let reports = vec![
        row(Event, Moved, 100_000, Some((HOME, AWAY))),
        row(Event, Moved, 101_000, Some((AWAY, HOME))),
        row(LastMove, Moved, 101_000, Some((AWAY, HOME))),
    ];
    assert_eq!(
        listed(reports),
        [
            (101_000, Moved, vec![LastMove, Event]),
            (100_000, Moved, vec![Event])
        ]
    );
}

#[test]
fn events_of_different_groups_are_not_merged() {
    let mut other = row(EventSource::Event, EventKind::Moved, 100_000, None);
    other.event.group = id("ns", "mail");
    let one = row(EventSource::LastMove, EventKind::Moved, 100_000, None);
    assert_eq!(told(vec![one, other], &[]).len(), 2);
}

#[test]
fn a_move_and_an_edit_in_one_second_are_both_there() {
    use EventKind::{Edited, Moved};
    use EventSource::{LastMove, ManagedFields};
    let mut edit = row(ManagedFields, Edited, 100_400, None);
    edit.event.to = Some(HOME.to_owned());
    let reports = vec![row(LastMove, Moved, 100_400, Some((HOME, AWAY))), edit];
    let rows = told(reports, &[]);
    let kinds: Vec<EventKind> = rows.iter().map(|row| row.event.kind).collect();
    assert_eq!(kinds, [Edited, Moved]);
    assert_eq!(rows[0].event.from.as_deref(), Some(AWAY));
}

#[test]
fn a_move_that_does_not_begin_where_the_last_one_ended_shows_an_edit_between() {
    use EventKind::{Edited, Moved};
    use EventSource::Event;
    let moves = || {
        vec![
            row(Event, Moved, 100_000, Some((HOME, AWAY))),
            row(Event, Moved, 300_000, Some(("web=2,east=0", AWAY))),
        ]
    };
    let group = |at: Option<i64>| CurrentGroup {
        group: id("ns", "web"),
        apex: "web".to_owned(),
        home: Some("web".to_owned()),
        last_edit: Some((
            "kubectl-apply".to_owned(),
            at.map(|at| Timestamp::from_second(at).unwrap()),
        )),
        over: Vec::new(),
    };
    let rows = told(moves(), &[group(Some(200))]);
    let kinds: Vec<EventKind> = rows.iter().map(|row| row.event.kind).collect();
    assert_eq!(kinds, [Moved, Edited, Moved]);
    let edit = &rows[1].event;
    assert_eq!(edit.at.as_second(), 200);
    assert_eq!(edit.why, "not by this tool; last writer kubectl-apply");
    assert_eq!(
        (edit.from.as_deref(), edit.to.as_deref()),
        (Some(AWAY), Some("web=2,east=0"))
    );

    let rows = told(moves(), &[group(Some(900))]);
    assert_eq!(
        rows[1].event.why,
        "not by this tool, between 1970-01-01T00:01:40Z and 1970-01-01T00:05:00Z; last writer \
         kubectl-apply"
    );
    let rows = told(moves(), &[]);
    assert!(rows[1].event.why.ends_with("; last writer somebody"));
}

#[test]
fn durations_add_up() {
    use EventKind::{Failback, Forced, Paused, Recovered, Resumed, Unavailable};
    use EventSource::Event;
    let reports = vec![
        row(Event, Unavailable, 96_000, None),
        row(Event, Forced, 100_000, Some((HOME, AWAY))),
        row(Event, Recovered, 300_000, None),
        row(Event, Paused, 400_000, None),
        row(Event, Resumed, 460_000, None),
        row(Event, Failback, 712_000, Some((AWAY, HOME))),
    ];
    let rows = told(reports, &[]);
    let lasted: Vec<Option<(u64, bool)>> = rows
        .iter()
        .rev()
        .map(|row| row.lasted.map(|it| (it.time.as_secs(), it.goes_on)))
        .collect();
    assert_eq!(
        lasted,
        [
            Some((4, false)),
            Some((612, false)),
            None,
            Some((60, false)),
            None,
            Some((288, true))
        ]
    );
    let summary = &summaries(&rows, &[])[0];
    assert_eq!((summary.away.as_secs(), summary.out.as_secs()), (612, 4));
    assert_eq!(summary.moves, 2);
}
