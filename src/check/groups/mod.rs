//! Checks the groups: whether each one is valid, complete and run by exactly one controller.

mod backends;
mod evacuations;
mod runners;

use std::collections::{BTreeSet, HashSet};

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
use crate::cluster::{Cluster, Clusters, RequestResult};
use crate::model::check::{Category, CheckResult};
use crate::model::{BackendStatus, GroupId, ServiceRef, State, Status};
use crate::readiness::backends::backends_of;
use crate::readiness::prefetch::PrefetchedSlices;
use crate::readiness::settle::settle;
use crate::readiness::survey::survey;
use crate::resource::Record;
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
}
