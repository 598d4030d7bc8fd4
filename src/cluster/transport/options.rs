//! How to connect: the options that kubectl has for it, free of any command line.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// The options by which one cluster is found and reached. What is unset, the kubeconfig decides.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// The command that connects, as `check --rbac` takes it. Hints about missing rights name it.
    pub rbac_command: Option<&'static str>,
    pub context: Option<String>,
    pub kubeconfig: Option<PathBuf>,
    pub namespace: Option<String>,
    pub cluster: Option<String>,
    pub user: Option<String>,
    pub server: Option<String>,
    pub token: Option<SecretString>,
    pub impersonate_user: Option<String>,
    pub impersonate_groups: Vec<String>,
    pub impersonate_uid: Option<String>,
    /// Zero means no limit.
    pub request_timeout: Option<Duration>,
    pub insecure_skip_tls_verify: bool,
    pub certificate_authority: Option<PathBuf>,
    pub client_certificate: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
    pub tls_server_name: Option<String>,
}

impl ConnectOptions {
    /// The same options for another context of the kubeconfig.
    #[must_use]
    pub fn with_context(&self, context: &str) -> Self {
        Self {
            context: Some(context.to_owned()),
            ..self.clone()
        }
    }
}

/// The clusters to ask about the services that mirrors stand for.
#[derive(Debug, Clone, Default)]
pub struct RemoteOptions {
    /// Names of clusters, each with a context of the kubeconfig.
    pub contexts: Vec<(String, String)>,
    /// Ask every other mirrored cluster with the credentials of Linkerd's links.
    pub from_links: bool,
}
