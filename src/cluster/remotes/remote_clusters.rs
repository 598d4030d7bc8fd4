//! The clusters that may be asked about the services that mirrors stand for. Each is reached by itself: what is slow
//! or gone holds up nothing but what is read from it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use tokio::time::Instant;

use super::links;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::kubeconfig;
use crate::cluster::transport::options::{ConnectOptions, RemoteOptions};
use crate::model::WhyUnknown;
use crate::problem::Problem;
use crate::text::connection_flags::{ConnectionFlags, FROM_LINKS};
use crate::text::word;

/// How long another cluster may take to say all that is wanted.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// The same where it has just been silent for that long.
const LITTLE_PATIENCE: Duration = Duration::from_secs(1);

/// Who may be asked, and the connections that there are.
#[derive(Clone, Default)]
pub struct Remotes {
    /// None: nobody.
    given: Option<Arc<Given>>,
}

struct Given {
    asked: NamedRemotes,
    /// How the kubeconfig is found, without anything that was said of the local cluster or its user.
    options: ConnectOptions,
    contexts: BTreeMap<String, String>,
    open: Mutex<HashMap<String, PendingConnection>>,
    /// When each cluster was last silent.
    silent: Mutex<HashMap<String, Instant>>,
    announce: Box<dyn Fn(&str) + Send + Sync>,
    /// What has been said, so that it is said once.
    announced: Mutex<HashSet<String>>,
    /// That a name is none of a mirrored cluster has been said, or is not to be.
    warned: AtomicBool,
}

/// A connection that all who need it wait for together, so that no second credential plugin starts beside one that hangs.
pub(crate) type PendingConnection = Shared<BoxFuture<'static, Result<Cluster, WhyUnknown>>>;

/// Which clusters there is a remote for.
#[derive(Debug, Clone, Default)]
pub struct NamedRemotes {
    named: Vec<String>,
    /// Any cluster that has a link.
    linked: bool,
}

impl NamedRemotes {
    pub fn nobody(&self) -> bool {
        self.named.is_empty() && !self.linked
    }

    pub fn has(&self, cluster: &str) -> bool {
        self.linked || self.named.iter().any(|name| name == cluster)
    }

    /// The clusters of which a context is named.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(String::as_str)
    }

    /// A warning of names that are none of the mirrored clusters'.
    fn strangers(&self, mirrored: &[&str]) -> Option<String> {
        let is_stranger = |name: &&str| !mirrored.contains(name);
        let strangers: Vec<&str> = self
            .named
            .iter()
            .map(String::as_str)
            .filter(is_stranger)
            .collect();
        let mut mirrored = mirrored.to_vec();
        mirrored.sort_unstable();
        (!strangers.is_empty()).then(|| {
            let (strangers, mirrored) = (strangers.join(", "), mirrored.join(", "));
            format!("warning: no mirror of these groups names the cluster {strangers}; there are: {mirrored}")
        })
    }

    #[cfg(test)]
    pub fn of(named: &[&str]) -> Self {
        Self {
            named: named.iter().map(|&name| name.to_owned()).collect(),
            linked: false,
        }
    }
}

impl fmt::Debug for Remotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = self.given.as_ref();
        f.debug_struct("Remotes")
            .field("asked", &given.map(|given| &given.asked))
            .finish()
    }
}

impl Remotes {
    /// What the options name; connects to none of them yet. `announce` is told which secrets are read.
    ///
    /// # Errors
    /// Where a cluster has two contexts, or a context is none of the kubeconfig's.
    pub fn of(
        local: &ConnectOptions,
        remotes: &RemoteOptions,
        announce: impl Fn(&str) + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let mut contexts = BTreeMap::new();
        for (name, context) in &remotes.contexts {
            if contexts
                .insert(name.clone(), context.clone())
                .is_some_and(|before| before != *context)
            {
                return Err(Problem::usage(format!(
                    "--remote names two contexts for cluster {name}"
                ))
                .into());
            }
        }
        let asked = NamedRemotes {
            named: contexts.keys().cloned().collect(),
            linked: remotes.from_links,
        };
        if asked.nobody() {
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
        let (open, silent, announced, warned) = Default::default();
        let given = Given {
            asked,
            options,
            contexts,
            open,
            silent,
            announce: Box::new(announce),
            announced,
            warned,
        };
        Ok(Self {
            given: Some(Arc::new(given)),
        })
    }

    /// The flags that name them again.
    pub fn flags(&self) -> String {
        let Some(given) = &self.given else {
            return String::new();
        };
        let named = given
            .contexts
            .iter()
            .map(|(name, context)| (name.as_str(), context.as_str()));
        remote_flags(named, given.asked.linked)
    }

    pub fn asked(&self) -> NamedRemotes {
        self.given
            .as_ref()
            .map(|given| given.asked.clone())
            .unwrap_or_default()
    }

    /// The connection to a mirrored cluster, which may still be under way.
    ///
    /// # Errors
    /// Where no remote is given for this cluster.
    pub(crate) fn connection(
        &self,
        local: &Cluster,
        name: &str,
    ) -> Result<PendingConnection, WhyUnknown> {
        let given = self.given.as_ref().filter(|given| given.asked.has(name));
        given
            .map(|given| given.connection(local, name))
            .ok_or_else(|| WhyUnknown::no_remote(name))
    }

    /// Has the next one who asks this cluster connect anew.
    pub(crate) fn forget(&self, name: &str, connection: &PendingConnection) {
        if let Some(given) = &self.given {
            given.drop_connection(name, connection);
        }
    }

    /// How long to wait for a reading of this cluster.
    pub(crate) fn patience(&self, name: &str) -> Duration {
        let last = self
            .given
            .as_ref()
            .and_then(|given| given.silent().get(name).copied());
        if last.is_some_and(|last| last.elapsed() < PATIENCE) {
            LITTLE_PATIENCE
        } else {
            PATIENCE
        }
    }

    /// Takes in that this cluster did not answer in time.
    pub(crate) fn was_silent(&self, name: &str) {
        if let Some(given) = &self.given {
            given.silent().insert(name.to_owned(), Instant::now());
        }
    }

    /// Says once which of the names that were given is none of the clusters that are mirrored; where none is mirrored,
    /// the mirrors may just not be readable.
    pub fn warn_of_strangers(&self, mirrored: &[&str]) {
        let Some(given) = self.given.as_ref().filter(|_| !mirrored.is_empty()) else {
            return;
        };
        if let Some(warning) = given.asked.strangers(mirrored)
            && !given.warned.swap(true, Ordering::Relaxed)
        {
            (given.announce)(&warning);
        }
    }

    /// Where there are several clusters, a name that is unknown to one of them is meant for another.
    pub fn warn_of_none(&self) {
        if let Some(given) = &self.given {
            given.warned.store(true, Ordering::Relaxed);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.given.is_none()
    }
}

impl Given {
    fn silent(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(self: &Arc<Self>, local: &Cluster, name: &str) -> PendingConnection {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = open.get(name) {
            return connection.clone();
        }
        let (given, local, cluster) = (Arc::clone(self), local.clone(), name.to_owned());
        // It goes on while nobody has the patience to wait for it.
        let connecting = tokio::spawn(async move { given.connect(&local, &cluster).await });
        let connecting = connecting.map(|ended| ended.unwrap_or_else(|_| Err(no_credentials())));
        open.entry(name.to_owned())
            .insert_entry(connecting.boxed().shared())
            .get()
            .clone()
    }

    fn drop_connection(&self, name: &str, connection: &PendingConnection) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(name).is_some_and(|now| now.ptr_eq(connection)) {
            open.remove(name);
        }
    }

    async fn connect(&self, local: &Cluster, name: &str) -> Result<Cluster, WhyUnknown> {
        let Some(context) = self.contexts.get(name) else {
            self.announce(local, name);
            let config = links::read(local, name).await?;
            let (secret, reach) = (links::secret_name(name), ConnectionFlags::default());
            return Cluster::of_config(config, secret, reach, None, self.options.request_timeout)
                .map_err(|_| {
                    WhyUnknown::NoAccess("the link's credentials cannot be used".to_owned())
                });
        };
        let options = self.options.with_context(context);
        // A credential plugin runs here, and may take its time.
        let runtime = tokio::runtime::Handle::current();
        let connecting =
            tokio::task::spawn_blocking(move || runtime.block_on(Cluster::connect(&options)));
        let connected = match connecting.await {
            Ok(connected) => {
                connected.map_err(|cause| WhyUnknown::NoAccess(format!("{cause:#}")))?
            }
            Err(_) => return Err(no_credentials()),
        };
        if connected.server == local.server {
            let server = &local.server;
            self.say_once(format!(
                "warning: --remote {name}={context} asks the cluster that the groups are in ({server}): if {name} is \
                 another cluster, name a context of that one"
            ));
        }
        Ok(connected)
    }

    /// Says which secret is read.
    fn announce(&self, local: &Cluster, name: &str) {
        let (secret, context) = (links::secret_name(name), &local.context);
        let namespace = links::NAMESPACE;
        self.say_once(format!(
            "reading the secret {secret} in namespace {namespace} of context {context}"
        ));
    }

    fn say_once(&self, line: String) {
        let mut announced = self
            .announced
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !announced.contains(&line) {
            (self.announce)(&line);
            announced.insert(line);
        }
    }
}

fn no_credentials() -> WhyUnknown {
    WhyUnknown::NoAccess("can't get credentials".to_owned())
}

/// The flags for these clusters and contexts, as a shell takes them.
fn remote_flags<'a>(named: impl Iterator<Item = (&'a str, &'a str)>, linked: bool) -> String {
    let named =
        named.map(|(name, context)| format!("--remote {}", word(&format!("{name}={context}"))));
    named
        .chain(linked.then(|| FROM_LINKS.to_owned()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// What lets a backend be known that is not for want of a remote to ask.
pub fn how_to_ask(asked: &NamedRemotes, why: &WhyUnknown) -> Option<String> {
    let cluster = word(why.cluster_without_remote()?);
    Some(if asked.linked {
        format!(
            "create that secret, or get the right to read it, or name a context with --remote {cluster}=CONTEXT"
        )
    } else {
        format!("name one with --remote {cluster}=CONTEXT, or use --remote-from-links")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_no_mirrored_cluster_is_told_with_those_that_there_are() {
        let told = NamedRemotes::of(&["east", "typo"])
            .strangers(&["north", "east"])
            .unwrap_or_default();
        assert!(
            told.ends_with("names the cluster typo; there are: east, north"),
            "{told}"
        );
        assert_eq!(
            NamedRemotes::of(&["east"]).strangers(&["north", "east"]),
            None
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_just_silent_is_not_waited_for_as_long_again() {
        let linked = RemoteOptions {
            contexts: Vec::new(),
            from_links: true,
        };
        let remotes = Remotes::of(&ConnectOptions::default(), &linked, |_| ()).unwrap();
        let patience = || ["east", "north"].map(|name| remotes.patience(name));
        assert_eq!(patience(), [PATIENCE, PATIENCE]);
        remotes.was_silent("east");
        assert_eq!(patience(), [LITTLE_PATIENCE, PATIENCE]);
        tokio::time::advance(PATIENCE).await;
        assert_eq!(patience(), [PATIENCE, PATIENCE]);
    }

    #[test]
    fn the_flags_are_given_as_they_were_and_quoted() {
        let named = [("east", "e"), ("north", "a b")];
        assert_eq!(
            remote_flags(named.into_iter(), true),
            "--remote east=e --remote 'north=a b' --remote-from-links"
        );
        assert_eq!(remote_flags([].into_iter(), false), "");
    }

    #[test]
    fn a_link_that_was_asked_for_in_vain_is_not_suggested() {
        let why = WhyUnknown::no_remote("east");
        let linked = how_to_ask(
            &NamedRemotes {
                named: Vec::new(),
                linked: true,
            },
            &why,
        )
        .unwrap_or_default();
        assert!(
            linked.starts_with("create that secret") && !linked.contains(FROM_LINKS),
            "{linked}"
        );
        let unasked = how_to_ask(&NamedRemotes::default(), &why).unwrap_or_default();
        assert!(unasked.ends_with("or use --remote-from-links"), "{unasked}");
    }
}
