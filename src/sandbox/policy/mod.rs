//! Writes the status of routes in place of Linkerd's policy controller, which the clusters do not
//! run: without it, Linkerd's proxies ignore a route.

pub mod status;

use std::convert::Infallible;

use futures::stream::SelectAll;
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::runtime::watcher::{Config, Event, Result as WatchResult};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::time::sleep;

use super::control_plane::access::limited;
use super::control_plane::cluster::ControlPlane;
use super::control_plane::group_kinds::resource;
use super::host::log::Log;
use super::mirror::known::{Key, Known};
use super::mirror::watches::{RETRY_DELAY, events};
use crate::model::Carrier;
use crate::resource::{KINDS, Kind};

/// A namespace with this label set to `disabled` is left alone: its routes have no effect.
pub const LABEL: &str = "failover.linkerd.io/sandbox-policy-controller";

/// Writes the status of all routes in all clusters. Never returns.
pub async fn run(clusters: &[ControlPlane], log: &Log) -> Infallible {
    let controllers = clusters.iter().map(|cluster| {
        let controller = PolicyController {
            name: &cluster.access.cluster,
            client: &cluster.client,
            log,
            services: Known::default(),
            namespaces: Known::default(),
            routes: routes().map(|kind| (kind, Known::default())).collect(),
        };
        controller.run()
    });
    futures::future::join_all(controllers).await;
    std::future::pending().await
}

/// The kinds of routes.
fn routes() -> impl Iterator<Item = &'static dyn Kind> {
    let kinds = KINDS.iter().copied();
    kinds.filter(|kind| kind.info().carrier == Carrier::Route)
}

/// The policy controller of one cluster.
struct PolicyController<'a> {
    name: &'a str,
    client: &'a Client,
    log: &'a Log,
    services: Known<Service>,
    namespaces: Known<Namespace>,
    /// By kind.
    routes: Vec<(&'static dyn Kind, Known<DynamicObject>)>,
}

enum PolicyChange {
    Service(Box<WatchResult<Event<Service>>>),
    Namespace(WatchResult<Event<Namespace>>),
    /// The number is the kind's place in [`PolicyController::routes`].
    Route(usize, WatchResult<Event<DynamicObject>>),
}

impl PolicyController<'_> {
    async fn run(mut self) {
        let mut changes = SelectAll::new();
        let services = events(Api::<Service>::all(self.client.clone()), Config::default());
        let services = services.map(|event| PolicyChange::Service(Box::new(event)));
        changes.push(services.boxed());
        let namespaces = events(Api::all(self.client.clone()), Config::default());
        changes.push(namespaces.map(PolicyChange::Namespace).boxed());
        for (index, kind) in routes().enumerate() {
            let routes = Api::all_with(self.client.clone(), &resource(kind));
            let routes = events(routes, Config::default());
            let routes = routes.map(move |event| PolicyChange::Route(index, event));
            changes.push(routes.boxed());
        }
        let mut is_complete = true;
        loop {
            tokio::select! {
                change = changes.next() => match change {
                    Some(change) => self.observe(change),
                    None => return,
                },
                () = sleep(RETRY_DELAY), if !is_complete => {}
            }
            while let Some(Some(change)) = changes.next().now_or_never() {
                self.observe(change);
            }
            is_complete = self.write().await;
        }
    }

    fn observe(&mut self, change: PolicyChange) {
        let failure = match change {
            PolicyChange::Service(event) => event.map(|event| self.services.observe(event)),
            PolicyChange::Namespace(event) => event.map(|event| self.namespaces.observe(event)),
            PolicyChange::Route(index, event) => event.map(|event| {
                if let Some((_, routes)) = self.routes.get_mut(index) {
                    routes.observe(event);
                }
            }),
        };
        if let Err(cause) = failure {
            self.say(&format!("a watch failed, retrying: {cause}"));
        }
    }

    /// Writes the statuses that are not as they should be. Returns whether all are.
    async fn write(&self) -> bool {
        if !self.services.listed || !self.namespaces.listed {
            return true;
        }
        let mut is_complete = true;
        for (kind, routes) in &self.routes {
            for (key, route) in routes.iter().filter(|(key, _)| self.is_enabled(key)) {
                let Some(parents) = status::parents(route, &self.services) else {
                    continue;
                };
                let api = Api::<DynamicObject>::namespaced_with(
                    self.client.clone(),
                    &key.0,
                    &resource(*kind),
                );
                // With the version, so that a status that someone else has just written is kept.
                let patch = Patch::Merge(json!({
                    "metadata": {"resourceVersion": route.resource_version()},
                    "status": {"parents": parents},
                }));
                let params = PatchParams::default();
                let written = limited(api.patch_status(&key.1, &params, &patch)).await;
                match written.err().map(|cause| (is_settled(&cause), cause)) {
                    // Its watch has seen, or will see, what changed.
                    None | Some((true, _)) => {}
                    Some((false, cause)) => {
                        is_complete = false;
                        self.say(&format!("status of {}/{}, retrying: {cause}", key.0, key.1));
                    }
                }
            }
        }
        is_complete
    }

    fn is_enabled(&self, route: &Key) -> bool {
        let namespace = self.namespaces.get(&(String::new(), route.0.clone()));
        namespace.is_some_and(|namespace| {
            namespace.metadata.deletion_timestamp.is_none()
                && namespace
                    .labels()
                    .get(LABEL)
                    .is_none_or(|it| it != "disabled")
        })
    }

    fn say(&self, text: &str) {
        self.log.line(&format!("routes in {}: {text}", self.name));
    }
}

/// Whether the route has changed, is gone, or cannot have such a status.
fn is_settled(cause: &anyhow::Error) -> bool {
    match cause.downcast_ref() {
        Some(kube::Error::Api(status)) => (400..500).contains(&status.code) && status.code != 429,
        _ => false,
    }
}
