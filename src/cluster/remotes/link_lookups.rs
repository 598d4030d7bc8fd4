//! Limits the look-ups of links' credentials. Whoever writes mirror Services chooses the names that
//! are looked up, so there are few requests at once, none for a cluster without a Link, and a
//! backoff for each name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::links;
use crate::cluster::transport::client::Cluster;
use crate::model::WhyUnknown;

const CONCURRENT_LINK_LOOKUPS: usize = 4;
/// How long a list of the Links is valid.
const LINKS_TTL: Duration = Duration::from_secs(15);
/// The first and the longest wait before a name that had no credentials is looked up again.
const FIRST_RETRY: Duration = Duration::from_secs(4);
const MAX_RETRY: Duration = Duration::from_secs(60);

pub struct LinkLookups {
    lookups: Semaphore,
    links: sync::Mutex<Option<KnownLinks>>,
    refusals: Mutex<HashMap<String, Refusal>>,
}

struct KnownLinks {
    /// None: the Links cannot be listed.
    clusters: Option<Arc<HashSet<String>>>,
    listed: Instant,
}

struct Refusal {
    why: WhyUnknown,
    until: Instant,
    wait: Duration,
}

impl Default for LinkLookups {
    fn default() -> Self {
        Self {
            lookups: Semaphore::new(CONCURRENT_LINK_LOOKUPS),
            links: sync::Mutex::default(),
            refusals: Mutex::default(),
        }
    }
}

impl LinkLookups {
    /// Waits until a cluster's credentials may be looked up.
    ///
    /// # Errors
    /// If the cluster has no Link, or its last look-up failed a short time ago.
    pub async fn start(
        &self,
        local: &Cluster,
        cluster: &str,
    ) -> Result<Option<SemaphorePermit<'_>>, WhyUnknown> {
        if let Some(refusal) = self.refusals.lock().get(cluster)
            && Instant::now() < refusal.until
        {
            return Err(refusal.why.clone());
        }
        let permit = self.lookups.acquire().await.ok();
        match self.clusters(local).await {
            Some(clusters) if !clusters.contains(cluster) => Err(no_link(cluster)),
            _ => Ok(permit),
        }
    }

    /// Records the result of a look-up.
    pub fn end<T>(&self, cluster: &str, found: &Result<T, WhyUnknown>) {
        let mut refusals = self.refusals.lock();
        let Err(why) = found else {
            refusals.remove(cluster);
            return;
        };
        let now = Instant::now();
        // Names that nobody asks for any more are dropped.
        refusals.retain(|_, refusal| now < refusal.until + MAX_RETRY);
        let last = refusals.get(cluster).map(|refusal| refusal.wait);
        let wait = last.map_or(FIRST_RETRY, |last| (last * 2).min(MAX_RETRY));
        let refusal = Refusal {
            why: why.clone(),
            until: now + wait,
            wait,
        };
        refusals.insert(cluster.to_owned(), refusal);
    }

    async fn clusters(&self, local: &Cluster) -> Option<Arc<HashSet<String>>> {
        let mut links = self.links.lock().await;
        let is_valid = |known: &&KnownLinks| known.listed.elapsed() < LINKS_TTL;
        if let Some(known) = links.as_ref().filter(is_valid) {
            return known.clusters.clone();
        }
        let clusters = links::clusters(local).await.map(Arc::new);
        *links = Some(KnownLinks {
            clusters: clusters.clone(),
            listed: Instant::now(),
        });
        clusters
    }
}

fn no_link(cluster: &str) -> WhyUnknown {
    let namespace = links::NAMESPACE;
    WhyUnknown::NoRemote {
        cluster: cluster.to_owned(),
        how: format!("there is no Link for it in namespace {namespace}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_name_without_credentials_is_looked_up_less_and_less_often() {
        let lookups = LinkLookups::default();
        let failed: Result<(), _> = Err(no_link("east"));
        let mut waits = Vec::new();
        for _ in 0..6 {
            lookups.end("east", &failed);
            let until = lookups.refusals.lock()["east"].until;
            waits.push((until - Instant::now()).as_secs());
            tokio::time::advance(until - Instant::now()).await;
        }
        assert_eq!(waits, [4, 8, 16, 32, 60, 60]);
        lookups.end("east", &Ok(()));
        assert!(lookups.refusals.lock().is_empty());
    }
}
