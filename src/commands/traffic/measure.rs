//! Measures the traffic of one group, window after window.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cli::TrafficArgs;
use crate::cluster::api::groups;
use crate::cluster::{Cluster, RequestError};
use crate::error;
use crate::model::Group;
use crate::model::traffic::{Traffic, TrafficReport, TrafficRow};
use crate::model::traffic_findings::{count, seconds};
use crate::problem::Problem;
use crate::resource::Record;
use crate::text::{clean, place};
use crate::traffic::clients::ClientSelection;
use crate::traffic::proxies::{ProxySource, ProxySourceOptions};
use crate::traffic::source::Source;

/// How long to wait for a cluster that does not answer.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// Why a window could not be measured.
#[derive(Debug, thiserror::Error)]
enum MeterError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Group(#[from] Problem),
}

impl MeterError {
    /// Whether it may pass by itself.
    fn may_pass(&self) -> bool {
        match self {
            Self::Request(error) => error.is_unanswered() || error.is_transient(),
            Self::Group(_) => false,
        }
    }

    fn explain(self, cluster: &Cluster) -> Problem {
        match self {
            Self::Request(error) => error::explain(cluster, &error),
            Self::Group(problem) => problem,
        }
    }
}

/// Measures the traffic of one group.
#[derive(Debug)]
pub struct TrafficMeter {
    pub cluster: Cluster,
    pub source: Source,
    record: Record,
    group: Group,
    window: Duration,
    coverage: (usize, usize),
}

impl TrafficMeter {
    /// Finds the clients of a group.
    ///
    /// # Errors
    /// If the group is not valid, the clients cannot be listed, or a named workload has no pods.
    pub async fn start(
        cluster: &Cluster,
        record: Record,
        args: &TrafficArgs,
        selection: ClientSelection,
    ) -> anyhow::Result<Self> {
        let group = valid(&record)?;
        let namespace = args.from_namespace.as_ref();
        let options = ProxySourceOptions {
            namespace: namespace.unwrap_or(&group.id.namespace).clone(),
            selection,
            max_pods: usize::try_from(args.max_pods).unwrap_or(usize::MAX),
            created: record.meta.creation_timestamp,
        };
        let namespace = options.namespace.clone();
        let proxies = ProxySource::start(cluster, &group, options)
            .await
            .map_err(|error| error::explain(cluster, &error))?;
        if let Some(workload) = proxies.without_pods().first() {
            return Err(Problem::new(format!(
                "no pods in {} belong to {}",
                clean(&place(Some(&namespace))),
                clean(&workload.to_string())
            ))
            .next("name the namespace of the clients with --from-namespace")
            .into());
        }
        let coverage = proxies.coverage();
        Ok(Self {
            cluster: cluster.clone(),
            source: Source::Proxies(proxies),
            record,
            group,
            window: args.window,
            coverage,
        })
    }

    /// Returns the group.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// The length of a window.
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Says what is being done.
    pub fn in_progress(&self) -> String {
        let (asked, pods) = self.coverage;
        let pods = if asked < pods {
            format!("{asked} of {}", count(pods, "client pod"))
        } else {
            count(pods, "client pod")
        };
        let window = seconds(self.window.as_secs_f64());
        format!("counting the requests of {pods} for {window}")
    }

    /// Returns the traffic of the next window. If the cluster does not answer for a while, passes a
    /// line to `say`, and tries again until `end`.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn again(
        &mut self,
        end: Option<Instant>,
        mut say: impl FnMut(&str),
    ) -> anyhow::Result<TrafficReport> {
        loop {
            let error = match self.measure().await {
                Ok(report) => return Ok(report),
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

    /// Returns the traffic of the next window, and the weights at its end.
    ///
    /// # Errors
    /// If nothing can be counted, or the group cannot be read or has other backends.
    pub async fn next(&mut self) -> anyhow::Result<TrafficReport> {
        let measured = self.measure().await;
        measured.map_err(|error| error.explain(&self.cluster).into())
    }

    async fn measure(&mut self) -> Result<TrafficReport, MeterError> {
        let traffic = self.source.measure(self.window).await?;
        let id = self.group.id.clone();
        let read = groups::get(&self.cluster, self.record.kind, &id.namespace, &id.name);
        let record = read
            .await?
            .ok_or_else(|| Problem::new(format!("{} was deleted", clean(&id.to_string()))))?;
        let group = valid(&record)?;
        let services = |group: &Group| -> Vec<_> {
            let backends = group.backends.iter();
            backends.map(|backend| backend.service.clone()).collect()
        };
        if services(&group) != services(&self.group) {
            return Err(Problem::new(format!(
                "the backends of {} changed while requests were counted",
                clean(&id.to_string())
            ))
            .next("run the command again")
            .into());
        }
        let has_moved = group.weights_on_object() != self.group.weights_on_object();
        (self.record, self.group) = (record, group);
        Ok(self.report(traffic, has_moved))
    }

    fn report(&self, traffic: Traffic, has_moved: bool) -> TrafficReport {
        let backends = self.group.backends.iter().zip(traffic.backends);
        let rows = backends.map(|(backend, traffic)| TrafficRow {
            name: backend.name.clone(),
            meshed: self.source.meshed(&backend.service),
            service: backend.service.clone(),
            weight: backend.weight_on_object,
            traffic,
        });
        TrafficReport {
            id: self.group.id.clone(),
            apex: self.group.apex.clone(),
            primary: Some(self.group.primary),
            rows: rows.collect(),
            refused: traffic.refused,
            seconds: traffic.seconds,
            clients: traffic.clients,
            has_moved,
        }
    }
}

fn valid(record: &Record) -> Result<Group, Problem> {
    record.group.clone().map_err(|invalid| {
        Problem::new(format!(
            "{} is not a valid group: {}",
            clean(&record.id().to_string()),
            clean(&invalid.reason)
        ))
        .next(clean(&invalid.mend))
    })
}
