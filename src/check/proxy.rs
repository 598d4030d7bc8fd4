//! Checks whether the pods behind the groups' services have Linkerd's proxy (`check --proxy`).

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, future, stream};

use super::complaints::complaints;
use crate::cluster::api::{pods, workloads};
use crate::cluster::{Cluster, RequestResult};
use crate::model::check::{Category, CheckResult};
use crate::readiness::backends::backends_of;
use crate::resource::Record;

/// The number of namespaces to read at once.
const CONCURRENT_POD_READS: usize = 4;

pub async fn check(cluster: &Cluster, records: &[Record]) -> Category {
    let wanted = backends_of(records);
    let reads = wanted
        .iter()
        .map(|(namespace, services)| unmeshed(cluster, namespace, services));
    let reads = stream::iter(reads).buffered(CONCURRENT_POD_READS);
    let complaints = match reads.try_collect::<Vec<_>>().await {
        Ok(found) => found.concat(),
        Err(error) => complaints(cluster, &error),
    };
    let description = "the pods behind the groups' services are meshed";
    let check = CheckResult::warning(description, complaints);
    Category {
        name: "failover-data-plane",
        checks: vec![check.hint("https://linkerd.io/2/tasks/adding-your-service/")],
    }
}

/// Returns a line for each service with pods that have no proxy.
async fn unmeshed(
    cluster: &Cluster,
    namespace: &str,
    services: &BTreeSet<String>,
) -> RequestResult<Vec<String>> {
    let reads = future::try_join(
        workloads::selectors(cluster, namespace),
        pods::pods(cluster, namespace),
    );
    let (selectors, pods) = reads.await?;
    let line = |service: &String| {
        let selector = selectors
            .get(service)
            .filter(|selector| !selector.is_empty())?;
        let bare = pods
            .iter()
            .filter(|pod| pod.is_alive && !pod.is_meshed && pod.is_selected(selector));
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
