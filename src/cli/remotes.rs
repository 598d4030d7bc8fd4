//! The flags that name the clusters to read the readiness of mirrored services from.

use clap::Args;

use crate::cluster::transport::options::RemoteOptions;
use crate::resource::names::is_object_name;

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

/// What the clusters of the contexts are called.
#[derive(Debug, Clone, Default, Args)]
pub struct LocalNameArgs {
    /// What the mirrors of other clusters call the cluster of a context; with several contexts,
    /// NAME=CONTEXT (repeatable) [default: the end of the context's name that such mirrors have, else
    /// the context's name]
    #[arg(long, value_name = "NAME[=CONTEXT]", value_parser = parse_local_name, help_heading = "Other clusters")]
    pub local_name: Vec<LocalName>,
}

/// The name of a context's cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalName {
    pub name: String,
    /// None: the only context.
    pub context: Option<String>,
}

fn parse_local_name(text: &str) -> Result<LocalName, String> {
    let (name, context) = match text.split_once('=') {
        Some((name, context)) => (name, Some(context)),
        None => (text, None),
    };
    if !is_object_name(name) || context.is_some_and(str::is_empty) {
        return Err(
            "a cluster's name is as Linkerd's links have it, such as west, or west=CONTEXT"
                .to_owned(),
        );
    }
    Ok(LocalName {
        name: name.to_owned(),
        context: context.map(str::to_owned),
    })
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
