//! The plan of `evacuate` and `return` as text: a table of what moves, what stays and why, and a few
//! lines on the others.

use std::collections::{BTreeSet, HashMap};

use super::{EvacuationReport, EvacuationRow, PlannedEffect, groups, next};
use crate::model::fold::name_some;
use crate::text::{MAX_LINE_CHARS, clean, fitted, shorten};
use crate::view::columns::{Cell, Columns};

/// Up to how many groups have a line of their own, unless all are to.
pub(super) const MAX_ROWS: usize = 40;

impl EvacuationReport<'_> {
    /// Returns the plan. `columns` is the width of the terminal, if there is one.
    pub fn plan(&self, is_wide: bool, columns: Option<u16>) -> Vec<String> {
        let limit = if is_wide { usize::MAX } else { MAX_ROWS };
        let mut lines = vec![self.title()];
        lines.extend(self.notes.iter().map(|note| clean(note)));
        let moving = self.rows.iter().filter(|row| row.plan.moves());
        let moving: Vec<&EvacuationRow> = moving.collect();
        if !moving.is_empty() {
            lines.push(String::new());
            lines.extend(table(&moving, limit, columns));
        }
        for (heading, plans) in self.left() {
            let rows = self.rows.iter().filter(|row| plans.contains(&row.plan));
            lines.extend(reasons(&heading, &Vec::from_iter(rows), limit));
        }
        let notes = self.notes_on_others(is_wide);
        if !notes.is_empty() {
            lines.push(String::new());
            lines.extend(notes);
        }
        fitted(lines, columns)
    }

    /// Returns the headings above the groups whose traffic does not move, and what is planned there.
    fn left(&self) -> Vec<(String, &'static [PlannedEffect])> {
        use PlannedEffect::{LeftElsewhere, LeftThere, Rests, Stays};
        let cluster = self.cluster;
        if self.returns() {
            return vec![("Not returned yet:".to_owned(), &[LeftThere, LeftElsewhere])];
        }
        let rests = format!("Not in {cluster} now, but no other backend can take the traffic:");
        let elsewhere = format!("Left alone, with no traffic in {cluster} now:");
        vec![
            (format!("Stays in {cluster}:"), &[Stays, LeftThere]),
            (rests, &[Rests]),
            (elsewhere, &[LeftElsewhere]),
        ]
    }

    fn title(&self) -> String {
        let Self { cluster, id, .. } = self;
        let purpose = match self.reason {
            Some(reason) => format!("{id}: {reason}"),
            None => (*id).to_owned(),
        };
        let purpose = clean(&purpose);
        let until = self.until.map(|until| format!(", until {until:.0}"));
        let until = until.unwrap_or_default();
        let dry = if self.dry_run { " (dry run)" } else { "" };
        if self.returns() {
            format!("Return to {cluster} ({purpose}){dry}")
        } else {
            format!("Evacuate {cluster} ({purpose}){until}{dry}")
        }
    }

    /// Names the contexts that could not be read.
    pub fn unread(&self) -> Vec<String> {
        let contexts = self.contexts.iter();
        let unread = contexts.filter_map(|it| Some((it.context, it.cluster.err()?)));
        let lines = unread.flat_map(|(context, problem)| {
            problem.lines(&format!("warning: context {context} cannot be read"))
        });
        lines.map(|line| clean(&line)).collect()
    }

    /// Says what else has to be known of the groups that move, and of those that do not.
    fn notes_on_others(&self, is_wide: bool) -> Vec<String> {
        let Self { cluster, .. } = self;
        let rows = |is_meant: &dyn Fn(&EvacuationRow) -> bool| {
            let rows = self.rows.iter().filter(|row| is_meant(row));
            rows.collect::<Vec<&EvacuationRow>>()
        };
        let is_quiet = |row: &EvacuationRow| row.plan == PlannedEffect::Quiet;
        let elsewhere = rows(&|row| row.plan == PlannedEffect::MovesElsewhere);
        let elsewhere = said_of(&elsewhere, |count| {
            let moves = if count == 1 { "moves" } else { "move" };
            let count = groups(count);
            format!("{count} without traffic in {cluster} {moves} too, as the policy asks: ")
        });
        let forced = rows(&|row| row.is_forced_there && row.plan.moves() && !self.returns());
        let forced = said_of(&forced, |_| {
            format!("Forced to {cluster} by hand, so traffic goes there again after the return: ")
        });
        let kept = self.still_avoid(&rows(&|row| is_quiet(row) && !row.kept_by.is_empty()));
        let away = rows(&|row| is_quiet(row) && row.stays_away);
        let away = said_of(&away, |_| {
            "The order ends, but the traffic stays where it is: ".to_owned()
        });
        let quiet = rows(&|row| is_quiet(row) && row.kept_by.is_empty() && !row.stays_away);
        let done = rows(&|row| row.plan == PlannedEffect::Done && !self.returns());
        let done = (!done.is_empty()).then(|| format!("{} as ordered already", groups(done.len())));
        let notes = [elsewhere, forced, kept, away].into_iter().flatten();
        let notes = notes.chain(self.without_traffic(&quiet, is_wide));
        notes.chain(done).map(|note| clean(&note)).collect()
    }

    fn still_avoid(&self, kept: &[&EvacuationRow]) -> Option<String> {
        let ids = kept.iter().flat_map(|row| &row.kept_by);
        let ids: BTreeSet<&str> = ids.map(String::as_str).collect();
        let avoid = if kept.len() == 1 { "avoids" } else { "avoid" };
        (!kept.is_empty()).then(|| {
            format!(
                "{} still {avoid} it: {} is also evacuated by {}",
                groups(kept.len()),
                self.cluster,
                Vec::from_iter(ids).join(", ")
            )
        })
    }

    /// Counts the groups that only get or lose the order, and names them if the plan is wide.
    fn without_traffic(&self, quiet: &[&EvacuationRow], is_wide: bool) -> Vec<String> {
        if quiet.is_empty() {
            return Vec::new();
        }
        let count = groups(quiet.len());
        let what = if self.returns() {
            "without traffic to bring back".to_owned()
        } else {
            format!(
                "without traffic in {} now: nothing will move there",
                self.cluster
            )
        };
        if !is_wide {
            let them = if quiet.len() == 1 { "it" } else { "them" };
            return vec![format!("{count} {what} (-o wide names {them})")];
        }
        let names = quiet.iter().map(|row| format!("  {}", row.place()));
        std::iter::once(format!("{count} {what}"))
            .chain(names)
            .collect()
    }
}

/// Returns what `begin` says of so many groups, and their names; none without groups.
fn said_of(rows: &[&EvacuationRow], begin: impl Fn(usize) -> String) -> Option<String> {
    let names = name_some(rows.iter().map(|row| row.place()));
    (!rows.is_empty()).then(|| begin(rows.len()) + &names)
}

/// A line for each group or, if the table is too wide for the terminal, two.
fn table(rows: &[&EvacuationRow], limit: usize, columns: Option<u16>) -> Vec<String> {
    let cells = rows.iter().take(limit).map(|row| {
        let texts = [
            row.context.as_str(),
            &row.id.namespace,
            &row.id.short_name(),
            &row.from.join(","),
            &row.to.join(","),
        ];
        texts.map(Cell::new).to_vec()
    });
    let table = Columns::new(&["CONTEXT", "NAMESPACE", "NAME", "FROM", "TO"], cells);
    let is_too_wide = columns.is_some_and(|columns| table.width() > columns.into());
    let lines = if is_too_wide {
        let pairs = rows.iter().take(limit).flat_map(|row| {
            let (from, to) = (row.from.join(","), row.to.join(","));
            [row.place(), format!("    {from} -> {to}")]
        });
        pairs.map(|line| clean(&line)).collect()
    } else {
        table.lines()
    };
    let more = rows.len().saturating_sub(limit);
    let more = (more > 0).then(|| format!("… and {more} more (-o wide lists all)"));
    lines.into_iter().chain(more).collect()
}

fn reasons(heading: &str, rows: &[&EvacuationRow], limit: usize) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), heading.to_owned()];
    let alike = alike(rows);
    for rows in alike.iter().take(limit) {
        let [row, ..] = rows.as_slice() else { continue };
        let line = if let [_] = rows.as_slice() {
            let carried = match row.from.as_slice() {
                [] => String::new(),
                from => format!(" (traffic on {})", from.join(", ")),
            };
            format!("  {}{carried}: {}", row.place(), row.message)
        } else {
            let names = name_some(rows.iter().map(|row| row.id.name.clone()));
            let (context, namespace) = (&row.context, &row.id.namespace);
            let count = groups(rows.len());
            format!(
                "  {context} {namespace}: {count} ({names}): {}",
                row.message
            )
        };
        lines.push(shorten(&clean(&line), MAX_LINE_CHARS));
        lines.extend(next(row).map(|line| format!("  {line}")));
    }
    let more = alike.iter().skip(limit).map(Vec::len).sum::<usize>();
    lines.extend((more > 0).then(|| format!("  … and {more} more (-o wide lists all)")));
    lines
}

/// Puts groups of a namespace together that are left for the same reason, with the same way on.
fn alike<'a>(rows: &[&'a EvacuationRow]) -> Vec<Vec<&'a EvacuationRow>> {
    let mut places = HashMap::new();
    let mut found: Vec<Vec<&EvacuationRow>> = Vec::new();
    for row in rows {
        let alone = row.next.is_empty().then_some(&row.id);
        let place = (&row.context, &row.id.namespace, &row.message, &row.next);
        let index = *places.entry((place, alone)).or_insert(found.len());
        match found.get_mut(index) {
            Some(rows) => rows.push(row),
            None => found.push(vec![row]),
        }
    }
    found
}
