//! The Prometheus metrics of all clusters of the process, and the health of each event loop.

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::group_series::GroupSeries;
use super::text_format::{TextFormat, prometheus_text};

/// An event loop without a turn for this long is stuck. A healthy one has a turn every second.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// Label names and values.
pub(super) type MetricLabels<const N: usize> = [(&'static str, String); N];

/// Buckets from 2 ms to 16 s.
#[derive(Debug, Clone)]
pub(super) struct ReactionBuckets;

impl MetricConstructor<Histogram> for ReactionBuckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(0.002, 2.0, 14))
    }
}

#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    pub(super) transitions: Family<MetricLabels<2>, Counter>,
    pub(super) writes: Family<MetricLabels<1>, Counter>,
    pub(super) write_failures: Family<MetricLabels<1>, Counter>,
    pub(super) write_retries: Family<MetricLabels<1>, Counter>,
    pub(super) groups: Family<MetricLabels<2>, Gauge>,
    pub(super) exposed: Family<MetricLabels<1>, Gauge>,
    pub(super) moves_waiting: Family<MetricLabels<1>, Gauge>,
    pub(super) reaction: Family<MetricLabels<1>, Histogram, ReactionBuckets>,
    pub(super) watch_restarts: Family<MetricLabels<2>, Counter>,
    pub(super) leases: Family<MetricLabels<3>, Gauge>,
    pub(super) last_activity: Family<MetricLabels<1>, Gauge<f64, AtomicU64>>,
    ready: Family<MetricLabels<1>, Gauge>,
    /// None: there are only counts.
    pub(super) series: Option<GroupSeries>,
    /// By context.
    health: Arc<Mutex<BTreeMap<String, Arc<Health>>>>,
}

/// The health of one event loop.
#[derive(Debug)]
pub(super) struct Health {
    /// The start of the clock for `last_turn`.
    pub since: Instant,
    /// In milliseconds.
    pub last_turn: AtomicU64,
    pub is_running: AtomicBool,
    /// Every watch has synced and was recently active.
    pub is_ready: AtomicBool,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Metrics {
    /// `of_groups`: there are series of each group, besides counts.
    pub fn new(of_groups: bool) -> Self {
        let metrics = Self {
            registry: Arc::default(),
            transitions: Family::default(),
            writes: Family::default(),
            write_failures: Family::default(),
            write_retries: Family::default(),
            groups: Family::default(),
            exposed: Family::default(),
            moves_waiting: Family::default(),
            reaction: Family::new_with_constructor(ReactionBuckets),
            watch_restarts: Family::default(),
            leases: Family::default(),
            last_activity: Family::default(),
            ready: Family::default(),
            series: of_groups.then(GroupSeries::default),
            health: Arc::default(),
        };
        let mut registry = Registry::with_prefix("failover");
        metrics.register(&mut registry);
        Self {
            registry: Arc::new(registry),
            ..metrics
        }
    }

    fn register(&self, all: &mut Registry) {
        let help = "Failovers and failbacks, and other moves of traffic";
        all.register("transitions", help, self.transitions.clone());
        all.register("writes", "Writes to failover groups", self.writes.clone());
        let help = "Failed writes to failover groups";
        all.register("write_failures", help, self.write_failures.clone());
        let help = "Writes to failover groups that retried a failed one";
        all.register("write_retries", help, self.write_retries.clone());
        all.register("groups", "Failover groups by state", self.groups.clone());
        let help = "Failover groups of which no fallback is ready, while the primary serves";
        all.register("groups_exposed", help, self.exposed.clone());
        let help = "Moves of traffic that wait for --max-moves";
        all.register("moves_waiting", help, self.moves_waiting.clone());
        let help = "Time from receiving a change to the response to the write that it caused";
        all.register_with_unit("reaction", help, Unit::Seconds, self.reaction.clone());
        let help = "Failed lists and watches";
        all.register("watch_restarts", help, self.watch_restarts.clone());
        let help = "Whether a namespace's Lease is held here (1 for the current standing)";
        all.register("lease", help, self.leases.clone());
        let help = "Whether every watch has synced and was recently active, as /readyz says";
        all.register("ready", help, self.ready.clone());
        let (help, unit) = (
            "When the watch that is silent for longest last reported",
            Unit::Seconds,
        );
        let name = "watch_last_activity_timestamp";
        all.register_with_unit(name, help, unit, self.last_activity.clone());
        let labels = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("os", OS),
            ("arch", ARCH),
        ];
        all.register("build", "The version of this program", Info::new(labels));
        if let Some(series) = &self.series {
            all.register_collector(Box::new(series.clone()));
        }
    }

    /// Returns all metrics.
    ///
    /// # Errors
    /// If they cannot be encoded.
    pub fn text(&self, format: TextFormat) -> Result<String, std::fmt::Error> {
        self.all_health(|all| {
            for (context, health) in all {
                let labels = [("context", context.clone())];
                let is_ready = health.is_ready() && !health.is_stuck();
                self.ready.get_or_create(&labels).set(is_ready.into());
            }
        });
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(match format {
            TextFormat::OpenMetrics => out,
            TextFormat::Prometheus => prometheus_text(&out),
        })
    }

    /// Registers an event loop. It is not ready until it runs.
    pub fn expect(&self, context: &str) {
        self.health(context);
    }

    /// Returns the contexts whose event loop is stuck.
    pub fn stuck(&self) -> Vec<String> {
        self.contexts(|health| health.is_running.load(Ordering::Relaxed) && health.is_stuck())
    }

    /// Returns the contexts that are not ready: the event loop does not run, or a watch has not
    /// synced or is silent.
    pub fn not_ready(&self) -> Vec<String> {
        if self.all_health(|all| all.is_empty()) {
            return vec!["no cluster yet".to_owned()];
        }
        self.contexts(|health| !health.is_ready())
    }

    fn contexts(&self, wanted: impl Fn(&Health) -> bool) -> Vec<String> {
        self.all_health(|all| {
            let wanted = all.iter().filter(|(_, health)| wanted(health));
            wanted.map(|(context, _)| context.clone()).collect()
        })
    }

    pub(super) fn health(&self, context: &str) -> Arc<Health> {
        self.all_health(|all| {
            let health = all.entry(context.to_owned()).or_insert_with(|| {
                Arc::new(Health {
                    since: Instant::now(),
                    last_turn: AtomicU64::default(),
                    is_running: AtomicBool::default(),
                    is_ready: AtomicBool::default(),
                })
            });
            Arc::clone(health)
        })
    }

    fn all_health<T>(&self, with: impl FnOnce(&mut BTreeMap<String, Arc<Health>>) -> T) -> T {
        with(&mut self.health.lock())
    }
}

impl Health {
    fn is_ready(&self) -> bool {
        let is_set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        is_set(&self.is_running) && is_set(&self.is_ready)
    }

    fn is_stuck(&self) -> bool {
        let last = Duration::from_millis(self.last_turn.load(Ordering::Relaxed));
        self.since.elapsed().saturating_sub(last) > STUCK_AFTER
    }
}
