//! `version`: the version of this program, and what runs in the cluster.

use std::env::consts::{ARCH, OS};

use futures::future::join3;

use super::env::CommandEnv;
use crate::cli::{DocumentFormat, VersionArgs};
use crate::cluster::api::{discovery, lease};
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::queries::upstream;
use crate::cluster::{Cluster, RequestResult};
use crate::error::explain;
use crate::problem::Exit;
use crate::resource::Upstream;
use crate::view::formats::{json, yaml};
use crate::view::version::{ClusterVersions, RunningWatch, VersionDocument};

pub async fn run(env: &CommandEnv, args: &VersionArgs) -> anyhow::Result<Exit> {
    let platform = format!("{OS}/{ARCH}");
    let client = VersionDocument::new(platform.clone(), None);
    let is_text = args.output == DocumentFormat::Text;
    if is_text || args.client {
        env.print(&render(&client, args.output)?)?;
    }
    if args.client {
        return Ok(Exit::Done);
    }
    let cluster = Cluster::connect(&env.connect_options()).await?;
    let versions = read(&cluster)
        .await
        .map_err(|error| explain(&cluster, &error))?;
    if is_text {
        return env.print(&versions.text());
    }
    let document = VersionDocument::new(platform, Some(versions));
    env.print(&render(&document, args.output)?)
}

fn render(document: &VersionDocument, format: DocumentFormat) -> anyhow::Result<String> {
    Ok(match format {
        DocumentFormat::Text => document.client.text(),
        DocumentFormat::Json => json(document)?,
        DocumentFormat::Yaml => yaml(document)?,
    })
}

async fn read(cluster: &Cluster) -> RequestResult<ClusterVersions> {
    let (version, watches, upstream) = join3(
        discovery::version(cluster),
        watches(cluster),
        upstream::find(cluster),
    )
    .await;
    let namespaces = |found: Vec<_>| found.into_iter().map(|it: Upstream| it.namespace);
    Ok(ClusterVersions {
        context: cluster.context.clone(),
        server: cluster.server.clone(),
        kubernetes: version?.git_version,
        watches: watches.ok(),
        linkerd_failover: upstream.ok().map(|found| namespaces(found).collect()),
    })
}

/// Reads the holders of Leases in the cluster, or in the namespace if only that is allowed.
async fn watches(cluster: &Cluster) -> RequestResult<Vec<RunningWatch>> {
    let leases = match list_objects(cluster, &lease::collection(None)).await {
        Err(error) if error.is_forbidden() => {
            list_objects(cluster, &lease::collection(Some(&cluster.namespace))).await
        }
        listed => listed,
    }?;
    let now = cluster.clock().now();
    let held = leases.iter().filter_map(|lease| {
        Some(RunningWatch {
            namespace: lease.metadata.namespace.clone(),
            holder: lease.spec.holder(now)?.to_owned(),
            version: lease.holder_version().map(str::to_owned),
            selector: lease.selector().map(str::to_owned),
        })
    });
    Ok(held.collect())
}
