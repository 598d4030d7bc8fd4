//! The text of `evacuate` and `return`: the plan as a table, and what was done in a few lines.

use super::{EvacuationReport, EvacuationRow, PlannedEffect};
use std::collections::{BTreeSet, HashMap};

use crate::model::fold::name_some;
use crate::text::{MAX_LINE_CHARS, clean, fitted, shorten};
use crate::view::columns::{Cell, Columns};

/// Up to how many groups have a line of their own, unless all are to.
const MAX_ROWS: usize = 40;

impl EvacuationReport<'_> {
    /// Returns the plan. `columns` is the width of the terminal, if there is one.
    pub fn plan(&self, is_wide: bool, columns: Option<u16>) -> Vec<String> {
        let limit = if is_wide { usize::MAX } else { MAX_ROWS };
        let mut lines = vec![self.title()];
        lines.extend(self.notes.iter().map(|note| clean(note)));
        let moving: Vec<&EvacuationRow> = {
            let rows = self.rows.iter().filter(|row| row.plan.moves());
            rows.collect()
        };
        if !moving.is_empty() {
            lines.push(String::new());
            lines.extend(table(&moving, limit, columns));
        }
        let cluster = self.cluster;
        let stays = if self.returns() {
            "Not returned yet:".to_owned()
        } else {
            format!("Stays in {cluster}:")
        };
        let of = |plans: [PlannedEffect; 2]| {
            let rows = self
                .rows
                .iter()
                .filter(move |row| plans.contains(&row.plan));
            rows.collect::<Vec<_>>()
        };
        let mut plans = [PlannedEffect::Stays, PlannedEffect::LeftThere];
        if self.returns() {
            plans = [PlannedEffect::LeftThere, PlannedEffect::LeftElsewhere];
        }
        lines.extend(reasons(&stays, &of(plans), limit));
        if !self.returns() {
            let heading =
                format!("Not in {cluster} now, but no other backend can take the traffic:");
            lines.extend(reasons(&heading, &of([PlannedEffect::Rests; 2]), limit));
            let heading = format!("Left alone, with no traffic in {cluster} now:");
            let plans = [PlannedEffect::LeftElsewhere; 2];
            lines.extend(reasons(&heading, &of(plans), limit));
        }
        let notes = self.quiet_notes(is_wide);
        if !notes.is_empty() {
            lines.push(String::new());
            lines.extend(notes);
        }
        fitted(lines, columns)
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

    /// Says how many groups get or lose the order without a move, and how many need nothing.
    fn quiet_notes(&self, is_wide: bool) -> Vec<String> {
        let Self { cluster, .. } = self;
        let (kept, quiet): (Vec<&EvacuationRow>, Vec<&EvacuationRow>) = self
            .planned(PlannedEffect::Quiet)
            .partition(|row| !row.kept_by.is_empty());
        let (away, quiet): (Vec<&EvacuationRow>, Vec<&EvacuationRow>) =
            quiet.into_iter().partition(|row| row.stays_away);
        let done = self.planned(PlannedEffect::Done).count();
        let mut notes = Vec::new();
        let elsewhere = self.planned(PlannedEffect::MovesElsewhere);
        let elsewhere: Vec<String> = elsewhere.map(EvacuationRow::place).collect();
        if !elsewhere.is_empty() {
            let names = name_some(elsewhere.iter().cloned());
            let moves = if elsewhere.len() == 1 {
                "moves"
            } else {
                "move"
            };
            notes.push(clean(&format!(
                "{} without traffic in {cluster} {moves} too, as the policy asks: {names}",
                groups(elsewhere.len())
            )));
        }
        let forced = self
            .rows
            .iter()
            .filter(|row| row.is_forced_there && row.plan.moves());
        let forced: Vec<String> = forced.map(EvacuationRow::place).collect();
        if !forced.is_empty() {
            notes.push(clean(&format!(
                "Forced to {cluster} by hand, and again after the return: {}",
                name_some(forced)
            )));
        }
        if !kept.is_empty() {
            let ids: BTreeSet<&str> = kept
                .iter()
                .flat_map(|row| row.kept_by.iter().map(String::as_str))
                .collect();
            let ids: Vec<&str> = ids.into_iter().collect();
            let avoid = if kept.len() == 1 { "avoids" } else { "avoid" };
            notes.push(clean(&format!(
                "{} still {avoid} it: {cluster} is also evacuated by {}",
                groups(kept.len()),
                ids.join(", ")
            )));
        }
        if !away.is_empty() {
            let names = name_some(away.iter().map(|row| row.place()));
            notes.push(clean(&format!(
                "The order ends, but the traffic stays where it is: {names}"
            )));
        }
        if !quiet.is_empty() {
            let count = groups(quiet.len());
            let how = if is_wide { "" } else { " (-o wide names them)" };
            notes.push(if self.returns() {
                format!("{count} without traffic to bring back{how}")
            } else {
                format!("{count} without traffic in {cluster} now: nothing will move there{how}")
            });
            if is_wide {
                notes.extend(quiet.iter().map(|row| format!("  {}", clean(&row.place()))));
            }
        }
        if done > 0 && !self.returns() {
            notes.push(format!("{} as ordered already", groups(done)));
        }
        notes
    }

    /// Returns what was done, in one line.
    pub fn summary(&self) -> String {
        let count = |is_meant: &dyn Fn(&EvacuationRow) -> bool| {
            self.rows.iter().filter(|row| is_meant(row)).count()
        };
        let is_written = |row: &EvacuationRow| matches!(row.result, "changed" | "wouldChange");
        let moved = count(&|row| is_written(row) && row.plan == PlannedEffect::Moves);
        let aside = count(&|row| is_written(row) && row.plan == PlannedEffect::MovesElsewhere);
        let rests = count(&|row| row.plan == PlannedEffect::Rests && row.result != "failed");
        let is_quiet = |row: &EvacuationRow| is_written(row) && row.plan == PlannedEffect::Quiet;
        let quiet = count(&|row| is_quiet(row) && row.kept_by.is_empty() && !row.stays_away);
        let away = count(&|row| is_quiet(row) && row.stays_away);
        let kept = count(&|row| is_quiet(row) && !row.kept_by.is_empty());
        let unchanged = count(&|row| row.result == "unchanged" && row.plan == PlannedEffect::Done);
        let stay = count(&|row| row.stays_behind());
        let elsewhere =
            count(&|row| row.plan == PlannedEffect::LeftElsewhere && row.result != "unchanged");
        let failed = count(&|row| row.result == "failed");
        let not_reached = count(&|row| row.result == "notReached");
        let (would, aside_words, stays) = if self.dry_run {
            ("would move", "would move elsewhere", "would stay behind")
        } else {
            ("moved", "moved elsewhere", "stayed behind")
        };
        let away_words = if self.dry_run {
            "would stay away"
        } else {
            "stayed away"
        };
        let quiet_words = match (self.returns(), self.dry_run) {
            (true, true) => "without traffic to bring back",
            (true, false) => "had no traffic to bring back",
            (false, true) => "without traffic there",
            (false, false) => "had no traffic there",
        };
        let (stays, elsewhere_words) = if self.returns() {
            ("not returned", "not returned")
        } else {
            (stays, "left alone")
        };
        let (stay, elsewhere) = if self.returns() {
            (stay + elsewhere, 0)
        } else {
            (stay, elsewhere)
        };
        let parts = [
            (moved, would),
            (aside, aside_words),
            (kept, "still evacuated"),
            (away, away_words),
            (quiet, quiet_words),
            (unchanged, "already so"),
            (stay, stays),
            (rests, "without another backend"),
            (elsewhere, elsewhere_words),
            (failed, "failed"),
            (not_reached, "not reached"),
        ];
        let parts = parts.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let parts = if parts.is_empty() {
            "no groups".to_owned()
        } else {
            parts.join(", ")
        };
        format!(
            "{} of {} ({}): {parts}",
            self.noun(),
            self.cluster,
            clean(self.id)
        )
    }

    fn noun(&self) -> &'static str {
        if self.returns() {
            "Return"
        } else {
            "Evacuation"
        }
    }

    /// Returns a line for each group whose result is not the planned one, and what to do next.
    pub fn surprises(&self) -> Vec<String> {
        let planned = [PlannedEffect::LeftThere, PlannedEffect::LeftElsewhere];
        let rows = self.rows.iter().filter(|row| {
            let is_news = !planned.contains(&row.plan) || matches!(row.result, "failed" | "notMet");
            is_news && matches!(row.result, "failed" | "refused" | "left" | "notMet")
        });
        rows.flat_map(|row| {
            let about = match row.result {
                "failed" => "error",
                "notMet" => "not ready in time",
                _ => "left alone",
            };
            let line = format!("{about}: {}: {}", row.place(), row.message);
            let line = shorten(&clean(&line), MAX_LINE_CHARS);
            std::iter::once(line).chain(next(row))
        })
        .collect()
    }
}

impl EvacuationRow {
    /// Whether its traffic is where it should not be, or may not return yet.
    pub fn stays_behind(&self) -> bool {
        match self.plan {
            PlannedEffect::Stays | PlannedEffect::LeftThere => self.result != "failed",
            PlannedEffect::Rests => false,
            _ => {
                matches!(self.result, "refused" | "left" | "notMet")
                    && self.plan != PlannedEffect::LeftElsewhere
            }
        }
    }
}

fn groups(count: usize) -> String {
    match count {
        1 => "1 group".to_owned(),
        count => format!("{count} groups"),
    }
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

fn next(row: &EvacuationRow) -> impl Iterator<Item = String> {
    let next = row.next.iter();
    next.map(|line| format!("  {}", shorten(&clean(line), MAX_LINE_CHARS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GroupId;

    fn row(name: &str, plan: PlannedEffect, result: &'static str) -> EvacuationRow {
        EvacuationRow {
            context: "east".into(),
            id: GroupId {
                namespace: "shop".into(),
                kind: "trafficsplit",
                name: name.into(),
            },
            backends: vec![name.into()],
            from: vec![name.into()],
            to: vec![format!("{name}-west")],
            plan,
            is_forced_there: false,
            kept_by: Vec::new(),
            stays_away: false,
            result,
            message: "avoids it".into(),
            allow: None,
            next: Vec::new(),
            state: None,
        }
    }

    fn report<'a>(command: &'static str, rows: &'a [EvacuationRow]) -> EvacuationReport<'a> {
        EvacuationReport {
            command,
            cluster: "east",
            id: "CHG-77",
            until: None,
            reason: Some("maintenance"),
            dry_run: false,
            notes: &[],
            contexts: Vec::new(),
            rows,
            stopped: None,
            warnings: Vec::new(),
            next: Vec::new(),
            exit_code: 0,
        }
    }

    #[test]
    fn the_plan_says_what_moves_and_what_stays() {
        let rows = [
            row("web", PlannedEffect::Moves, "wouldChange"),
            row("vote", PlannedEffect::Stays, "wouldChange"),
            row("mail", PlannedEffect::LeftThere, "refused"),
            row("chat", PlannedEffect::LeftElsewhere, "refused"),
            row("book", PlannedEffect::Quiet, "wouldChange"),
        ];
        let text = report("evacuate", &rows).plan(false, None).join("\n");
        let expected = "\
Evacuate east (CHG-77: maintenance)

CONTEXT  NAMESPACE  NAME  FROM  TO
east     shop       web   web   web-west

Stays in east:
  east shop/vote (traffic on vote): avoids it
  east shop/mail (traffic on mail): avoids it

Left alone, with no traffic in east now:
  east shop/chat (traffic on chat): avoids it

1 group without traffic in east now: nothing will move there (-o wide names them)";
        assert_eq!(text, expected);
        assert_eq!(
            report("evacuate", &rows[1..]).summary(),
            "Evacuation of east (CHG-77): 1 had no traffic there, 2 stayed behind, 1 left alone"
        );
    }

    #[test]
    fn the_plan_names_groups_that_are_forced_there() {
        let mut forced = row("web", PlannedEffect::Moves, "wouldChange");
        forced.is_forced_there = true;
        let rows = [forced, row("vote", PlannedEffect::Moves, "wouldChange")];
        let plan = report("evacuate", &rows).plan(false, None);
        let last = plan.last().map(String::as_str);
        let expected = "Forced to east by hand, and again after the return: east shop/web";
        assert_eq!(last, Some(expected));
    }

    #[test]
    fn a_narrow_terminal_gets_two_lines_for_a_group_and_whole_words() {
        let web = EvacuationRow {
            from: vec!["web-svc".into(), "web-svc-east".into()],
            to: vec!["web-svc".into(), "web-svc-central".into()],
            ..row("web-svc-failover", PlannedEffect::Moves, "wouldChange")
        };
        let stays = EvacuationRow {
            message: "no other backend is known to be ready".into(),
            next: vec!["kubectl failover check --context east -n shop".into()],
            ..row("vote", PlannedEffect::Stays, "wouldChange")
        };
        let lines = report("evacuate", &[web, stays]).plan(false, Some(48));
        assert_eq!(
            lines[2..],
            [
                "east shop/web-svc-failover",
                "    web-svc,web-svc-east ->",
                "    web-svc,web-svc-central",
                "",
                "Stays in east:",
                "  east shop/vote (traffic on vote): no other",
                "    backend is known to be ready",
                "    kubectl failover check --context east -n shop",
            ]
        );
    }

    #[test]
    fn groups_that_are_left_for_the_same_reason_share_a_line() {
        let left = |name: &str| EvacuationRow {
            message: "Forbidden".into(),
            next: vec!["ask".into()],
            ..row(name, PlannedEffect::LeftThere, "refused")
        };
        let rows = [left("web"), left("vote")];
        let lines = report("evacuate", &rows).plan(false, None);
        assert_eq!(
            lines[3..],
            ["  east shop: 2 groups (web, vote): Forbidden", "    ask"]
        );
    }

    #[test]
    fn many_rows_are_cut_unless_all_are_wanted() {
        let row = |index: usize| row(&format!("g{index}"), PlannedEffect::Moves, "changed");
        let rows: Vec<EvacuationRow> = (0..MAX_ROWS + 2).map(row).collect();
        let report = report("return", &rows);
        let lines = report.plan(false, None);
        assert_eq!(lines.last().unwrap(), "… and 2 more (-o wide lists all)");
        assert_eq!(report.plan(true, None).len(), lines.len() + 1);
        assert_eq!(report.summary(), "Return of east (CHG-77): 42 moved");
    }

    #[test]
    fn a_return_that_brought_nothing_back_is_not_undone() {
        let quiet = row("book", PlannedEffect::Quiet, "changed");
        let left = row("mail", PlannedEffect::LeftThere, "refused");
        let moved = row("web", PlannedEffect::Moves, "changed");
        let rows = [quiet, left, moved];
        assert!(!report("return", &rows[..2]).can_be_undone());
        assert!(report("return", &rows).can_be_undone());
        assert!(report("evacuate", &rows[..1]).can_be_undone());
        assert!(!report("evacuate", &rows[1..2]).can_be_undone());
    }
}
