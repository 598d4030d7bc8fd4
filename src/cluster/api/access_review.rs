//! What we may do.

use serde::Deserialize;
use serde_json::json;

use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::cluster::transport::path::SELF_SUBJECT_ACCESS_REVIEWS;

/// Something that one may or may not do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Deed {
    pub verb: &'static str,
    /// API group; empty for the core.
    pub group: &'static str,
    pub resource: &'static str,
    /// None: in all namespaces.
    pub namespace: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    status: AnswerStatus,
}

#[derive(Deserialize)]
struct AnswerStatus {
    #[serde(default)]
    allowed: bool,
}

/// Whether the API server lets us do it.
pub async fn allows(cluster: &Cluster, deed: &Deed) -> RequestResult<bool> {
    let Deed {
        verb,
        group,
        resource,
        namespace,
    } = deed;
    let question = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "verb": verb, "group": group, "resource": resource, "namespace": namespace.as_deref().unwrap_or_default(),
        }},
    });
    let answer: Answer = cluster
        .create(&SELF_SUBJECT_ACCESS_REVIEWS.collection(None), &question)
        .await?;
    Ok(answer.status.allowed)
}
