//! Checks whether the pods behind the groups' services have Linkerd's proxy (`check --proxy`).

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, future, stream};

use super::complaints::complaints;
use crate::cluster::api::workloads;
use crate::cluster::api::workloads::Pod;
use crate::cluster::{Cluster, RequestResult};
use crate::model::check::{Category, CheckResult};
use crate::resource::Record;

/// The number of namespaces to read at once.
const CONCURRENT_POD_READS: usize = 4;

type Services<'a> = BTreeSet<&'a str>;

pub async fn check(cluster: &Cluster, records: &[Record]) -> Category {
    let mut wanted: BTreeMap<&str, Services<'_>> = BTreeMap::new();
    for group in records
        .iter()
        .filter_map(|record| record.group.as_ref().ok())
    {
        for backend in &group.backends {
            wanted
                .entry(&backend.service.namespace)
                .or_default()
                .insert(&backend.service.name);
        }
    }
    let reads = wanted
        .iter()
        .map(|(namespace, services)| unmeshed(cluster, namespace, services));
    let found: RequestResult<Vec<Vec<String>>> = stream::iter(reads)
        .buffered(CONCURRENT_POD_READS)
        .try_collect()
        .await;
    let complaints = match found {
        Ok(found) => found.concat(),
        Err(error) => complaints(cluster, &error),
    };
    let check = CheckResult::warning(
        "the pods behind the groups' services are meshed",
        complaints,
    )
    .hint("https://linkerd.io/2/tasks/adding-your-service/");
    Category {
        checks: vec![check],
        ..Category::new("failover-data-plane")
    }
}

/// Returns a line for each service with pods that have no proxy.
async fn unmeshed(
    cluster: &Cluster,
    namespace: &str,
    services: &Services<'_>,
) -> RequestResult<Vec<String>> {
    let reads = future::try_join(
        workloads::selectors(cluster, namespace),
        workloads::pods(cluster, namespace),
    );
    let (selectors, pods) = reads.await?;
    let line = |service: &&str| {
        let selector = selectors
            .get(*service)
            .filter(|selector| !selector.is_empty())?;
        let bare = pods
            .iter()
            .filter(|pod| pod.is_alive && !pod.is_meshed && is_selected(pod, selector));
        let names: Vec<&str> = bare.map(|pod| pod.name.as_str()).collect();
        let first = names.first()?;
        let more = match names.len() {
            1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        Some(format!(
            "{namespace}/{service}: no linkerd-proxy in pod {first}{more}"
        ))
    };
    Ok(services.iter().filter_map(line).collect())
}

fn is_selected(pod: &Pod, selector: &BTreeMap<String, String>) -> bool {
    selector
        .iter()
        .all(|(key, value)| pod.labels.get(key) == Some(value))
}
