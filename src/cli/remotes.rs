//! The flags that name the clusters to read the readiness of mirrored services from.

use clap::Args;

use crate::cluster::transport::options::RemoteOptions;

/// The linked clusters to read, and how to connect to them.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Other clusters")]
pub struct RemoteArgs {
    /// Read the readiness of services mirrored from cluster NAME in that cluster, using this context
    /// (repeatable). Flags for the API server and its user apply only to the local cluster
    #[arg(long, value_name = "NAME=CONTEXT", value_parser = parse_remote)]
    pub remote: Vec<(String, String)>,
    /// Do the same for every other linked cluster, using the credentials of Linkerd's links: the secrets
    /// cluster-credentials-NAME in namespace linkerd-multicluster. Lists them on stderr
    #[arg(long)]
    pub remote_from_links: bool,
}

fn parse_remote(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, context)) if !name.is_empty() && !context.is_empty() => {
            Ok((name.to_owned(), context.to_owned()))
        }
        _ => Err(
            "a remote is the cluster's name, as its mirrors have it, and a context: east=CONTEXT"
                .to_owned(),
        ),
    }
}

impl From<&RemoteArgs> for RemoteOptions {
    fn from(args: &RemoteArgs) -> Self {
        Self {
            contexts: args.remote.clone(),
            from_links: args.remote_from_links,
        }
    }
}
