//! Checks of who runs and changes the groups.

use std::collections::BTreeMap;

use super::Groups;
use crate::check::findings::Finding;
use crate::model::check::CheckResult;
use crate::model::{Runner, State, Status};
use crate::resource::gitops::keep_weights;
use crate::text::InstalledWatch;

impl Groups<'_> {
    /// Returns the groups for which `applies` is true, by namespace. Those in which a backend stands
    /// by come apart from the others.
    fn by_namespace(
        &self,
        applies: impl Fn(&Status) -> bool,
    ) -> BTreeMap<(&str, bool), Vec<String>> {
        let mut namespaces: BTreeMap<(&str, bool), Vec<String>> = BTreeMap::new();
        for Status { id, flags, .. } in self.statuses.iter().filter(|status| applies(status)) {
            let names = namespaces
                .entry((&id.namespace, flags.standby))
                .or_default();
            names.push(id.short_name());
        }
        namespaces
    }

    pub(super) fn run(&self) -> CheckResult {
        const DESCRIPTION: &str = "every group has a running watch";
        let is_unknown = |status: &Status| status.runner == Runner::Unknown;
        let unknown = self.by_namespace(is_unknown);
        if let Some((namespace, _)) = unknown.keys().next() {
            let complaint = format!(
                "can't tell whether a watch is running in namespace {namespace}: cannot read Leases"
            );
            return CheckResult::warning(DESCRIPTION, vec![complaint]);
        }
        let is_unattended = |status: &Status| match status.runner {
            Runner::Unattended => true,
            Runner::Upstream => !self.run_by_upstream.contains(&status.id),
            Runner::Watch(_) | Runner::Late(_) | Runner::Unknown => false,
        };
        let unattended = self.by_namespace(is_unattended);
        let place = self.plugin_scope(unattended.keys().map(|(namespace, _)| *namespace));
        let count: usize = unattended.values().map(Vec::len).sum();
        let mut lines = if count > self.max_single {
            let groups = self.statuses.iter();
            let groups = groups.filter(|status| is_unattended(status));
            self.lines(groups.map(|Status { id, flags, .. }| {
                Finding::new(id, format!("no watch is running: {}", alone(flags.standby)))
            }))
        } else {
            let line = |((namespace, has_standby), names): (&(&str, bool), &Vec<String>)| {
                let (names, then) = (names.join(", "), alone(*has_standby));
                format!("no watch is running for {names} in namespace {namespace}: {then}")
            };
            unattended.iter().map(line).collect()
        };
        let both = self.records.iter().zip(&self.statuses);
        let left = both.filter(|(_, status)| is_unattended(status));
        let left = left.map(|(record, _)| record);
        let logs = self.watches.logs(&self.cluster.reach, left);
        if logs.is_empty() && !unattended.is_empty() {
            lines.extend(self.watches.limits());
        }
        lines.extend(self.refused_leases.iter().cloned());
        lines.extend(self.lines(self.statuses.iter().filter_map(not_applied)));
        let check = CheckResult::warning(DESCRIPTION, lines);
        if unattended.is_empty() {
            return check;
        }
        let mut logs = unattended.keys().map(|(name, _)| logs.get(*name));
        let log = logs.next().flatten();
        match log.filter(|log| logs.all(|other| other == Some(log))) {
            Some(InstalledWatch { has_pods, command }) => check.hint(match has_pods {
                true => format!("see why the installed watch does not: {command}"),
                false => format!("give the installed watch pods: {command}"),
            }),
            None => check.hint(format!("kubectl failover watch {place}")),
        }
    }

    pub(super) fn run_once(&self) -> CheckResult {
        let holder = |status: &Status| match &status.runner {
            Runner::Watch(holder) if self.run_by_upstream.contains(&status.id) => {
                let words = format!(
                    "{holder} and Linkerd's failover controller both run it; stop one, or give \
                     the group another controlled-by label"
                );
                Some(Finding::new(&status.id, words))
            }
            _ => None,
        };
        let twice = self.lines(self.statuses.iter().filter_map(holder));
        CheckResult::warning("no group has two controllers", twice)
    }

    pub(super) fn owners(&self) -> CheckResult {
        let owned = self.records.iter().filter_map(|record| {
            let owner = record.meta.gitops_owner()?;
            let keep = keep_weights(&owner, record.kind.info().carrier);
            let words = format!("{owner} may revert its weights; {keep}");
            Some(Finding::new(&record.id(), words))
        });
        let lines = self.lines(owned);
        CheckResult::warning("no GitOps tool or controller owns a group", lines)
    }
}

/// Says that a watch runs a group but has not written what is due.
fn not_applied(status: &Status) -> Option<Finding> {
    let Runner::Watch(holder) = &status.runner else {
        return None;
    };
    (status.state == State::OutOfSync).then(|| {
        let words = format!(
            "{holder} has not applied this yet: {}; if this lasts, its output says why",
            status.reason
        );
        Finding::on_status(status, words)
    })
}

/// What happens to a group while no watch runs.
fn alone(has_standby: bool) -> &'static str {
    if has_standby {
        "only Linkerd's proxies fail over, about 3s after the last endpoint is gone, and back"
    } else {
        "nothing will fail over automatically"
    }
}
