//! Rights and credentials are taken away while the watch runs, and come back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{DeleteParams, PostParams};
use kube::config::ExecConfig;
use serde_json::json;
use tempfile::{NamedTempFile, TempDir};

use crate::support::group_fixture::{GROUPS, GroupFixture, SETTLE_LIMIT};
use crate::support::{
    FaultProxy, Side, TestNamespace, WAIT_LIMIT, client, end, kubeconfig_with, operator_rights,
    plugin, restricted_kubeconfig, started, token, users,
};

/// A Lease that cannot be renewed any more blocks writes for up to 30 s. If the machine is so busy
/// that the outage comes shortly before the Lease expires, the first write starts after that.
const BLOCKED: Duration = Duration::from_secs(30);
/// A refused request is retried every 30 s.
const RECOVERY: Duration = Duration::from_secs(30 + 60);

#[tokio::test]
async fn lost_rights_are_reported_and_survived() {
    let ns = TestNamespace::new("rights").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let operator = restricted_kubeconfig(&ns.west, "operator", &operator_rights()).await;
    // The proxy has the operator's rights and can cut watches, which the API server lets continue.
    let as_operator = Side {
        client: client(operator.path(), "west").await,
        ..ns.west.clone()
    };
    let proxy = FaultProxy::before(&as_operator).await;
    let mut watch = started(
        plugin()
            .args(["watch"])
            .on(&ns.west)
            .kubeconfig(proxy.kubeconfig()),
    )
    .await;
    proxy
        .until_seen(Method::GET, "endpointslices?watch", 1)
        .await;

    let bindings = ns.west.api::<RoleBinding>();
    let binding = bindings.get("operator").await.unwrap();
    bindings
        .delete("operator", &DeleteParams::default())
        .await
        .unwrap();
    until_forbidden(&as_operator).await;
    fixture.lose_all_primaries().await;
    // The primaries' Services are read, too. If that is refused before the first write, they are
    // unknown, and nothing is written.
    let reports = ["was not moved", "reading its Service is forbidden"];
    watch
        .stderr_line_with_any(BLOCKED + WAIT_LIMIT, &reports)
        .await;
    proxy.cut_streams();
    watch
        .stderr_line_containing("EndpointSlices of namespace")
        .await;
    assert_eq!(fixture.away().await, 0);

    let again = RoleBinding {
        metadata: kube::core::ObjectMeta {
            name: binding.metadata.name,
            ..Default::default()
        },
        ..binding
    };
    bindings
        .create(&PostParams::default(), &again)
        .await
        .unwrap();
    fixture.until_right(RECOVERY).await;
    assert_eq!(fixture.away().await, GROUPS);
    watch.stderr_line_containing("can be read again").await;
    end(watch).await;
}

async fn until_forbidden(side: &Side) {
    crate::support::eventually("the rights are gone", async || {
        let answer = side.traffic_splits().list(&Default::default()).await;
        answer.map_or_else(|_| Ok(()), |_| Err("they are still there".to_owned()))
    })
    .await;
}

/// The token's ServiceAccount is created again, which invalidates the old token.
#[tokio::test]
async fn a_refused_token_is_fetched_again() {
    let ns = TestNamespace::new("token").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    restricted_kubeconfig(&ns.west, "operator", &operator_rights()).await;
    let folder = TempDir::new().unwrap();
    give_token(folder.path(), &token(&ns.west, "operator").await);
    let kubeconfig = by_program(folder.path());
    let mut watch = started(
        plugin()
            .args(["watch"])
            .on(&ns.west)
            .kubeconfig(kubeconfig.path()),
    )
    .await;
    fixture.set("g0", false).await;
    fixture.until_right(SETTLE_LIMIT).await;

    let accounts = ns.west.api::<ServiceAccount>();
    accounts
        .delete("operator", &DeleteParams::default())
        .await
        .unwrap();
    watch
        .stderr_line_containing("cannot read or renew the Lease: Unauthorized")
        .await;
    fixture.lose_all_primaries().await;
    let account = json!({"metadata": {"name": "operator"}});
    ns.west.create::<ServiceAccount>(account).await;
    give_token(folder.path(), &token(&ns.west, "operator").await);
    fixture.until_right(SETTLE_LIMIT).await;
    assert_eq!(fixture.away().await, GROUPS);
    watch
        .stderr_line_containing("the Lease is renewed again")
        .await;
    end(watch).await;
}

/// The token expires, and the credential plugin returns one that does not fit in a header and would
/// be valid for long.
#[tokio::test]
async fn a_token_that_does_not_fit_in_a_header_is_fetched_again() {
    let ns = TestNamespace::new("odd-token").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    restricted_kubeconfig(&ns.west, "operator", &operator_rights()).await;
    let folder = TempDir::new().unwrap();
    let token = token(&ns.west, "operator").await;
    // A token is not renewed within ten seconds.
    give_token_until(
        folder.path(),
        &token,
        Some(Timestamp::now() + SignedDuration::from_secs(12)),
    );
    let kubeconfig = by_program(folder.path());
    let mut watch = started(
        plugin()
            .args(["watch"])
            .on(&ns.west)
            .kubeconfig(kubeconfig.path()),
    )
    .await;
    let later = Some(Timestamp::now() + SignedDuration::from_hours(1));
    give_token_until(folder.path(), "odd\ntoken", later);
    watch
        .stderr_line_containing("no request can carry it")
        .await;
    give_token_until(folder.path(), &token, later);
    fixture.lose_all_primaries().await;
    fixture.until_right(SETTLE_LIMIT).await;
    assert_eq!(fixture.away().await, GROUPS);
    watch
        .stderr_line_containing("the Lease is renewed again")
        .await;
    end(watch).await;
}

/// The token expires, and the credential plugin takes longer than any request may.
#[tokio::test]
async fn a_slow_credential_plugin_is_awaited_and_run_once() {
    const SLOW: &str = "12";
    let ns = TestNamespace::new("slow-token").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    restricted_kubeconfig(&ns.west, "operator", &operator_rights()).await;
    let folder = TempDir::new().unwrap();
    let token = token(&ns.west, "operator").await;
    // A token is not renewed within ten seconds.
    give_token_until(
        folder.path(),
        &token,
        Some(Timestamp::now() + SignedDuration::from_secs(12)),
    );
    let kubeconfig = by_program(folder.path());
    let watch = started(
        plugin()
            .args(["watch"])
            .on(&ns.west)
            .kubeconfig(kubeconfig.path()),
    )
    .await;
    give_token_until(
        folder.path(),
        &token,
        Some(Timestamp::now() + SignedDuration::from_hours(1)),
    );
    fs::write(folder.path().join("pause"), SLOW).unwrap();
    let runs = || {
        fs::read_to_string(folder.path().join("runs"))
            .unwrap()
            .lines()
            .count()
    };
    let first = runs();
    let again = async || {
        if runs() > first {
            Ok(())
        } else {
            Err("it has not run again".to_owned())
        }
    };
    fixture
        .until(SETTLE_LIMIT, "the program runs again", again)
        .await;
    fixture.lose_all_primaries().await;
    fixture.until_right(SETTLE_LIMIT).await;
    assert_eq!(fixture.away().await, GROUPS);
    assert_eq!(runs(), first + 1, "the program ran once for all requests");
    end(watch).await;
}

/// A kubeconfig whose users have the credential plugin.
fn by_program(folder: &Path) -> NamedTempFile {
    let program = program(folder);
    kubeconfig_with(|config| {
        for user in users(config) {
            user.token = None;
            user.exec = Some(program.clone());
        }
    })
}

fn give_token(folder: &Path, token: &str) {
    give_token_until(folder, token, None);
}

fn give_token_until(folder: &Path, token: &str, end: Option<Timestamp>) {
    let answer = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token, "expirationTimestamp": end},
    });
    // Renamed into place, since it may be read at this moment.
    fs::write(folder.join("new"), answer.to_string()).unwrap();
    fs::rename(folder.join("new"), folder.join("answer")).unwrap();
}

/// A credential plugin that prints the current token, after a pause if there is one, and records
/// each run.
fn program(folder: &Path) -> ExecConfig {
    let path = folder.join("program");
    let script = "echo run >> runs\n[ ! -e pause ] || sleep \"$(cat pause)\"\nexec cat answer\n";
    fs::write(
        &path,
        format!("#!/bin/sh\ncd '{}'\n{script}", folder.display()),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    let config = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": path,
        "interactiveMode": "Never",
    });
    serde_json::from_value(config).unwrap()
}
