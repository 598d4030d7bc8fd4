//! Whom to ask about services of other clusters.

use clap::Args;

use crate::cluster::transport::options::RemoteOptions;

/// The clusters that mirror services stand for, as far as they may be asked.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Other clusters")]
pub struct RemoteArgs {
    /// Read how ready the mirrors of cluster NAME are from that cluster, by this context of the kubeconfig; may be
    /// repeated. Flags about the API server and its user hold for the local cluster alone
    #[arg(long, value_name = "NAME=CONTEXT", value_parser = parse_remote)]
    pub remote: Vec<(String, String)>,
    /// The same for every mirrored cluster without --remote, by the credentials of Linkerd's links: secrets
    /// cluster-credentials-NAME in namespace linkerd-multicluster. Which are read is said on stderr
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
