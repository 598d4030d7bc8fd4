//! Reads the history of the groups of one cluster from all sources.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use futures::future;
use jiff::Timestamp;

use crate::cli::HistoryArgs;
use crate::cluster::api::journal;
use crate::cluster::queries::group_list::list_groups;
use crate::cluster::queries::history::{self as events, EventHistory};
use crate::cluster::{Cluster, Clusters, RequestError};
use crate::commands::args::absent::unknown_group;
use crate::commands::args::selection::readable;
use crate::commands::env::CommandEnv;
use crate::error;
use crate::model::history::{EventSource, GroupSummary, HistoryRow, history, summaries};
use crate::model::{Finding, GroupId};
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::readiness::backends::Readings;
use crate::readiness::{backends, read_once};
use crate::resource::{GroupName, Record, RecordedEvent};
use crate::view::history::basis::HistoryBasis;

/// Which groups' history to read, and where.
pub struct HistoryQuery<'a> {
    pub cluster: Cluster,
    streams: Streams,
    namespace: Option<String>,
    args: &'a HistoryArgs,
    names: &'a [GroupName],
}

/// The history of the groups of one cluster.
pub struct GatheredHistory {
    pub context: String,
    pub server: String,
    /// The newest first.
    pub rows: Vec<HistoryRow>,
    pub summaries: Vec<GroupSummary>,
    /// The groups that are there.
    groups: Vec<Record>,
    pub basis: HistoryBasis,
    pub failures: Vec<Problem>,
    /// The API server's time.
    pub now: Timestamp,
}

impl GatheredHistory {
    /// Whether a group has this name, or had it.
    pub fn knows(&self, name: &GroupName) -> bool {
        !name.pick(&self.groups).is_empty()
            || self.rows.iter().any(|row| is_named(name, &row.event.group))
    }
}

impl<'a> HistoryQuery<'a> {
    pub fn new(
        env: &CommandEnv,
        cluster: Cluster,
        args: &'a HistoryArgs,
        names: &'a [GroupName],
    ) -> Self {
        Self {
            namespace: env.namespace(&cluster),
            streams: env.streams.clone(),
            cluster,
            args,
            names,
        }
    }

    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// # Errors
    /// If the groups cannot be listed, or the file of the journal cannot be read.
    pub async fn read(&self) -> anyhow::Result<GatheredHistory> {
        let (cluster, namespace) = (&self.cluster, self.namespace());
        let (groups, events, journal) = future::join3(
            list_groups(cluster, namespace, self.args.selector.as_deref()),
            events::read(cluster, namespace),
            journal::read(cluster, namespace),
        )
        .await;
        let groups = groups.map_err(|error| error::explain_group_list(cluster, &error))?;
        let groups = readable(&self.streams, cluster, groups);
        let mut failures = Vec::new();
        let mut failed = |what: &str, error: &RequestError| {
            let problem = error::explain(cluster, error);
            failures.push(Problem::new(format!(
                "Cannot read {what}: {}",
                problem.message
            )));
        };
        let (reads_events, reads_journal) = (events.is_ok(), journal.is_ok());
        let events = events.unwrap_or_else(|error| {
            failed("Events", &error);
            EventHistory::default()
        });
        let mut journal = journal.unwrap_or_else(|error| {
            failed("the journal", &error);
            Vec::new()
        });
        if let Some(path) = &self.args.journal {
            journal.extend(self.entries_of(path)?);
        }
        let has_journal = !journal.is_empty();
        let chosen = self.chosen(&groups);
        let journal = journal
            .into_iter()
            .filter_map(RecordedEvent::event)
            .map(|event| HistoryRow::new(event, EventSource::Journal));
        let reported = events.rows.into_iter().chain(journal);
        let reported = reported.filter_map(|row| self.with_apex(row, &groups, &chosen));
        let recorded = groups
            .iter()
            .filter(|record| chosen.contains(&record.id()))
            .flat_map(Record::events);
        let (now, known) = self.readiness(&groups, &chosen).await;
        let mut current: Vec<_> = groups.iter().map(Record::current).collect();
        let mut outages = Vec::new();
        for (record, current) in groups.iter().zip(&mut current) {
            let Ok(group) = &record.group else {
                continue;
            };
            let (readiness, since) = (
                backends::in_order(group, &known),
                backends::turning_points(group, &known),
            );
            let finding = Finding {
                group,
                readiness: &readiness,
                since: &since,
                weights_set: record.weights_origin().at(),
                now,
            };
            current.over = finding.over();
            // One of which nothing tells since when it lasts would be another one each time.
            let outage = finding.outage().filter(|outage| outage.at < now);
            outages.extend(outage.map(|it| HistoryRow::new(it, EventSource::Readiness)));
        }
        let reports = recorded.chain(reported).chain(outages).collect();
        let rows = history(reports, &current, now);
        let rows = self.within_limits(rows, now);
        Ok(GatheredHistory {
            context: cluster.context.clone(),
            server: cluster.server.clone(),
            summaries: summaries(&rows, &current),
            rows,
            groups,
            basis: HistoryBasis {
                reads_events,
                oldest: events.oldest,
                reads_journal,
                has_journal,
            },
            failures,
            now,
        })
    }

    /// Returns the API server's time, and the readiness of the chosen groups' backends then.
    async fn readiness(
        &self,
        groups: &[Record],
        chosen: &BTreeSet<GroupId>,
    ) -> (Timestamp, Readings) {
        let chosen = groups.iter().filter(|record| chosen.contains(&record.id()));
        let wanted = backends::destinations_of(chosen);
        let clusters = Clusters::from(self.cluster.clone());
        let known = read_once::read(&clusters, &wanted).await;
        (self.cluster.clock().now(), known)
    }

    /// Returns the error that no group has this name.
    pub async fn unknown(&self, name: &GroupName) -> Problem {
        let groups = list_groups(&self.cluster, self.namespace(), None).await;
        let groups = groups.map(|list| list.records).unwrap_or_default();
        unknown_group(&self.cluster, self.namespace(), &name.to_string(), &groups).await
    }

    fn within_limits(&self, rows: Vec<HistoryRow>, now: Timestamp) -> Vec<HistoryRow> {
        let since = self.args.since.map(|limit| limit.time(now));
        let until = self.args.until.map(|limit| limit.time(now));
        let is_meant = |row: &HistoryRow| {
            let at = row.event.at;
            since.is_none_or(|since| at >= since) && until.is_none_or(|until| at <= until)
        };
        let rows = rows.into_iter().filter(is_meant);
        rows.take(self.args.limit.unwrap_or(usize::MAX)).collect()
    }

    /// Reads the file of a journal, which may be about several clusters.
    fn entries_of(&self, path: &Path) -> anyhow::Result<Vec<RecordedEvent>> {
        let older = std::fs::read_to_string(RecordedEvent::rotated(path)).unwrap_or_default();
        let newer = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the journal {}", path.display()))?;
        let text = older + &newer;
        let entries = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let is_here = |entry: &RecordedEvent| {
            let context = entry.context.as_deref();
            context.is_none_or(|context| context == self.cluster.context)
                && self.namespace().is_none_or(|here| here == entry.namespace)
        };
        Ok(entries.filter(is_here).collect())
    }

    fn chosen(&self, groups: &[Record]) -> BTreeSet<GroupId> {
        if self.names.is_empty() {
            return groups.iter().map(Record::id).collect();
        }
        let picked = self.names.iter().flat_map(|name| name.pick(groups));
        picked.map(Record::id).collect()
    }

    /// Adds the group's apex. Returns none if the arguments do not select the group.
    fn with_apex(
        &self,
        mut row: HistoryRow,
        groups: &[Record],
        chosen: &BTreeSet<GroupId>,
    ) -> Option<HistoryRow> {
        let group = &row.event.group;
        let record = groups.iter().find(|record| record.id() == *group);
        let is_meant = match record {
            Some(_) => chosen.contains(group),
            // A deleted group has no labels and no apex, so only its name can match.
            None => {
                let mut names = self.names.iter();
                let is_named = self.names.is_empty() || names.any(|name| is_named(name, group));
                self.args.selector.is_none() && is_named
            }
        };
        row.event.apex = record.map(|record| record.apex.clone());
        is_meant.then_some(row)
    }
}

fn is_named(name: &GroupName, group: &GroupId) -> bool {
    name.name == group.name && name.allows(group.kind)
}
