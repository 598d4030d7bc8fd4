//! Lists the groups of every kind that the cluster serves, once.

use futures::future;

use super::kind_status::KindStatus;
use crate::cluster::api::groups;
use crate::cluster::listwatch::list;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{RequestError, RequestResult};
use crate::resource::{KINDS, Record};

/// Groups, and the kinds that could not be listed.
#[derive(Debug, Default)]
pub struct GroupList {
    pub records: Vec<Record>,
    /// The errors of kinds that the user is not allowed to list, if other kinds could be listed.
    pub forbidden: Vec<RequestError>,
}

/// Lists the groups of every kind that the cluster serves.
///
/// # Errors
/// If a list fails or no kind can be listed. "Not found" means that the cluster does not serve any
/// kind; otherwise all kinds are forbidden.
pub async fn list_groups(
    cluster: &Cluster,
    namespace: Option<&str>,
    labels: Option<&str>,
) -> RequestResult<GroupList> {
    list_groups_counting(cluster, namespace, labels, &|_| ()).await
}

/// Like [`list_groups`]. Calls `count` for each group, with the number of groups of its kind so
/// far.
///
/// # Errors
/// As [`list_groups`].
pub async fn list_groups_counting(
    cluster: &Cluster,
    namespace: Option<&str>,
    labels: Option<&str>,
    count: &impl Fn(usize),
) -> RequestResult<GroupList> {
    let lists = KINDS.iter().map(|kind| async move {
        let source = groups::collection(*kind, namespace, labels);
        match list::list_counting(cluster, &source, count).await {
            Ok((records, _)) => Ok(records),
            Err(error) => Err(groups::clarified(cluster, *kind, error).await),
        }
    });
    let (mut kinds, mut records) = (KindStatus::default(), Vec::new());
    for (kind, list) in KINDS.iter().zip(future::join_all(lists).await) {
        match list {
            Ok(groups) => {
                kinds.served(*kind);
                records.extend(groups);
            }
            Err(error) => kinds.unavailable(*kind, &error)?,
        }
    }
    let forbidden = kinds.forbidden().map(|(_, error)| error.clone());
    Ok(GroupList {
        forbidden: forbidden.collect(),
        records,
    })
}
