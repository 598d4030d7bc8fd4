//! The remote clusters that may be asked about mirrored services, and the connections to them. Each
//! cluster has its own connection and time limits, so that a slow or unreachable cluster delays
//! only itself.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::link_lookups::LinkLookups;
use super::links;
use super::named_remotes::{NamedRemotes, remote_flags};
use crate::cluster::transport::api_resource::namespace_or_default;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::kubeconfig;
use crate::cluster::transport::kubeconfig::ResolvedConfig;
use crate::cluster::transport::options::{ConnectOptions, RemoteOptions};
use crate::model::WhyUnknown;
use crate::problem::Problem;
use crate::text::ConnectionFlags;

/// How long all single reads from a remote cluster may take.
pub(crate) const REMOTE_READ_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for a cluster that has just timed out.
const SHORT_REMOTE_READ_TIMEOUT: Duration = Duration::from_secs(1);

/// The most lines that are announced: some name clusters that others chose.
const MAX_ANNOUNCED: usize = 1000;

/// The remote clusters, if any.
#[derive(Clone, Default)]
pub struct Remotes {
    set: Option<Arc<RemoteSet>>,
}

struct RemoteSet {
    asked: NamedRemotes,
    /// How to find the kubeconfig. Contains no options about the local cluster or its user.
    options: ConnectOptions,
    /// Contexts, by cluster.
    contexts: BTreeMap<String, String>,
    connections: Mutex<HashMap<String, PendingConnection>>,
    /// When each cluster last timed out.
    timeouts: Mutex<HashMap<String, Instant>>,
    announce: Box<dyn Fn(&str) + Send + Sync>,
    announced: Mutex<HashSet<String>>,
    link_lookups: LinkLookups,
    /// The warning about clusters without mirror services was issued or turned off.
    has_warned: AtomicBool,
}

/// A connection that all its users share, so that a second credential plugin does not start while
/// one hangs.
pub(crate) type PendingConnection = Shared<BoxFuture<'static, Result<Cluster, WhyUnknown>>>;

impl fmt::Debug for Remotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remotes")
            .field("asked", &self.asked())
            .finish_non_exhaustive()
    }
}

impl Remotes {
    /// Reads the remote clusters from the options, without connecting to them. Calls `announce`
    /// with warnings and with the name of each secret that is read.
    ///
    /// # Errors
    /// If a cluster has two contexts, or the kubeconfig lacks a context.
    pub fn of(
        local: &ConnectOptions,
        remotes: &RemoteOptions,
        announce: impl Fn(&str) + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let mut contexts = BTreeMap::new();
        for (name, context) in &remotes.contexts {
            let before = contexts.insert(name.clone(), context.clone());
            if before.is_some_and(|before| before != *context) {
                let message = format!("--remote names two contexts for cluster {name}");
                return Err(Problem::usage(message).into());
            }
        }
        let asked = NamedRemotes {
            named: contexts.keys().cloned().collect(),
            has_links: remotes.from_links,
        };
        if asked.is_empty() {
            return Ok(Self::default());
        }
        let options = ConnectOptions {
            kubeconfig: local.kubeconfig.clone(),
            request_timeout: local.request_timeout,
            ..ConnectOptions::default()
        };
        for context in contexts.values() {
            kubeconfig::check_context(&options.with_context(context))?;
        }
        let set = RemoteSet {
            asked,
            options,
            contexts,
            connections: Mutex::default(),
            timeouts: Mutex::default(),
            announce: Box::new(announce),
            announced: Mutex::default(),
            link_lookups: LinkLookups::default(),
            has_warned: AtomicBool::default(),
        };
        Ok(Self {
            set: Some(Arc::new(set)),
        })
    }

    pub fn is_empty(&self) -> bool {
        self.set.is_none()
    }

    /// Returns the name of the cluster for which this context is named.
    pub fn name_of_context(&self, context: &str) -> Option<&str> {
        let mut contexts = self.set.as_ref()?.contexts.iter();
        let (name, _) = contexts.find(|(_, of)| *of == context)?;
        Some(name)
    }

    /// Returns the flags that name these clusters.
    pub fn flags(&self) -> String {
        self.set.as_ref().map_or_else(String::new, |set| {
            let contexts = set.contexts.iter();
            let named = contexts.map(|(name, context)| (name.as_str(), context.as_str()));
            remote_flags(named, set.asked.has_links)
        })
    }

    pub fn asked(&self) -> NamedRemotes {
        self.set
            .as_ref()
            .map(|set| set.asked.clone())
            .unwrap_or_default()
    }

    /// Returns the connection to a mirrored cluster, which may still be in progress.
    ///
    /// # Errors
    /// If the options do not allow asking this cluster.
    pub(crate) fn connection(
        &self,
        local: &Cluster,
        name: &str,
    ) -> Result<PendingConnection, WhyUnknown> {
        let set = self.set.as_ref().filter(|set| set.asked.has(name));
        set.map(|set| set.connection(local, name))
            .ok_or_else(|| WhyUnknown::no_remote(name))
    }

    /// Drops a connection, so that the next request connects again.
    pub(crate) fn forget(&self, name: &str, connection: &PendingConnection) {
        let Some(set) = &self.set else { return };
        let mut connections = set.connections.lock();
        if connections
            .get(name)
            .is_some_and(|current| current.ptr_eq(connection))
        {
            connections.remove(name);
        }
    }

    /// Returns how long single reads from this cluster may take.
    pub(crate) fn read_timeout(&self, name: &str) -> Duration {
        let set = self.set.as_ref();
        let last = set.and_then(|set| set.timeouts.lock().get(name).copied());
        if last.is_some_and(|last| last.elapsed() < REMOTE_READ_TIMEOUT) {
            SHORT_REMOTE_READ_TIMEOUT
        } else {
            REMOTE_READ_TIMEOUT
        }
    }

    /// Records that this cluster did not answer in time.
    pub(crate) fn note_timeout(&self, name: &str) {
        if let Some(set) = &self.set {
            set.timeouts.lock().insert(name.to_owned(), Instant::now());
        }
    }

    /// Warns once about named clusters without mirror services. Does not warn if no cluster is
    /// mirrored, since the mirrors may just be unreadable.
    pub fn warn_unmirrored(&self, mirrored: &[&str]) {
        let Some(set) = self.set.as_ref().filter(|_| !mirrored.is_empty()) else {
            return;
        };
        if let Some(warning) = set.asked.warn_unmirrored(mirrored)
            && !set.has_warned.swap(true, Ordering::Relaxed)
        {
            (set.announce)(&warning);
        }
    }

    /// Turns that warning off. With several local clusters, a name that one of them does not know
    /// may be for another.
    pub fn allow_unmirrored(&self) {
        if let Some(set) = &self.set {
            set.has_warned.store(true, Ordering::Relaxed);
        }
    }
}

impl RemoteSet {
    fn connection(self: &Arc<Self>, local: &Cluster, name: &str) -> PendingConnection {
        let mut connections = self.connections.lock();
        if let Some(connection) = connections.get(name) {
            return connection.clone();
        }
        let (set, local, cluster) = (Arc::clone(self), local.clone(), name.to_owned());
        // Detached, so that it outlives the requests that wait for it: the result of a slow
        // credential plugin serves later requests. At most one runs for each cluster.
        let connecting = tokio::spawn(async move { set.connect(&local, &cluster).await });
        let connection = connecting
            .map(|result| result.unwrap_or_else(|_| Err(no_credentials())))
            .boxed()
            .shared();
        connections.insert(name.to_owned(), connection.clone());
        connection
    }

    async fn connect(&self, local: &Cluster, name: &str) -> Result<Cluster, WhyUnknown> {
        let Some(context) = self.contexts.get(name) else {
            return self.connect_by_link(local, name).await;
        };
        let connected = Cluster::connect(&self.options.with_context(context))
            .await
            .map_err(|cause| WhyUnknown::NoAccess(format!("{cause:#}")))?;
        if connected.server == local.server {
            let server = &local.server;
            self.announce_once(format!(
                "warning: --remote {name}={context} asks the cluster that the groups are in \
                 ({server}): if {name} is \
                 another cluster, name a context of that one"
            ));
        }
        Ok(connected)
    }

    async fn connect_by_link(&self, local: &Cluster, name: &str) -> Result<Cluster, WhyUnknown> {
        let permit = self.link_lookups.start(local, name).await?;
        let connected = self.look_up_link(local, name).await;
        drop(permit);
        self.link_lookups.end(name, &connected);
        connected
    }

    async fn look_up_link(&self, local: &Cluster, name: &str) -> Result<Cluster, WhyUnknown> {
        let (secret, namespace) = (links::secret_name(name), links::NAMESPACE);
        let context = &local.context;
        self.announce_once(format!(
            "reading the secret {secret} in namespace {namespace} of context {context}"
        ));
        let resolved = ResolvedConfig {
            connection: links::read(local, name).await?,
            namespace: namespace_or_default("").to_owned(),
            context: secret,
            flags: ConnectionFlags::default(),
            user: None,
        };
        Cluster::new(resolved, None, self.options.request_timeout)
            .await
            .map_err(|_| WhyUnknown::NoAccess("the link's credentials cannot be used".to_owned()))
    }

    fn announce_once(&self, line: String) {
        let mut announced = self.announced.lock();
        if !announced.contains(&line) && announced.len() < MAX_ANNOUNCED {
            (self.announce)(&line);
            announced.insert(line);
        }
    }
}

fn no_credentials() -> WhyUnknown {
    WhyUnknown::NoAccess("can't get credentials".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_has_just_timed_out_gets_less_time() {
        let linked = RemoteOptions {
            contexts: Vec::new(),
            from_links: true,
        };
        let remotes = Remotes::of(&ConnectOptions::default(), &linked, |_| ()).unwrap();
        let timeouts = || ["east", "north"].map(|name| remotes.read_timeout(name));
        assert_eq!(timeouts(), [REMOTE_READ_TIMEOUT; 2]);
        remotes.note_timeout("east");
        assert_eq!(timeouts(), [SHORT_REMOTE_READ_TIMEOUT, REMOTE_READ_TIMEOUT]);
        tokio::time::advance(REMOTE_READ_TIMEOUT).await;
        assert_eq!(timeouts(), [REMOTE_READ_TIMEOUT; 2]);
    }
}
