//! Checks the user's permissions, command by command.

use std::collections::{HashMap, HashSet};

use clap::ValueEnum as _;
use futures::{StreamExt as _, stream};

use super::complaints::complaints;
use super::missing_rights::{Gap, Review, place_of};
use super::options::CheckOptions;
use super::rights_in_short;
use crate::access::rights::{RbacCommand, Right, RightScope};
use crate::cluster::api::access_review::{self, ResourceAction};
use crate::cluster::api::discovery::ApiGroups;
use crate::cluster::api::{lease, prometheus_rules};
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
        .filter(|task| !task.is_of_the_cluster())
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
    let reviews = tasks.iter().map(|(task, rights)| {
        let gaps = gaps(cluster, rights, namespace, &answers);
        (*task, gaps)
    });
    let reviews: Vec<Review> = reviews.collect();
    let checks = if options.short {
        rights_in_short::checks(cluster, &reviews, namespace)
    } else {
        let checks = reviews.into_iter();
        let checks = checks.map(|(task, gaps)| command(cluster, task, gaps, namespace));
        checks.collect()
    };
    Category {
        name: "failover-rights",
        checks,
    }
}

/// Leaves out the rights to kinds that the cluster does not serve.
fn rights_that_matter(task: RbacCommand, apis: &ApiGroups) -> Vec<Right> {
    let mut rights = task.rights();
    rights.retain(|right| {
        let kind = right.carrier();
        let is_served =
            right.group != prometheus_rules::API_GROUP || apis.serve(prometheus_rules::API_VERSION);
        is_served && kind.is_none_or(|kind| apis.serve_kind(kind.info()))
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
    let name = names.name(lease::NAME);
    let namespace = namespace.filter(|_| scope == RightScope::Namespace);
    verbs.iter().map(move |verb| ResourceAction {
        verb,
        group,
        resource,
        name,
        namespace: namespace.map(str::to_owned),
    })
}

/// Returns what the user lacks for one command. Of the kinds that can define groups, one is enough.
fn gaps<'a>(
    cluster: &Cluster,
    rights: &'a [Right],
    namespace: Option<&str>,
    answers: &Answers,
) -> Result<Vec<Gap<'a>>, Vec<String>> {
    let is_allowed = |deed: &ResourceAction| matches!(answers.get(deed), Some(Ok(true)));
    let mut carriers = rights.iter().filter(|right| right.carrier().is_some());
    let has_carrier = carriers.any(|right| deeds(right, namespace).all(|deed| is_allowed(&deed)));
    let mut gaps = Vec::new();
    for right in rights {
        let deeds: Vec<ResourceAction> = deeds(right, namespace).collect();
        let mut errors = deeds
            .iter()
            .filter_map(|deed| answers.get(deed)?.as_ref().err());
        if let Some(error) = errors.next() {
            return Err(complaints(cluster, error));
        }
        let denied = deeds.iter().filter(|deed| !is_allowed(deed));
        let verbs: Vec<&str> = denied.map(|deed| deed.verb).collect();
        if !verbs.is_empty() {
            let is_needed = right.lost.is_none() || right.carrier().is_some() && !has_carrier;
            gaps.push(Gap {
                right,
                verbs,
                is_needed,
            });
        }
    }
    Ok(gaps)
}

/// Checks one command. A missing right is an error if the command needs it, and a warning
/// otherwise.
fn command(
    cluster: &Cluster,
    task: RbacCommand,
    gaps: Result<Vec<Gap<'_>>, Vec<String>>,
    namespace: Option<&str>,
) -> CheckResult {
    let description = format!("{} is allowed in {}", task.name(), place(namespace));
    let gaps = match gaps {
        Ok(gaps) => gaps,
        Err(complaints) => return CheckResult::error(description, complaints),
    };
    let line = |gap: &Gap| {
        let (verbs, resource) = (gap.verbs.join(", "), gap.right.full_resource());
        let line = format!(
            "cannot {verbs} {resource} in {}",
            place_of(gap.right, namespace)
        );
        match gap.right.lost {
            Some(loss) if !gap.is_needed => format!("{line}: {loss}"),
            _ => line,
        }
    };
    let hint = format!(
        "kubectl failover check --rbac {} {}",
        task.name(),
        cluster.reach.scoped(namespace)
    );
    let (missing, lost): (Vec<_>, Vec<_>) = gaps.iter().partition(|gap| gap.is_needed);
    let is_warning = missing.is_empty();
    let lines = missing.into_iter().chain(lost).map(line).collect();
    if is_warning {
        CheckResult::warning(description, lines).hint(hint)
    } else {
        CheckResult::error(description, lines).hint(hint)
    }
}
