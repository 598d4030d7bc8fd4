//! What `status` says of many groups in one state for one cause: one line, and one command if one can
//! do it for all.

use super::next_step::NextStep;
use super::note_line::{Note, NoteLine};
use super::notes::Cause;
use crate::model::GroupId;
use crate::model::fold::{Roles, common, groups_named};
use crate::text::clean;
use crate::view::command_for_all::{ForAll, OneCommand, Others, for_all};

/// Returns the note of groups with the same cause.
pub fn note(batch: &[Cause], others: Others) -> Note {
    let Some(first) = batch.first() else {
        return Note {
            lines: Vec::new(),
            next: Vec::new(),
        };
    };
    let state = first.status.state;
    let ids: Vec<&GroupId> = batch.iter().map(|cause| &cause.status.id).collect();
    let groups = groups_named(&ids);
    let same = |texts: Vec<String>| {
        let texts = batch.iter().zip(&texts);
        common(texts.map(|(cause, text)| (&cause.roles, text.as_str())))
    };
    let text = same(batch.iter().map(Cause::text).collect());
    let last = batch.iter().max_by_key(|cause| cause.status.wait_ends());
    let wait = last.map_or("", |cause| cause.wait.as_str());
    let line = clean(&format!("{groups} are {state}: {text} {wait}"));
    let line = NoteLine::plain(line.trim_end().to_owned()).of_state(state);
    let warnings = (0..first.warnings.len()).map(|index| {
        let warning = |cause: &Cause| cause.warnings.get(index).cloned().unwrap_or_default();
        let warning = same(batch.iter().map(warning).collect());
        NoteLine::plain(clean(&format!("{groups}: {warning}")))
    });
    let step = |index: usize| {
        let each = batch.iter();
        let each = each.filter_map(|cause| {
            let step = cause.next.get(index)?;
            Some((&cause.status.id, &cause.roles, step))
        });
        steps(&Vec::from_iter(each), others)
    };
    Note {
        lines: Some(line)
            .filter(|_| !text.is_empty())
            .into_iter()
            .chain(warnings)
            .collect(),
        next: (0..first.next.len()).flat_map(step).collect(),
    }
}

/// Returns the commands that do for all groups what these do for each. If there are none, the first
/// one is an example.
pub fn steps(each: &[(&GroupId, &Roles, &NextStep)], others: Others) -> Vec<NextStep> {
    let Some((_, _, first)) = each.first() else {
        return Vec::new();
    };
    let commands: Vec<OneCommand> = each
        .iter()
        .map(|(id, roles, step)| OneCommand {
            id,
            roles,
            command: &step.command,
        })
        .collect();
    let ends_forces = first.command.contains(" failover failback ");
    let others = Others {
        // Without names it would leave the forces of others alone, or end forces that are not shown
        // here.
        are_all: others.are_all && !ends_forces,
        selector: others.selector.filter(|_| !ends_forces),
        ..others
    };
    let step = |label, command| NextStep { label, command };
    let Some(ForAll { commands, left_out }) = for_all(&commands, others) else {
        return vec![step("for example", first.command.clone())];
    };
    let mut steps: Vec<NextStep> = commands
        .into_iter()
        .map(|command| step(first.label, command))
        .collect();
    if left_out > 0 {
        let rest = format!("{left_out} more groups, which -o wide lists");
        steps.push(step("then the same for", rest));
    }
    steps
}
