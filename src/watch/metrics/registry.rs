//! What the loops count, for Prometheus, and whether they are well.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// A loop that has not come round for so long is stuck: it does so every second.
const STUCK: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct GroupLabels {
    pub context: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct NamespaceLabels {
    pub context: String,
    pub namespace: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct InState {
    pub context: String,
    pub state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Followed {
    pub context: String,
    pub resource: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct LeaseLabels {
    pub context: String,
    pub namespace: String,
    pub standing: &'static str,
}

/// Buckets from 2 ms to 16 s.
#[derive(Debug, Clone)]
pub(crate) struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(0.002, 2.0, 14))
    }
}

/// The figures of all loops of the process.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    pub(crate) transitions: Family<NamespaceLabels, Counter>,
    pub(crate) writes: Family<GroupLabels, Counter>,
    pub(crate) failures: Family<GroupLabels, Counter>,
    pub(crate) retries: Family<GroupLabels, Counter>,
    pub(crate) groups: Family<InState, Gauge>,
    pub(crate) braked: Family<GroupLabels, Gauge>,
    pub(crate) reaction: Family<GroupLabels, Histogram, Buckets>,
    pub(crate) restarts: Family<Followed, Counter>,
    pub(crate) leases: Family<LeaseLabels, Gauge>,
    loops: Arc<Mutex<BTreeMap<String, Arc<Health>>>>,
}

/// How one loop is.
#[derive(Debug)]
pub(crate) struct Health {
    /// From when its turns count.
    pub since: Instant,
    /// In milliseconds.
    pub last_turn: AtomicU64,
    pub runs: AtomicBool,
    /// All that it follows is known.
    pub knows: AtomicBool,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Arc::default(),
            transitions: Family::default(),
            writes: Family::default(),
            failures: Family::default(),
            retries: Family::default(),
            groups: Family::default(),
            braked: Family::default(),
            reaction: Family::new_with_constructor(Buckets),
            restarts: Family::default(),
            leases: Family::default(),
            loops: Arc::default(),
        };
        Self {
            registry: Arc::new(metrics.register()),
            ..metrics
        }
    }
}

impl Metrics {
    fn register(&self) -> Registry {
        let mut all = Registry::with_prefix("failover");
        all.register("transitions", "Moves of traffic", self.transitions.clone());
        all.register(
            "writes",
            "Writes of groups that were answered",
            self.writes.clone(),
        );
        all.register(
            "write_failures",
            "Writes of groups that failed",
            self.failures.clone(),
        );
        all.register(
            "write_retries",
            "Writes of groups after one that failed",
            self.retries.clone(),
        );
        all.register("groups", "Groups by state", self.groups.clone());
        all.register(
            "moves_waiting",
            "Moves that wait for --max-moves",
            self.braked.clone(),
        );
        let help = "From hearing of a change to the answer to the write that follows from it";
        all.register_with_unit("reaction", help, Unit::Seconds, self.reaction.clone());
        all.register(
            "watch_restarts",
            "Lists and watches that failed",
            self.restarts.clone(),
        );
        all.register(
            "lease",
            "How the loop stands to the LeaseLabels of a namespace",
            self.leases.clone(),
        );
        all
    }

    /// All of it, as Prometheus reads it.
    ///
    /// # Errors
    /// Where it can't be written as text.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }

    /// Names a loop that is to run.
    pub fn expect(&self, context: &str) {
        self.health(context);
    }

    /// The contexts whose loop has got stuck.
    pub fn stuck(&self) -> Vec<String> {
        self.those(|health| health.runs.load(Ordering::Relaxed) && health.is_stuck())
    }

    /// The contexts whose loop does not run, or does not know all that it follows.
    pub fn not_ready(&self) -> Vec<String> {
        if self.loops.lock().is_ok_and(|loops| loops.is_empty()) {
            return vec!["no cluster yet".to_owned()];
        }
        self.those(|health| {
            !health.runs.load(Ordering::Relaxed) || !health.knows.load(Ordering::Relaxed)
        })
    }

    fn those(&self, wanted: impl Fn(&Health) -> bool) -> Vec<String> {
        let Ok(loops) = self.loops.lock() else {
            return vec!["unknown".to_owned()];
        };
        loops
            .iter()
            .filter(|(_, health)| wanted(health))
            .map(|(context, _)| context.clone())
            .collect()
    }

    pub(crate) fn health(&self, context: &str) -> Arc<Health> {
        let fresh = || {
            Arc::new(Health {
                since: Instant::now(),
                last_turn: AtomicU64::default(),
                runs: AtomicBool::default(),
                knows: AtomicBool::default(),
            })
        };
        match self.loops.lock() {
            Ok(mut loops) => loops
                .entry(context.to_owned())
                .or_insert_with(fresh)
                .clone(),
            Err(_) => fresh(),
        }
    }
}

impl Health {
    fn is_stuck(&self) -> bool {
        let last = Duration::from_millis(self.last_turn.load(Ordering::Relaxed));
        self.since.elapsed().saturating_sub(last) > STUCK
    }
}
