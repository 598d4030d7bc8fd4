//! What decides where the traffic of a service goes: its ServiceProfiles, and whether Linkerd's SMI
//! extension, which writes them, is running.

use crate::cluster::Cluster;
use crate::cluster::api::service_profiles::Profile;
use crate::cluster::api::{namespaces, workloads};
use crate::cluster::queries::conflicts::list_profiles;
use crate::cluster::{RequestError, RequestResult};
use crate::model::ServiceRef;
use crate::text::word;

/// The label of the namespace of Linkerd's SMI extension.
const SMI_LABEL: &str = "linkerd.io/extension=smi";

/// Returns the ServiceProfiles of a service in its own namespace; none if the cluster does not
/// serve ServiceProfiles.
pub async fn profiles(cluster: &Cluster, apex: &ServiceRef) -> RequestResult<Vec<Profile>> {
    let profiles = list_profiles(cluster, Some(&apex.namespace)).await?;
    let is_of_apex = |profile: &Profile| profile.service().as_ref() == Some(apex);
    Ok(profiles.into_iter().filter(is_of_apex).collect())
}

/// Whether Linkerd's SMI extension is running; none if the user may not see it.
pub async fn smi_is_running(cluster: &Cluster) -> Option<bool> {
    let is_ready = async |namespace: &String| {
        let deployments = workloads::deployments(cluster, namespace).await?;
        Ok::<bool, RequestError>(deployments.iter().any(|it| it.ready > 0))
    };
    let namespaces = namespaces::names(cluster, SMI_LABEL).await.ok()?;
    for namespace in namespaces.iter().take(MAX_NAMESPACES) {
        if is_ready(namespace).await.ok()? {
            return Some(true);
        }
    }
    Some(false)
}

/// The most namespaces that are searched: anyone who may label a namespace adds one.
const MAX_NAMESPACES: usize = 20;

/// Returns the command that ends the split of a ServiceProfile by hand.
pub fn clear_by_hand(cluster: &Cluster, namespace: &str, profile: &str) -> String {
    format!(
        "kubectl {} patch serviceprofiles.linkerd.io {} --type=merge -p {}",
        cluster.reach.within(namespace),
        word(profile),
        word(r#"{"spec":{"dstOverrides":null}}"#)
    )
}
