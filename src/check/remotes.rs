//! Checks whether the clusters to ask about mirrors can be read.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::complaints::complaints;
use crate::access::rights::{LINKS, REMOTE};
use crate::cluster::api::access_review;
use crate::cluster::api::access_review::ResourceAction;
use crate::cluster::remotes::{links, named_remotes};
use crate::cluster::{Cluster, Clusters};
use crate::model::RemoteService;
use crate::model::check::{Category, CheckResult};
use crate::readiness::backends::backends_of;
use crate::readiness::read_once::mirrored_services;
use crate::resource::Record;
use crate::text::word;

/// Checks the namespaces of the services that the groups mirror, in each cluster. In a cluster that
/// no group mirrors, checks the command's own namespace. Returns None without other clusters to
/// ask.
pub async fn check(cluster: &Clusters, records: &[Record]) -> Option<Category> {
    let asked = cluster.remotes().asked();
    if asked.is_empty() {
        return None;
    }
    let mirrored = mirrored_services(cluster, &backends_of(records)).await;
    let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for RemoteService { cluster, service } in &mirrored {
        places
            .entry(cluster)
            .or_default()
            .insert(&service.namespace);
    }
    for name in asked.named() {
        places
            .entry(name)
            .or_insert_with(|| BTreeSet::from([cluster.namespace.as_str()]));
    }
    let checks = places
        .iter()
        .map(|(name, namespaces)| remote(cluster, name, namespaces));
    let checks: Vec<CheckResult> = join_all(checks).await.into_iter().flatten().collect();
    let category = Category {
        checks,
        ..Category::new("failover-remotes")
    };
    (!category.checks.is_empty()).then_some(category)
}

async fn remote(local: &Clusters, name: &str, namespaces: &BTreeSet<&str>) -> Vec<CheckResult> {
    let description = format!("there are credentials for cluster {name}");
    let there = match local.remote(name).await {
        Ok(there) => there,
        Err(why) => {
            let mend = named_remotes::how_to_ask(&local.remotes().asked(), &why);
            let lines = std::iter::once(why.to_string()).chain(mend).collect();
            let failed = CheckResult::error(description, lines);
            let is_link = local.reach.has_links() && why.cluster_without_remote().is_some();
            return vec![if is_link {
                failed.hint(right_to_link(name))
            } else {
                failed
            }];
        }
    };
    let looks = join_all(
        namespaces
            .iter()
            .map(|namespace| missing(&there, namespace)),
    )
    .await;
    let is_denied = looks.iter().any(|look| matches!(look, Ok(Some(_))));
    let lines = looks
        .into_iter()
        .flat_map(|look| look.map_or_else(|unknown| unknown, Vec::from_iter));
    let readable = CheckResult::error(
        format!("EndpointSlices can be read in cluster {name}"),
        lines.collect(),
    );
    let (resource, verbs) = (REMOTE.full_resource(), REMOTE.verbs.join(","));
    let first = word(namespaces.first().copied().unwrap_or_default());
    let hint = format!(
        "in cluster {name}: kubectl create role kubectl-failover-remote -n {first} --verb={verbs} \
         --resource={resource}"
    );
    vec![
        CheckResult::success(description),
        if is_denied {
            readable.hint(hint)
        } else {
            readable
        },
    ]
}

/// Returns the command that grants access to the one secret that is needed.
fn right_to_link(name: &str) -> String {
    let (namespace, secret, right) = (
        links::NAMESPACE,
        word(&links::secret_name(name)),
        LINKS.resource,
    );
    format!(
        "kubectl create role {secret} -n {namespace} --verb={} --resource={right} \
         --resource-name={secret}",
        LINKS.verbs.join(",")
    )
}

/// Returns a line with the missing rights, if any.
///
/// # Errors
/// If the rights cannot be read, the lines that say why.
async fn missing(there: &Cluster, namespace: &str) -> Result<Option<String>, Vec<String>> {
    let mut denied = Vec::new();
    for verb in REMOTE.verbs {
        let (group, resource) = (REMOTE.group, REMOTE.resource);
        let deed = ResourceAction {
            verb,
            group,
            resource,
            namespace: Some(namespace.to_owned()),
        };
        match access_review::allows(there, &deed).await {
            Ok(true) => {}
            Ok(false) => denied.push(*verb),
            Err(error) => return Err(complaints(there, &error)),
        }
    }
    let line = || {
        format!(
            "cannot {} {} in namespace {namespace}",
            denied.join(", "),
            REMOTE.full_resource()
        )
    };
    Ok((!denied.is_empty()).then(line))
}
