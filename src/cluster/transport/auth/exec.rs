//! Runs a credential plugin (`exec` of the kubeconfig), once for all the credentials that it prints.

use std::io;
use std::io::IsTerminal as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::credentials::{CredentialsError, short};
use crate::text::clean;

/// What a plugin printed. At least one of the token and the certificate is there.
pub struct ExecCredentials {
    pub token: Option<SecretString>,
    /// The certificate and its key, as PEM.
    pub certificate: Option<(String, SecretString)>,
    pub expires: Option<Timestamp>,
}

#[derive(Deserialize)]
struct ExecCredential {
    status: Option<Status>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    expiration_timestamp: Option<Timestamp>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Runs the plugin to its end, however long that takes.
///
/// # Errors
/// If it cannot be started, fails, or prints no credentials. Does not contain its output.
pub fn run(exec: &ExecConfig) -> Result<ExecCredentials, CredentialsError> {
    let command = exec.command.as_deref().unwrap_or_default();
    let plugin = clean(command);
    let on_terminal = io::stdin().is_terminal();
    let mode = exec.interactive_mode.as_ref();
    if mode == Some(&ExecInteractiveMode::Always) && !on_terminal {
        return Err(CredentialsError::NeedsTerminal { plugin });
    }
    let is_silent = mode == Some(&ExecInteractiveMode::Never);
    let is_interactive = on_terminal && !is_silent;
    let output = Command::new(command)
        .args(exec.args.iter().flatten())
        .envs(variables(exec))
        .env("KUBERNETES_EXEC_INFO", info(exec, is_interactive))
        .stdin(if is_interactive {
            Stdio::inherit()
        } else {
            Stdio::null()
        })
        .stderr(if is_silent {
            Stdio::piped()
        } else {
            Stdio::inherit()
        })
        .output();
    let output = output.map_err(|source| CredentialsError::PluginNotStarted {
        plugin: plugin.clone(),
        source: Arc::new(source),
        hint: hint(exec),
    })?;
    if !output.status.success() {
        let said = short(&String::from_utf8_lossy(&output.stderr));
        return Err(CredentialsError::PluginFailed {
            plugin,
            status: output.status,
            output: if said.is_empty() {
                said
            } else {
                format!(": {said}")
            },
        });
    }
    read(&output.stdout).ok_or(CredentialsError::NoExecCredential { plugin })
}

fn variables(exec: &ExecConfig) -> impl Iterator<Item = (&String, &str)> {
    let listed = exec.env.iter().flatten();
    listed.filter_map(|entry| {
        let value = entry.get("value").map_or("", String::as_str);
        Some((entry.get("name")?, value))
    })
}

/// The ExecCredential that tells the plugin what is asked of it.
fn info(exec: &ExecConfig, is_interactive: bool) -> String {
    let mut spec = json!({"interactive": is_interactive});
    if let Some(cluster) = &exec.cluster {
        spec["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
    }
    json!({"apiVersion": exec.api_version, "kind": "ExecCredential", "spec": spec}).to_string()
}

fn hint(exec: &ExecConfig) -> String {
    let hint = exec.install_hint.as_deref().map(short).unwrap_or_default();
    if hint.is_empty() {
        hint
    } else {
        format!("; {hint}")
    }
}

/// Reads JSON, or YAML, which client-go takes as well.
fn read(output: &[u8]) -> Option<ExecCredentials> {
    let text = std::str::from_utf8(output).ok()?;
    let documents: Vec<Value> = serde_yaml::from_multiple(text).ok()?;
    let credential = serde_json::from_value::<ExecCredential>(documents.into_iter().next()?);
    let status = credential.ok()?.status?;
    let filled = |text: &String| !text.is_empty();
    let token = status.token.filter(filled).map(SecretString::from);
    let certificate = status.client_certificate_data.filter(filled);
    let key = status
        .client_key_data
        .filter(filled)
        .map(SecretString::from);
    if certificate.is_some() != key.is_some() || (certificate.is_none() && token.is_none()) {
        return None;
    }
    Some(ExecCredentials {
        token,
        certificate: certificate.zip(key),
        expires: status.expiration_timestamp,
    })
}
