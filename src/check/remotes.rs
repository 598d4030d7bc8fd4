//! Checks whether the clusters to ask about mirrors can be read.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::complaints::complaints;
use crate::access::rights::{LINKS, REMOTE};
use crate::cluster::api::access_review::{self, ResourceAction};
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
        let namespaces = places.entry(cluster).or_default();
        namespaces.insert(&service.namespace);
    }
    for name in asked.named() {
        let own = || BTreeSet::from([cluster.namespace.as_str()]);
        places.entry(name).or_insert_with(own);
    }
    let checks = places
        .iter()
        .map(|(name, namespaces)| remote(cluster, name, namespaces));
    let checks: Vec<CheckResult> = join_all(checks).await.into_iter().flatten().collect();
    let name = "failover-remotes";
    (!checks.is_empty()).then_some(Category { name, checks })
}

async fn remote(local: &Clusters, name: &str, namespaces: &BTreeSet<&str>) -> Vec<CheckResult> {
    let description = format!("there are credentials for cluster {name}");
    let there = match local.remote(name).await {
        Ok(there) => there,
        Err(why) => {
            let mend = named_remotes::how_to_ask(&local.remotes().asked(), &why);
            let lines = std::iter::once(why.to_string()).chain(mend).collect();
            let mut failed = CheckResult::error(description, lines);
            let is_link = local.reach.has_links() && why.cluster_without_remote().is_some();
            failed.hint = is_link.then(|| right_to_link(name));
            return vec![failed];
        }
    };
    let namespaces = namespaces.iter();
    let looks = join_all(
        namespaces
            .clone()
            .map(|namespace| missing(&there, namespace)),
    )
    .await;
    let is_denied = looks.iter().any(|look| matches!(look, Ok(Some(_))));
    let lines = looks
        .into_iter()
        .flat_map(|look| look.map_or_else(|unknown| unknown, Vec::from_iter));
    let readable = format!("EndpointSlices can be read in cluster {name}");
    let mut readable = CheckResult::error(readable, lines.collect());
    let (resource, verbs) = (REMOTE.full_resource(), REMOTE.verbs.join(","));
    let first = word(namespaces.copied().next().unwrap_or_default());
    readable.hint = is_denied.then(|| {
        format!(
            "in cluster {name}: kubectl create role kubectl-failover-remote -n {first} \
             --verb={verbs} --resource={resource}"
        )
    });
    vec![CheckResult::success(description), readable]
}

/// Returns the command that grants access to the one secret that is needed.
fn right_to_link(name: &str) -> String {
    let (namespace, secret) = (links::NAMESPACE, word(&links::secret_name(name)));
    let (verbs, right) = (LINKS.verbs.join(","), LINKS.resource);
    format!(
        "kubectl create role {secret} -n {namespace} --verb={verbs} --resource={right} \
         --resource-name={secret}"
    )
}

/// Returns a line with the missing rights, if any.
///
/// # Errors
/// If the rights cannot be read, the lines that say why.
async fn missing(there: &Cluster, namespace: &str) -> Result<Option<String>, Vec<String>> {
    let mut denied = Vec::new();
    for verb in REMOTE.verbs {
        let deed = ResourceAction {
            verb,
            group: REMOTE.group,
            resource: REMOTE.resource,
            name: None,
            namespace: Some(namespace.to_owned()),
        };
        match access_review::allows(there, &deed).await {
            Ok(true) => {}
            Ok(false) => denied.push(*verb),
            Err(error) => return Err(complaints(there, &error)),
        }
    }
    let (verbs, resource) = (denied.join(", "), REMOTE.full_resource());
    let line = || format!("cannot {verbs} {resource} in namespace {namespace}");
    Ok((!denied.is_empty()).then(line))
}
