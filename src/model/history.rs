//! The past of groups as `history` lists it, merged from several sources: what is missing between
//! two moves is a row of its own, and each row knows how long its state lasted.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::event::{EventKind, GroupEvent};
use super::ids::GroupId;
use super::moves::{carriers, same_weights};

/// Two reports within this time can describe one event. Edit times are whole seconds.
const SAME_EVENT_WINDOW: SignedDuration = SignedDuration::from_secs(2);
/// The name of the backends' last writer, where the object does not tell.
const SOMEBODY: &str = "somebody";

/// One event, and where it is known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// The event.
    pub event: GroupEvent,
    /// The sources that report it, the most precise first.
    pub sources: Vec<EventSource>,
    /// How long the state lasted that it began; none for an event that begins none.
    pub lasted: Option<Lasted>,
}

/// How long the state lasted that an event began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lasted {
    /// The time from the event to its end, or to now.
    pub time: Duration,
    /// It has not ended.
    pub goes_on: bool,
}

/// The source of a reported event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventSource {
    /// The annotation `last-move` on the object.
    LastMove,
    /// A Kubernetes Event of this tool.
    Event,
    /// The journal of a `watch`.
    Journal,
    /// The annotation of an override or a pause that is in force.
    Order,
    /// A Kubernetes Event of Linkerd's own failover controller.
    UpstreamEvent,
    /// `metadata.managedFields`: the last edit of the backends.
    ManagedFields,
    /// The readiness of the backends now, and the times of their EndpointSlices.
    Readiness,
    /// Two moves, the second of which does not begin where the first one ended.
    Gap,
}

impl EventSource {
    /// Of several reports of an event, the one with the smallest number counts.
    fn precedence(self) -> u8 {
        match self {
            Self::Event => 0,
            Self::Journal => 1,
            Self::LastMove => 2,
            Self::Order => 3,
            Self::UpstreamEvent => 4,
            Self::ManagedFields => 5,
            Self::Readiness => 6,
            Self::Gap => 7,
        }
    }
}

/// A group as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentGroup {
    /// The group.
    pub group: GroupId,
    /// The group's apex.
    pub apex: String,
    /// The primary; under an override, the primary before it.
    pub home: Option<String>,
    /// The last writer of the backends besides this tool, and when it wrote them.
    pub last_edit: Option<(String, Option<Timestamp>)>,
    /// What it certainly does not have now: outages that ended while nobody watched.
    pub over: Vec<EventKind>,
}

/// How long a group was not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSummary {
    /// The group.
    pub group: GroupId,
    /// The time that its traffic was away from its primary.
    pub away: Duration,
    /// The time of outages.
    pub out: Duration,
    /// The number of moves.
    pub moves: usize,
}

impl HistoryRow {
    /// Returns a report from one source.
    pub fn new(event: GroupEvent, source: EventSource) -> Self {
        Self {
            event,
            sources: vec![source],
            lasted: None,
        }
    }
}

/// Merges reports of the same events, adds what is missing between them, and returns all, the
/// newest first. `now`: the API server's time.
pub fn history(
    reports: Vec<HistoryRow>,
    groups: &[CurrentGroup],
    now: Timestamp,
) -> Vec<HistoryRow> {
    let mut by_group: BTreeMap<GroupId, Vec<HistoryRow>> = BTreeMap::new();
    for row in merge(reports) {
        by_group
            .entry(row.event.group.clone())
            .or_default()
            .push(row);
    }
    let mut rows = Vec::new();
    for (id, of_group) in by_group {
        let group = groups.iter().find(|group| group.group == id);
        let mut of_group = without_gaps(without_repeats(of_group), group);
        set_durations(&mut of_group, now);
        for row in &mut of_group {
            let over = group.is_some_and(|group| group.over.contains(&row.event.kind));
            // Nothing tells when it ended.
            row.lasted = row.lasted.filter(|lasted| !(lasted.goes_on && over));
        }
        rows.extend(of_group);
    }
    rows.sort_by_key(|row| row.event.at);
    rows.reverse();
    rows
}

/// Returns how long each group was away and out, from rows with the newest first.
pub fn summaries(rows: &[HistoryRow], groups: &[CurrentGroup]) -> Vec<GroupSummary> {
    let mut summaries: BTreeMap<&GroupId, GroupSummary> = BTreeMap::new();
    let mut homes: BTreeMap<&GroupId, &str> = groups
        .iter()
        .filter_map(|group| Some((&group.group, group.home.as_deref()?)))
        .collect();
    for row in rows.iter().rev() {
        let event = &row.event;
        let summary = summaries.entry(&event.group).or_insert(GroupSummary {
            group: event.group.clone(),
            away: Duration::ZERO,
            out: Duration::ZERO,
            moves: 0,
        });
        let time = row.lasted.map(|lasted| lasted.time).unwrap_or_default();
        if matches!(event.kind, EventKind::Down | EventKind::Unavailable) {
            summary.out += time;
        }
        if !event.moves() {
            continue;
        }
        summary.moves += 1;
        // Of a group that is gone, the first known backend counts as the primary.
        let from = event.from.as_deref().map(carriers).unwrap_or_default();
        let home = match (homes.get(&event.group), from.first()) {
            (Some(home), _) => *home,
            (None, Some(from)) => homes.entry(&event.group).or_insert(from),
            (None, None) => continue,
        };
        let to = event.to.as_deref().map(carriers);
        if to.is_some_and(|to| !to.contains(&home)) {
            summary.away += time;
        }
    }
    summaries.into_values().collect()
}

/// Merges reports of the same events, and returns the events of all groups, the oldest first.
fn merge(mut reports: Vec<HistoryRow>) -> Vec<HistoryRow> {
    let precedence = |row: &HistoryRow| row.sources.first().map(|source| source.precedence());
    reports.sort_by_key(precedence);
    let mut rows: Vec<HistoryRow> = Vec::new();
    let mut by_group: BTreeMap<GroupId, Vec<usize>> = BTreeMap::new();
    for report in reports {
        let known = by_group.entry(report.event.group.clone()).or_default();
        let same = known
            .iter()
            .copied()
            .find(|index| rows.get(*index).is_some_and(|row| is_same(row, &report)));
        match same.and_then(|index| rows.get_mut(index)) {
            Some(row) => {
                row.sources.extend(report.sources);
                row.sources.sort();
                row.sources.dedup();
                row.event.from = row.event.from.take().or(report.event.from);
                row.event.to = row.event.to.take().or(report.event.to);
                row.event.apex = row.event.apex.take().or(report.event.apex);
            }
            None => {
                known.push(rows.len());
                rows.push(report);
            }
        }
    }
    rows.sort_by_key(|row| row.event.at);
    rows
}

/// Two reports of one source are two events, however close together.
fn is_same(known: &HistoryRow, report: &HistoryRow) -> bool {
    let (a, b) = (&known.event, &report.event);
    let is_move = |event: &GroupEvent| event.kind.may_move() && event.kind != EventKind::Edited;
    let is_one_kind = a.kind == b.kind || a.at == b.at && is_move(a) && is_move(b);
    is_one_kind
        && a.at.duration_since(b.at).abs() <= SAME_EVENT_WINDOW
        && !report
            .sources
            .iter()
            .any(|source| known.sources.contains(source))
        && agree(a.to.as_deref(), b.to.as_deref())
}

fn agree(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same_weights(a, b),
        _ => true,
    }
}

/// Merges reports that say the same again, for rows of one group with the oldest first.
fn without_repeats(rows: Vec<HistoryRow>) -> Vec<HistoryRow> {
    let mut kept: Vec<HistoryRow> = Vec::new();
    // The last report of what has not ended.
    let mut standing: Option<usize> = None;
    for row in rows {
        let last = standing.and_then(|index| kept.get_mut(index));
        if let Some(last) = last
            && last.event.is_repeated_by(&row.event)
        {
            last.sources.extend(row.sources);
            last.sources.sort();
            last.sources.dedup();
            continue;
        }
        if row.event.stands() {
            standing = Some(kept.len());
        } else if row.event.moves() || row.event.kind == EventKind::Recovered {
            standing = None;
        }
        kept.push(row);
    }
    kept
}

/// Adds a row where a move does not begin where the last one ended.
fn without_gaps(rows: Vec<HistoryRow>, group: Option<&CurrentGroup>) -> Vec<HistoryRow> {
    let mut complete: Vec<HistoryRow> = Vec::new();
    let mut last: Option<(Timestamp, String)> = None;
    for mut row in rows {
        if row.event.kind == EventKind::Edited && row.event.to.is_some() {
            let known = last.as_ref().map(|(_, weights)| weights.clone());
            row.event.from = row.event.from.take().or(known);
        }
        if let (Some((ended, weights)), Some(from)) = (&last, &row.event.from)
            && !same_weights(weights, from)
        {
            complete.push(gap(*ended, weights, &row.event, group));
        }
        if let Some(to) = &row.event.to {
            last = Some((row.event.at, to.clone()));
        }
        complete.push(row);
    }
    complete
}

/// Somebody changed the weights between a move and the next one.
fn gap(
    ended: Timestamp,
    weights: &str,
    next: &GroupEvent,
    group: Option<&CurrentGroup>,
) -> HistoryRow {
    let edit = group.and_then(|group| group.last_edit.clone());
    let edit = edit.map(|(by, at)| (by, at.filter(|at| *at <= next.at)));
    let (by, at) = edit.unwrap_or_else(|| (SOMEBODY.to_owned(), None));
    let at = at.filter(|at| *at + SAME_EVENT_WINDOW >= ended);
    let when = if at.is_some() {
        String::new()
    } else {
        format!(", between {ended:.0} and {:.0}", next.at)
    };
    let event = GroupEvent {
        kind: EventKind::Edited,
        at: at.unwrap_or(next.at).max(ended),
        from: Some(weights.to_owned()),
        to: next.from.clone(),
        why: format!("not by this tool{when}; last writer {by}"),
        by,
        unverified: false,
        took: None,
        ..next.clone()
    };
    HistoryRow::new(event, EventSource::Gap)
}

/// Sets how long the state of each row lasted, for rows of one group with the oldest first.
fn set_durations(rows: &mut [HistoryRow], now: Timestamp) {
    let events: Vec<GroupEvent> = rows.iter().map(|row| row.event.clone()).collect();
    for (index, row) in rows.iter_mut().enumerate() {
        let later = events.get(index + 1..).unwrap_or_default();
        let Some(end) = end_of(&row.event, later) else {
            continue;
        };
        let until = end.map_or(now, |event| event.at);
        let time = until.duration_since(row.event.at);
        row.lasted = Some(Lasted {
            time: time.try_into().unwrap_or_default(),
            goes_on: end.is_none(),
        });
    }
}

/// Returns the event that ended the state which an event began, if one did. None: it began none.
fn end_of<'a>(event: &GroupEvent, later: &'a [GroupEvent]) -> Option<Option<&'a GroupEvent>> {
    let mut later = later.iter();
    if event.moves() {
        return Some(later.find(|next| next.moves()));
    }
    match event.kind {
        EventKind::Paused => Some(later.find(|next| {
            let is_over = next.kind == EventKind::Expired && !next.moves();
            is_over || matches!(next.kind, EventKind::Resumed | EventKind::Paused)
        })),
        EventKind::Exposed => Some(later.find(|next| {
            next.kind == EventKind::Recovered || next.kind.is_outage() || next.moves()
        })),
        kind if kind.is_outage() => Some(later.find(|next| {
            next.kind == EventKind::Recovered || next.kind.is_outage() || next.moves()
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "web=1,east=0";
    const AWAY: &str = "web=0,east=1";

    fn id(name: &str) -> GroupId {
        GroupId {
            namespace: "ns".to_owned(),
            kind: "trafficsplit",
            name: name.to_owned(),
        }
    }

    fn row(
        source: EventSource,
        kind: EventKind,
        millis: i64,
        weights: Option<(&str, &str)>,
    ) -> HistoryRow {
        let event = GroupEvent {
            kind,
            group: id("web"),
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
            group: id("web"),
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
        other.event.group = id("mail");
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
            group: id("web"),
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
}
