//! Stores of control planes that are restored from a backup while a watch runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::ALONE;
use crate::control_planes::servers::until_it_answers;
use crate::support::group_fixture::for_each;
use crate::support::{
    Revived, Sandbox, Side, end, eventually_within, plugin, start_again, started,
};

const APISERVER: &str = "kube-apiserver";
/// More writes than come in the time that the test waits.
const LOST_WRITES: usize = 1000;
/// How long a move may take after the API server is back.
const RECOVERY_LIMIT: Duration = Duration::from_secs(30);

/// A store that was restored has lower versions than those that the watches know.
#[tokio::test]
async fn a_watch_sees_what_changes_after_a_restore_here_and_in_a_remote() {
    let _alone = ALONE.lock().await;
    let sandbox = Sandbox::start(&["west", "east"]);
    let west = sandbox.side("west", "restored", json!({})).await;
    let east = sandbox.side("east", "restored", json!({})).await;
    fill(&west, &east).await;
    let (west_servers, east_servers) = tokio::join!(
        back_up_and_age(&sandbox, &west),
        back_up_and_age(&sandbox, &east)
    );
    let watch = plugin()
        .args(["watch", "--remote", "far=east"])
        .on(&west)
        .kubeconfig(&sandbox.kubeconfig());
    let watch = started(watch).await;
    // The watch has to know the remote before it is restored.
    for (ready, weights) in [(false, [0, 1]), (true, [1, 0])] {
        set(&east, "web", ready).await;
        until_weights(&west, "web-east", &weights).await;
    }

    let _east_servers = east_servers.restore(&east).await;
    set(&east, "web", false).await;
    until_weights(&west, "web-east", &[0, 1]).await;

    let _west_servers = west_servers.restore(&west).await;
    until_weights(&west, "web-east", &[0, 1]).await;
    set(&west, "local", false).await;
    until_weights(&west, "local", &[0, 1]).await;
    let log = end(watch).await.stderr.join("\n");
    assert_eq!(log.matches("restored from a backup").count(), 2, "{log}");
}

/// The group `web-east` has a primary in east and a fallback here, and `local` has both here.
async fn fill(west: &Side, east: &Side) {
    let labels = json!({
        "mirror.linkerd.io/mirrored-service": "true",
        "mirror.linkerd.io/cluster-name": "far",
        "multicluster.linkerd.io/remote-discovery": "far",
        "multicluster.linkerd.io/remote-service": "web",
    });
    let ports = json!([{"name": "http", "port": 80}]);
    let mirror =
        json!({"metadata": {"name": "web-east", "labels": labels}, "spec": {"ports": ports}});
    west.create::<Service>(mirror).await;
    for (side, service) in [
        (east, "web"),
        (west, "web"),
        (west, "local"),
        (west, "local-too"),
    ] {
        side.bare_service(service).await;
        side.ready(service, 1).await;
    }
    west.traffic_split("web-east", "web-east", &[("web-east", 1), ("web", 0)])
        .await;
    west.traffic_split("local", "local", &[("local", 1), ("local-too", 0)])
        .await;
}

async fn set(side: &Side, service: &str, ready: bool) {
    let patch = json!({"endpoints": [crate::support::endpoint("10.0.0.1", ready, false)]});
    let slices = side.api::<EndpointSlice>();
    slices
        .patch(service, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

async fn until_weights(side: &Side, name: &str, weights: &[u64]) {
    eventually_within(RECOVERY_LIMIT, name, async || {
        let split = side.traffic_splits().get(name).await;
        let split = split.map_err(|cause| cause.to_string())?;
        let backends = split.data["spec"]["backends"].as_array().cloned();
        let seen: Vec<u64> = backends
            .iter()
            .flatten()
            .filter_map(|backend| backend["weight"].as_u64())
            .collect();
        if seen == weights {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    })
    .await;
}

async fn back_up_and_age(sandbox: &Sandbox, side: &Side) -> Servers {
    let servers = Servers::back_up(sandbox, side).await;
    age(side).await;
    servers
}

/// Changes an object many times, so that the store's version is far ahead of the backup's.
async fn age(side: &Side) {
    let numbers: Vec<usize> = (0..LOST_WRITES).collect();
    for_each(&numbers, async |number: &usize| {
        let patch = json!({"metadata": {"annotations": {"test/number": number.to_string()}}});
        let services = side.api::<Service>();
        services
            .patch("web", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    })
    .await;
}

/// The store and the API server of a cluster, and a copy of the store's data.
struct Servers {
    data: PathBuf,
    copy: PathBuf,
    commands: [Vec<String>; 2],
    running: [Revived; 2],
}

impl Servers {
    /// Restarts the servers, and copies the data meanwhile.
    async fn back_up(sandbox: &Sandbox, side: &Side) -> Self {
        let cluster = sandbox.dir().join(format!("cluster-{}", side.context));
        let (data, copy) = (cluster.join("etcd"), cluster.join("backup"));
        let apiserver = sandbox.kill(side.context, APISERVER).await;
        let etcd = sandbox.kill(side.context, "etcd").await;
        copy_folder(&data, &copy);
        let commands = [etcd, apiserver];
        let running = start(side, &commands).await;
        Self {
            data,
            copy,
            commands,
            running,
        }
    }

    /// Restarts the servers with the data that was copied.
    async fn restore(self, side: &Side) -> Self {
        let Self {
            data,
            copy,
            commands,
            running,
        } = self;
        for server in running {
            server.kill().await;
        }
        std::fs::remove_dir_all(&data).unwrap();
        copy_folder(&copy, &data);
        let running = start(side, &commands).await;
        Self {
            data,
            copy,
            commands,
            running,
        }
    }
}

async fn start(side: &Side, commands: &[Vec<String>; 2]) -> [Revived; 2] {
    let running = [start_again(&commands[0]), start_again(&commands[1])];
    until_it_answers(&side.client).await;
    running
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), &to).unwrap();
        }
    }
}
