//! Checks `watch` in the cluster, if it is installed: its pods, its version, its Leases, its alerts
//! and the rights of its ServiceAccount.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};

use crate::access::rights::{RbacCommand, ResourceNames, RightScope};
use crate::cluster::Cluster;
use crate::cluster::api::access_review::{self, Account, ResourceAction};
use crate::cluster::api::discovery::ApiGroups;
use crate::cluster::api::workloads::{Deployment, OWN_NAME};
use crate::cluster::api::{lease, namespaces, prometheus_rules, workloads};
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::queries::upstream::EXTENSION_LABEL;
use crate::model::check::{Category, CheckResult};
use crate::text::place;

const CONCURRENT_ACCESS_REVIEWS: usize = 8;
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Returns nothing if it is not installed, or that cannot be read.
pub async fn check(cluster: &Cluster, apis: &ApiGroups) -> Option<Category> {
    let found = workloads::own_deployments(cluster).await.ok()?;
    let mut checks = Vec::new();
    for deployment in &found {
        checks.push(pods(cluster, deployment));
        checks.push(version(cluster, deployment));
        checks.extend(rights(cluster, apis, deployment).await);
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

fn name(deployment: &Deployment) -> String {
    format!("deployment {}/{}", deployment.namespace, deployment.name)
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

fn version(cluster: &Cluster, deployment: &Deployment) -> CheckResult {
    let found = deployment.version.as_deref().unwrap_or("unknown");
    let line = format!("it has {found}, and this program {VERSION}");
    let lines = Vec::from_iter((found != VERSION).then_some(line));
    let reach = cluster.reach.within(&deployment.namespace);
    let description = format!("{} has the version of this program", name(deployment));
    CheckResult::warning(description, lines).hint(match &deployment.helm_release {
        Some(release) => {
            format!("upgrade the release {release} with helm upgrade, or this program")
        }
        None => format!("kubectl failover install {reach} with the newer one"),
    })
}

/// `linkerd check` fails if several namespaces have the label of one extension.
async fn label(cluster: &Cluster, found: &[Deployment]) -> CheckResult {
    let description = "the extension has one namespace";
    let labelled = namespaces::names(cluster, EXTENSION_LABEL).await;
    let mut all = labelled.unwrap_or_default();
    all.extend(found.iter().map(|it| it.namespace.clone()));
    all.sort_unstable();
    all.dedup();
    let line = format!("the namespaces {} have it", all.join(", "));
    CheckResult::warning(description, Vec::from_iter((all.len() > 1).then_some(line))).hint(
        format!("kubectl label namespace NAME {}-", "linkerd.io/extension"),
    )
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
    Some(CheckResult::warning(description, others.collect()))
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
        Some(release) => {
            let place = &deployment.namespace;
            format!("helm upgrade {release} CHART -n {place} --reuse-values {value}")
        }
        None => format!("kubectl failover install {reach} {value} | kubectl apply -f -"),
    };
    Some(CheckResult::warning("the alerts are loaded", lines).hint(hint))
}

fn account(deployment: &Deployment) -> Account {
    Account::new(&deployment.namespace, OWN_NAME)
}

/// Returns nothing if you may not ask for the rights of others.
async fn rights(
    cluster: &Cluster,
    apis: &ApiGroups,
    deployment: &Deployment,
) -> Option<CheckResult> {
    let account = &account(deployment);
    let answers = stream::iter(actions(apis, deployment)).map(|action| async move {
        let answer = access_review::allows_account(cluster, &action, account).await;
        answer.map(|is_allowed| (action, is_allowed))
    });
    let answers: Vec<_> = answers.buffered(CONCURRENT_ACCESS_REVIEWS).collect().await;
    let answers: Vec<(ResourceAction, bool)> =
        answers.into_iter().collect::<Result<_, _>>().ok()?;
    let mut missing: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (action, _) in answers.iter().filter(|(_, is_allowed)| !is_allowed) {
        let group = match action.group {
            "" => String::new(),
            group => format!(".{group}"),
        };
        let place = place(action.namespace.as_deref());
        let object = format!("{}{group} in {place}", action.resource);
        missing.entry(object).or_default().push(action.verb);
    }
    let lines = missing.into_iter();
    let lines = lines.map(|(object, verbs)| format!("it cannot {} {object}", verbs.join(", ")));
    let description = format!("{} has the rights that it needs", name(deployment));
    Some(CheckResult::error(description, lines.collect()))
}

fn actions(apis: &ApiGroups, deployment: &Deployment) -> Vec<ResourceAction> {
    let namespaces = deployment.watched_namespaces();
    let places: Vec<Option<String>> = match namespaces.as_slice() {
        [] => vec![None],
        names => names.iter().cloned().map(Some).collect(),
    };
    // The chart can leave out the rights in the whole cluster. With a selector, the Lease has
    // another name.
    let mut rights = RbacCommand::Watch.rights();
    rights.retain(|right| {
        let is_served = right
            .carrier()
            .is_none_or(|kind| apis.serve_kind(kind.info()));
        let has_name = right.names != ResourceNames::OwnLease || deployment.selector().is_none();
        right.scope == RightScope::Namespace && is_served && has_name
    });
    let mut actions = Vec::new();
    for place in &places {
        for right in &rights {
            actions.extend(right.verbs.iter().map(|verb| ResourceAction {
                verb,
                group: right.group,
                resource: right.resource,
                name: right.names.name(lease::NAME),
                namespace: place.clone(),
            }));
        }
    }
    actions
}
