//! Checks the groups: whether each one is valid, complete and run by exactly one controller.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::future::join;

use super::complaints::{complaints, complaints_of_all};
use super::findings::{self, Finding};
use super::leases;
use super::missed;
use super::options::CheckOptions;
use super::outages;
use crate::cluster::queries::conflicts::ConflictsByGroup;
use crate::cluster::queries::group_list::{GroupList, list_groups};
use crate::cluster::queries::installed_watch::InstalledWatches;
use crate::cluster::queries::{conflicts, migrations, stale_slices, upstream};
use crate::cluster::remotes::named_remotes;
use crate::cluster::{Cluster, Clusters, RequestResult};
use crate::model::check::{Category, CheckResult};
use crate::model::evacuations;
use crate::model::{
    BackendStatus, Exposure, GroupId, Readiness, Runner, ServiceRef, State, Status,
};
use crate::readiness::backends::backends_of;
use crate::readiness::prefetch::PrefetchedSlices;
use crate::readiness::settle::settle;
use crate::readiness::survey::survey;
use crate::resource::Record;
use crate::resource::gitops::keep_weights;
use crate::text::{place, word};

/// Checks the groups. Also returns what they lose in outages, and the groups themselves.
pub async fn check(
    cluster: &Clusters,
    options: &CheckOptions,
) -> (Category, Option<Category>, Vec<Record>) {
    let name = "failover-groups";
    let (place, listed) = list(cluster, options).await;
    let readable = format!("the groups of {place} can be read");
    let GroupList { records, forbidden } = match listed {
        Ok(listed) => listed,
        Err(error) => {
            let checks = vec![CheckResult::error(readable, complaints(cluster, &error))];
            return (Category { name, checks }, None, Vec::new());
        }
    };
    let unread = complaints_of_all(cluster, &forbidden);
    let readable = format!("{readable} ({} found)", records.len());
    let mut checks = vec![CheckResult::warning(readable, unread)];
    let mut outages = None;
    if !records.is_empty() {
        let survey = async {
            let read = survey(cluster, &records, &records, PrefetchedSlices::default());
            settle(cluster, read.await).await
        };
        let (mut statuses, conflicts) = join(survey, conflicts::read(cluster, &records)).await;
        conflicts::warn(&mut statuses, conflicts.by_group);
        conflicts::warn(
            &mut statuses,
            migrations::unfinished(cluster, &records).await,
        );
        let consumers = conflicts::consumer_routes(cluster, &records).await;
        conflicts::warn(&mut statuses, consumers);
        let missing_ports = conflicts.ports;
        let losses = outages::check(cluster, &records, &statuses, &conflicts.ignored).await;
        outages = Some(losses).filter(|it| !it.checks.is_empty());
        let missed = missed::find(cluster, &records, &statuses).await;
        let groups = Groups {
            cluster,
            missed,
            statuses,
            missing_ports,
            run_by_upstream: run_by_upstream(cluster, &records).await,
            refused_leases: leases::refused(cluster, &records).await,
            watches: InstalledWatches::read(cluster).await,
            max_single: options.max_single_findings,
            everywhere: options
                .everywhere
                .as_deref()
                .map_or_else(|| cluster.reach.everywhere(), str::to_owned),
            stale: stale_slices::find(cluster, &backends_of(&records)).await,
            records: &records,
        };
        checks.extend(groups.checks());
    }
    (Category { name, checks }, outages, records)
}

/// Lists the groups of the given namespace. Without one, lists those of all namespaces or, if that
/// is forbidden, of the context's namespace.
async fn list(cluster: &Cluster, options: &CheckOptions) -> (String, RequestResult<GroupList>) {
    if options.connect.namespace.is_none() {
        let everywhere = list_groups(cluster, None, None).await;
        let forbidden = everywhere.as_ref().is_err_and(|error| error.is_forbidden());
        if options.all_namespaces || !forbidden {
            return (place(None), everywhere);
        }
    }
    let namespace = Some(cluster.namespace.as_str());
    (
        place(namespace),
        list_groups(cluster, namespace, None).await,
    )
}

/// Returns the groups that Linkerd's own controller runs. Empty if that cannot be read.
async fn run_by_upstream(cluster: &Cluster, records: &[Record]) -> HashSet<GroupId> {
    let found = upstream::find(cluster).await.unwrap_or_default();
    let managed = records
        .iter()
        .filter(|record| found.iter().any(|upstream| upstream.manages(record)));
    managed.map(Record::id).collect()
}

/// Says that a backend's readiness is unknown. Also returns how to make it known, after a
/// semicolon, if this can be told.
pub fn unknown_readiness(
    cluster: &Clusters,
    name: &str,
    is_primary: bool,
    readiness: &Readiness,
) -> Option<(String, String)> {
    let why = readiness.why_unknown()?;
    let is_whole = readiness.is_unknown();
    let part = if is_whole { "" } else { "partly " };
    let role = if is_primary { "primary" } else { "fallback" };
    let mend = named_remotes::how_to_ask(&cluster.remotes().asked(), why);
    let mend = mend.map(|how| format!("; {how}")).unwrap_or_default();
    Some((format!("the {role}, {name}, is {part}unknown: {why}"), mend))
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

struct Groups<'a> {
    cluster: &'a Clusters,
    records: &'a [Record],
    /// In the records' order.
    statuses: Vec<Status>,
    /// What evacuations have missed.
    missed: Vec<Finding>,
    missing_ports: ConflictsByGroup,
    run_by_upstream: HashSet<GroupId>,
    /// Says whose Leases the API server does not accept.
    refused_leases: Vec<String>,
    watches: InstalledWatches,
    /// More groups with the same problem are one line.
    max_single: usize,
    /// The flags by which a suggested command reaches all namespaces.
    everywhere: String,
    /// The services whose EndpointSlices nothing updates.
    stale: BTreeSet<ServiceRef>,
}

impl Groups<'_> {
    fn checks(&self) -> Vec<CheckResult> {
        let mut checks = vec![
            CheckResult::error("every group is valid", self.invalid(false)),
            CheckResult::error("no service is the apex of two groups", self.invalid(true)),
            self.services(),
            self.stale_slices(),
            self.ports(),
            self.weights(),
            self.failing("no group is down", State::Down),
            self.failing("every group has a ready backend", State::Unavailable),
            self.readiness(),
            self.fallbacks(),
            self.effects(),
            self.run(),
            self.run_once(),
            self.owners(),
        ];
        checks.extend(self.evacuations());
        checks
    }

    /// Names the evacuations, if there are any, and how to end them.
    fn evacuations(&self) -> Option<CheckResult> {
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
            let (cluster, id) = (word(it.cluster), word(&it.entry.id));
            let purpose = match it.last_return {
                Some(_) => "to go on with its return",
                None => "to end it",
            };
            let command = format!(
                "{purpose}: kubectl failover return {cluster} --id {id} {}",
                self.everywhere
            );
            command.trim_end().to_owned()
        });
        let commands: Vec<String> = commands.collect();
        let check = CheckResult::warning("evacuations", lines);
        let check = match commands.is_empty() {
            true => check,
            false => check.hint(commands.join("; ")),
        };
        (!check.lines.is_empty()).then_some(check)
    }

    /// Returns a line for each invalid group: invalid by itself or, with `claimed_twice`, because
    /// an older group has the same apex.
    fn invalid(&self, claimed_twice: bool) -> Vec<String> {
        let both = self.records.iter().zip(&self.statuses);
        let chosen = both.filter(|(record, _)| record.group.is_ok() == claimed_twice);
        let line = |(_, status): (&Record, &Status)| {
            let mend = status.mend.as_ref()?;
            let words = format!("{}; {mend}", status.reason);
            Some(Finding::new(&status.id, words))
        };
        self.lines(chosen.filter_map(line))
    }

    fn lines(&self, findings: impl IntoIterator<Item = Finding>) -> Vec<String> {
        findings::lines(findings, self.max_single)
    }

    /// Returns the namespace of these groups, or none if there are several.
    fn scope<'a>(&self, namespaces: impl IntoIterator<Item = &'a str>) -> String {
        let namespaces: BTreeSet<&str> = namespaces.into_iter().collect();
        let only = namespaces.first().filter(|_| namespaces.len() == 1);
        self.cluster.reach.scoped(only.copied())
    }

    /// Like [`Self::scope`], for a command of this plugin.
    fn plugin_scope<'a>(&self, namespaces: impl IntoIterator<Item = &'a str>) -> String {
        let namespaces: BTreeSet<&str> = namespaces.into_iter().collect();
        match Vec::from_iter(namespaces).as_slice() {
            [only] => self.cluster.reach.for_plugin(only),
            _ => self.cluster.reach.scoped(None),
        }
    }

    fn backends(&self) -> impl Iterator<Item = (&Status, &BackendStatus)> + Clone {
        let statuses = self.statuses.iter();
        statuses.flat_map(|status| status.backends.iter().map(move |backend| (status, backend)))
    }

    fn services(&self) -> CheckResult {
        let missing = self
            .backends()
            .filter(|(_, backend)| backend.readiness == Readiness::Missing);
        let namespaces = missing
            .clone()
            .map(|(status, _)| status.id.namespace.as_str());
        let scope = self.scope(namespaces);
        let findings = missing.map(|(Status { id, .. }, BackendStatus { name, .. })| {
            let words = "does not exist; create the Service or, for a mirror, export the original";
            Finding::on_backend(id, name, words)
        });
        CheckResult::error("every backend's Service exists", self.lines(findings))
            .hint(format!("kubectl {scope} get services"))
    }

    fn stale_slices(&self) -> CheckResult {
        let is_stale = |id: &GroupId, name: &String| {
            let service = ServiceRef::new(&id.namespace, name);
            self.stale.contains(&service)
        };
        let backends = self.backends();
        let stale = backends.filter(|(status, backend)| is_stale(&status.id, &backend.name));
        let findings = stale.map(|(Status { id, .. }, BackendStatus { name, .. })| {
            let words = "has no selector, but EndpointSlices from when it had one; delete them or \
                         restore the selector";
            Finding::on_backend(id, name, words)
        });
        CheckResult::warning(
            "every backend's EndpointSlices are kept up to date",
            self.lines(findings),
        )
    }

    fn ports(&self) -> CheckResult {
        let lines = self.records.iter().flat_map(|record| {
            let id = record.id();
            let missing = self.missing_ports.get(&id).cloned().unwrap_or_default();
            let lines = record.backends_without_port().into_iter().chain(missing);
            lines
                .map(|line| Finding::new(&id, line))
                .collect::<Vec<_>>()
        });
        CheckResult::error("every port that a route names exists", self.lines(lines))
    }

    fn weights(&self) -> CheckResult {
        let trouble = self.records.iter().filter_map(|record| {
            let group = record.group.as_ref().ok()?;
            let trouble = group.trouble_with_weights()?;
            let mend = if group.paused.is_some() {
                "it is paused; resume it, and a running watch scales them down"
            } else {
                "a running watch scales them down"
            };
            Some(Finding::new(&record.id(), format!("{trouble}; {mend}")))
        });
        CheckResult::error(
            "Linkerd's proxies take every group's weights",
            self.lines(trouble),
        )
    }

    /// Reports the groups in a state in which requests fail.
    fn failing(&self, description: &str, state: State) -> CheckResult {
        let failing = self.statuses.iter().filter(|it| it.state == state);
        let namespaces = failing.clone().map(|status| status.id.namespace.as_str());
        let place = self.plugin_scope(namespaces);
        let failing = failing.map(|status| Finding::on_status(status, &status.reason));
        CheckResult::error(description, self.lines(failing))
            .hint(format!("kubectl failover status {place}"))
    }

    /// Groups that no watch runs are another check's.
    fn fallbacks(&self) -> CheckResult {
        let exposed = self.statuses.iter();
        let exposed = exposed.filter(|it| it.exposure() == Some(Exposure::NoFallback));
        let exposed = exposed.map(|status| {
            let primary = status.primary.as_deref().unwrap_or_default();
            let words =
                format!("no fallback is ready: if {primary} fails, traffic has nowhere to go");
            Finding::on_status(status, words)
        });
        CheckResult::warning(
            "every group has a fallback that is ready",
            self.lines(exposed),
        )
    }

    fn readiness(&self) -> CheckResult {
        let line = |(status, backend): (&Status, &BackendStatus)| {
            let name = &backend.name;
            let is_primary = status.primary.as_ref() == Some(name);
            let unknown = unknown_readiness(self.cluster, name, is_primary, &backend.readiness);
            unknown.map(|(words, mend)| Finding::on_status(status, words + &mend))
        };
        let unknown = self.lines(self.backends().filter_map(line));
        CheckResult::warning("the readiness of every backend is known", unknown)
    }

    fn effects(&self) -> CheckResult {
        let (mut findings, mut hint) = (Vec::new(), None);
        for Status { id, warnings, .. } in &self.statuses {
            findings.extend(warnings.iter().map(|warning| Finding::new(id, warning)));
            if hint.is_none() && !warnings.is_empty() {
                let (within, name) = (self.cluster.reach.within(&id.namespace), word(&id.name));
                hint = Some(format!("kubectl {within} describe {} {name}", id.kind));
            }
        }
        let lines = self.lines(findings);
        CheckResult::warning("no other object interferes with a group", lines)
            .hint(hint.unwrap_or_default())
    }

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

    fn run(&self) -> CheckResult {
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
            Some(log) => check.hint(format!("see why the installed watch does not: {log}")),
            None => check.hint(format!("kubectl failover watch {place}")),
        }
    }

    fn run_once(&self) -> CheckResult {
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

    fn owners(&self) -> CheckResult {
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
