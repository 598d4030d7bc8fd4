//! The running watches of a controller or an observer, each in its own task. Their events go to
//! one inbox.

use std::collections::HashMap;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::scope::{SliceScope, SliceWatchId};
use crate::cluster::Clusters;
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::api::groups;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::collection::{Collection, Versioned};
use crate::cluster::listwatch::watch;
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::remotes::remote_watch;
use crate::cluster::remotes::remote_watch::RemoteEvent;
use crate::model::WhyUnknown;
use crate::resource::{Kind, Record};

/// An event of one of the watches.
pub enum FollowedEvent {
    Groups(&'static dyn Kind, Box<Event<Record>>),
    Slices(SliceWatchId, Event<Slice>),
    Services(SliceWatchId, Event<Service>),
    /// The cluster of a watch cannot be reached.
    NoAccess(SliceWatchId, WhyUnknown),
}

/// Watches that send their events to an inbox. They end when this is dropped.
pub struct WatchSet<I> {
    cluster: Clusters,
    inbox: mpsc::Sender<I>,
    tasks: JoinSet<()>,
    scoped: HashMap<SliceWatchId, ScopedWatch>,
}

impl<I> std::fmt::Debug for WatchSet<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WatchSet")
            .field("scoped", &self.scoped)
            .finish_non_exhaustive()
    }
}

/// The watches of one scope: its slices and, in the local cluster, its Services.
#[derive(Debug)]
struct ScopedWatch {
    cluster: Option<String>,
    namespace: Option<String>,
    tasks: Vec<AbortHandle>,
}

impl ScopedWatch {
    fn place(&self) -> (Option<&String>, Option<&String>) {
        (self.cluster.as_ref(), self.namespace.as_ref())
    }

    fn end(self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl<I: From<FollowedEvent> + Send + 'static> WatchSet<I> {
    pub fn new(cluster: &Clusters, inbox: mpsc::Sender<I>) -> Self {
        Self {
            cluster: cluster.clone(),
            inbox,
            tasks: JoinSet::new(),
            scoped: HashMap::new(),
        }
    }

    /// Runs a task beside the watches, until all of them end.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        // Results of finished tasks use memory until they are joined.
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn(task)
    }

    pub fn follow<T: Versioned>(
        &mut self,
        source: Collection<T>,
        wrap: impl Fn(Event<T>) -> I + Send + 'static,
    ) -> AbortHandle {
        let inbox = self.inbox.clone();
        let following = watch::follow(self.cluster.local.clone(), source, move |event| {
            let (inbox, input) = (inbox.clone(), wrap(event));
            async move { inbox.send(input).await.is_ok() }
        });
        self.spawn(following)
    }

    pub fn follow_groups(
        &mut self,
        kind: &'static dyn Kind,
        source: Collection<Record>,
    ) -> AbortHandle {
        let (cluster, inbox) = (self.cluster.local.clone(), self.inbox.clone());
        let following = watch::follow(self.cluster.local.clone(), source, move |event| {
            let (cluster, inbox) = (cluster.clone(), inbox.clone());
            async move {
                let event = Box::new(groups::clarify(&cluster, kind, event).await);
                inbox
                    .send(FollowedEvent::Groups(kind, event).into())
                    .await
                    .is_ok()
            }
        });
        self.spawn(following)
    }

    /// Starts the watches of a scope.
    pub fn start(&mut self, id: SliceWatchId, scope: &SliceScope) {
        let source = scope.slices();
        let tasks = match &scope.cluster {
            Some(name) => vec![self.follow_remote(name.clone(), source, id)],
            None => vec![
                self.follow(scope.services_source(), move |event| {
                    FollowedEvent::Services(id, event).into()
                }),
                self.follow(source, move |event| FollowedEvent::Slices(id, event).into()),
            ],
        };
        let (cluster, namespace) = (scope.cluster.clone(), scope.namespace.clone());
        self.scoped.insert(
            id,
            ScopedWatch {
                cluster,
                namespace,
                tasks,
            },
        );
    }

    fn follow_remote(
        &mut self,
        name: String,
        source: Collection<Slice>,
        id: SliceWatchId,
    ) -> AbortHandle {
        let inbox = self.inbox.clone();
        let following = remote_watch::follow(self.cluster.clone(), name, source, move |heard| {
            let event = match heard {
                RemoteEvent::Event(event) => FollowedEvent::Slices(id, event),
                RemoteEvent::NoAccess(why) => FollowedEvent::NoAccess(id, why),
            };
            let inbox = inbox.clone();
            async move { inbox.send(event.into()).await.is_ok() }
        });
        self.spawn(following)
    }

    /// Returns whether the event is from a watch that has since been stopped.
    pub fn is_stopped(&self, event: &FollowedEvent) -> bool {
        match event {
            FollowedEvent::Groups(..) => false,
            FollowedEvent::Slices(id, _)
            | FollowedEvent::Services(id, _)
            | FollowedEvent::NoAccess(id, _) => !self.scoped.contains_key(id),
        }
    }

    /// Returns whether no other watch covers the same namespace.
    pub fn is_alone(&self, id: SliceWatchId) -> bool {
        let own = self.scoped.get(&id).map(ScopedWatch::place);
        self.scoped
            .iter()
            .all(|(other, following)| *other == id || Some(following.place()) != own)
    }

    pub fn stop(&mut self, id: SliceWatchId) {
        self.scoped
            .remove(&id)
            .into_iter()
            .for_each(ScopedWatch::end);
    }

    pub fn stop_all(&mut self) {
        self.scoped.clear();
        self.tasks.abort_all();
    }

    /// Returns the name of the objects that a watch reads, for messages.
    pub fn place(&self, what: &str, id: SliceWatchId) -> String {
        let following = self.scoped.get(&id);
        let place = match following.and_then(|following| following.namespace.as_ref()) {
            Some(namespace) => format!("{what} of namespace {namespace}"),
            None => format!("{what} of all namespaces"),
        };
        match following.and_then(|following| following.cluster.as_ref()) {
            Some(cluster) => format!("{place} in cluster {cluster}"),
            None => place,
        }
    }
}
