//! Asks the API server what the user is allowed to do (SelfSubjectAccessReview).

use kube::api::PostParams;
use serde::Deserialize;
use serde_json::json;

use super::types::Review;
use crate::cluster::transport::api_resource::SELF_SUBJECT_ACCESS_REVIEWS;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;

/// A verb on a resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceAction {
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// With the subresource, if any: `pods/portforward`.
    pub resource: &'static str,
    /// None: all objects.
    pub name: Option<&'static str>,
    /// None: all namespaces.
    pub namespace: Option<String>,
}

#[derive(Deserialize)]
struct AccessReviewStatus {
    #[serde(default)]
    allowed: bool,
}

pub async fn allows(cluster: &Cluster, action: &ResourceAction) -> RequestResult<bool> {
    let ResourceAction {
        verb,
        group,
        resource,
        name,
        namespace,
    } = action;
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "verb": verb, "group": group, "resource": resource, "subresource": subresource, "name": name.unwrap_or_default(), "namespace": namespace.as_deref().unwrap_or_default(),
        }},
    });
    let answer: Review<AccessReviewStatus> = cluster
        .create(
            SELF_SUBJECT_ACCESS_REVIEWS,
            None,
            &PostParams::default(),
            &review,
        )
        .await?;
    Ok(answer.status.allowed)
}
