//! Checks by dry run whether the API server accepts the Leases of a watch.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};

use crate::cluster::api::lease;
use crate::cluster::transport::error::Cause;
use crate::cluster::{Cluster, RequestError};
use crate::resource::Record;

/// The number of namespaces whose Lease is tried. More of them would take long.
const MAX_TRIED_NAMESPACES: usize = 20;
const CONCURRENT_DRY_RUNS: usize = 8;

/// Returns a line for each namespace of these groups whose Lease the API server does not accept.
pub async fn refused(cluster: &Cluster, records: &[Record]) -> Vec<String> {
    let namespaces: BTreeSet<&str> = records
        .iter()
        .map(|record| record.meta.namespace.as_str())
        .collect();
    let tried = namespaces.into_iter().take(MAX_TRIED_NAMESPACES);
    let lines = tried.map(|namespace| async move {
        let error = lease::dry_run(cluster, namespace).await.err()?;
        is_due_to_admission(&error).then(|| {
            format!(
                "the API server does not accept the Lease of a watch in namespace {namespace}: {}",
                error.cause
            )
        })
    });
    let lines = stream::iter(lines).buffered(CONCURRENT_DRY_RUNS);
    lines.filter_map(|line| async { line }).collect().await
}

/// Missing rights are reported elsewhere. A webhook with side effects cannot take part in a dry
/// run, which says nothing about the Lease.
fn is_due_to_admission(error: &RequestError) -> bool {
    match &error.cause {
        Cause::Status {
            code: 400 | 413 | 422 | 500 | 504,
            message,
            ..
        } => !message.contains("does not support dry run"),
        Cause::TimedOut { .. } => true,
        _ => false,
    }
}
