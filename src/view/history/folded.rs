//! Folds the rows of `history`: what happened to many groups at about the same time, for one cause, is
//! one row.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::ClusterRow;
use super::cells::{from_and_to, lasted, spell, why};
use crate::model::fold::{MAX_SINGLE_GROUPS, fold, name_some};
use crate::model::roles::{Roles, common};
use crate::model::{EventKind, GroupId, Transition};

/// The time between two events of one row.
const MAX_GAP: SignedDuration = SignedDuration::from_secs(60);

/// One event, or the same one of many groups.
pub struct FoldedRow<'a> {
    /// The newest first.
    pub rows: Vec<ClusterRow<'a>>,
    roles: Vec<Roles>,
}

type Key<'a> = (&'a str, EventKind, &'a str, [String; 3]);

/// A row and its roles, and the number of the run of events that it belongs to.
struct Event<'a> {
    row: ClusterRow<'a>,
    roles: Roles,
    key: Key<'a>,
    run: usize,
}

/// A run of events of different groups.
struct Run<'a> {
    number: usize,
    last: Timestamp,
    groups: BTreeSet<&'a GroupId>,
}

/// Returns the rows, which are sorted by time, those of many groups as one. With `each`, one for each
/// event.
pub fn folded<'a>(rows: &[ClusterRow<'a>], each: bool) -> Vec<FoldedRow<'a>> {
    let backends = backends(rows);
    let mut runs: BTreeMap<Key<'a>, Run<'a>> = BTreeMap::new();
    let events = rows.iter().map(|row| {
        let event = &row.row.event;
        let known = backends.get(&(row.context, &event.group));
        let known: Vec<&str> = known.into_iter().flatten().copied().collect();
        let apex = event.apex.as_deref();
        let home = apex
            .filter(|apex| known.contains(apex))
            .or(known.first().copied());
        let roles = Roles::new(&event.group, home, known);
        let (from, to) = from_and_to(event, false);
        let why = why(event);
        let texts = [&from, &to, Transition::without_timing(&why)].map(|text| roles.apply(text));
        let key = (row.context, event.kind, event.by.as_str(), texts);
        let run = runs.entry(key.clone()).or_insert_with(|| Run {
            number: 0,
            last: event.at,
            groups: BTreeSet::new(),
        });
        let is_later = run.last.duration_since(event.at).abs() > MAX_GAP;
        if is_later || run.groups.contains(&event.group) {
            run.number += 1;
            run.groups.clear();
        }
        run.groups.insert(&event.group);
        run.last = event.at;
        Event {
            row: *row,
            roles,
            run: run.number,
            key,
        }
    });
    let events: Vec<Event> = events.collect();
    let key = |event: &Event<'a>| (!each).then(|| (event.key.clone(), event.run));
    let batches = fold(events, key, |_| MAX_SINGLE_GROUPS).into_iter();
    let row = |batch: Vec<Event<'a>>| {
        let (rows, roles) = batch.into_iter().map(|it| (it.row, it.roles)).unzip();
        FoldedRow { rows, roles }
    };
    batches.map(row).collect()
}

/// Returns the names of the groups' backends, as far as their events tell.
fn backends<'a>(rows: &[ClusterRow<'a>]) -> BTreeMap<(&'a str, &'a GroupId), Vec<&'a str>> {
    let mut backends: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for ClusterRow { context, row } in rows {
        let event = &row.event;
        let names = backends.entry((*context, &event.group)).or_default();
        let weights = event.from.iter().chain(&event.to);
        for weight in weights.flat_map(|weights| weights.split(',')) {
            let (name, _) = weight.split_once('=').unwrap_or((weight, ""));
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    backends
}

impl<'a> FoldedRow<'a> {
    pub fn is_many(&self) -> bool {
        self.rows.len() > 1
    }

    /// The newest event.
    pub fn first(&self) -> Option<&ClusterRow<'a>> {
        self.rows.first()
    }

    pub fn name(&self) -> String {
        match self.rows.as_slice() {
            [only] => only.row.event.group.short_name(),
            many => format!("{} groups", many.len()),
        }
    }

    pub fn namespaces(&self) -> String {
        let names = self
            .rows
            .iter()
            .map(|it| it.row.event.group.namespace.as_str());
        let names: BTreeSet<&str> = names.collect();
        name_some(names.into_iter().map(str::to_owned))
    }

    /// The backends with traffic before and after the event, or their weights.
    pub fn traffic(&self, weights: bool) -> (String, String) {
        let both: Vec<(String, String)> = self
            .rows
            .iter()
            .map(|it| from_and_to(&it.row.event, weights))
            .collect();
        let from = self.common(both.iter().map(|(from, _)| from.as_str()));
        (from, self.common(both.iter().map(|(_, to)| to.as_str())))
    }

    pub fn why(&self) -> String {
        let why = |it: &ClusterRow| {
            let why = why(&it.row.event);
            if self.is_many() {
                Transition::without_timing(&why).to_owned()
            } else {
                why
            }
        };
        let texts: Vec<String> = self.rows.iter().map(why).collect();
        self.common(texts.iter().map(String::as_str))
    }

    /// How long the state lasted, at least and at most.
    pub fn lasted(&self) -> String {
        let times: BTreeSet<(Duration, String)> = self
            .rows
            .iter()
            .map(|it| {
                (
                    it.row.lasted.map_or(Duration::ZERO, |it| it.time),
                    lasted(it.row),
                )
            })
            .collect();
        match (times.first(), times.last()) {
            (Some((least, _)), Some((_, longest)))
                if spell(*least) != *longest && times.len() > 1 =>
            {
                format!("{} to {longest}", spell(*least))
            }
            (_, Some((_, longest))) => longest.clone(),
            _ => "-".to_owned(),
        }
    }

    fn common<'b>(&'b self, texts: impl Iterator<Item = &'b str>) -> String {
        common(self.roles.iter().zip(texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GroupEvent;
    use crate::model::history::{EventSource, HistoryRow};

    /// A failover of the group with this number, so many seconds ago.
    fn row(number: usize, ago: i64) -> HistoryRow {
        let name = format!("g{number}");
        let event = GroupEvent {
            kind: EventKind::Moved,
            group: GroupId {
                namespace: ["media", "pay", "shop"][number % 3].to_owned(),
                kind: "trafficsplit",
                name: format!("{name}-failover"),
            },
            apex: Some(name.clone()),
            at: Timestamp::UNIX_EPOCH - SignedDuration::from_secs(ago),
            from: Some(format!("{name}=1,{name}-east=0")),
            to: Some(format!("{name}=0,{name}-east=1")),
            by: "watch".to_owned(),
            why: format!("{name} has no ready endpoints (0 of {number}), written in {number} ms"),
            unverified: false,
            took: None,
        };
        HistoryRow::new(event, EventSource::Event)
    }

    fn of(rows: &[HistoryRow]) -> Vec<ClusterRow<'_>> {
        let context = "west";
        rows.iter().map(|row| ClusterRow { context, row }).collect()
    }

    #[test]
    fn what_happened_to_many_groups_at_once_is_one_row() {
        let rows: Vec<HistoryRow> = (0..25).map(|number| row(number, number as i64)).collect();
        let folded_rows = folded(&of(&rows), false);
        let [only] = &folded_rows[..] else {
            panic!("{} rows", folded_rows.len());
        };
        assert_eq!(only.name(), "25 groups");
        assert_eq!(only.namespaces(), "media, pay, shop");
        let (from, to) = only.traffic(false);
        assert_eq!(
            (from.as_str(), to.as_str()),
            ("the primary", "the fallback")
        );
        assert_eq!(only.why(), "the primary has no ready endpoints");
        assert_eq!(folded(&of(&rows), true).len(), 25);
        assert_eq!(folded(&of(&rows[..5]), false).len(), 5);
    }

    #[test]
    fn the_same_again_and_what_happened_at_another_time_are_other_rows() {
        let at = |ago: i64| (0..6).map(move |number| row(number, ago));
        let rows: Vec<HistoryRow> = at(0).chain(at(10)).chain(at(3600)).collect();
        let folded = folded(&of(&rows), false);
        let names: Vec<String> = folded.iter().map(FoldedRow::name).collect();
        assert_eq!(names, ["6 groups"; 3]);
    }
}
