//! ServiceProfiles, which route a service before any TrafficSplit or route does.

use serde::Deserialize;

use super::client::Cluster;
use super::error::RequestResult;
use super::path::SERVICE_PROFILES;
use crate::resource::Record;

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    dst_overrides: Vec<Override>,
}

#[derive(Deserialize)]
struct Override {
    #[serde(default)]
    authority: String,
}

/// The ServiceProfile of the group's apex, if it routes to other services than the group's backends. One that
/// routes to just those is what Linkerd's SMI extension makes of a TrafficSplit.
pub async fn foreign(cluster: &Cluster, record: &Record) -> RequestResult<Option<String>> {
    let namespace = &record.meta.namespace;
    let name = format!("{}.{namespace}.svc.cluster.local", record.apex);
    let profile: Profile = match cluster.get(&SERVICE_PROFILES.object(namespace, &name)).await {
        Ok(profile) => profile,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let backends = record.group.as_ref().map(|group| group.backends.as_slice()).unwrap_or_default();
    let is_backend = |authority: &str| {
        let service = authority.split('.').next().unwrap_or_default();
        backends.iter().any(|backend| backend.service.name == service)
    };
    let foreign = profile.spec.dst_overrides.iter().any(|to| !is_backend(&to.authority));
    Ok(foreign.then(|| format!("ServiceProfile {name}")))
}
