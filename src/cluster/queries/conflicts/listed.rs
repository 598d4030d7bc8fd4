//! Lists of which some may fail.

use std::collections::BTreeSet;

use crate::cluster::api::service_profiles::Profile;
use crate::cluster::api::services::Service;
use crate::cluster::api::{discovery, service_profiles, services};
use crate::cluster::listwatch::list::list;
use crate::cluster::transport::api_resource::{ApiResource, SERVICE_PROFILES};
use crate::cluster::transport::client::Cluster;
use crate::cluster::{RequestError, RequestResult};

/// A list that failed.
#[derive(Debug, Clone)]
pub struct UnreadConflicts {
    /// None: all namespaces.
    pub namespace: Option<String>,
    pub words: String,
}

/// Returns the listed objects. If the list failed, records the failure and returns no objects.
pub fn or_note<T>(
    listed: RequestResult<Vec<T>>,
    what: &str,
    namespace: Option<&str>,
    unread: &mut Vec<UnreadConflicts>,
) -> Vec<T> {
    listed.unwrap_or_else(|error| {
        let words = format!(
            "can't tell whether {what} routes the same service: {}",
            error.cause
        );
        unread.push(UnreadConflicts {
            namespace: namespace.map(str::to_owned),
            words,
        });
        Vec::new()
    })
}

/// Lists ServiceProfiles. Returns none if the cluster does not serve them, even if the list is
/// forbidden.
pub async fn list_profiles(
    cluster: &Cluster,
    namespace: Option<&str>,
) -> RequestResult<Vec<Profile>> {
    match list(cluster, &service_profiles::collection(namespace)).await {
        Ok((profiles, _)) => Ok(profiles),
        Err(error) if error.is_forbidden() => {
            let ApiResource { api, plural } = SERVICE_PROFILES;
            let api = api.trim_start_matches("apis/");
            match discovery::serves(cluster, api, plural).await {
                Ok(false) => Ok(Vec::new()),
                _ => Err(error),
            }
        }
        Err(error) => none_if_absent(error),
    }
}

pub fn none_if_absent<T>(error: RequestError) -> RequestResult<Vec<T>> {
    if error.is_not_found() {
        Ok(Vec::new())
    } else {
        Err(error)
    }
}

/// Returns the Services that can be read.
pub async fn read_services(
    cluster: &Cluster,
    namespace: Option<&str>,
    names: &BTreeSet<&str>,
) -> Vec<Service> {
    let Some(namespace) = namespace else {
        let listed = list(cluster, &services::all(None)).await;
        return listed.map(|(services, _)| services).unwrap_or_default();
    };
    services::read(cluster, namespace, names.iter().copied())
        .await
        .into_iter()
        .filter_map(|(_, found)| found.ok().flatten())
        .collect()
}
