//! Who we are to the cluster.

use serde::{Deserialize, Serialize};

use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::cluster::transport::path::SELF_SUBJECT_REVIEWS;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    api_version: &'static str,
    kind: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status: AnswerStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerStatus {
    user_info: UserInfo,
}

#[derive(Deserialize)]
struct UserInfo {
    #[serde(default)]
    username: String,
}

/// The user name that the API server knows us by.
pub async fn user_name(cluster: &Cluster) -> RequestResult<String> {
    let question = Question {
        api_version: "authentication.k8s.io/v1",
        kind: "SelfSubjectReview",
    };
    let answer: Answer = cluster
        .create(&SELF_SUBJECT_REVIEWS.collection(None), &question)
        .await?;
    Ok(answer.status.user_info.username)
}

/// `user@host`, as moves are signed with; the kubeconfig's name of the user where the server will not say.
pub async fn signature(cluster: &Cluster) -> RequestResult<String> {
    let user = match user_name(cluster).await {
        Ok(user) => user,
        Err(error) if error.is_not_found() || error.is_forbidden() => {
            cluster.user.clone().unwrap_or_else(|| "unknown".to_owned())
        }
        Err(error) => return Err(error),
    };
    Ok(format!("{user}@{}", host()))
}

fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
