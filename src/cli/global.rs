//! The flags that every command takes, with kubectl's and linkerd's names.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, ColorChoice};

use super::values::{self, parse_bool, parse_timeout, parse_verbosity};
use crate::cluster::transport::options::ConnectOptions;

/// The flags that reach a cluster, with kubectl's names and meanings.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub struct GlobalArgs {
    /// Context of the kubeconfig to use
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub kubeconfig: Option<PathBuf>,
    /// Namespace [default: the context's]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// All namespaces
    #[arg(short = 'A', long, global = true)]
    pub all_namespaces: bool,
    /// Cluster of the kubeconfig to use
    #[arg(long, global = true, value_name = "NAME")]
    pub cluster: Option<String>,
    /// User of the kubeconfig to use
    #[arg(long, global = true, value_name = "NAME")]
    pub user: Option<String>,
    /// Address of the API server
    #[arg(short, long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// Address of the API server, as linkerd names the flag
    #[arg(long, global = true, value_name = "URL")]
    pub api_addr: Option<String>,
    /// Bearer token for the API server
    #[arg(long, global = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER")]
    pub impersonate_user: Option<String>,
    /// Group to impersonate (repeatable)
    #[arg(long = "as-group", global = true, value_name = "GROUP")]
    pub impersonate_groups: Vec<String>,
    /// UID to impersonate
    #[arg(long = "as-uid", global = true, value_name = "UID")]
    pub impersonate_uid: Option<String>,
    /// Timeout of each request, such as 10s; 0 for none [default: 10s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_timeout)]
    pub request_timeout: Option<Duration>,
    /// Skip verification of the API server's certificate
    #[arg(
        long, global = true, value_name = "BOOL", value_parser = parse_bool, action = clap::ArgAction::Set,
        num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
        hide_default_value = true
    )]
    pub insecure_skip_tls_verify: bool,
    /// Certificate authority file for the API server
    #[arg(long, global = true, value_name = "FILE", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub certificate_authority: Option<PathBuf>,
    /// Client certificate file
    #[arg(long, global = true, value_name = "FILE", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub client_certificate: Option<PathBuf>,
    /// Client key file
    #[arg(long, global = true, value_name = "FILE", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub client_key: Option<PathBuf>,
    /// Server name to verify the API server's certificate against
    #[arg(long, global = true, value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Namespace of Linkerd's control plane [default: $LINKERD_NAMESPACE, then linkerd]
    #[arg(short = 'L', long, global = true, value_name = "NAME")]
    pub linkerd_namespace: Option<String>,
    /// Use colors; auto: on a terminal, unless NO_COLOR is set [default: auto]
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub color: Option<ColorChoice>,
    /// Log each request to stderr, with its status and duration
    #[arg(
        short, long, global = true, value_name = "LEVEL", value_parser = parse_verbosity,
        action = clap::ArgAction::Append, num_args = 0..=1, require_equals = true, default_missing_value = "true"
    )]
    pub verbose: Vec<u8>,
}

/// Linkerd's default control plane namespace.
const LINKERD_NAMESPACE: &str = "linkerd";

impl GlobalArgs {
    /// Removes flags with empty values, and maps linkerd's flags to kubectl's.
    pub fn settle(&mut self) {
        let texts = [
            &mut self.context,
            &mut self.namespace,
            &mut self.cluster,
            &mut self.user,
            &mut self.server,
            &mut self.api_addr,
            &mut self.token,
            &mut self.impersonate_user,
            &mut self.impersonate_uid,
            &mut self.tls_server_name,
            &mut self.linkerd_namespace,
        ];
        for text in texts {
            text.take_if(|text| text.is_empty());
        }
        let files = [
            &mut self.kubeconfig,
            &mut self.certificate_authority,
            &mut self.client_certificate,
            &mut self.client_key,
        ];
        for file in files {
            file.take_if(|file| file.as_os_str().is_empty());
        }
        let address = self.api_addr.take();
        self.server = self.server.take().or(address);
        self.impersonate_groups = values::members(&self.impersonate_groups);
    }

    /// When to use colours.
    pub fn color(&self) -> ColorChoice {
        self.color.unwrap_or_default()
    }

    /// The log level: 0 logs no requests.
    pub fn verbosity(&self) -> u8 {
        let levels = self.verbose.iter();
        match self.verbose.last() {
            None | Some(0) => 0,
            Some(_) => levels.fold(0, |sum, level| sum.saturating_add(*level)),
        }
    }

    /// The namespace of Linkerd's control plane.
    pub fn linkerd_namespace(&self) -> String {
        let variable = || std::env::var("LINKERD_NAMESPACE").ok();
        let given = self.linkerd_namespace.clone();
        let given = given.or_else(|| variable().filter(|name| !name.is_empty()));
        given.unwrap_or_else(|| LINKERD_NAMESPACE.to_owned())
    }
}

impl From<&GlobalArgs> for ConnectOptions {
    fn from(flags: &GlobalArgs) -> Self {
        Self {
            rbac_command: None,
            context: flags.context.clone(),
            kubeconfig: flags.kubeconfig.clone(),
            namespace: flags.namespace.clone(),
            cluster: flags.cluster.clone(),
            user: flags.user.clone(),
            server: flags.server.clone(),
            impersonate_user: flags.impersonate_user.clone(),
            impersonate_groups: flags.impersonate_groups.clone(),
            impersonate_uid: flags.impersonate_uid.clone(),
            certificate_authority: flags.certificate_authority.clone(),
            client_certificate: flags.client_certificate.clone(),
            client_key: flags.client_key.clone(),
            tls_server_name: flags.tls_server_name.clone(),
            token: flags.token.clone().map(Into::into),
            request_timeout: flags.request_timeout,
            insecure_skip_tls_verify: flags.insecure_skip_tls_verify,
        }
    }
}
