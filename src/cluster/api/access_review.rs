//! Asks the API server what the user is allowed to do (SelfSubjectAccessReview), or a ServiceAccount
//! (SubjectAccessReview).

use kube::api::PostParams;
use serde::Deserialize;
use serde_json::{Value, json};

use super::types::Review;
use crate::cluster::transport::api_resource::{
    ApiResource, SELF_SUBJECT_ACCESS_REVIEWS, SUBJECT_ACCESS_REVIEWS,
};
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

/// A ServiceAccount, as the API server knows it.
#[derive(Debug, Clone)]
pub struct Account {
    pub user: String,
    groups: [String; 3],
}

impl Account {
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            user: format!("system:serviceaccount:{namespace}:{name}"),
            groups: [
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ],
        }
    }
}

/// Whether the user may do this.
pub async fn allows(cluster: &Cluster, action: &ResourceAction) -> RequestResult<bool> {
    let spec = json!({ "resourceAttributes": attributes(action) });
    review(
        cluster,
        "SelfSubjectAccessReview",
        SELF_SUBJECT_ACCESS_REVIEWS,
        spec,
    )
    .await
}

/// Whether a ServiceAccount may do this.
pub async fn allows_account(
    cluster: &Cluster,
    action: &ResourceAction,
    Account { user, groups }: &Account,
) -> RequestResult<bool> {
    let attributes = attributes(action);
    let spec = json!({ "user": user, "groups": groups, "resourceAttributes": attributes });
    review(cluster, "SubjectAccessReview", SUBJECT_ACCESS_REVIEWS, spec).await
}

fn attributes(action: &ResourceAction) -> Value {
    let ResourceAction {
        verb,
        group,
        resource,
        name,
        namespace,
    } = action;
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    json!({
        "verb": verb,
        "group": group,
        "resource": resource,
        "subresource": subresource,
        "name": name.unwrap_or_default(),
        "namespace": namespace.as_deref().unwrap_or_default(),
    })
}

async fn review(
    cluster: &Cluster,
    kind: &str,
    reviews: ApiResource,
    spec: Value,
) -> RequestResult<bool> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": kind,
        "spec": spec,
    });
    let params = PostParams::default();
    let answer: Review<AccessReviewStatus> =
        cluster.create(reviews, None, &params, &review).await?;
    Ok(answer.status.allowed)
}
