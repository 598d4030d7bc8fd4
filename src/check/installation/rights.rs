//! Checks the rights of the ServiceAccount of `watch` in the cluster: those that it lacks, and those
//! that an earlier installation left to it.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};

use crate::access::rights::{RbacCommand, ResourceNames, RightScope};
use crate::cluster::Cluster;
use crate::cluster::api::access_review::{self, Account, ResourceAction};
use crate::cluster::api::discovery::ApiGroups;
use crate::cluster::api::lease;
use crate::cluster::api::role_bindings::{self, Binding};
use crate::cluster::api::workloads::{Deployment, OWN_NAME};
use crate::model::check::CheckResult;
use crate::text::connection_flags::FROM_LINKS;
use crate::text::{clean, place, word};

const CONCURRENT_ACCESS_REVIEWS: usize = 8;

pub fn name(deployment: &Deployment) -> String {
    format!("deployment {}/{}", deployment.namespace, deployment.name)
}

pub fn account(deployment: &Deployment) -> Account {
    Account::new(&deployment.namespace, OWN_NAME)
}

/// Returns nothing if you may not ask for the rights of others.
pub async fn needed(
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

/// Returns nothing if you may not list bindings.
pub async fn surplus(cluster: &Cluster, deployment: &Deployment) -> Option<CheckResult> {
    let bindings = role_bindings::own_bindings(cluster).await.ok()?;
    let own = bindings
        .iter()
        .filter(|it| it.accounts_in.contains(&deployment.namespace));
    let surplus: Vec<&Binding> = own.filter(|it| !is_needed(it, deployment)).collect();
    let lines = surplus.iter().map(|it| {
        let place = place(it.namespace.as_deref());
        format!("it has the role {} in {}", clean(&it.role), clean(&place))
    });
    let deletes = surplus.iter().map(|it| {
        let (kind, reach) = match &it.namespace {
            Some(namespace) => ("rolebinding", cluster.reach.within(namespace)),
            None => ("clusterrolebinding", cluster.reach.all().to_owned()),
        };
        let binding = word(&format!("{kind}/{}", it.name));
        format!("kubectl {reach} delete {binding}").replace("  ", " ")
    });
    let deletes: Vec<String> = deletes.collect();
    let description = format!(
        "{} has no rights beyond its configuration",
        name(deployment)
    );
    Some(CheckResult::warning(description, lines.collect()).hint(deletes.join("; ")))
}

/// Whether the arguments of a Deployment ask for what a binding allows.
fn is_needed(binding: &Binding, deployment: &Deployment) -> bool {
    let of = |role: &str| binding.role == format!("{}-{role}", deployment.namespace);
    let namespaces = deployment.watched_namespaces();
    match &binding.namespace {
        // Whether it looks for Linkerd's controller is not in its arguments.
        _ if of("find-upstream") => true,
        _ if of("links") => deployment.args.iter().any(|arg| arg == FROM_LINKS),
        Some(place) => namespaces.is_empty() || namespaces.contains(place),
        None => namespaces.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_beyond_the_arguments_is_surplus() {
        let deployment = |args: &[&str]| Deployment {
            name: "kubectl-failover".to_owned(),
            namespace: "ns".to_owned(),
            application: None,
            helm_release: None,
            wanted: 2,
            ready: 2,
            version: None,
            image: String::new(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
        };
        let wide = deployment(&["watch", "--all-namespaces"]);
        let limited = deployment(&["watch", "--namespaces=shop,pay"]);
        let linked = deployment(&["watch", "--namespaces=shop", "--remote-from-links"]);
        for (role, place, needed) in [
            ("ns-watch", None, [true, false, false]),
            ("ns-watch", Some("shop"), [true, true, true]),
            ("ns-watch", Some("pay"), [true, true, false]),
            ("ns-watch", Some("web"), [true, false, false]),
            ("ns-find-upstream", None, [true, true, true]),
            (
                "ns-links",
                Some("linkerd-multicluster"),
                [false, false, true],
            ),
        ] {
            let binding = Binding {
                name: role.to_owned(),
                namespace: place.map(str::to_owned),
                role: role.to_owned(),
                accounts_in: vec!["ns".to_owned()],
            };
            let found = [&wide, &limited, &linked].map(|it| is_needed(&binding, it));
            assert_eq!(found, needed, "{role} in {place:?}");
        }
    }
}
