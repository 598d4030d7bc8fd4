//! Clusters whose network is cut off.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::{Api, Client};
use serde_json::json;
use tempfile::TempDir;

use super::lifecycle::{assert_nothing_left, sandbox};
use crate::support::{BINARY, client, cluster_start_permit, eventually};

/// Far longer than a request takes here.
const NO_ANSWER: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_partitioned_cluster_hangs_and_catches_up_afterwards() {
    let _permit = cluster_start_permit();
    let home = TempDir::new().unwrap();
    sandbox(&home, ["up"]).run().await.success();
    let kubeconfig = home.path().join("kubectl-failover/sandbox/up/kubeconfig");
    let (west, east) = (
        client(&kubeconfig, "west").await,
        client(&kubeconfig, "east").await,
    );
    assert!(answers(&east).await);
    let partition = async |state| {
        sandbox(&home, ["partition", "east", state])
            .run()
            .await
            .success()
    };

    partition("on")
        .await
        .stdout_contains("The API of east is disconnected");
    assert!(!answers(&east).await, "a connection of before answers");
    assert!(
        !answers(&client(&kubeconfig, "east").await).await,
        "a new connection answers"
    );
    assert!(answers(&west).await, "the other cluster does not answer");
    sandbox(&home, ["status"])
        .run()
        .await
        .success()
        .stdout_contains("gateway up, API disconnected");
    export(&west).await;

    partition("off")
        .await
        .stdout_contains("The API of east is connected");
    assert!(answers(&east).await, "it does not answer again");
    eventually("the mirror has come", async || {
        let services: Api<Service> = Api::namespaced(east.clone(), "emojivoto");
        services
            .get("web-svc-west")
            .await
            .map(drop)
            .map_err(|cause| cause.to_string())
    })
    .await;

    partition("on").await;
    sandbox(&home, ["down"]).run().await.success();
    assert_nothing_left(&home);
}

#[tokio::test]
async fn a_run_ends_cleanly_while_its_cluster_is_partitioned() {
    let _permit = cluster_start_permit();
    let home = TempDir::new().unwrap();
    let itself = Path::new(BINARY);
    let command = ["run", "--clusters", "solo", "--", itself.to_str().unwrap()];
    let run = sandbox(&home, command)
        .args(["sandbox", "partition", "solo", "on"])
        .run()
        .await;
    run.success()
        .stdout_contains("The API of solo is disconnected");
    assert_nothing_left(&home);
}

/// Whether the server answers, even with an error. A dead network gives no answer.
async fn answers(client: &Client) -> bool {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let answer = tokio::time::timeout(NO_ANSWER, namespaces.get("default")).await;
    answer
        .map(|answer| answer.expect("an answer is no error"))
        .is_ok()
}

async fn export(client: &Client) {
    let services: Api<Service> = Api::namespaced(client.clone(), "emojivoto");
    let patch = json!({"metadata": {"labels": {"mirror.linkerd.io/exported": "true"}}});
    let patch = kube::api::Patch::Merge(patch);
    services
        .patch("web-svc", &Default::default(), &patch)
        .await
        .unwrap();
}
