//! Reports what `evacuate` and `return` did: the exit code, and the commands to go on or to undo it.

use std::collections::BTreeSet;

use super::campaign::Campaign;
use crate::changes::batches::{BatchResult, Stop};
use crate::cli::{DryRun, ManyFormat};
use crate::problem::Exit;
use crate::text::fitted;
use crate::view::context_outcome::ContextOutcome;
use crate::view::evacuation::{EvacuationReport, EvacuationRow, Stopped};
use crate::view::formats::{json, yaml};

impl Campaign<'_> {
    pub(super) fn report(
        &self,
        rows: &[EvacuationRow],
        result: &BatchResult,
    ) -> anyhow::Result<Exit> {
        let Self { env, many, .. } = self;
        let streams = &env.streams;
        let exit = exit(rows, result, !self.gathered.unread.is_empty());
        let stopped = self.stopped(result);
        let warnings = self.warnings(rows, result);
        let mut report = self.report_of(rows, stopped, warnings, exit);
        let is_whole = exit == Exit::Done;
        let is_dry = many.dry_run.mode != DryRun::None;
        if rows.iter().any(EvacuationRow::is_as_ordered) || !is_whole && !is_dry {
            report.next = self.next(&report, result);
        }
        report.next.extend(self.other_returns(rows));
        if matches!(many.output, ManyFormat::Json | ManyFormat::Yaml) {
            // The text has them in the plan.
            let unread = self.unread(&report);
            report
                .warnings
                .splice(0..0, self.doubts.iter().cloned().chain(unread));
        }
        match many.output {
            ManyFormat::Json => streams.print_if_read(json(&report.document())?.trim_end())?,
            ManyFormat::Yaml => streams.print_if_read(yaml(&report.document())?.trim_end())?,
            ManyFormat::Table | ManyFormat::Wide => self.print(&report)?,
        }
        Ok(exit)
    }

    fn print(&self, report: &EvacuationReport) -> anyhow::Result<()> {
        let streams = &self.env.streams;
        if self.many.dry_run.mode == DryRun::Client && !report.rows.is_empty() {
            let columns = (self.many.output == ManyFormat::Table && streams.out_is_terminal())
                .then(|| streams.terminal_size().0);
            for line in report.plan(self.many.output == ManyFormat::Wide, columns) {
                streams.print_if_read(&line)?;
            }
            streams.print_if_read("")?;
        }
        let mut lines = report.surprises();
        lines.extend(report.stopped.iter().flat_map(Stopped::lines));
        self.say_fitted(lines);
        streams.print_if_read(&report.summary())?;
        let has_shown_plan = self.many.dry_run.mode != DryRun::Client && !report.rows.is_empty();
        let mut lines = Vec::new();
        if !has_shown_plan {
            lines.extend(self.unread(report));
        }
        lines.extend(report.warnings.iter().chain(&report.next).cloned());
        self.say_fitted(lines);
        Ok(())
    }

    pub(super) fn say_fitted(&self, lines: Vec<String>) {
        let streams = &self.env.streams;
        let columns = streams.err_is_terminal();
        let columns = columns.then(|| streams.terminal_size().0);
        for line in fitted(lines, columns) {
            streams.say(&line);
        }
    }

    pub(super) fn report_of<'b>(
        &'b self,
        rows: &'b [EvacuationRow],
        stopped: Option<Stopped>,
        warnings: Vec<String>,
        exit: Exit,
    ) -> EvacuationReport<'b> {
        let read = self.gathered.contexts.iter().zip(self.members);
        let read = read.map(|(context, members)| ContextOutcome {
            context: &context.cluster.context,
            server: Some(&context.cluster.server),
            cluster: Ok(&members.own),
        });
        let unread = self.gathered.unread.iter().map(|it| ContextOutcome {
            context: &it.context,
            server: None,
            cluster: Err(&it.problem),
        });
        EvacuationReport {
            command: self.command(),
            cluster: self.cluster,
            id: self.id,
            until: self.until,
            reason: self.reason,
            dry_run: self.many.dry_run.mode != DryRun::None,
            notes: &self.notes,
            contexts: read.chain(unread).collect(),
            rows,
            stopped,
            warnings,
            next: Vec::new(),
            exit_code: exit.code(),
        }
    }

    fn stopped(&self, result: &BatchResult) -> Option<Stopped> {
        let left = match result.left.len() {
            0 => None,
            1 => Some("1 group not reached".to_owned()),
            left => Some(format!("{left} groups not reached")),
        };
        Some(match result.stop.as_ref()? {
            Stop::Interrupted(signal) => Stopped {
                why: "interrupted",
                words: match left {
                    Some(left) => format!("stopped by {}; {left}", signal.cause()),
                    None => format!("stopped by {}", signal.cause()),
                },
                groups: Vec::new(),
            },
            Stop::Worse(groups) => {
                let groups = groups.iter().map(|it| {
                    let context = self.gathered.contexts.get(it.context);
                    let context = context.map_or("", |it| it.cluster.context.as_str());
                    format!("{context} {} is {}", it.id, it.why)
                });
                let groups: Vec<String> = groups.collect();
                let worse = match groups.len() {
                    1 => "a group is worse off after its traffic moved".to_owned(),
                    count => format!("{count} groups are worse off after their traffic moved"),
                };
                Stopped {
                    why: "worse",
                    words: match left {
                        Some(left) => format!("stopped, since {worse} ({left})"),
                        None => worse,
                    },
                    groups,
                }
            }
        })
    }

    fn next(&self, report: &EvacuationReport, result: &BatchResult) -> Vec<String> {
        if result.stop.is_some() || report.exit_code != 0 {
            return self.ways_on(report.rows, report.can_be_undone());
        }
        if self.command() == "return" {
            return Vec::new();
        }
        let back = self.commands.bring_back();
        vec![format!("to bring the traffic back: {back}")]
    }

    /// Returns the commands that end the other evacuations of groups that were returned.
    fn other_returns(&self, rows: &[EvacuationRow]) -> Vec<String> {
        let ids: BTreeSet<&String> = rows.iter().flat_map(|row| &row.kept_by).collect();
        let commands = ids.into_iter().map(|id| {
            let command = self.commands.bring_back_from(id);
            format!("to return from {id} too: {command}")
        });
        commands.collect()
    }

    pub(super) fn ways_on(&self, rows: &[EvacuationRow], can_be_undone: bool) -> Vec<String> {
        let go_on = format!("to go on: {}", self.commands.go_on(rows));
        let anyway = self.commands.go_on_anyway(rows);
        let anyway = anyway.map(|it| format!("to {} what was refused too: {it}", self.command()));
        let undo = can_be_undone.then(|| format!("to undo it: {}", self.commands.undo(rows)));
        let lines = [Some(go_on), anyway, undo].into_iter();
        lines.flatten().collect()
    }
}

/// 0 if all is as ordered, 4 if every group was refused, 3 if some were not ready in time, else 1.
fn exit(rows: &[EvacuationRow], result: &BatchResult, is_partial: bool) -> Exit {
    match &result.stop {
        Some(Stop::Interrupted(signal)) => return Exit::Passed(signal.code()),
        Some(Stop::Worse(_)) => return Exit::Failed,
        None => {}
    }
    let count = |results: &[&str]| {
        rows.iter()
            .filter(|row| results.contains(&row.result))
            .count()
    };
    let refused = count(&["refused", "left"]);
    let late = count(&["notMet"]);
    let stays = rows
        .iter()
        .filter(|row| row.plan.has_no_way() || row.is_back)
        .count();
    if count(&["failed", "notReached"]) > 0 || is_partial {
        return Exit::Failed;
    }
    match (refused, late, stays) {
        (0, 0, 0) => Exit::Done,
        (_, 1.., _) => Exit::NotMet,
        (refused, ..) if refused == rows.len() => Exit::Refused,
        _ => Exit::Failed,
    }
}
