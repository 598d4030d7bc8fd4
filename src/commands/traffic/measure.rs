//! Measures the traffic of groups, window after window.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::measured_group::MeasuredGroup;
use super::meter_error::MeterError;
use crate::cluster::api::groups;
use crate::cluster::queries::conflicts;
use crate::cluster::queries::group_list::list_groups;
use crate::cluster::{Cluster, RequestResult};
use crate::error;
use crate::model::traffic::{Traffic, TrafficReport, TrafficRow};
use crate::model::traffic_findings::{count, follows_weights, seconds};
use crate::model::{Group, GroupId, LastMove};
use crate::problem::Problem;
use crate::resource::Record;
use crate::text::{clean, place};
use crate::traffic::clients::ClientSelection;
use crate::traffic::prometheus::endpoint::PrometheusEndpoint;
use crate::traffic::prometheus::{PrometheusSource, QUERY_INTERVAL};
use crate::traffic::proxies::{CountedGroup, ProxySource, ProxySourceOptions};
use crate::traffic::source::Source;

/// How long to wait for a cluster that does not answer.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// The time limit of reading the groups after a window in which no client answered.
const SILENT_READ_TIMEOUT: Duration = Duration::from_secs(3);

/// What to measure, and where.
#[derive(Debug)]
pub struct MeterOptions {
    pub selection: ClientSelection,
    /// The clients' namespace. None: those of the groups.
    pub from_namespace: Option<String>,
    pub max_pods: usize,
    pub window: Duration,
}

/// Measures the traffic of groups.
#[derive(Debug)]
pub struct TrafficMeter {
    pub cluster: Cluster,
    pub source: Source,
    groups: Vec<MeasuredGroup>,
    window: Duration,
    coverage: (usize, usize),
    /// See [`Self::leave_out_lost`].
    is_lenient: bool,
}

impl TrafficMeter {
    /// Finds the clients of the groups.
    ///
    /// # Errors
    /// If a group is not valid, the clients cannot be listed, or a named workload has no pods.
    pub async fn start(
        cluster: &Cluster,
        records: Vec<Record>,
        options: MeterOptions,
    ) -> anyhow::Result<Self> {
        let measured = records.into_iter().map(MeasuredGroup::new);
        let groups: Vec<MeasuredGroup> = measured.collect::<Result<_, Problem>>()?;
        let counted = groups.iter().map(|it| CountedGroup {
            group: &it.group,
            created: it.record.meta.creation_timestamp,
        });
        let counted: Vec<CountedGroup<'_>> = counted.collect();
        let proxy_options = ProxySourceOptions {
            namespace: options.from_namespace,
            selection: options.selection,
            max_pods: options.max_pods,
        };
        let proxies = ProxySource::start(cluster, &counted, proxy_options)
            .await
            .map_err(|error| error::explain(cluster, &error))?;
        if let Some(workload) = proxies.without_pods().first() {
            return Err(Problem::new(format!(
                "no pods in {} belong to {}",
                clean(&place_of(&proxies)),
                clean(&workload.to_string())
            ))
            .next("name the namespace of the clients with --from-namespace")
            .into());
        }
        let coverage = proxies.coverage();
        Ok(Self {
            cluster: cluster.clone(),
            source: Source::Proxies(Box::new(proxies)),
            groups,
            window: options.window,
            coverage,
            is_lenient: false,
        })
    }

    /// Counts the last window by a Prometheus.
    #[must_use]
    pub fn count_by(self, prometheus: PrometheusEndpoint, window: Duration) -> Self {
        let source = match self.source {
            Source::Proxies(clients) => {
                let source = PrometheusSource::new(&self.cluster, prometheus, *clients);
                Source::Prometheus(Box::new(source))
            }
            source @ Source::Prometheus(_) => source,
        };
        Self {
            source,
            window,
            ..self
        }
    }

    /// Returns the groups.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().map(|it| &it.group)
    }

    /// How long the next report takes.
    pub fn interval(&self) -> Duration {
        match &self.source {
            Source::Proxies(_) => self.window,
            Source::Prometheus(_) => self.window.min(QUERY_INTERVAL),
        }
    }

    /// Says which pods are asked.
    pub fn pods(&self) -> String {
        let (asked, pods) = self.coverage;
        if asked < pods {
            format!("{asked} of {}", count(pods, "client pod"))
        } else {
            count(pods, "client pod")
        }
    }

    /// Says what is being done.
    pub fn in_progress(&self) -> String {
        if let Some(source) = self.source.counted_by() {
            return format!("asking {}", clean(&source));
        }
        let pods = self.pods();
        let window = seconds(self.window.as_secs_f64());
        format!("counting the requests of {pods} for {window}")
    }

    /// Returns the traffic of each group in the next window. If the cluster does not answer for a while, passes a
    /// line to `say`, and tries again until `end`.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn again(
        &mut self,
        end: Option<Instant>,
        say: impl FnMut(&str),
    ) -> anyhow::Result<Vec<TrafficReport>> {
        self.again_over(self.window, end, say).await
    }

    /// As [`Self::again`], for a window of another length.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn again_over(
        &mut self,
        window: Duration,
        end: Option<Instant>,
        mut say: impl FnMut(&str),
    ) -> anyhow::Result<Vec<TrafficReport>> {
        loop {
            let error = match self.measure(window).await {
                Ok(reports) => return Ok(reports),
                Err(error) => error,
            };
            let is_late = end.is_some_and(|end| Instant::now() + RETRY_INTERVAL > end);
            if is_late || !error.may_pass() {
                return Err(error.explain(&self.cluster).into());
            }
            say(&format!("connection lost: {error}; trying again"));
            sleep(RETRY_INTERVAL).await;
        }
    }

    /// Returns the traffic of each group in the next window, and the weights at its end.
    ///
    /// # Errors
    /// If nothing can be counted, or a group cannot be read or has other backends.
    pub async fn next(&mut self) -> anyhow::Result<Vec<TrafficReport>> {
        self.over(self.window).await
    }

    /// As [`Self::next`], for a window of another length. It may be zero: then the window ends now.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn over(&mut self, window: Duration) -> anyhow::Result<Vec<TrafficReport>> {
        let measured = self.measure(window).await;
        measured.map_err(|error| error.explain(&self.cluster).into())
    }

    async fn measure(&mut self, window: Duration) -> Result<Vec<TrafficReport>, MeterError> {
        let traffic = self.source.measure(window).await?;
        let has_answer = traffic.iter().any(|it| it.clients.answered() > 0);
        let records = self.read_again(has_answer).await.map_err(|error| {
            if error.is_unanswered() || error.is_transient() {
                MeterError::Away(error)
            } else {
                error.into()
            }
        })?;
        for (measured, traffic) in self.groups.iter_mut().zip(&traffic) {
            if measured.lost.is_some() {
                continue;
            }
            match measured.renew(&records, traffic) {
                Err(problem) if self.is_lenient => measured.lost = Some(problem),
                result => result?,
            }
        }
        let groups = self.groups.iter().zip(traffic);
        let groups = groups.filter(|(group, _)| group.lost.is_none());
        let mut reports: Vec<TrafficReport> = groups
            .map(|(group, traffic)| self.report(group, traffic))
            .collect();
        self.find_conflicts(&mut reports).await;
        match self.lost().next() {
            Some(problem) if reports.is_empty() => Err(problem.clone().into()),
            _ => Ok(reports),
        }
    }

    /// Looks for the objects that route the requests of the groups whose traffic does not follow the
    /// weights, once. What cannot be read is left out.
    async fn find_conflicts(&mut self, reports: &mut [TrafficReport]) {
        let mut astray = Vec::new();
        for report in reports.iter() {
            let group = self.groups.iter_mut().find(|it| it.group.id == report.id);
            let Some(group) = group else { continue };
            if follows_weights(report) {
                group.conflicts = None;
            } else if group.conflicts.is_none() {
                astray.push(group.record.clone());
            }
        }
        if !astray.is_empty() {
            let mut found = conflicts::read(&self.cluster, &astray).await.by_group;
            for group in &mut self.groups {
                if astray.iter().any(|record| record.id() == group.group.id) {
                    group.conflicts = Some(found.remove(&group.group.id).unwrap_or_default());
                }
            }
        }
        for report in reports {
            let group = self.groups.iter().find(|it| it.group.id == report.id);
            let known = group.and_then(|group| group.conflicts.clone());
            report.conflicts = known.unwrap_or_default();
        }
    }

    /// From now on, groups that are deleted, or get other backends, are left out. It fails once there
    /// are no others.
    pub fn leave_out_lost(&mut self) {
        self.is_lenient = true;
    }

    /// Returns why groups are left out.
    pub fn lost(&self) -> impl Iterator<Item = &Problem> {
        self.groups.iter().filter_map(|group| group.lost.as_ref())
    }

    /// Reads the groups as they are now. If no client answered, the API server may not either.
    async fn read_again(&self, has_answer: bool) -> RequestResult<Vec<Record>> {
        let cluster = match has_answer {
            true => self.cluster.clone(),
            false => self.cluster.limited(SILENT_READ_TIMEOUT),
        };
        if let [MeasuredGroup { record, group, .. }] = self.groups.as_slice() {
            let GroupId {
                namespace, name, ..
            } = &group.id;
            let found = groups::get(&cluster, record.kind, namespace, name).await?;
            return Ok(found.into_iter().collect());
        }
        let namespaces = self.groups().map(|group| group.id.namespace.as_str());
        let namespaces: BTreeSet<&str> = namespaces.collect();
        let mut records = Vec::new();
        for namespace in namespaces {
            let listed = list_groups(&cluster, Some(namespace), None).await?;
            records.extend(listed.records);
        }
        Ok(records)
    }

    /// Whether the weights changed in a window that began before the last report.
    fn has_moved_before(&self, measured: &MeasuredGroup, seconds: f64) -> bool {
        let Source::Prometheus(_) = &self.source else {
            return false;
        };
        let since_scrape = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let span = since_scrape + QUERY_INTERVAL;
        let is_recent = |last: &LastMove| {
            let since = self.cluster.clock().now().duration_since(last.at);
            since.as_secs_f64() < span.as_secs_f64()
        };
        measured.moved.is_some_and(|moved| moved.elapsed() < span)
            || measured.group.last_move.as_ref().is_some_and(is_recent)
    }

    fn report(&self, measured: &MeasuredGroup, traffic: Traffic) -> TrafficReport {
        let group = &measured.group;
        let backends = group.backends.iter().zip(traffic.backends);
        let rows = backends.map(|(backend, traffic)| TrafficRow {
            name: backend.name.clone(),
            meshed: self.source.meshed(&backend.service),
            service: backend.service.clone(),
            weight: backend.weight_on_object,
            traffic,
        });
        TrafficReport {
            id: group.id.clone(),
            apex: group.apex.clone(),
            primary: Some(group.primary),
            rows: rows.collect(),
            refused: traffic.refused,
            seconds: traffic.seconds,
            clients: traffic.clients,
            before: measured.before.clone(),
            has_moved: measured.has_moved || self.has_moved_before(measured, traffic.seconds),
            conflicts: Vec::new(),
            counted_by: self.source.counted_by(),
            unaccepted: measured.record.unaccepted.clone(),
        }
    }
}

/// Says where the clients are looked for.
pub fn place_of(clients: &ProxySource) -> String {
    let mut namespaces = clients.namespaces().iter();
    let only = namespaces.next().filter(|_| namespaces.len() == 0);
    place(only.map(String::as_str))
}
