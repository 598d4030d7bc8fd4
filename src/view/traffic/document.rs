//! The requests to the backends of groups as data for programs. The field names are a contract.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::traffic::{BackendTraffic, TrafficReport, TrafficRow};
use crate::model::traffic_findings::{TrafficFinding, findings};
use crate::text::ConnectionFlags;
use crate::view::formats::API_VERSION;

/// The traffic of several groups. The field names are a contract.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficListDocument<'a> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<TrafficDocument<'a>>,
    #[serde(flatten)]
    ending: Option<Ending>,
}

impl<'a> TrafficListDocument<'a> {
    pub fn new(items: Vec<TrafficDocument<'a>>, ending: Option<Ending>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "TrafficList",
            items,
            ending,
        }
    }
}

/// How `--for` ended.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    pub exit_code: u8,
    /// The conditions that are not met.
    pub missing: Vec<String>,
}

/// The traffic of one group. The field names are a contract.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficDocument<'a> {
    api_version: &'static str,
    kind: &'static str,
    context: &'a str,
    server: &'a str,
    namespace: &'a str,
    /// Kind of the object, such as `trafficsplit`.
    object: &'a str,
    name: &'a str,
    apex: &'a str,
    source: &'static str,
    /// True in a sandbox: the numbers are a simulation.
    simulated: bool,
    /// The end of the window.
    at: Timestamp,
    window_seconds: f64,
    clients: ClientsItem<'a>,
    backends: Vec<BackendItem<'a>>,
    total: NumbersItem,
    findings: Vec<FindingItem>,
    #[serde(flatten)]
    ending: Option<Ending>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientsItem<'a> {
    pods: usize,
    asked: usize,
    answered: usize,
    senders: usize,
    unmeshed: usize,
    silent: Vec<SilentItem<'a>>,
    restarted: &'a [String],
    /// The workloads that call a backend or its pods themselves.
    direct_callers: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct SilentItem<'a> {
    pod: &'a str,
    why: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BackendItem<'a> {
    name: &'a str,
    weight: u64,
    /// Of the responses to requests that the weights apply to; none without any.
    share: Option<f64>,
    /// None for a Service that selects no pods here.
    meshed_pods: Option<usize>,
    pods: Option<usize>,
    #[serde(flatten)]
    numbers: NumbersItem,
    /// The fewest and the most ready endpoints that a client's proxy has.
    ready: Option<ReadyItem>,
    /// Requests to the backend itself, not through the apex.
    direct: f64,
    /// Requests to the backend's pods themselves, which are in no other number.
    to_pods: f64,
}

#[derive(Debug, Serialize)]
struct ReadyItem {
    fewest: u64,
    most: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NumbersItem {
    responses: f64,
    failures: f64,
    /// From 0 to 1; none without responses, as the latencies.
    success: Option<f64>,
    /// None if no client answered, as the connections and what follows.
    rps: Option<f64>,
    latency_ms_p50: Option<f64>,
    latency_ms_p95: Option<f64>,
    latency_ms_p99: Option<f64>,
    tcp_connections: Option<f64>,
    waiting: Option<f64>,
    failfast: Option<f64>,
}

#[derive(Debug, Serialize)]
struct FindingItem {
    reason: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Where and when a report was made.
#[derive(Debug, Clone, Copy)]
pub struct TrafficOrigin<'a> {
    pub context: &'a str,
    pub server: &'a str,
    pub source: &'static str,
    pub at: Timestamp,
    /// The flags of suggested commands.
    pub reach: &'a ConnectionFlags,
}

impl<'a> TrafficDocument<'a> {
    pub fn new(report: &'a TrafficReport, origin: TrafficOrigin<'a>) -> Self {
        let TrafficOrigin {
            context,
            server,
            source,
            at,
            reach,
        } = origin;
        let flags = reach.for_plugin(&report.id.namespace);
        let finding = |TrafficFinding {
                           fault,
                           message,
                           next,
                       }| FindingItem {
            reason: fault.name(),
            message,
            next,
        };
        Self {
            api_version: API_VERSION,
            kind: "Traffic",
            context,
            server,
            namespace: &report.id.namespace,
            object: report.id.kind,
            name: &report.id.name,
            apex: &report.apex,
            source,
            simulated: report.clients.are_simulated,
            at,
            window_seconds: report.seconds,
            clients: clients(report),
            backends: report.rows.iter().map(|row| backend(report, row)).collect(),
            total: numbers(report, &report.total()),
            findings: findings(report, &flags).into_iter().map(finding).collect(),
            ending: None,
        }
    }

    /// Adds how `--for` ended.
    #[must_use]
    pub fn ending(self, ending: Option<Ending>) -> Self {
        Self { ending, ..self }
    }
}

fn clients(report: &TrafficReport) -> ClientsItem<'_> {
    let clients = &report.clients;
    let silent = clients.silent.iter().map(|client| SilentItem {
        pod: &client.pod,
        why: &client.why,
    });
    ClientsItem {
        pods: clients.pods,
        asked: clients.asked,
        answered: clients.answered(),
        senders: clients.senders,
        unmeshed: clients.unmeshed,
        silent: silent.collect(),
        restarted: &clients.restarted,
        direct_callers: clients.direct_callers.iter().map(String::as_str).collect(),
    }
}

fn backend<'a>(report: &TrafficReport, row: &'a TrafficRow) -> BackendItem<'a> {
    BackendItem {
        name: &row.name,
        weight: row.weight,
        share: report.share(row),
        meshed_pods: row.meshed.map(|(meshed, _)| meshed),
        pods: row.meshed.map(|(_, all)| all),
        numbers: numbers(report, &row.traffic),
        ready: row
            .traffic
            .ready
            .map(|(fewest, most)| ReadyItem { fewest, most }),
        direct: row.traffic.direct,
        to_pods: row.traffic.to_pods,
    }
}

fn numbers(report: &TrafficReport, traffic: &BackendTraffic) -> NumbersItem {
    let known = |number: f64| (report.clients.answered() > 0).then_some(number);
    NumbersItem {
        responses: traffic.responses(),
        failures: traffic.failure,
        success: traffic.success_rate(),
        rps: known(traffic.rps),
        latency_ms_p50: traffic.latency.quantile(0.5),
        latency_ms_p95: traffic.latency.quantile(0.95),
        latency_ms_p99: traffic.latency.quantile(0.99),
        tcp_connections: known(traffic.connections),
        waiting: known(traffic.waiting),
        failfast: known(traffic.refused),
    }
}
