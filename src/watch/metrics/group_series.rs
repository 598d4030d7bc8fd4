//! The series of each group, encoded when they are scraped. A `Family` of prometheus-client would
//! hold each series with its labels, and would have to be told which ones vanish.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::unix_seconds;
use crate::model::GroupId;
use crate::watch::engine::group_facts::{GroupFacts, OrderTimes};

/// The groups of each context.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupSeries(Arc<Mutex<BTreeMap<String, ContextGroups>>>);

#[derive(Debug, Default)]
struct ContextGroups {
    groups: BTreeMap<GroupId, Arc<Series>>,
    /// The namespaces whose groups this process runs. Those of others are not encoded: the process
    /// that runs them has them.
    run: HashSet<String>,
    /// It holds no Leases, and all namespaces count.
    runs_all: bool,
}

#[derive(Debug)]
struct Series {
    namespace: String,
    /// As the commands take it.
    object: String,
    facts: GroupFacts,
}

impl GroupSeries {
    pub fn start(&self, context: &str, runs_all: bool) {
        let groups = ContextGroups {
            runs_all,
            ..ContextGroups::default()
        };
        self.0.lock().insert(context.to_owned(), groups);
    }

    pub fn end(&self, context: &str) {
        self.0.lock().remove(context);
    }

    /// Records whether this process runs the groups of a namespace.
    pub fn runs(&self, context: &str, namespace: &str, runs: bool) {
        let mut all = self.0.lock();
        let Some(of) = all.get_mut(context) else {
            return;
        };
        if runs {
            of.run.insert(namespace.to_owned());
        } else {
            of.run.remove(namespace);
        }
    }

    /// Replaces the facts of a group. `facts` gets the ones before; none: it has no series.
    pub fn update(
        &self,
        context: &str,
        id: GroupId,
        facts: impl FnOnce(&GroupId, Option<&GroupFacts>) -> Option<GroupFacts>,
    ) {
        let mut all = self.0.lock();
        let Some(of) = all.get_mut(context) else {
            return;
        };
        let before = of.groups.get(&id).map(|series| &series.facts);
        let Some(facts) = facts(&id, before) else {
            of.groups.remove(&id);
            return;
        };
        if before != Some(&facts) {
            let series = Series {
                namespace: id.namespace.clone(),
                object: format!("{}/{}", id.kind, id.name),
                facts,
            };
            of.groups.insert(id, Arc::new(series));
        }
    }

    /// Returns the contexts and their groups. The encoding then holds no lock.
    fn snapshot(&self) -> Vec<(String, Vec<Arc<Series>>)> {
        let all = self.0.lock();
        let of = |of: &ContextGroups| {
            let is_run = |id: &GroupId| of.runs_all || of.run.contains(&id.namespace);
            let run = of.groups.iter().filter(|(id, _)| is_run(id));
            run.map(|(_, series)| Arc::clone(series)).collect()
        };
        all.iter()
            .map(|(context, groups)| (context.clone(), of(groups)))
            .collect()
    }
}

impl Collector for GroupSeries {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let all = self.snapshot();
        for (name, help, write) in PLAIN {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            samples(metric, &all, write)?;
        }
        for (name, help, time) in TIMES {
            let unit = Some(&Unit::Seconds);
            let metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
            samples(metric, &all, |to, facts| to.time(time(facts)))?;
        }
        Ok(())
    }
}

/// Writes the samples of all groups in one family.
fn samples(
    mut metric: MetricEncoder,
    all: &[(String, Vec<Arc<Series>>)],
    write: impl Fn(&mut Samples<'_, '_>, &GroupFacts) -> fmt::Result,
) -> fmt::Result {
    let each = all
        .iter()
        .flat_map(|(context, groups)| groups.iter().map(move |it| (context, it)));
    for (context, series) in each {
        let mut samples = Samples {
            metric: &mut metric,
            labels: [
                ("context", context),
                ("namespace", &series.namespace),
                ("object", &series.object),
            ],
        };
        write(&mut samples, &series.facts)?;
    }
    Ok(())
}

type PlainFamily = (
    &'static str,
    &'static str,
    fn(&mut Samples<'_, '_>, &GroupFacts) -> fmt::Result,
);
type TimeFamily = (
    &'static str,
    &'static str,
    fn(&GroupFacts) -> Option<Timestamp>,
);

const PLAIN: [PlainFamily; 4] = [
    (
        "group_state",
        "The state of a failover group (1 for the present state).",
        |samples, facts| samples.with("state", &facts.state.to_string(), 1),
    ),
    (
        "group_flag",
        "A flag of a failover group that is set (1).",
        |samples, facts| {
            let mut flags = facts.flags.iter();
            flags.try_for_each(|flag| samples.with("flag", flag, 1))
        },
    ),
    (
        "backend_ready",
        "Ready endpoints of a backend; missing while they are unknown.",
        |samples, facts| {
            facts.backends.iter().try_for_each(|backend| {
                let ready = backend.ready.map(u64::from);
                ready.map_or(Ok(()), |ready| {
                    samples.with("backend", &backend.name, ready)
                })
            })
        },
    ),
    (
        "backend_weight",
        "Weight of a backend, without that of a standby.",
        |samples, facts| {
            let mut backends = facts.backends.iter();
            backends.try_for_each(|it| samples.with("backend", &it.name, it.weight))
        },
    ),
];

const TIMES: [TimeFamily; 8] = [
    (
        "group_last_move_timestamp",
        "When the traffic of a group was last moved.",
        |facts| facts.last_move,
    ),
    (
        "group_away_since_timestamp",
        "Since when the primary of a group carries nothing.",
        |facts| facts.away_since,
    ),
    (
        "override_since_timestamp",
        "When the group was forced to a backend.",
        |facts| since(facts.forced),
    ),
    (
        "override_until_timestamp",
        "When the force of a group expires.",
        |facts| facts.forced?.until,
    ),
    (
        "pause_since_timestamp",
        "When the group was paused.",
        |facts| since(facts.paused),
    ),
    (
        "pause_until_timestamp",
        "When the pause of a group expires.",
        |facts| facts.paused?.until,
    ),
    (
        "evacuation_since_timestamp",
        "When the group was first told to keep off backends.",
        |facts| since(facts.evacuated),
    ),
    (
        "evacuation_until_timestamp",
        "When the first evacuation of a group expires.",
        |facts| facts.evacuated?.until,
    ),
];

fn since(order: Option<OrderTimes>) -> Option<Timestamp> {
    order.map(|order| order.since)
}

/// Writes the samples of one group in one family.
struct Samples<'a, 'e> {
    metric: &'a mut MetricEncoder<'e>,
    labels: [(&'static str, &'a str); 3],
}

impl Samples<'_, '_> {
    fn with(&mut self, label: &'static str, value: &str, sample: u64) -> fmt::Result {
        let [context, namespace, object] = self.labels;
        let labels = [context, namespace, object, (label, value)];
        self.metric.encode_family(&labels)?.encode_gauge(&sample)
    }

    fn time(&mut self, time: Option<Timestamp>) -> fmt::Result {
        let Some(time) = time else {
            return Ok(());
        };
        self.metric
            .encode_family(&self.labels)?
            .encode_gauge(&unix_seconds(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::State;
    use crate::watch::engine::group_facts::BackendFacts;
    use crate::watch::metrics::registry::Metrics;
    use crate::watch::metrics::text_format::TextFormat;

    fn id(name: &str) -> GroupId {
        GroupId {
            namespace: "ns".to_owned(),
            kind: "trafficsplit",
            name: name.to_owned(),
        }
    }

    fn facts(names: [&str; 2]) -> GroupFacts {
        let at = Timestamp::from_millisecond(1_500).ok();
        GroupFacts {
            state: State::Primary,
            flags: vec!["exposed"],
            backends: names
                .into_iter()
                .zip([(Some(2), 1), (None, 0)])
                .map(|(name, (ready, weight))| BackendFacts {
                    name: name.to_owned(),
                    ready,
                    weight,
                })
                .collect(),
            last_move: at,
            away_since: None,
            forced: at.map(|since| OrderTimes { since, until: at }),
            paused: None,
            evacuated: None,
        }
    }

    fn lines(metrics: &Metrics) -> Vec<String> {
        let text = metrics.text(TextFormat::Prometheus).unwrap();
        let of_groups = text.lines().filter(|line| line.contains("object="));
        of_groups.map(str::to_owned).collect()
    }

    #[test]
    fn the_series_of_groups_that_this_process_runs() {
        let metrics = Metrics::new(true);
        let series = metrics.series.as_ref().unwrap();
        series.start("west", false);
        let learn = |facts: Option<GroupFacts>| series.update("west", id("web"), |_, _| facts);
        learn(Some(facts(["web", "web-east"])));
        assert!(lines(&metrics).is_empty(), "it holds no Lease");
        series.runs("west", "ns", true);
        let group = r#"context="west",namespace="ns",object="trafficsplit/web""#;
        assert_eq!(
            lines(&metrics),
            [
                format!(r#"failover_group_state{{{group},state="Primary"}} 1"#),
                format!(r#"failover_group_flag{{{group},flag="exposed"}} 1"#),
                format!(r#"failover_backend_ready{{{group},backend="web"}} 2"#),
                format!(r#"failover_backend_weight{{{group},backend="web"}} 1"#),
                format!(r#"failover_backend_weight{{{group},backend="web-east"}} 0"#),
                format!("failover_group_last_move_timestamp_seconds{{{group}}} 1.5"),
                format!("failover_override_since_timestamp_seconds{{{group}}} 1.5"),
                format!("failover_override_until_timestamp_seconds{{{group}}} 1.5"),
            ]
        );
        learn(None);
        assert!(lines(&metrics).is_empty(), "it is gone");
        learn(Some(facts(["web", "web-east"])));
        series.runs("west", "ns", false);
        assert!(lines(&metrics).is_empty(), "another one took over");
    }

    #[test]
    fn a_scrape_of_5000_groups_is_small() {
        let metrics = Metrics::new(true);
        let series = metrics.series.as_ref().unwrap();
        series.start("west", true);
        for number in 0..5_000 {
            let [web, east] = ["", "-east"].map(|end| format!("service-{number:04}{end}"));
            let id = id(&format!("{web}-failover"));
            series.update("west", id, |_, _| Some(facts([&web, &east])));
        }
        let text = metrics.text(TextFormat::Prometheus).unwrap();
        assert!(text.len() < 6_000_000, "{}", text.len());
        let counts = Metrics::new(false).text(TextFormat::Prometheus).unwrap();
        assert!(counts.len() < 5_000, "{}", counts.len());
    }
}
