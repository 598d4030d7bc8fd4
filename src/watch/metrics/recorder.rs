//! What one loop counts.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::registry::{
    Followed, GroupLabels, Health, InState, LeaseLabels, Metrics, NamespaceLabels,
};
use crate::model::{State, Transition};
use crate::watch::engine::leases::LeaseState;

/// The figures of one loop, while it runs.
#[derive(Debug)]
pub struct MetricsRecorder {
    all: Metrics,
    context: String,
    health: Arc<Health>,
    writes: Counter,
    failures: Counter,
    retries: Counter,
    braked: Gauge,
    reaction: Histogram,
    /// Namespaces whose Lease is told of.
    namespaces: HashSet<String>,
}

impl MetricsRecorder {
    pub fn of(all: &Metrics, context: &str) -> Self {
        let place = GroupLabels {
            context: context.to_owned(),
        };
        let health = all.health(context);
        health.runs.store(true, Ordering::Relaxed);
        let meter = Self {
            context: context.to_owned(),
            writes: all.writes.get_or_create(&place).clone(),
            failures: all.failures.get_or_create(&place).clone(),
            retries: all.retries.get_or_create(&place).clone(),
            braked: all.braked.get_or_create(&place).clone(),
            reaction: all.reaction.get_or_create(&place).clone(),
            all: all.clone(),
            health,
            namespaces: HashSet::new(),
        };
        meter.turns(false);
        meter.groups(&State::ALL.map(|state| (state, 0)).into());
        meter
    }

    /// The loop has come round.
    pub fn turns(&self, knows: bool) {
        let now = u64::try_from(self.health.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.health.last_turn.store(now, Ordering::Relaxed);
        self.health.knows.store(knows, Ordering::Relaxed);
    }

    pub fn writes(&self, is_retry: bool) {
        self.retries.inc_by(u64::from(is_retry));
    }

    pub fn wrote(&self, well: bool) {
        self.writes.inc();
        self.failures.inc_by(u64::from(!well));
    }

    pub fn moved(&self, transition: &Transition) {
        let namespace = transition.group.namespace.clone();
        let place = NamespaceLabels {
            context: self.context.clone(),
            namespace,
        };
        self.all.transitions.get_or_create(&place).inc();
        self.reaction.observe(transition.took.as_secs_f64());
    }

    pub fn groups(&self, counts: &BTreeMap<State, usize>) {
        for (state, count) in counts {
            let state = InState {
                context: self.context.clone(),
                state: state.to_string(),
            };
            self.all
                .groups
                .get_or_create(&state)
                .set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
    }

    pub fn braked(&self, waiting: usize) {
        self.braked.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    pub fn restarts(&self, resource: &'static str) {
        let followed = Followed {
            context: self.context.clone(),
            resource,
        };
        self.all.restarts.get_or_create(&followed).inc();
    }

    pub fn lease(&mut self, namespace: &str, standing: &LeaseState) {
        self.no_lease(namespace);
        self.namespaces.insert(namespace.to_owned());
        let standing = match standing {
            LeaseState::Held { .. } => "held",
            LeaseState::Standby { .. } => "standby",
            LeaseState::Unguarded { .. } => "unguarded",
            LeaseState::Failing { .. } => "failing",
        };
        self.all
            .leases
            .get_or_create(&self.standing(namespace, standing))
            .set(1);
    }

    pub fn no_lease(&mut self, namespace: &str) {
        self.namespaces.remove(namespace);
        for standing in ["held", "standby", "unguarded", "failing"] {
            self.all.leases.remove(&self.standing(namespace, standing));
        }
    }

    fn standing(&self, namespace: &str, standing: &'static str) -> LeaseLabels {
        LeaseLabels {
            context: self.context.clone(),
            namespace: namespace.to_owned(),
            standing,
        }
    }
}

impl Drop for MetricsRecorder {
    fn drop(&mut self) {
        self.braked(0);
        std::mem::take(&mut self.namespaces)
            .iter()
            .for_each(|namespace| self.no_lease(namespace));
        self.health.runs.store(false, Ordering::Relaxed);
    }
}
