//! The loop's watches, each in a task of its own.

use std::collections::HashMap;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::feed::{FeedId, Scope};
use super::leases::Standing;
use crate::cluster::Cluster;
use crate::cluster::services::{self, Service};
use crate::cluster::slices::{self, Slice};
use crate::cluster::stream::{self, Event, Source, Versioned};
use crate::resource::Record;

/// What the tasks of the loop tell it.
pub enum Input {
    Groups(&'static str, Box<Event<Record>>),
    Slices(FeedId, Event<Slice>),
    Mirrors(FeedId, Event<Service>),
    Lease(String, Standing),
}

pub struct Watches {
    cluster: Cluster,
    inbox: mpsc::Sender<Input>,
    feeds: HashMap<FeedId, Following>,
}

/// The watches of one feed.
struct Following {
    namespace: Option<String>,
    tasks: [AbortHandle; 2],
}

impl Following {
    fn end(self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Watches {
    pub fn new(cluster: &Cluster, inbox: mpsc::Sender<Input>) -> Self {
        Self { cluster: cluster.clone(), inbox, feeds: HashMap::new() }
    }

    pub fn follow<T: Versioned>(
        &self,
        source: Source<T>,
        wrap: impl Fn(Event<T>) -> Input + Send + 'static,
    ) -> AbortHandle {
        let (cluster, inbox) = (self.cluster.clone(), self.inbox.clone());
        let following = stream::follow(cluster, source, move |event| {
            let (inbox, input) = (inbox.clone(), wrap(event));
            async move { inbox.send(input).await.is_ok() }
        });
        tokio::spawn(following).abort_handle()
    }

    pub fn start(&mut self, id: FeedId, scope: &Scope) {
        let source = match (&scope.namespace, &scope.services) {
            (Some(namespace), services) => slices::source(namespace, services.as_ref()),
            (None, _) => slices::source_everywhere(),
        };
        let mirrors = services::mirrors(scope.namespace.as_deref());
        let tasks = [
            self.follow(mirrors, move |event| Input::Mirrors(id, event)),
            self.follow(source, move |event| Input::Slices(id, event)),
        ];
        self.feeds.insert(id, Following { namespace: scope.namespace.clone(), tasks });
    }

    pub fn stop(&mut self, id: FeedId) {
        self.feeds.remove(&id).into_iter().for_each(Following::end);
    }

    pub fn stop_all(&mut self) {
        self.feeds.drain().for_each(|(_, following)| following.end());
    }

    /// What a feed reads, in words.
    pub fn place(&self, what: &str, feed: FeedId) -> String {
        match self.feeds.get(&feed).and_then(|following| following.namespace.as_ref()) {
            Some(namespace) => format!("{what} of namespace {namespace}"),
            None => format!("{what} of all namespaces"),
        }
    }
}
