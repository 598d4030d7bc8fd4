//! The watches of the simulation as one stream of changes: all pods, and in the namespaces that
//! clients call, what decides where their requests go.

use std::fmt::Debug;

use futures::StreamExt;
use futures::stream::{AbortHandle, BoxStream, SelectAll, abortable};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::resource::KINDS;
use crate::sandbox::control_plane::group_kinds;
use crate::sandbox::mirror::watches::events;

/// A change in the cluster with this index.
pub struct SimulationChange {
    pub cluster: usize,
    pub what: Changed,
}

/// What changed. Strings are namespaces.
pub enum Changed {
    Pod(Event<DynamicObject>),
    Service(String, Box<Event<Service>>),
    Slice(String, Event<EndpointSlice>),
    /// The number is the kind's place in [`KINDS`].
    Group(String, usize, Event<DynamicObject>),
    Failed(String),
}

/// The open watches.
pub type Changes = SelectAll<BoxStream<'static, SimulationChange>>;

/// Watches the running pods of a cluster.
pub fn watch_pods(changes: &mut Changes, cluster: usize, client: &Client) {
    let pods = Api::all_with(client.clone(), &ApiResource::erase::<Pod>(&()));
    let config = Config::default().fields("status.phase=Running");
    let _forever = open(changes, cluster, pods, config, Changed::Pod);
}

/// Watches a namespace of a cluster until the handles are used.
pub fn watch_namespace(
    changes: &mut Changes,
    cluster: usize,
    client: &Client,
    namespace: &str,
) -> Vec<AbortHandle> {
    let place = || namespace.to_owned();
    let services = Api::namespaced(client.clone(), namespace);
    let slices = Api::namespaced(client.clone(), namespace);
    let (in_services, in_slices) = (place(), place());
    let mut handles = vec![
        open(
            changes,
            cluster,
            services,
            Config::default(),
            move |event| Changed::Service(in_services.clone(), Box::new(event)),
        ),
        open(changes, cluster, slices, Config::default(), move |event| {
            Changed::Slice(in_slices.clone(), event)
        }),
    ];
    for (index, kind) in KINDS.iter().enumerate() {
        let resource = group_kinds::resource(*kind);
        let groups = Api::namespaced_with(client.clone(), namespace, &resource);
        let namespace = place();
        let wrap = move |event| Changed::Group(namespace.clone(), index, event);
        handles.push(open(changes, cluster, groups, Config::default(), wrap));
    }
    handles
}

fn open<K>(
    changes: &mut Changes,
    cluster: usize,
    api: Api<K>,
    config: Config,
    wrap: impl Fn(Event<K>) -> Changed + Send + 'static,
) -> AbortHandle
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Send,
{
    let failed = |cause: kube::runtime::watcher::Error| Changed::Failed(cause.to_string());
    let changed = events(api, config).map(move |event| SimulationChange {
        cluster,
        what: event.map_or_else(failed, &wrap),
    });
    let (changed, handle) = abortable(changed);
    changes.push(changed.boxed());
    handle
}
