//! The mirrors in one cluster: watches all clusters, and reconciles the mirrors with what they
//! export.

use std::collections::BTreeMap;

use futures::stream::{BoxStream, SelectAll};
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{Endpoints, Namespace, Service};
use kube::runtime::watcher::Event;
use kube::{Client, ResourceExt};
use tokio::sync::watch;

use super::desired::{DesiredMirror, EXPORTED_SELECTOR, Exporter};
use super::federated;
use super::federated::{FederationMember, MEMBER_SELECTOR};
use super::known::{Key, Known, key_of};
use super::watches::{MirrorChange, RETRY_DELAY, changes};
use super::writer::{MirrorWriter, is_own};
use crate::resource::linkerd::MIRRORED_SERVICE;
use crate::sandbox::host::log::Log;
use crate::sandbox::host::state::Networks;

/// A cluster that exports Services.
#[derive(Default)]
struct Origin {
    /// None for the cluster that the mirrors are in.
    remote: Option<Exporter>,
    exported: Known<Service>,
    endpoints: Known<Endpoints>,
    members: Known<Service>,
}

/// The mirrors in one cluster, and the watches that they depend on.
pub struct LocalMirrors<'a> {
    changes: SelectAll<BoxStream<'static, MirrorChange>>,
    origins: Vec<Origin>,
    mirrors: Known<Service>,
    namespaces: Known<Namespace>,
    writer: MirrorWriter<'a>,
}

impl<'a> LocalMirrors<'a> {
    /// Watches everything that the mirrors in the cluster with the index `here` depend on.
    pub fn new(clusters: &[(Exporter, Client)], here: usize, log: &'a Log) -> Option<Self> {
        let (own, client) = clusters.get(here)?;
        let mut streams = vec![
            changes(
                (here, client),
                Some(&format!("{MIRRORED_SERVICE}=true")),
                MirrorChange::Mirror,
            ),
            changes((here, client), None, MirrorChange::Namespace),
        ];
        let mut origins = Vec::new();
        for (index, (remote, origin)) in clusters.iter().enumerate() {
            let origin = (index, origin);
            let member = move |event| MirrorChange::Member(index, event);
            streams.push(changes(origin, Some(MEMBER_SELECTOR), member));
            if index != here {
                let exported = move |event| MirrorChange::Exported(index, event);
                let endpoints = move |event| MirrorChange::Endpoints(index, event);
                streams.push(changes(origin, Some(EXPORTED_SELECTOR), exported));
                streams.push(changes(origin, Some(EXPORTED_SELECTOR), endpoints));
            }
            origins.push(Origin {
                remote: (index != here).then(|| remote.clone()),
                ..Origin::default()
            });
        }
        Some(Self {
            changes: futures::stream::select_all(streams),
            origins,
            mirrors: Known::default(),
            namespaces: Known::default(),
            writer: MirrorWriter::new(&own.cluster, client.clone(), log),
        })
    }

    /// Reconciles after each change, and retries failed writes.
    pub async fn run(mut self, mut networks: watch::Receiver<Networks>) {
        let mut retry = false;
        loop {
            tokio::select! {
                Some(change) = self.changes.next() => self.observe(change),
                Ok(()) = networks.changed() => {}
                () = tokio::time::sleep(RETRY_DELAY), if retry => {}
                else => return,
            }
            while let Some(Some(change)) = self.changes.next().now_or_never() {
                self.observe(change);
            }
            if self.has_listed_all() {
                let networks = networks.borrow_and_update().clone();
                retry = !self.reconcile(&networks).await;
            }
        }
    }

    fn observe(&mut self, change: MirrorChange) {
        match change {
            MirrorChange::Exported(index, event) => self.origins[index].exported.observe(event),
            MirrorChange::Endpoints(index, event) => self.origins[index].endpoints.observe(event),
            MirrorChange::Member(index, event) => self.origins[index].members.observe(event),
            MirrorChange::Namespace(event) => self.namespaces.observe(event),
            MirrorChange::Mirror(event) => {
                let relisted = matches!(event, Event::InitDone);
                if let Event::Delete(service) = &event {
                    let gone = key_of(service);
                    self.writer.forget(|key| *key == gone);
                }
                self.mirrors.observe(event);
                if relisted {
                    self.writer.forget(|key| self.mirrors.get(key).is_none());
                }
            }
            MirrorChange::Failed(index, cause) => {
                let remote = self.origins[index].remote.as_ref();
                let cluster = remote.map_or("this cluster", |remote| remote.cluster.as_str());
                self.writer
                    .log(&format!("watching {cluster} failed, retrying: {cause}"));
            }
        }
    }

    fn has_listed_all(&self) -> bool {
        let has_listed = |origin: &Origin| {
            let exports = origin.exported.listed && origin.endpoints.listed;
            origin.members.listed && (origin.remote.is_none() || exports)
        };
        self.mirrors.listed && self.namespaces.listed && self.origins.iter().all(has_listed)
    }

    /// Writes and deletes mirrors. Returns whether every write succeeded.
    async fn reconcile(&mut self, networks: &Networks) -> bool {
        let mut desired = self.exports(networks);
        desired.extend(self.federated());
        desired.retain(|key, _| self.is_active(&key.0));
        let surplus = self.mirrors.iter().filter(|(key, service)| {
            !desired.contains_key(*key) && is_own(service) && self.is_active(&key.0)
        });
        let surplus: Vec<Key> = surplus.map(|(key, _)| key.clone()).collect();
        let mut complete = true;
        for (key, mirror) in desired {
            complete &= self.writer.apply(key, mirror).await;
        }
        for key in surplus {
            complete &= self.writer.remove(&key).await;
        }
        complete
    }

    fn exports(&self, networks: &Networks) -> BTreeMap<Key, DesiredMirror> {
        let mut desired = BTreeMap::new();
        for origin in &self.origins {
            let Some(remote) = &origin.remote else {
                continue;
            };
            let network = networks.get(&remote.cluster).copied();
            let gateway = network.unwrap_or_default().gateway;
            desired.extend(origin.exported.iter().map(|(key, service)| {
                let mirror = remote.mirror(service, origin.endpoints.get(key), gateway);
                ((key.0.clone(), mirror.service.name_any()), mirror)
            }));
        }
        desired
    }

    fn federated(&self) -> BTreeMap<Key, DesiredMirror> {
        let mut members: BTreeMap<&Key, Vec<FederationMember<'_>>> = BTreeMap::new();
        for origin in &self.origins {
            let cluster = origin.remote.as_ref().map(|remote| remote.cluster.as_str());
            for (key, service) in origin.members.iter() {
                members.entry(key).or_default().push((cluster, service));
            }
        }
        let mirrors = members.iter().map(|(key, members)| {
            let mirror = federated::mirror(key, members);
            ((key.0.clone(), mirror.service.name_any()), mirror)
        });
        mirrors.collect()
    }

    /// Whether mirrors can be created in a namespace. Like Linkerd's service mirror, this creates
    /// no namespaces. A namespace that is being deleted accepts no new objects.
    fn is_active(&self, namespace: &str) -> bool {
        let namespace = self.namespaces.get(&(String::new(), namespace.to_owned()));
        namespace.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_none())
    }
}
