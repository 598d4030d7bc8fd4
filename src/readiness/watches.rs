//! The watches that a loop or an observer lives on, each in a task of its own.

use std::collections::HashMap;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::slice_watch::{SliceScope, SliceWatchId};
use crate::cluster::Clusters;
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::api::groups;
use crate::cluster::api::services;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::watch;
use crate::cluster::listwatch::watch::{Collection, Event, Versioned};
use crate::cluster::remotes::remote_watch;
use crate::cluster::remotes::remote_watch::RemoteEvent;
use crate::model::WhyUnknown;
use crate::resource::{Kind, Record};

/// What the watches tell.
pub enum FollowedEvent {
    Groups(&'static dyn Kind, Box<Event<Record>>),
    Slices(SliceWatchId, Event<Slice>),
    Mirrors(SliceWatchId, Event<Service>),
    /// The cluster of a feed can't be asked.
    NoAccess(SliceWatchId, WhyUnknown),
}

/// Watches that tell an inbox. They end when this is dropped.
pub struct WatchSet<I> {
    cluster: Clusters,
    inbox: mpsc::Sender<I>,
    tasks: JoinSet<()>,
    feeds: HashMap<SliceWatchId, ScopedWatch>,
}

impl<I> std::fmt::Debug for WatchSet<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watches")
            .field("feeds", &self.feeds)
            .finish_non_exhaustive()
    }
}

/// The watches of one feed.
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
            feeds: HashMap::new(),
        }
    }

    /// Does something beside the watches, until they all end.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        // Ended tasks are of no interest, but they take room.
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

    /// Starts the watches of a feed.
    pub fn start(&mut self, id: SliceWatchId, scope: &SliceScope) {
        let source = scope.slices();
        let tasks = match &scope.cluster {
            Some(name) => vec![self.follow_there(name.clone(), source, id)],
            None => vec![
                self.follow(
                    services::mirrors(scope.namespace.as_deref()),
                    move |event| FollowedEvent::Mirrors(id, event).into(),
                ),
                self.follow(source, move |event| FollowedEvent::Slices(id, event).into()),
            ],
        };
        let (cluster, namespace) = (scope.cluster.clone(), scope.namespace.clone());
        self.feeds.insert(
            id,
            ScopedWatch {
                cluster,
                namespace,
                tasks,
            },
        );
    }

    fn follow_there(
        &mut self,
        name: String,
        source: Collection<Slice>,
        id: SliceWatchId,
    ) -> AbortHandle {
        let inbox = self.inbox.clone();
        let following = remote_watch::follow(self.cluster.clone(), name, source, move |heard| {
            let told = match heard {
                RemoteEvent::Event(event) => FollowedEvent::Slices(id, event),
                RemoteEvent::NoAccess(why) => FollowedEvent::NoAccess(id, why),
            };
            let inbox = inbox.clone();
            async move { inbox.send(told.into()).await.is_ok() }
        });
        self.spawn(following)
    }

    /// Whether this is the last word of a feed that nobody follows any more.
    pub fn is_stopped(&self, told: &FollowedEvent) -> bool {
        match told {
            FollowedEvent::Groups(..) => false,
            FollowedEvent::Slices(id, _)
            | FollowedEvent::Mirrors(id, _)
            | FollowedEvent::NoAccess(id, _) => !self.feeds.contains_key(id),
        }
    }

    /// Whether no other feed reads the same place.
    pub fn is_alone(&self, id: SliceWatchId) -> bool {
        let own = self.feeds.get(&id).map(ScopedWatch::place);
        self.feeds
            .iter()
            .all(|(other, following)| *other == id || Some(following.place()) != own)
    }

    pub fn stop(&mut self, id: SliceWatchId) {
        self.feeds
            .remove(&id)
            .into_iter()
            .for_each(ScopedWatch::end);
    }

    pub fn stop_all(&mut self) {
        self.feeds.clear();
        self.tasks.abort_all();
    }

    /// What a feed reads, in words.
    pub fn place(&self, what: &str, feed: SliceWatchId) -> String {
        let following = self.feeds.get(&feed);
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
