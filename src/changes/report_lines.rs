//! The report of a change as lines: one for each group, or for many groups with the same result.

use super::order::ChangeOutcome;
use crate::model::GroupId;
use crate::model::fold::{fold, groups_named, most_groups_named};
use crate::model::roles::common;
use crate::view::command_for_all::{ForAll, OneCommand, Others, for_all, pattern};

/// A line of the report, and what to do next.
pub struct ReportLine {
    pub result: &'static str,
    /// The group, or the groups.
    pub subject: String,
    pub message: String,
    pub next: Vec<String>,
}

/// What is reported of one group.
#[derive(Clone, Copy)]
pub struct Reported<'a> {
    pub outcome: &'a ChangeOutcome,
    pub result: &'static str,
    pub message: &'a str,
    pub next: &'a [String],
}

/// Returns a line for each group, or for more than `max_single` of which the same is reported.
pub fn lines(reported: &[Reported], max_single: usize) -> Vec<ReportLine> {
    let ids: Vec<&GroupId> = reported.iter().map(|it| &it.outcome.id).collect();
    let others = Others {
        ids: &ids,
        are_all: false,
        selector: None,
    };
    let batches = fold(reported.iter().copied(), |it| Some(key(it)), |_| max_single);
    let lines = batches.iter().filter_map(|batch| line(batch, others));
    lines.collect()
}

/// What is the same for groups that share a line.
fn key(reported: &Reported) -> (&'static str, String, Vec<String>) {
    let roles = &reported.outcome.roles;
    let same = |next: &String| {
        pattern(&command(reported.outcome, next)).unwrap_or_else(|| roles.apply(next))
    };
    (
        reported.result,
        roles.apply(reported.message),
        reported.next.iter().map(same).collect(),
    )
}

fn command<'a>(outcome: &'a ChangeOutcome, next: &'a str) -> OneCommand<'a> {
    OneCommand {
        id: &outcome.id,
        roles: &outcome.roles,
        command: next,
    }
}

fn line(batch: &[Reported], others: Others) -> Option<ReportLine> {
    let first = batch.first()?;
    let ids: Vec<&GroupId> = batch.iter().map(|it| &it.outcome.id).collect();
    let subject = match (ids.as_slice(), first.result) {
        ([only], _) => only.to_string(),
        (many, "failed" | "refused" | "notMet") => most_groups_named(many),
        (many, _) => groups_named(many),
    };
    let messages = batch.iter();
    let messages = messages.map(|it| (&it.outcome.roles, it.message));
    Some(ReportLine {
        result: first.result,
        subject,
        message: common(messages),
        next: (0..first.next.len())
            .flat_map(|index| next(batch, index, others))
            .collect(),
    })
}

/// Returns what to do next for all groups, or the command for one as an example.
fn next(batch: &[Reported], index: usize, others: Others) -> Vec<String> {
    let each = batch.iter();
    let each = each.filter_map(|it| Some(command(it.outcome, it.next.get(index)?)));
    let each: Vec<OneCommand> = each.collect();
    match for_all(&each, others) {
        Some(ForAll { commands, left_out }) => {
            let rest = format!("then the same for {left_out} more groups, which -o wide lists");
            let rest = Some(rest).filter(|_| left_out > 0);
            commands.into_iter().chain(rest).collect()
        }
        None if each.iter().all(|it| !it.command.contains("kubectl ")) => {
            vec![common(each.iter().map(|it| (it.roles, it.command)))]
        }
        None => {
            let first = each
                .first()
                .map(|it| format!("for example, {}", it.command));
            first.into_iter().collect()
        }
    }
}
