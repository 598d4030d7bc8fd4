//! Checks `watch` in the cluster, if it is installed: its pods, its version, its Leases, its alerts
//! and the rights of its ServiceAccount.

mod rights;
mod version;

use std::collections::BTreeSet;

use crate::cluster::Cluster;
use crate::cluster::api::discovery::ApiGroups;
use crate::cluster::api::workloads::Deployment;
use crate::cluster::api::{lease, namespaces, prometheus_rules, workloads};
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::queries::upstream::{self, EXTENSION_LABEL};
use crate::model::check::{Category, CheckResult};
use crate::text::{clean, word};
use rights::{account, name};

/// Returns nothing if it is not installed, or that cannot be read.
pub async fn check(cluster: &Cluster, apis: &ApiGroups) -> Option<Category> {
    let found = workloads::own_deployments(cluster).await.ok()?;
    let mut checks = Vec::new();
    for deployment in &found {
        checks.push(pods(cluster, deployment));
        checks.push(version::check(cluster, deployment));
        checks.extend(rights::needed(cluster, apis, deployment).await);
        checks.extend(rights::surplus(cluster, deployment).await);
    }
    if found.is_empty() {
        return None;
    }
    checks.push(label(cluster, &found).await);
    checks.extend(leases(cluster, &found).await);
    checks.extend(alerts(cluster, apis, &found).await);
    Some(Category {
        name: "failover-installation",
        checks,
    })
}

fn pods(cluster: &Cluster, deployment: &Deployment) -> CheckResult {
    let Deployment { wanted, ready, .. } = *deployment;
    let reach = cluster.reach.within(&deployment.namespace);
    let description = format!("{} is ready", name(deployment));
    if !deployment.is_ready() {
        let line = format!("{ready} of {wanted} pods are ready");
        return CheckResult::error(description, vec![line])
            .hint(format!("kubectl {reach} get pods"))
            .that_may_pass();
    }
    let line = match wanted {
        0 => "it has no pods, so it runs no groups",
        1 => "it has one pod: without it nothing fails over until Kubernetes has another one",
        _ => return CheckResult::success(format!("{description} ({ready} of {wanted} pods)")),
    };
    CheckResult::warning(description, vec![line.to_owned()]).hint(format!(
        "kubectl {reach} scale deployment/{} --replicas=2",
        deployment.name
    ))
}

/// `linkerd check` fails if several namespaces have the label of one extension.
async fn label(cluster: &Cluster, found: &[Deployment]) -> CheckResult {
    let description = "the extension has one namespace";
    let labelled = namespaces::names(cluster, EXTENSION_LABEL).await;
    let mut installed: BTreeSet<String> = found.iter().map(|it| it.namespace.clone()).collect();
    let upstream = upstream::find(cluster).await.unwrap_or_default();
    installed.extend(upstream.into_iter().map(|it| it.namespace));
    let mut strays: BTreeSet<String> = labelled.unwrap_or_default().into_iter().collect();
    strays.retain(|name| !installed.contains(name));
    let all = Vec::from_iter(installed.union(&strays).cloned());
    let line = format!("the namespaces {} have it", all.join(", "));
    let lines = Vec::from_iter((all.len() > 1).then_some(line));
    let names = |names: &BTreeSet<String>| {
        let words: Vec<String> = names.iter().map(|name| word(name)).collect();
        words.join(" ")
    };
    let reach = cluster.reach.all();
    let hint = if strays.is_empty() {
        let names = names(&installed).replace(' ', " or ");
        format!("keep one: kubectl failover uninstall {reach} -n, with {names}")
    } else {
        let key = EXTENSION_LABEL.split('=').next().unwrap_or_default();
        let names = names(&strays);
        format!("nothing is installed there: kubectl {reach} label namespace {names} {key}-")
    };
    CheckResult::warning(description, lines).hint(hint.replace("  ", " "))
}

async fn leases(cluster: &Cluster, found: &[Deployment]) -> Option<CheckResult> {
    let leases = list_objects(cluster, &lease::collection(None)).await.ok()?;
    let now = cluster.clock().now();
    let is_own = |holder: &str| {
        let mut accounts = found.iter().map(account);
        accounts.any(|account| holder.starts_with(&format!("{}@", account.user)))
    };
    let others = leases.iter().filter_map(|lease| {
        let holder = lease.spec.holder(now).filter(|holder| !is_own(holder))?;
        let namespace = &lease.metadata.namespace;
        Some(format!("{holder} runs the groups in namespace {namespace}"))
    });
    let description = "no watch elsewhere holds a Lease";
    let hint = "stop it there; a pod of the installed watch takes over within 20 seconds";
    Some(CheckResult::warning(description, others.collect()).hint(hint))
}

/// Returns nothing if there is no Prometheus Operator, or you may not list its rules.
async fn alerts(cluster: &Cluster, apis: &ApiGroups, found: &[Deployment]) -> Option<CheckResult> {
    if !apis.serve(prometheus_rules::API_VERSION) {
        return None;
    }
    let has_alerts = prometheus_rules::has_own(cluster).await.ok()?;
    let line = "no namespace has a PrometheusRule of the chart: an outage alerts nobody";
    let lines = Vec::from_iter((!has_alerts).then(|| line.to_owned()));
    let deployment = found.first()?;
    let reach = cluster.reach.within(&deployment.namespace);
    let value = "--set prometheusRule.create=true";
    let hint = match &deployment.helm_release {
        Some(release) => format!(
            "upgrade the release {} in namespace {} with the chart, --reset-then-reuse-values and \
             {value}",
            clean(release),
            clean(&deployment.namespace)
        ),
        None => format!(
            "with the same --set and --values as before: kubectl failover install {reach} {value} \
             | kubectl {} apply -f -",
            cluster.reach.cluster()
        ),
    };
    Some(CheckResult::warning("the alerts are loaded", lines).hint(hint))
}
