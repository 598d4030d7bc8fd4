//! Watches whose events come as changes of one type.

use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::{Endpoints, Namespace, Service};
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

pub const RETRY: Duration = Duration::from_millis(300);
/// The apiserver ends a watch after this time, so that a dead connection shows soon.
const WATCH_SECONDS: u32 = 25;

/// What was seen on one of the watches; the number is the cluster's.
pub enum MirrorChange {
    Exported(usize, Event<Service>),
    Endpoints(usize, Event<Endpoints>),
    Member(usize, Event<Service>),
    Mirror(Event<Service>),
    Namespace(Event<Namespace>),
    Failed(usize, String),
}

/// Watches a cluster's objects with these labels in all namespaces, and goes on whatever happens.
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
    watcher(Api::<K>::all(client.clone()), config.timeout(WATCH_SECONDS))
        .backoff(Steady)
        .map(move |event| {
            event.map_or_else(
                |cause| MirrorChange::Failed(index, cause.to_string()),
                &wrap,
            )
        })
        .boxed()
}

/// The same short pause after each failure: the clusters are on this machine.
struct Steady;

impl Iterator for Steady {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(RETRY)
    }
}

impl Backoff for Steady {
    fn reset(&mut self) {}
}
