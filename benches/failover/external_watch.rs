//! Observes moves from outside: a watch of the groups that is independent of the plugin and the
//! baseline program.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::fixture::{Fixture, splits};
use super::requests::Watch;

/// Far longer than any measurement takes.
const MOVE_LIMIT: Duration = Duration::from_secs(120);

/// A group whose weights were seen.
pub struct Seen {
    pub at: Instant,
    pub name: String,
    pub away: bool,
}

pub struct ExternalWatch {
    events: mpsc::UnboundedReceiver<Seen>,
    task: JoinHandle<()>,
}

impl Drop for ExternalWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ExternalWatch {
    pub async fn of(fixture: &Fixture) -> Self {
        let mut watch = Watch::open(&fixture.client, &splits(&fixture.namespace)).await;
        let (sender, events) = mpsc::unbounded_channel();
        let fixture = fixture.clone();
        let task = tokio::spawn(async move {
            loop {
                while let Some(line) = watch.next().await {
                    let at = Instant::now();
                    if let Some(seen) = read(at, &line) {
                        let _ = sender.send(seen);
                    }
                }
                // The API server closes the watch of a client that lags.
                watch = Watch::of_all(&fixture.client, &splits(&fixture.namespace)).await;
            }
        });
        Self { events, task }
    }

    /// Returns when this group is seen on its fallback (`away`) or on its primary.
    pub async fn until(&mut self, name: &str, away: bool) -> Instant {
        loop {
            let seen = self.next(name).await;
            if seen.name == name && seen.away == away {
                return seen.at;
            }
        }
    }

    /// Returns when the last one of this many groups is seen on its fallback (`away`) or on its
    /// primary.
    pub async fn until_all(&mut self, groups: usize, away: bool) -> Instant {
        let mut where_they_are = HashMap::new();
        loop {
            let Seen {
                at,
                name,
                away: is_away,
            } = self.next("the last group").await;
            where_they_are.insert(name, is_away);
            if where_they_are
                .values()
                .filter(|is_away| **is_away == away)
                .count()
                == groups
            {
                return at;
            }
        }
    }

    async fn next(&mut self, awaited: &str) -> Seen {
        match tokio::time::timeout(MOVE_LIMIT, self.events.recv()).await {
            Ok(seen) => seen.expect("the watch goes on"),
            Err(_) => panic!("{awaited} was not seen to move"),
        }
    }
}

#[derive(Deserialize)]
struct Line {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
struct Spec {
    backends: Vec<Backend>,
}

#[derive(Deserialize)]
struct Backend {
    weight: u64,
}

fn read(at: Instant, line: &[u8]) -> Option<Seen> {
    let Line { object } = serde_json::from_slice(line).ok()?;
    let away = object.spec.backends.first()?.weight == 0;
    Some(Seen {
        at,
        name: object.metadata.name,
        away,
    })
}
