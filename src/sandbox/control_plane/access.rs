//! Kubeconfigs for the sandbox's clusters, and clients made from them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::sandbox::host::secrets;
use crate::sandbox::host::state_dir;

/// Longer than a watch can be silent: the API server ends each one after its `timeoutSeconds`.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit of a request other than a watch.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A user's access to a cluster.
#[derive(Clone)]
pub struct Access {
    pub cluster: String,
    pub server: String,
    /// The API server's certificates, in PEM.
    pub certificates: Vec<u8>,
    pub token: String,
}

/// Writes a kubeconfig that only this user can read.
pub fn write_kubeconfig(path: &Path, clusters: &[Access]) -> anyhow::Result<()> {
    state_dir::write_private(path, &kubeconfig(clusters)?)
}

/// Returns a kubeconfig with a context for each cluster. The first one is the current one.
pub fn kubeconfig(clusters: &[Access]) -> anyhow::Result<String> {
    let named = |key: &str, value: fn(&Access) -> serde_json::Value| -> Vec<_> {
        clusters
            .iter()
            .map(|access| json!({"name": access.cluster, key: value(access)}))
            .collect()
    };
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": clusters.first().map(|access| &access.cluster),
        "clusters": named("cluster", |access| json!({
            "server": access.server,
            "certificate-authority-data": secrets::base64(&access.certificates),
        })),
        "users": named("user", |access| json!({"token": access.token})),
        "contexts": named("context", |access| json!({"cluster": access.cluster, "user": access.cluster})),
    });
    serde_yaml::to_string(&config).context("writing a kubeconfig")
}

/// Returns a client for a context of a sandbox's kubeconfig.
pub async fn client(kubeconfig: &Path, context: &str) -> anyhow::Result<Client> {
    let file = read(kubeconfig)
        .with_context(|| format!("reading the kubeconfig {}", kubeconfig.display()))?;
    let options = KubeConfigOptions {
        context: Some(context.to_owned()),
        ..KubeConfigOptions::default()
    };
    let mut config = Config::from_custom_kubeconfig(file, &options)
        .await
        .with_context(|| format!("using the context {context} of {}", kubeconfig.display()))?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    config.default_retry = false;
    Client::try_from(config).with_context(|| format!("making a client for {context}"))
}

/// Reads a kubeconfig. Other types than `Value` would add their own copies of the YAML decoder to
/// the binary.
fn read(kubeconfig: &Path) -> anyhow::Result<Kubeconfig> {
    let text = fs::read_to_string(kubeconfig)?;
    let documents: Vec<Value> = serde_yaml::from_multiple(&text)?;
    let document = documents.into_iter().next().unwrap_or_default();
    Ok(serde_json::from_value(document)?)
}

/// Runs a request with a time limit.
pub async fn limited<T>(request: impl Future<Output = kube::Result<T>>) -> anyhow::Result<T> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(answer) => Ok(answer?),
        Err(_) => anyhow::bail!("no response within {} s", REQUEST_TIMEOUT.as_secs()),
    }
}
