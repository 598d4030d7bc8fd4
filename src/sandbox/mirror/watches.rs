//! Watches of all clusters as one stream of changes. They are kube's own watchers: unlike the
//! product, the sandbox needs no bookmarks, deadlines or `Retry-After`, since its API servers run
//! on this machine.

use std::fmt::Debug;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::{Endpoints, Namespace, Service};
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

/// The delay before a failed watch or write is retried.
pub const RETRY_DELAY: Duration = Duration::from_millis(300);
/// The `timeoutSeconds` of a watch, so that a dead connection is noticed soon.
pub const WATCH_SECONDS: u32 = 25;

/// An event of one of the watches. The number is the cluster's index.
pub enum MirrorChange {
    Exported(usize, Event<Service>),
    Endpoints(usize, Event<Endpoints>),
    Member(usize, Event<Service>),
    Mirror(Event<Service>),
    Namespace(Event<Namespace>),
    Failed(usize, String),
}

/// Watches a cluster's objects with these labels in all namespaces. The stream never ends.
pub fn changes<K>(
    (index, client): (usize, &Client),
    labels: Option<&str>,
    wrap: impl Fn(Event<K>) -> MirrorChange + Send + 'static,
) -> BoxStream<'static, MirrorChange>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = watcher::Config {
        label_selector: labels.map(str::to_owned),
        ..watcher::Config::default()
    };
    events(Api::<K>::all(client.clone()), config)
        .map(move |event| {
            event.map_or_else(
                |cause| MirrorChange::Failed(index, cause.to_string()),
                &wrap,
            )
        })
        .boxed()
}

/// Watches objects. The stream never ends.
pub fn events<K>(
    api: Api<K>,
    config: watcher::Config,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    watcher(api, config.timeout(WATCH_SECONDS)).backoff(ConstantBackoff)
}

/// A constant backoff, since the clusters run on this machine.
pub struct ConstantBackoff;

impl Iterator for ConstantBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(RETRY_DELAY)
    }
}

impl Backoff for ConstantBackoff {
    fn reset(&mut self) {}
}
