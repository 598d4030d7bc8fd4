//! Programs of a control plane that are killed and come back.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use kube::api::{Api, ListParams};

use crate::ALONE;
use crate::support::group_fixture::{GROUPS, GroupFixture, SETTLE_LIMIT};
use crate::support::{
    Sandbox, Side, client, end, eventually_within, free_port, kubeconfig_of, operator_rights,
    plugin, restricted_kubeconfig_of, start_again, started,
};

const APISERVER: &str = "kube-apiserver";
/// How long a program is gone.
const OUTAGE: Duration = Duration::from_secs(10);
/// How long recovery may take after the program is back, beyond the time for the same change
/// without a fault.
const RECOVERY_LIMIT: Duration = Duration::from_secs(5);

/// Endpoints change through a second API server while the one that the watch uses is gone.
#[tokio::test]
async fn restarted_servers_lose_no_change() {
    let _alone = ALONE.lock().await;
    let sandbox = Sandbox::start(&["solo"]);
    let side = Side {
        context: "solo",
        namespace: "fixture".into(),
        client: sandbox.client("solo").await,
    };
    side.create_namespace().await;
    let fixture = GroupFixture::build(&side, GROUPS).await;
    let (_second, side_door) = second_server(&sandbox).await;
    let by_side_door = GroupFixture {
        side: Side {
            client: side_door,
            ..side.clone()
        },
        names: fixture.names.clone(),
    };
    let rights = operator_rights();
    let operator =
        restricted_kubeconfig_of(&sandbox.kubeconfig(), &side, "operator", &rights).await;
    let watch = started(
        plugin()
            .args(["watch"])
            .on(&side)
            .kubeconfig(operator.path()),
    )
    .await;
    let started = Instant::now();
    fixture.lose_all_primaries().await;
    fixture.until_right(SETTLE_LIMIT).await;
    let limit = RECOVERY_LIMIT + started.elapsed();
    fixture.restore_all_primaries().await;
    fixture.until_right(SETTLE_LIMIT).await;
    fixture.set("g0", false).await;
    fixture.until_right(SETTLE_LIMIT).await;

    let command = sandbox.kill("solo", APISERVER).await;
    let killed = Instant::now();
    by_side_door.lose_all_primaries().await;
    tokio::time::sleep(OUTAGE.saturating_sub(killed.elapsed())).await;
    assert_eq!(
        by_side_door.away().await,
        1,
        "the loop has another way to the cluster"
    );
    let _apiserver = start_again(&command);
    until_it_tells(&fixture, GROUPS).await;
    fixture.until_right(limit).await;
    assert_eq!(fixture.away().await, GROUPS);

    let command = sandbox.kill("solo", "etcd").await;
    let killed = Instant::now();
    tokio::time::sleep(OUTAGE.saturating_sub(killed.elapsed())).await;
    let _etcd = start_again(&command);
    until_it_answers(&side.client).await;
    fixture.restore_all_primaries().await;
    until_it_tells(&fixture, 2 * GROUPS).await;
    fixture.until_right(limit).await;
    assert_eq!(fixture.away().await, 0);
    end(watch).await;
}

/// Starts a second API server on the same etcd.
async fn second_server(sandbox: &Sandbox) -> (crate::support::Revived, Client) {
    let port = free_port();
    let mut command = sandbox.command_of("solo", APISERVER);
    for argument in command
        .iter_mut()
        .filter(|argument| argument.starts_with("--secure-port="))
    {
        *argument = format!("--secure-port={port}");
    }
    let server = start_again(&command);
    let kubeconfig = kubeconfig_of(&sandbox.kubeconfig(), |config| {
        for cluster in config
            .clusters
            .iter_mut()
            .filter_map(|entry| entry.cluster.as_mut())
        {
            cluster.server = Some(format!("https://127.0.0.1:{port}"));
        }
    });
    let client = client(kubeconfig.path(), "solo").await;
    until_it_answers(&client).await;
    (server, client)
}

/// Waits until the API server has received all slices, so that its watches report them. This can
/// take seconds after etcd is back.
async fn until_it_tells(fixture: &GroupFixture, slices: usize) {
    let (api, from_its_cache) = (
        fixture.side.api::<EndpointSlice>(),
        ListParams::default().match_any(),
    );
    eventually_within(
        SETTLE_LIMIT,
        "the API server has heard of all slices",
        async || {
            let list = api.list(&from_its_cache);
            let list = tokio::time::timeout(Duration::from_secs(1), list)
                .await
                .map_err(|late| late.to_string())?;
            match list.map_err(|cause| cause.to_string())?.items.len() {
                heard if heard == slices => Ok(()),
                heard => Err(heard.to_string()),
            }
        },
    )
    .await;
}

pub async fn until_it_answers(client: &Client) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    eventually_within(SETTLE_LIMIT, "the API server answers", async || {
        let answer = tokio::time::timeout(
            Duration::from_secs(1),
            namespaces.list(&ListParams::default()),
        )
        .await;
        answer
            .map_err(|late| late.to_string())?
            .map(drop)
            .map_err(|cause| cause.to_string())
    })
    .await;
}
