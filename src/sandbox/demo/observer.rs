//! Measures failovers with watches of its own, from the change of endpoints to that of weights.

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::{BoxStream, SelectAll};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::DynamicObject;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};

use super::objects::{APEX, NAMESPACE, has_ready_endpoint, objects};
use crate::problem::Problem;
use crate::resource::Kind;
use crate::sandbox::control_plane::group_kinds::read;
use crate::sandbox::mirror::known::Known;
use crate::sandbox::mirror::watches::WATCH_SECONDS;

const SWITCH_TIMEOUT: Duration = Duration::from_secs(30);
const WATCH_SYNC_TIMEOUT: Duration = Duration::from_secs(10);

enum DemoChange {
    Slice(Event<EndpointSlice>),
    Group(Event<DynamicObject>),
}

/// The watches that measure.
pub struct DemoObserver {
    changes: SelectAll<BoxStream<'static, watcher::Result<DemoChange>>>,
    slices: Known<EndpointSlice>,
    groups: Known<DynamicObject>,
    kind: &'static dyn Kind,
    fallback: String,
}

/// Returns the weights that the primary and the fallback should have; `ready` is about the primary.
pub fn weights(ready: bool) -> [u32; 2] {
    if ready { [1, 0] } else { [0, 1] }
}

impl DemoObserver {
    /// Opens the watches, and waits for their first lists.
    pub async fn start(
        client: &Client,
        kind: &'static dyn Kind,
        fallback: &str,
    ) -> anyhow::Result<Self> {
        let config = || watcher::Config::default().timeout(WATCH_SECONDS);
        let of_apex = config().labels(&format!("kubernetes.io/service-name={APEX}"));
        let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), NAMESPACE);
        let groups = objects(client, kind);
        let slices = watcher(slices, of_apex)
            .default_backoff()
            .map(|event| event.map(DemoChange::Slice));
        let groups = watcher(groups, config())
            .default_backoff()
            .map(|event| event.map(DemoChange::Group));
        let mut observer = Self {
            changes: futures::stream::select_all([slices.boxed(), groups.boxed()]),
            slices: Known::default(),
            groups: Known::default(),
            kind,
            fallback: fallback.to_owned(),
        };
        let listed = async {
            while !(observer.slices.listed && observer.groups.listed) {
                observer.observe().await?;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(WATCH_SYNC_TIMEOUT, listed)
            .await
            .map_err(|_| Problem::new("the demo's own watches did not start"))??;
        Ok(observer)
    }

    /// Waits until the primary is ready (or not) and the weights match. Returns the time between
    /// the two.
    pub async fn switch(&mut self, ready: bool) -> anyhow::Result<Duration> {
        let (mut changed, mut moved) = (None, None);
        let both = async {
            loop {
                if changed.is_none() && self.primary_is_ready() == ready {
                    changed = Some(Instant::now());
                }
                if moved.is_none() && self.weights_are(weights(ready)) {
                    moved = Some(Instant::now());
                }
                if let (Some(changed), Some(moved)) = (changed, moved) {
                    return anyhow::Ok(moved.saturating_duration_since(changed));
                }
                self.observe().await?;
            }
        };
        match tokio::time::timeout(SWITCH_TIMEOUT, both).await {
            Ok(took) => took,
            Err(_) => Err(self.too_late(ready).into()),
        }
    }

    async fn observe(&mut self) -> anyhow::Result<()> {
        match self.changes.next().await {
            Some(Ok(DemoChange::Slice(event))) => self.slices.observe(event),
            Some(Ok(DemoChange::Group(event))) => self.groups.observe(event),
            Some(Err(cause)) => {
                return Err(anyhow::Error::new(cause).context("watching the cluster"));
            }
            None => anyhow::bail!("the watches ended"),
        }
        Ok(())
    }

    fn primary_is_ready(&self) -> bool {
        self.slices
            .iter()
            .any(|(_, slice)| has_ready_endpoint(slice))
    }

    /// Returns the weights on the object: `web-svc=1,web-svc-east=0`.
    fn weights_now(&self) -> Option<String> {
        let key = (NAMESPACE.to_owned(), format!("{APEX}-failover"));
        let group = read(self.kind, self.groups.get(&key)?).ok()?.group.ok()?;
        Some(group.write_weights(&group.weights()))
    }

    fn weights_are(&self, [primary, fallback]: [u32; 2]) -> bool {
        self.weights_now() == Some(format!("{APEX}={primary},{}={fallback}", self.fallback))
    }

    fn too_late(&self, ready: bool) -> Problem {
        let [primary, fallback] = weights(ready);
        let found = self
            .weights_now()
            .unwrap_or_else(|| format!("none, without the {}", self.kind.info().kind));
        let readiness = if self.primary_is_ready() {
            "has"
        } else {
            "has no"
        };
        Problem::new(format!(
            "the weights did not become {primary} and {fallback} within {} s",
            SWITCH_TIMEOUT.as_secs()
        ))
        .next(format!("{APEX} {readiness} ready endpoints."))
        .next(format!("The weights are {found}."))
    }
}
