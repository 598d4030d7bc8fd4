//! The next steps for many groups.

use super::next_step::NextStep;
use crate::model::GroupId;
use crate::model::roles::Roles;
use crate::view::command_for_all::{ForAll, OneCommand, Others, for_all};

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
