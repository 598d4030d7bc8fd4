//! Asks the API server for the user's name (SelfSubjectReview). Moves are signed with it.

use kube::api::PostParams;
use serde::Deserialize;
use serde_json::json;

use super::types::Review;
use crate::cluster::transport::api_resource::SELF_SUBJECT_REVIEWS;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SelfReviewStatus {
    user_info: UserInfo,
}

#[derive(Deserialize)]
struct UserInfo {
    #[serde(default)]
    username: String,
}

/// Returns the user's name on the API server.
async fn user_name(cluster: &Cluster) -> RequestResult<String> {
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "SelfSubjectReview",
    });
    let answer: Review<SelfReviewStatus> = cluster
        .create(SELF_SUBJECT_REVIEWS, None, &PostParams::default(), &review)
        .await?;
    Ok(answer.status.user_info.username)
}

/// Returns `user@host`, the signature of moves. If the server does not report a user name, the
/// kubeconfig's name of the user is used.
pub async fn signature(cluster: &Cluster) -> RequestResult<String> {
    let user = match user_name(cluster).await {
        Ok(user) => user,
        Err(error) if error.is_not_found() || error.is_forbidden() => {
            cluster.user.clone().unwrap_or_else(|| "unknown".to_owned())
        }
        Err(error) => return Err(error),
    };
    let uname = rustix::system::uname();
    Ok(format!("{user}@{}", uname.nodename().to_string_lossy()))
}
