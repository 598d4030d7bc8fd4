//! The evacuations of groups.

use super::Groups;
use crate::check::findings::Finding;
use crate::model::check::CheckResult;
use crate::model::evacuations;
use crate::text::evacuation_command;

impl Groups<'_> {
    /// Names the evacuations, if there are any, and how to end them.
    pub(super) fn evacuations(&self) -> Option<CheckResult> {
        let entries = self.statuses.iter();
        let entries = entries.flat_map(|status| status.avoid.iter().map(move |it| (status, it)));
        let findings = entries.filter_map(|(status, it)| {
            let at = it.entry.at.map(|at| format!(" at {at:.0}"));
            let words = it.words(&at.unwrap_or_default(), "")?;
            Some(Finding::on_status(status, words))
        });
        let missed = self.missed.iter().cloned();
        let lines = self.lines(findings.chain(missed));
        let found = evacuations::recorded(self.statuses.iter());
        let commands = found.iter().map(|it| {
            let purpose = match it.last_return {
                Some(_) => "to go on with its return",
                None => "to end it",
            };
            let (id, flags) = (&it.entry.id, &self.everywhere);
            let command = evacuation_command("return", it.cluster, id, flags);
            format!("{purpose}: {command}")
        });
        let commands: Vec<String> = commands.collect();
        let check = CheckResult::warning("evacuations", lines);
        let check = match commands.is_empty() {
            true => check,
            false => check.hint(commands.join("; ")),
        };
        (!check.lines.is_empty()).then_some(check)
    }
}
