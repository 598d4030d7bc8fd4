//! The groups that there are: whether each is valid, complete and run by somebody.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::complaints;
use crate::cli::GlobalArgs;
use crate::cluster::{Cluster, RequestResult, survey, upstream};
use crate::model::check::{Category, CheckResult};
use crate::model::{BackendStatus, GroupId, Readiness, Runner, Status};
use crate::resource::Record;

/// Gives the groups too.
pub async fn check(cluster: &Cluster, flags: &GlobalArgs) -> (Category, Vec<Record>) {
    let mut category = Category::new("failover-groups");
    let (place, listed) = list(cluster, flags).await;
    let records = match listed {
        Ok(records) => records,
        Err(error) => {
            let description = format!("the groups of {place} can be read");
            category.checks.push(CheckResult::error(description, complaints(cluster, &error)));
            return (category, Vec::new());
        }
    };
    let count = records.len();
    category.checks.push(CheckResult::success(format!("the groups of {place} can be read ({count} found)")));
    if !records.is_empty() {
        let groups = Groups {
            cluster,
            statuses: survey::survey(cluster, &records, &records).await,
            run_by_upstream: run_by_upstream(cluster, &records).await,
            records: &records,
        };
        category.checks.extend(groups.checks());
    }
    (category, records)
}

/// Those of the namespace that is named; otherwise of all namespaces or, where that is not allowed, of the
/// context's.
async fn list(cluster: &Cluster, flags: &GlobalArgs) -> (String, RequestResult<Vec<Record>>) {
    if flags.namespace.is_none() {
        let everywhere = survey::list_groups(cluster, None, None).await;
        let forbidden = everywhere.as_ref().is_err_and(|error| error.is_forbidden());
        if flags.all_namespaces || !forbidden {
            return ("all namespaces".to_owned(), everywhere);
        }
    }
    let namespace = &cluster.namespace;
    (format!("namespace {namespace}"), survey::list_groups(cluster, Some(namespace), None).await)
}

/// The groups that Linkerd's own controller runs; none where that can't be known.
async fn run_by_upstream(cluster: &Cluster, records: &[Record]) -> HashSet<GroupId> {
    let Ok(Some(upstream)) = upstream::find(cluster).await else { return HashSet::new() };
    let namespaces: BTreeSet<&str> = records.iter().map(|record| record.meta.namespace.as_str()).collect();
    let single = namespaces.first().copied().filter(|_| namespaces.len() == 1);
    let selected = survey::list_groups(cluster, single, Some(&upstream.selector)).await.unwrap_or_default();
    selected.iter().map(Record::id).collect()
}

struct Groups<'a> {
    cluster: &'a Cluster,
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
            self.readiness(),
            self.run(),
            self.run_once(),
            self.owners(),
        ]
    }

    /// The groups that are none, or only by their own: an older one has the same apex.
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

    /// A line for each backend of which `complain` says something.
    fn backends(&self, complain: impl Fn(&Readiness) -> Option<String>) -> Vec<String> {
        let backends = self
            .statuses
            .iter()
            .flat_map(|status| status.backends.iter().map(move |backend| (status, backend)));
        let line = |(status, backend): (&Status, &BackendStatus)| {
            Some(format!("{}: {} {}", status.id, backend.name, complain(&backend.readiness)?))
        };
        backends.filter_map(line).collect()
    }

    fn services(&self) -> CheckResult {
        let missing = self.backends(|readiness| {
            let is_missing = *readiness == Readiness::Missing;
            is_missing.then(|| {
                "does not exist; make the Service or, if it is a mirror, export the original".to_owned()
            })
        });
        let is_missing =
            |status: &Status| status.backends.iter().any(|backend| backend.readiness == Readiness::Missing);
        let namespace = self.by_namespace(is_missing).keys().next().copied().unwrap_or_default();
        CheckResult::error("every backend's Service exists", missing)
            .hint(format!("kubectl --context {} -n {namespace} get services", self.cluster.context))
    }

    fn readiness(&self) -> CheckResult {
        let unknown = self.backends(|readiness| match readiness {
            Readiness::Unknown { why } => Some(format!("is unknown: {why}")),
            _ => None,
        });
        CheckResult::warning("the readiness of every backend is known", unknown)
    }

    /// A line for each namespace of groups of which this holds.
    fn by_namespace(&self, applies: impl Fn(&Status) -> bool) -> BTreeMap<&str, Vec<&str>> {
        let mut namespaces: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for GroupId { namespace, name, .. } in
            self.statuses.iter().filter(|status| applies(status)).map(|status| &status.id)
        {
            namespaces.entry(namespace).or_default().push(name);
        }
        namespaces
    }

    fn run(&self) -> CheckResult {
        const DESCRIPTION: &str = "every group is run by somebody";
        let is_unknown = |status: &Status| status.runner == Runner::Unknown;
        let unknown = self.by_namespace(is_unknown);
        if let Some(namespace) = unknown.keys().next() {
            let complaint =
                format!("who runs the groups of namespace {namespace} is not known: Leases cannot be read");
            return CheckResult::warning(DESCRIPTION, vec![complaint]);
        }
        let unattended = self.by_namespace(|status| match status.runner {
            Runner::Nobody => true,
            Runner::Upstream => !self.run_by_upstream.contains(&status.id),
            Runner::Held(_) | Runner::Unknown => false,
        });
        let namespace = unattended.keys().next().copied().unwrap_or_default();
        let hint = format!("kubectl failover watch --context {} -n {namespace}", self.cluster.context);
        let line = |(namespace, names): (&&str, &Vec<&str>)| {
            format!("nobody runs {} in namespace {namespace}: nothing moves by itself", names.join(", "))
        };
        CheckResult::warning(DESCRIPTION, unattended.iter().map(line).collect()).hint(hint)
    }

    fn run_once(&self) -> CheckResult {
        let holder = |status: &Status| match &status.runner {
            Runner::Held(holder) if self.run_by_upstream.contains(&status.id) => Some(format!(
                "{}: {holder} and Linkerd's failover controller both move it; end one, or give the group another \
                 controlled-by label",
                status.id
            )),
            _ => None,
        };
        CheckResult::warning("no group has two loops", self.statuses.iter().filter_map(holder).collect())
    }

    fn owners(&self) -> CheckResult {
        let owned = self.records.iter().filter_map(|record| {
            let owner = record.meta.gitops_owner()?;
            Some(format!("{}: {owner} may put its weights back; {}", record.id(), way_out(owner)))
        });
        CheckResult::warning("no GitOps tool owns a group", owned.collect())
    }
}

/// What makes a GitOps tool leave weights alone that it has not set.
fn way_out(owner: &str) -> &'static str {
    match owner {
        "Argo CD" => {
            "in its Application set spec.ignoreDifferences to jqPathExpressions: [.spec.backends[].weight] and the \
             sync option RespectIgnoreDifferences=true"
        }
        "Flux" => "annotate it there with kustomize.toolkit.fluxcd.io/ssa: IfNotPresent",
        _ => "take it out of the release, or do not upgrade that while traffic is away",
    }
}
