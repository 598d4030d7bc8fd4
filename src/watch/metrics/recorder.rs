//! Records the metrics of one cluster while its event loop runs.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::registry::{Health, MetricLabels, Metrics};
use super::unix_seconds;
use crate::model::{GroupId, State, Transition};
use crate::watch::engine::group_facts::GroupFacts;
use crate::watch::engine::leases::LeaseState;

#[derive(Debug)]
pub struct MetricsRecorder {
    all: Metrics,
    context: String,
    health: Arc<Health>,
    writes: Counter,
    write_failures: Counter,
    write_retries: Counter,
    exposed: Gauge,
    moves_waiting: Gauge,
    reaction: Histogram,
    /// Namespaces with a Lease metric.
    lease_namespaces: HashSet<String>,
}

impl MetricsRecorder {
    /// `holds_leases`: only the groups in namespaces whose Lease it holds have series.
    pub fn new(all: &Metrics, context: &str, holds_leases: bool) -> Self {
        let labels = [("context", context.to_owned())];
        let health = all.health(context);
        health.is_running.store(true, Ordering::Relaxed);
        let recorder = Self {
            context: context.to_owned(),
            writes: all.writes.get_or_create(&labels).clone(),
            write_failures: all.write_failures.get_or_create(&labels).clone(),
            write_retries: all.write_retries.get_or_create(&labels).clone(),
            exposed: all.exposed.get_or_create(&labels).clone(),
            moves_waiting: all.moves_waiting.get_or_create(&labels).clone(),
            reaction: all.reaction.get_or_create(&labels).clone(),
            all: all.clone(),
            health,
            lease_namespaces: HashSet::new(),
        };
        if let Some(series) = &all.series {
            series.start(context, !holds_leases);
        }
        recorder.turn(false);
        recorder.groups(&State::ALL.map(|state| (state, 0)).into(), 0);
        recorder
    }

    /// Records a turn of the event loop.
    pub fn turn(&self, is_ready: bool) {
        let now = u64::try_from(self.health.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.health.last_turn.store(now, Ordering::Relaxed);
        self.health.is_ready.store(is_ready, Ordering::Relaxed);
    }

    /// Records when the watch that is silent for longest last reported.
    pub fn last_activity(&self, at: Timestamp) {
        let labels = [("context", self.context.clone())];
        let gauge = self.all.last_activity.get_or_create(&labels);
        gauge.set(unix_seconds(at));
    }

    /// Replaces the facts of these groups. `facts` gets those before; none: it has no series.
    pub fn facts(
        &self,
        groups: Vec<GroupId>,
        facts: impl Fn(&GroupId, Option<&GroupFacts>) -> Option<GroupFacts>,
    ) {
        let Some(series) = &self.all.series else {
            return;
        };
        for id in groups {
            series.update(&self.context, id, &facts);
        }
    }

    pub fn write_started(&self, is_retry: bool) {
        self.write_retries.inc_by(u64::from(is_retry));
    }

    pub fn write_ended(&self, is_ok: bool) {
        self.writes.inc();
        self.write_failures.inc_by(u64::from(!is_ok));
    }

    pub fn moved(&self, transition: &Transition) {
        let labels = self.labels("namespace", &transition.group.namespace);
        self.all.transitions.get_or_create(&labels).inc();
        self.reaction.observe(transition.took.as_secs_f64());
    }

    pub fn groups(&self, counts: &BTreeMap<State, usize>, exposed: usize) {
        self.exposed.set(gauge(exposed));
        for (state, count) in counts {
            let labels = self.labels("state", &state.to_string());
            self.all.groups.get_or_create(&labels).set(gauge(*count));
        }
    }

    pub fn moves_waiting(&self, waiting: usize) {
        self.moves_waiting.set(gauge(waiting));
    }

    /// Records a failed list or watch.
    pub fn watch_failed(&self, resource: &'static str) {
        let labels = self.labels("resource", resource);
        self.all.watch_restarts.get_or_create(&labels).inc();
    }

    pub fn lease(&mut self, namespace: &str, state: &LeaseState) {
        self.clear_lease(namespace);
        self.lease_namespaces.insert(namespace.to_owned());
        // A Lease that cannot be renewed counts until it expires, and what comes then is reported.
        match state {
            LeaseState::Failing { .. } => {}
            LeaseState::Standby { .. } => self.runs(namespace, false),
            LeaseState::Held { .. } | LeaseState::Unguarded { .. } => self.runs(namespace, true),
        }
        let standing = match state {
            LeaseState::Held { .. } => "held",
            LeaseState::Standby { .. } => "standby",
            LeaseState::Unguarded { .. } => "unguarded",
            LeaseState::Failing { .. } => "failing",
        };
        self.all
            .leases
            .get_or_create(&self.lease_labels(namespace, standing))
            .set(1);
    }

    /// Records that the Lease is not needed.
    pub fn no_lease(&mut self, namespace: &str) {
        self.clear_lease(namespace);
        self.runs(namespace, false);
    }

    fn runs(&self, namespace: &str, runs: bool) {
        if runs {
            // Prometheus sees the first move only as an increase from a value that it has scraped.
            let labels = self.labels("namespace", namespace);
            drop(self.all.transitions.get_or_create(&labels));
        }
        if let Some(series) = &self.all.series {
            series.runs(&self.context, namespace, runs);
        }
    }

    fn clear_lease(&mut self, namespace: &str) {
        self.lease_namespaces.remove(namespace);
        for standing in ["held", "standby", "unguarded", "failing"] {
            self.all
                .leases
                .remove(&self.lease_labels(namespace, standing));
        }
    }

    fn labels(&self, name: &'static str, value: &str) -> MetricLabels<2> {
        [("context", self.context.clone()), (name, value.to_owned())]
    }

    fn lease_labels(&self, namespace: &str, standing: &str) -> MetricLabels<3> {
        let [context, namespace] = self.labels("namespace", namespace);
        [context, namespace, ("standing", standing.to_owned())]
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Drop for MetricsRecorder {
    fn drop(&mut self) {
        if let Some(series) = &self.all.series {
            series.end(&self.context);
        }
        self.moves_waiting(0);
        let namespaces = std::mem::take(&mut self.lease_namespaces);
        namespaces
            .iter()
            .for_each(|namespace| self.no_lease(namespace));
        self.health.is_running.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::watch::metrics::text_format::TextFormat;

    /// Prometheus sees an increase only from a value that it has scraped.
    #[test]
    fn the_moves_of_a_namespace_are_0_as_soon_as_its_lease_is_held() {
        let metrics = Metrics::new(false);
        let mut recorder = MetricsRecorder::new(&metrics, "west", true);
        let moves = || {
            let text = metrics.text(TextFormat::Prometheus).unwrap();
            let mut lines = text.lines();
            let line = lines.find(|line| line.starts_with("failover_transitions_total{"));
            line.map(str::to_owned)
        };
        assert_eq!(moves(), None);
        let until = Duration::from_secs(15);
        recorder.lease("ns", &LeaseState::Held { until });
        let none = r#"failover_transitions_total{context="west",namespace="ns"} 0"#;
        assert_eq!(moves().as_deref(), Some(none));
    }

    /// Two instances must not both have the series of a group.
    #[test]
    fn only_who_holds_the_lease_has_series_of_groups() {
        let metrics = Metrics::new(true);
        let mut recorder = MetricsRecorder::new(&metrics, "west", true);
        let group = GroupId {
            namespace: "ns".to_owned(),
            kind: "trafficsplit",
            name: "web".to_owned(),
        };
        let facts = GroupFacts {
            state: State::Primary,
            flags: Vec::new(),
            backends: Vec::new(),
            last_move: None,
            away_since: None,
            forced: None,
            paused: None,
            evacuated: None,
        };
        recorder.facts(vec![group], |_, _| Some(facts.clone()));
        let has_series = || {
            metrics
                .text(TextFormat::Prometheus)
                .unwrap()
                .contains("object=")
        };
        assert!(!has_series(), "nothing is known of the Lease");
        let until = Duration::from_secs(15);
        recorder.lease("ns", &LeaseState::Held { until });
        assert!(has_series());
        let why = "the API server is down".to_owned();
        recorder.lease("ns", &LeaseState::Failing { why });
        assert!(has_series(), "it counts until it expires");
        recorder.no_lease("ns");
        assert!(!has_series(), "it may not patch the groups");
    }
}
