//! The statuses of the groups of one or several clusters, as they change.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, LocalBoxStream, SelectAll};
use tokio::time::{Instant, sleep};

use crate::cli::StatusArgs;
use crate::cluster::Clusters;
use crate::commands::args::contexts;
use crate::commands::args::selection::{parse_names, parse_selector, warn_of_forbidden};
use crate::commands::env::CommandEnv;
use crate::observe::{ObserveScope, Observer, Snapshot};
use crate::output::streams::Streams;

/// How long to wait before a cluster that cannot be read is tried again.
const RECONNECT_INTERVAL: Duration = Duration::from_secs(5);

/// What happened, and the index of the cluster.
pub type Feed<'a> = SelectAll<LocalBoxStream<'a, (usize, FeedEvent)>>;

pub enum FeedEvent {
    Connected(Box<Clusters>),
    Snapshot {
        snapshot: Snapshot,
        /// The time since when the connection is lost, if it is.
        lost: Option<Instant>,
        /// Kinds that the user may not read; only with the first snapshot.
        warnings: String,
    },
    Failed(anyhow::Error),
}

/// A cluster to follow.
pub struct Source<'a> {
    pub env: &'a CommandEnv,
    pub args: &'a StatusArgs,
    /// None: connect to it first.
    pub cluster: Option<Clusters>,
}

enum Stage {
    /// Waits, then connects.
    Connect(Duration),
    Start(Box<Clusters>),
    Follow(Box<Followed>),
}

struct Followed {
    cluster: Clusters,
    observer: Observer,
    is_first: bool,
}

/// Follows the groups of all these clusters. A cluster that fails is tried again.
pub fn follow<'a>(sources: Vec<Source<'a>>) -> Feed<'a> {
    let streams = sources.into_iter().enumerate().map(|(index, source)| {
        let stage = match source.cluster.clone() {
            Some(cluster) => Stage::Start(Box::new(cluster)),
            None => Stage::Connect(Duration::ZERO),
        };
        let events = stream::unfold((source, stage), |(source, stage)| async move {
            let (event, stage) = step(&source, stage).await;
            Some((event, (source, stage)))
        });
        events.map(move |event| (index, event)).boxed_local()
    });
    stream::select_all(streams)
}

async fn step(source: &Source<'_>, stage: Stage) -> (FeedEvent, Stage) {
    match stage {
        Stage::Connect(wait) => {
            sleep(wait).await;
            match contexts::connect(source.env, &source.args.remotes).await {
                Ok(cluster) => {
                    let cluster = Box::new(cluster);
                    (FeedEvent::Connected(cluster.clone()), Stage::Start(cluster))
                }
                Err(error) => failed(error),
            }
        }
        Stage::Start(cluster) => match scope(source, &cluster) {
            Ok(scope) => {
                let followed = Followed {
                    observer: Observer::start(&cluster, scope),
                    cluster: *cluster,
                    is_first: true,
                };
                next(Box::new(followed)).await
            }
            Err(error) => failed(error),
        },
        Stage::Follow(followed) => next(followed).await,
    }
}

async fn next(mut followed: Box<Followed>) -> (FeedEvent, Stage) {
    let Followed {
        cluster,
        observer,
        is_first,
    } = followed.as_mut();
    let snapshot = match observer.next().await {
        Ok(snapshot) => snapshot,
        Err(error) => return failed(error),
    };
    let mut warnings = String::new();
    if std::mem::take(is_first) {
        let (streams, captured) = Streams::joined();
        warn_of_forbidden(&streams, cluster, observer.forbidden());
        warnings = captured.out();
    }
    let lost = snapshot.lost.as_ref().and_then(|lost| {
        let since = observer.since(lost.since);
        Instant::now().checked_sub(since)
    });
    let event = FeedEvent::Snapshot {
        snapshot,
        lost,
        warnings,
    };
    (event, Stage::Follow(followed))
}

fn failed(error: anyhow::Error) -> (FeedEvent, Stage) {
    (FeedEvent::Failed(error), Stage::Connect(RECONNECT_INTERVAL))
}

fn scope(source: &Source, cluster: &Clusters) -> anyhow::Result<ObserveScope> {
    Ok(ObserveScope {
        namespace: source.env.namespace(cluster),
        selector: parse_selector(source.args.selector.as_deref())?,
        names: parse_names(&source.args.names)?,
    })
}
