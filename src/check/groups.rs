//! Checks the groups: whether each one is valid, complete and run by exactly one controller.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::future::join;

use super::complaints::complaints;
use super::options::CheckOptions;
use crate::cluster::queries::group_list::{GroupList, list_groups};
use crate::cluster::queries::{conflicts, upstream};
use crate::cluster::remotes::named_remotes;
use crate::cluster::{Cluster, Clusters, RequestResult};
use crate::model::check::{Category, CheckResult};
use crate::model::{BackendStatus, GroupId, Readiness, Runner, Status};
use crate::readiness::prefetch::PrefetchedSlices;
use crate::readiness::survey::survey;
use crate::resource::Record;
use crate::resource::gitops::keep_weights;
use crate::text::word;

/// Checks the groups, and also returns them.
pub async fn check(cluster: &Clusters, options: &CheckOptions) -> (Category, Vec<Record>) {
    let mut category = Category::new("failover-groups");
    let (place, listed) = list(cluster, options).await;
    let GroupList { records, forbidden } = match listed {
        Ok(listed) => listed,
        Err(error) => {
            let description = format!("the groups of {place} can be read");
            category
                .checks
                .push(CheckResult::error(description, complaints(cluster, &error)));
            return (category, Vec::new());
        }
    };
    let count = records.len();
    let unread = forbidden
        .iter()
        .flat_map(|error| complaints(cluster, error))
        .collect();
    let description = format!("the groups of {place} can be read ({count} found)");
    category
        .checks
        .push(CheckResult::warning(description, unread));
    if !records.is_empty() {
        let survey = survey(cluster, &records, &records, PrefetchedSlices::default());
        let (mut statuses, conflicts) = join(survey, conflicts::read(cluster, &records)).await;
        conflicts::warn(&mut statuses, conflicts.by_group);
        let run_by_upstream = run_by_upstream(cluster, &records).await;
        let groups = Groups {
            cluster,
            statuses,
            run_by_upstream,
            records: &records,
        };
        category.checks.extend(groups.checks());
    }
    (category, records)
}

/// Lists the groups of the given namespace. Without one, lists those of all namespaces or, if that
/// is forbidden, of the context's namespace.
async fn list(cluster: &Cluster, options: &CheckOptions) -> (String, RequestResult<GroupList>) {
    if options.connect.namespace.is_none() {
        let everywhere = list_groups(cluster, None, None).await;
        let forbidden = everywhere.as_ref().is_err_and(|error| error.is_forbidden());
        if options.all_namespaces || !forbidden {
            return ("all namespaces".to_owned(), everywhere);
        }
    }
    let namespace = &cluster.namespace;
    (
        format!("namespace {namespace}"),
        list_groups(cluster, Some(namespace), None).await,
    )
}

/// Returns the groups that Linkerd's own controller runs. Empty if that cannot be read.
async fn run_by_upstream(cluster: &Cluster, records: &[Record]) -> HashSet<GroupId> {
    let Ok(Some(upstream)) = upstream::find(cluster).await else {
        return HashSet::new();
    };
    let namespaces: BTreeSet<&str> = records
        .iter()
        .map(|record| record.meta.namespace.as_str())
        .collect();
    let single = namespaces
        .first()
        .copied()
        .filter(|_| namespaces.len() == 1);
    let selected = list_groups(cluster, single, Some(&upstream.selector))
        .await
        .unwrap_or_default();
    selected.records.iter().map(Record::id).collect()
}

struct Groups<'a> {
    cluster: &'a Clusters,
    records: &'a [Record],
    /// In the records' order.
    statuses: Vec<Status>,
    run_by_upstream: HashSet<GroupId>,
}

impl Groups<'_> {
    fn checks(&self) -> Vec<CheckResult> {
        vec![
            self.valid(),
            self.apexes(),
            self.services(),
            self.weights(),
            self.readiness(),
            self.effects(),
            self.run(),
            self.run_once(),
            self.owners(),
        ]
    }

    /// Returns a line for each invalid group: invalid by itself or, with `claimed_twice`, because
    /// an older group has the same apex.
    fn invalid(&self, claimed_twice: bool) -> Vec<String> {
        let both = self.records.iter().zip(&self.statuses);
        let chosen = both.filter(|(record, _)| record.group.is_ok() == claimed_twice);
        let line = |(_, status): (&Record, &Status)| {
            let mend = status.mend.as_ref()?;
            Some(format!("{}: {}; {mend}", status.id, status.reason))
        };
        chosen.filter_map(line).collect()
    }

    fn valid(&self) -> CheckResult {
        CheckResult::error("every group is valid", self.invalid(false))
    }

    fn apexes(&self) -> CheckResult {
        CheckResult::error("no service is the apex of two groups", self.invalid(true))
    }

    /// Returns a line for each backend that has a complaint from `complain`.
    fn backends(&self, complain: impl Fn(&Readiness) -> Option<String>) -> Vec<String> {
        let backends = self
            .statuses
            .iter()
            .flat_map(|status| status.backends.iter().map(move |backend| (status, backend)));
        let line = |(status, backend): (&Status, &BackendStatus)| {
            Some(format!(
                "{}: {} {}",
                status.id,
                backend.name,
                complain(&backend.readiness)?
            ))
        };
        backends.filter_map(line).collect()
    }

    fn services(&self) -> CheckResult {
        let missing = self.backends(|readiness| {
            let is_missing = *readiness == Readiness::Missing;
            is_missing.then(|| {
                "does not exist; create the Service or, for a mirror, export the original"
                    .to_owned()
            })
        });
        let is_missing = |status: &Status| {
            status
                .backends
                .iter()
                .any(|backend| backend.readiness == Readiness::Missing)
        };
        let namespace = self
            .by_namespace(is_missing)
            .keys()
            .next()
            .copied()
            .unwrap_or_default();
        CheckResult::error("every backend's Service exists", missing).hint(format!(
            "kubectl {} get services",
            self.cluster.reach.within(namespace)
        ))
    }

    fn weights(&self) -> CheckResult {
        let trouble = self.records.iter().filter_map(|record| {
            let group = record.group.as_ref().ok()?;
            let trouble = group.carrier.trouble(&group.weights())?;
            Some(format!(
                "{}: {trouble}; a running watch scales them down",
                record.id()
            ))
        });
        CheckResult::error(
            "Linkerd's proxies take every group's weights",
            trouble.collect(),
        )
    }

    fn readiness(&self) -> CheckResult {
        let is_primary = |status: &Status, backend: &BackendStatus| {
            status.primary.as_deref() == Some(backend.name.as_str())
        };
        let line = |status: &Status, backend: &BackendStatus| {
            let why = backend.readiness.why_unknown()?;
            let part = if backend.readiness.is_unknown() {
                ""
            } else {
                "partly "
            };
            let role = if is_primary(status, backend) {
                "primary"
            } else {
                "fallback"
            };
            let mend = named_remotes::how_to_ask(&self.cluster.remotes().asked(), why)
                .map_or(String::new(), |how| format!("; {how}"));
            Some(format!(
                "{}: the {role}, {}, is {part}unknown: {why}{mend}",
                status.id, backend.name
            ))
        };
        let both = |status: &Status| {
            status
                .backends
                .iter()
                .filter_map(|backend| line(status, backend))
                .collect::<Vec<_>>()
        };
        let unknown = self.statuses.iter().flat_map(both).collect();
        CheckResult::warning("the readiness of every backend is known", unknown)
    }

    fn effects(&self) -> CheckResult {
        let lines = |status: &Status| {
            status
                .warnings
                .iter()
                .map(|warning| format!("{}: {warning}", status.id))
                .collect::<Vec<_>>()
        };
        let hint = self
            .statuses
            .iter()
            .find(|status| !status.warnings.is_empty())
            .map(|status| {
                let GroupId {
                    namespace,
                    kind,
                    name,
                } = &status.id;
                format!(
                    "kubectl {} describe {kind} {}",
                    self.cluster.reach.within(namespace),
                    word(name)
                )
            });
        CheckResult::warning(
            "no other object interferes with a group",
            self.statuses.iter().flat_map(lines).collect(),
        )
        .hint(hint.unwrap_or_default())
    }

    /// Returns the groups for which `applies` is true, by namespace.
    fn by_namespace(&self, applies: impl Fn(&Status) -> bool) -> BTreeMap<&str, Vec<String>> {
        let mut namespaces: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for id in self
            .statuses
            .iter()
            .filter(|status| applies(status))
            .map(|status| &status.id)
        {
            namespaces
                .entry(&id.namespace)
                .or_default()
                .push(id.short_name());
        }
        namespaces
    }

    fn run(&self) -> CheckResult {
        const DESCRIPTION: &str = "every group has a running watch";
        let is_unknown = |status: &Status| status.runner == Runner::Unknown;
        let unknown = self.by_namespace(is_unknown);
        if let Some(namespace) = unknown.keys().next() {
            let complaint = format!(
                "can't tell whether a watch is running in namespace {namespace}: cannot read Leases"
            );
            return CheckResult::warning(DESCRIPTION, vec![complaint]);
        }
        let unattended = self.by_namespace(|status| match status.runner {
            Runner::Unattended => true,
            Runner::Upstream => !self.run_by_upstream.contains(&status.id),
            Runner::Watch(_) | Runner::Unknown => false,
        });
        let namespace = unattended.keys().next().copied().unwrap_or_default();
        let hint = format!(
            "kubectl failover watch {}",
            self.cluster.reach.for_plugin(namespace)
        );
        let line = |(namespace, names): (&&str, &Vec<String>)| {
            format!(
                "no watch is running for {} in namespace {namespace}: nothing will fail over \
                 automatically",
                names.join(", ")
            )
        };
        CheckResult::warning(DESCRIPTION, unattended.iter().map(line).collect()).hint(hint)
    }

    fn run_once(&self) -> CheckResult {
        let holder = |status: &Status| match &status.runner {
            Runner::Watch(holder) if self.run_by_upstream.contains(&status.id) => Some(format!(
                "{}: {holder} and Linkerd's failover controller both run it; stop one, or give \
                 the group another \
                 controlled-by label",
                status.id
            )),
            _ => None,
        };
        CheckResult::warning(
            "no group has two controllers",
            self.statuses.iter().filter_map(holder).collect(),
        )
    }

    fn owners(&self) -> CheckResult {
        let owned = self.records.iter().filter_map(|record| {
            let owner = record.meta.gitops_owner()?;
            Some(format!(
                "{}: {owner} may revert its weights; {}",
                record.id(),
                keep_weights(owner, record.kind.info().carrier)
            ))
        });
        CheckResult::warning("no GitOps tool owns a group", owned.collect())
    }
}
