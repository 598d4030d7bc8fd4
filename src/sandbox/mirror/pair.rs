//! From one exporting cluster to one other: watches both, and keeps the mirrors as they should be.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use futures::stream::{BoxStream, SelectAll};
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{Endpoints, Namespace, Service};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::desired::{CLUSTER_NAME, EXPORTED, MIRRORED, Mirror, Remote};
use crate::sandbox::access::{REQUEST_TIMEOUT, limited};
use crate::sandbox::known::{Key, Known, key_of};
use crate::sandbox::log::Log;
use crate::sandbox::state::Gateways;

const MANAGER: &str = "linkerd-service-mirror";
const RETRY: Duration = Duration::from_millis(300);
/// The apiserver ends a watch after this time, so that a dead connection shows soon.
const WATCH_SECONDS: u32 = 25;

/// What was seen on one of the watches.
enum Change {
    Exported(Event<Service>),
    Endpoints(Event<Endpoints>),
    Mirror(Event<Service>),
    Namespace(Event<Namespace>),
    Failed(String),
}

pub struct Pair<'a> {
    remote: Remote,
    local: Client,
    log: &'a Log,
    changes: SelectAll<BoxStream<'static, Change>>,
    exported: Known<Service>,
    endpoints: Known<Endpoints>,
    mirrors: Known<Service>,
    namespaces: Known<Namespace>,
    /// What was written last; a mirror that someone else deletes leaves it.
    written: BTreeMap<Key, Mirror>,
    /// What was said about failed writes, so as not to repeat it.
    complaints: BTreeMap<Key, String>,
}

impl<'a> Pair<'a> {
    pub fn new(remote: Remote, origin: Client, local: Client, log: &'a Log) -> Self {
        let own = format!("{CLUSTER_NAME}={}", remote.cluster);
        let changes = futures::stream::select_all([
            changes(&origin, Some(EXPORTED), Change::Exported),
            changes(&origin, Some(EXPORTED), Change::Endpoints),
            changes(&local, Some(&own), Change::Mirror),
            changes(&local, None, Change::Namespace),
        ]);
        Self {
            remote,
            local,
            log,
            changes,
            exported: Known::default(),
            endpoints: Known::default(),
            mirrors: Known::default(),
            namespaces: Known::default(),
            written: BTreeMap::new(),
            complaints: BTreeMap::new(),
        }
    }

    pub async fn run(mut self, mut gateways: watch::Receiver<Gateways>) {
        let mut again = false;
        loop {
            tokio::select! {
                Some(change) = self.changes.next() => self.observe(change),
                Ok(()) = gateways.changed() => {}
                () = tokio::time::sleep(RETRY), if again => {}
                else => return,
            }
            while let Some(Some(change)) = self.changes.next().now_or_never() {
                self.observe(change);
            }
            if self.has_listed_all() {
                let gateways = gateways.borrow_and_update().clone();
                again = !self.reconcile(&gateways).await;
            }
        }
    }

    fn observe(&mut self, change: Change) {
        match change {
            Change::Exported(event) => self.exported.observe(event),
            Change::Endpoints(event) => self.endpoints.observe(event),
            Change::Namespace(event) => self.namespaces.observe(event),
            Change::Mirror(event) => {
                let relisted = matches!(event, Event::InitDone);
                if let Event::Delete(service) = &event {
                    self.written.remove(&key_of(service));
                }
                self.mirrors.observe(event);
                if relisted {
                    self.written.retain(|key, _| self.mirrors.get(key).is_some());
                }
            }
            Change::Failed(cause) => self.say(&format!("watching failed, trying again: {cause}")),
        }
    }

    fn has_listed_all(&self) -> bool {
        self.exported.listed && self.endpoints.listed && self.mirrors.listed && self.namespaces.listed
    }

    /// Brings the mirrors to where they should be; whether all of it could be written.
    async fn reconcile(&mut self, gateways: &Gateways) -> bool {
        let desired = self.desired(gateways);
        let surplus = self.mirrors.iter().map(|(key, _)| key);
        let surplus: Vec<Key> =
            surplus.filter(|key| !desired.contains_key(*key) && self.is_active(&key.0)).cloned().collect();
        let mut complete = true;
        for (key, mirror) in desired {
            if self.written.get(&key) != Some(&mirror) {
                let outcome = self.write(&key, &mirror).await;
                if self.note(&key, outcome) {
                    self.written.insert(key, mirror);
                } else {
                    complete = false;
                }
            }
        }
        for key in surplus {
            self.written.remove(&key);
            let outcome = self.delete(&key).await;
            complete &= self.note(&key, outcome);
        }
        complete
    }

    /// Logs a failure that has not been logged yet; whether there was none.
    fn note(&mut self, key: &Key, outcome: anyhow::Result<()>) -> bool {
        let Err(cause) = outcome else {
            self.complaints.remove(key);
            return true;
        };
        let complaint = format!("{}/{} could not be written, trying again: {cause:#}", key.0, key.1);
        if self.complaints.get(key) != Some(&complaint) {
            self.say(&complaint);
            self.complaints.insert(key.clone(), complaint);
        }
        false
    }

    fn desired(&self, gateways: &Gateways) -> BTreeMap<Key, Mirror> {
        let gateway = gateways.get(&self.remote.cluster).copied().unwrap_or_default();
        let here = self.exported.iter().filter(|(key, _)| self.is_active(&key.0));
        here.map(|(key, service)| {
            let mirror = self.remote.mirror(service, self.endpoints.get(key), gateway);
            ((key.0.clone(), mirror.service.name_any()), mirror)
        })
        .collect()
    }

    /// Like Linkerd, the loop makes no namespaces; and nothing can be written in one that is going.
    fn is_active(&self, namespace: &str) -> bool {
        let namespace = self.namespaces.get(&(String::new(), namespace.to_owned()));
        namespace.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_none())
    }

    async fn write(&self, key: &Key, mirror: &Mirror) -> anyhow::Result<()> {
        let services: Api<Service> = Api::namespaced(self.local.clone(), &key.0);
        if !self.written.contains_key(key)
            && let Some(present) = limited(services.get_opt(&key.1)).await?
            && !present.labels().contains_key(MIRRORED)
        {
            anyhow::bail!("a service of that name exists and is no mirror");
        }
        apply(&services, &key.1, &mirror.service).await?;
        apply(&Api::namespaced(self.local.clone(), &key.0), &key.1, &mirror.endpoints).await
    }

    /// The endpoints of a service go with it: Kubernetes' endpoints controller sees to that.
    async fn delete(&self, key: &Key) -> anyhow::Result<()> {
        let services: Api<Service> = Api::namespaced(self.local.clone(), &key.0);
        match tokio::time::timeout(REQUEST_TIMEOUT, services.delete(&key.1, &DeleteParams::default())).await?
        {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            outcome => Ok(outcome.map(drop)?),
        }
    }

    fn say(&self, text: &str) {
        self.log.line(&format!("mirror of {}: {text}", self.remote.cluster));
    }
}

async fn apply<K>(api: &Api<K>, name: &str, object: &K) -> anyhow::Result<()>
where
    K: Clone + DeserializeOwned + Serialize + Debug,
{
    let params = PatchParams::apply(MANAGER).force();
    limited(api.patch(name, &params, &Patch::Apply(object))).await.map(drop)
}

fn changes<K>(
    client: &Client,
    labels: Option<&str>,
    wrap: fn(Event<K>) -> Change,
) -> BoxStream<'static, Change>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = watcher::Config { label_selector: labels.map(str::to_owned), ..watcher::Config::default() };
    watcher(Api::<K>::all(client.clone()), config.timeout(WATCH_SECONDS))
        .backoff(Steady)
        .map(move |event| event.map_or_else(|cause| Change::Failed(cause.to_string()), wrap))
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
