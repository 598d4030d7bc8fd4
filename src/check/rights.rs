//! Checks the user's permissions, command by command.

use std::collections::{HashMap, HashSet};

use clap::ValueEnum as _;
use futures::{StreamExt as _, stream};

use super::complaints::complaints;
use super::options::CheckOptions;
use crate::access::rights::{RbacCommand, ResourceNames, Right, RightScope};
use crate::cluster::api::access_review::{self, ResourceAction};
use crate::cluster::api::discovery::ApiGroups;
use crate::cluster::api::lease;
use crate::cluster::{Cluster, RequestResult};
use crate::model::check::{Category, CheckResult};
use crate::text::place;

/// The number of SelfSubjectAccessReviews in flight.
const CONCURRENT_ACCESS_REVIEWS: usize = 8;

type Answers = HashMap<ResourceAction, RequestResult<bool>>;

/// Checks the command's namespace, or all namespaces.
pub async fn check(cluster: &Cluster, options: &CheckOptions, apis: &ApiGroups) -> Category {
    let namespace = (!options.all_namespaces).then_some(cluster.namespace.as_str());
    let tasks: Vec<(RbacCommand, Vec<Right>)> = RbacCommand::value_variants()
        .iter()
        .map(|task| (*task, rights_that_matter(*task, apis)))
        .collect();
    let rights = tasks.iter().flat_map(|(_, rights)| rights);
    let deeds: HashSet<ResourceAction> = rights.flat_map(|right| deeds(right, namespace)).collect();
    let questions = deeds.into_iter().map(|deed| async move {
        let answer = access_review::allows(cluster, &deed).await;
        (deed, answer)
    });
    let answers: Answers = stream::iter(questions)
        .buffer_unordered(CONCURRENT_ACCESS_REVIEWS)
        .collect()
        .await;
    let checks = tasks
        .iter()
        .map(|(task, rights)| command(cluster, *task, rights, namespace, &answers));
    Category {
        name: "failover-rights",
        checks: checks.collect(),
    }
}

/// Leaves out the rights to kinds that the cluster does not serve.
fn rights_that_matter(task: RbacCommand, apis: &ApiGroups) -> Vec<Right> {
    let mut rights = task.rights();
    rights.retain(|right| {
        let kind = right.carrier();
        kind.is_none_or(|kind| apis.serve_kind(kind.info()))
    });
    rights
}

fn deeds(right: &Right, namespace: Option<&str>) -> impl Iterator<Item = ResourceAction> {
    let Right {
        group,
        resource,
        verbs,
        names,
        scope,
        ..
    } = *right;
    // That of a watch without a selector.
    let name = (names == ResourceNames::OwnLease).then_some(lease::NAME);
    let namespace = namespace.filter(|_| scope == RightScope::Namespace);
    verbs.iter().map(move |verb| ResourceAction {
        verb,
        group,
        resource,
        name,
        namespace: namespace.map(str::to_owned),
    })
}

/// Checks one command. A missing right is an error if the command needs it, and a warning
/// otherwise. Of the kinds that can define groups, one is enough.
fn command(
    cluster: &Cluster,
    task: RbacCommand,
    rights: &[Right],
    namespace: Option<&str>,
    answers: &Answers,
) -> CheckResult {
    let description = format!("{} is allowed in {}", task.name(), place(namespace));
    let (mut missing, mut lost) = (Vec::new(), Vec::new());
    let is_allowed = |deed: &ResourceAction| matches!(answers.get(deed), Some(Ok(true)));
    let mut carriers = rights.iter().filter(|right| right.carrier().is_some());
    let has_carrier = carriers.any(|right| deeds(right, namespace).all(|deed| is_allowed(&deed)));
    for right in rights {
        let deeds: Vec<ResourceAction> = deeds(right, namespace).collect();
        let mut errors = deeds
            .iter()
            .filter_map(|deed| answers.get(deed)?.as_ref().err());
        if let Some(error) = errors.next() {
            return CheckResult::error(description, complaints(cluster, error));
        }
        let denied = deeds.iter().filter(|deed| !is_allowed(deed));
        let verbs: Vec<&str> = denied.map(|deed| deed.verb).collect();
        if !verbs.is_empty() {
            let place = place(namespace.filter(|_| right.scope == RightScope::Namespace));
            let (verbs, resource) = (verbs.join(", "), right.full_resource());
            let line = format!("cannot {verbs} {resource} in {place}");
            match right.lost {
                None => missing.push(line),
                Some(_) if right.carrier().is_some() && !has_carrier => missing.push(line),
                Some(loss) => lost.push(format!("{line}: {loss}")),
            }
        }
    }
    let hint = format!(
        "kubectl failover check --rbac {} {}",
        task.name(),
        cluster.reach.scoped(namespace)
    );
    if missing.is_empty() {
        CheckResult::warning(description, lost).hint(hint)
    } else {
        missing.append(&mut lost);
        CheckResult::error(description, missing).hint(hint)
    }
}
