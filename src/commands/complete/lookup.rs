//! Looks up names in the kubeconfig and the cluster, fast enough for completion.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::future::join_all;
use kube::config::Kubeconfig;

use crate::cli::GlobalArgs;
use crate::cluster::api::pods::Pod;
use crate::cluster::api::services::Service;
use crate::cluster::api::{groups, namespaces, pods, services};
use crate::cluster::listwatch::list;
use crate::cluster::queries::group_list::list_groups;
use crate::cluster::transport::kubeconfig;
use crate::cluster::{Cluster, RequestResult};
use crate::resource::{KINDS, Record};

/// Leaves the rest of a second for the start of the process and for the shell.
const COMPLETION_TIMEOUT: Duration = Duration::from_millis(700);

/// Returns the kubeconfig, or an empty one if it cannot be read.
pub fn kubeconfig(flags: &GlobalArgs) -> Kubeconfig {
    let found = kubeconfig::read(flags.kubeconfig.as_deref()).ok().flatten();
    found.map(|(kubeconfig, _)| kubeconfig).unwrap_or_default()
}

/// The cluster's namespaces, or those in the kubeconfig if listing is forbidden.
pub fn namespaces(flags: &GlobalArgs) -> BTreeSet<String> {
    let listed = ask(flags, async |cluster| namespaces::names(&cluster, "").await);
    listed.map_or_else(|| configured_namespaces(flags), BTreeSet::from_iter)
}

fn configured_namespaces(flags: &GlobalArgs) -> BTreeSet<String> {
    let contexts = kubeconfig(flags).contexts.into_iter();
    contexts
        .filter_map(|entry| entry.context?.namespace)
        .filter(|name| !name.is_empty())
        .collect()
}

/// The services of the namespace.
pub fn services(flags: &GlobalArgs) -> Vec<Service> {
    ask(flags, async |cluster| {
        let services = services::all(cluster.namespace.as_str());
        let listed = list::list(&cluster, &services).await?;
        Ok(listed.0)
    })
    .unwrap_or_default()
}

/// The pods of a namespace: by default, that of the flags.
pub fn pods(flags: &GlobalArgs, namespace: Option<String>) -> Vec<Pod> {
    let listed = ask(flags, async move |cluster| {
        let namespace = namespace.as_deref().unwrap_or(&cluster.namespace);
        pods::pods(&cluster, namespace).await
    });
    listed.unwrap_or_default()
}

/// The clusters that the mirrors of all namespaces, or else those of the namespace, name.
pub fn mirrored_clusters(flags: &GlobalArgs) -> BTreeSet<String> {
    let listed = ask(flags, async |cluster| {
        let everywhere = list::list(&cluster, &services::mirrors(None)).await;
        match everywhere {
            Ok((mirrors, _)) => Ok(mirrors),
            Err(_) => {
                let mirrors = services::mirrors(Some(cluster.namespace.as_str()));
                Ok(list::list(&cluster, &mirrors).await?.0)
            }
        }
    });
    let mirrors = listed.unwrap_or_default().into_iter();
    mirrors
        .flat_map(|mirror: Service| {
            let residence = mirror.residence();
            let clusters = residence.clusters("").into_iter();
            clusters.map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// The groups of the namespace, or of all namespaces with `-A`.
pub fn groups(flags: &GlobalArgs) -> Vec<Record> {
    let everywhere = flags.all_namespaces;
    ask(flags, async move |cluster| {
        let namespace = (!everywhere).then_some(cluster.namespace.as_str());
        Ok(list_groups(&cluster, namespace, None).await?.records)
    })
    .unwrap_or_default()
}

/// The objects of the namespace that could become groups.
pub fn adoptable(flags: &GlobalArgs) -> Vec<Record> {
    ask(flags, async |cluster| {
        let lists = KINDS.iter().map(|kind| async {
            let source = groups::all(*kind, cluster.namespace.as_str());
            list::list(&cluster, &source).await
        });
        let lists = join_all(lists).await.into_iter().flatten();
        let records = lists.flat_map(|(records, _)| records);
        Ok(records.filter(|record| !record.is_controlled()).collect())
    })
    .unwrap_or_default()
}

/// Queries the cluster, within a time limit. A timeout leaves the thread behind, since a credential
/// plugin cannot be interrupted.
fn ask<T: Send + 'static>(
    flags: &GlobalArgs,
    question: impl AsyncFnOnce(Cluster) -> RequestResult<T> + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    let options = flags.into();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let answer = runtime.ok().and_then(|runtime| {
            runtime.block_on(async {
                let cluster = Cluster::connect(&options).await.ok()?;
                question(cluster.limited(COMPLETION_TIMEOUT)).await.ok()
            })
        });
        // The receiver may have timed out.
        let _ = sender.send(answer);
    });
    receiver.recv_timeout(COMPLETION_TIMEOUT).ok().flatten()
}
