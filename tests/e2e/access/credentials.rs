//! Expired tokens, missing rights and credential plugins.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use kube::config::ExecConfig;
use tempfile::{NamedTempFile, TempDir};

use crate::support::{
    Output, TestNamespace, kubeconfig_with, plugin, restricted_kubeconfig, rule, shared, token_in,
    users,
};

const SECRET: &str = "s3cr3t-t0ken";

#[tokio::test]
async fn a_token_that_is_refused() {
    let kubeconfig = kubeconfig_with(|config| {
        for user in users(config) {
            user.token = Some(SECRET.to_owned().into());
        }
    });
    let output = status(kubeconfig.path()).await.code(1);
    let output = output.stderr_contains("rejected the credentials of user ");
    output
        .stderr_contains("they may have expired")
        .stderr_contains("kubectl --context west auth whoami");
}

#[tokio::test]
async fn a_missing_right() {
    let ns = TestNamespace::new("right").await;
    let kubeconfig =
        restricted_kubeconfig(&ns.west, "me", &[rule("", &["services"], &["get"])]).await;
    let output = plugin()
        .args(["status"])
        .on(&ns.west)
        .kubeconfig(kubeconfig.path())
        .run()
        .await
        .code(1);
    let (user, resource) = (
        format!("system:serviceaccount:{}:me", ns.name),
        "trafficsplits.split.smi-spec.io",
    );
    let kubectl = format!("kubectl --context west -n {}", ns.name);
    output
        .stderr_contains(&format!(
            "user {user:?} cannot list {resource} in namespace {}",
            ns.name
        ))
        .stderr_contains(&format!(
            "{kubectl} create role failover --verb=list --resource={resource}"
        ))
        .stderr_contains(&format!("{kubectl} auth can-i list {resource}"));
    let output = plugin()
        .args(["status", "-A", "--context", "west"])
        .kubeconfig(kubeconfig.path())
        .run()
        .await;
    output
        .code(1)
        .stderr_contains("cluster-wide")
        .stderr_contains("create clusterrole failover");
}

#[tokio::test]
async fn a_credential_plugin_returns_the_token() {
    let program = Program::new("printf '%s' \"$ANSWER\"");
    let token = token_in(&shared().kubeconfig());
    let answer = serde_json::json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token},
    });
    let kubeconfig = program.kubeconfig();
    let plugin = plugin()
        .args(["status", "--context", "west", "-v"])
        .kubeconfig(kubeconfig.path());
    let output = plugin
        .env("ANSWER", answer.to_string())
        .run()
        .await
        .success();
    assert!(!output.stderr.contains(&token), "{output}");
    output.stderr_contains("No groups found");
}

#[tokio::test]
async fn a_credential_plugin_that_fails_is_named_with_its_error_but_not_its_output() {
    let program = Program::new(&format!(
        "echo 'login \u{1b}[2Jexpired' >&2; echo {SECRET}; exit 7"
    ));
    let output = status(program.kubeconfig().path()).await.code(1);
    output
        .stderr_contains("can't get credentials for context \"west\": ")
        .stderr_contains(&format!(
            "{} failed (exit status: 7): login  [2Jexpired",
            program.path()
        ))
        .stderr_contains("log in again");
}

#[tokio::test]
async fn a_credential_plugin_without_a_credential_in_its_output() {
    for answer in [
        SECRET,
        "{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\"}",
    ] {
        let program = Program::new(&format!("echo '{answer}'"));
        let output = status(program.kubeconfig().path()).await.code(1);
        output.stderr_contains(&format!(
            "{} did not print an ExecCredential with a status",
            program.path()
        ));
    }
}

#[tokio::test]
async fn a_missing_credential_plugin() {
    let kubeconfig = exec_kubeconfig("/nowhere/get-token");
    let output = status(kubeconfig.path()).await.code(1);
    output
        .stderr_contains("/nowhere/get-token cannot be started: No such file or directory")
        .stderr_contains("get it from the intranet");
}

/// Runs `status`. Its output must never contain the secret.
async fn status(kubeconfig: &Path) -> Output {
    let plugin = plugin()
        .args(["status", "--context", "west", "-vv"])
        .kubeconfig(kubeconfig);
    let output = plugin.run().await.stdout_is_empty();
    assert!(!output.stderr.contains(SECRET), "{output}");
    assert!(!output.stderr.contains('\u{1b}'), "{output}");
    output
}

/// A shell script that prints credentials.
struct Program {
    folder: TempDir,
}

impl Program {
    fn new(script: &str) -> Self {
        let program = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let draft = program.folder.path().join("draft");
        fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
        // Another process writes it, since a program that this process has open for writing cannot
        // run yet.
        let copied = Command::new("cp")
            .arg("-p")
            .arg(&draft)
            .arg(program.path())
            .status();
        assert!(copied.unwrap().success());
        program
    }

    fn path(&self) -> String {
        self.folder
            .path()
            .join("get-token")
            .to_str()
            .unwrap()
            .to_owned()
    }

    fn kubeconfig(&self) -> NamedTempFile {
        exec_kubeconfig(&self.path())
    }
}

fn exec_kubeconfig(command: &str) -> NamedTempFile {
    let exec: ExecConfig = serde_json::from_value(serde_json::json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": command,
        "interactiveMode": "Never",
        "installHint": "get it from the intranet",
    }))
    .unwrap();
    kubeconfig_with(|config| {
        for user in users(config) {
            user.token = None;
            user.exec = Some(exec.clone());
        }
    })
}
