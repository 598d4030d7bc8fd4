//! The requests to the backends of groups, as a table with the columns and the rounding of
//! `linkerd viz stat`, as lines, and as data for programs.

use jiff::Timestamp;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::columns::{Cell, Columns};
use super::formats::API_VERSION;
use crate::model::GroupId;
use crate::model::fold::groups_named;
use crate::model::traffic::{BackendTraffic, TrafficReport, TrafficRow};
use crate::model::traffic_findings::{
    TrafficFault, TrafficFinding, count, findings, findings_of_all, seconds,
};
use crate::text::{ConnectionFlags, clean, wrap};

/// A cell without data.
const NO_DATA: &str = "-";
/// The heights of a sparkline.
const SPARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Says what was counted, such as `web-svc: 10s of requests from 50 of 312 client pods`. Only pods
/// that answered are counted.
pub fn heading(reports: &[TrafficReport]) -> String {
    let Some(first) = reports.first() else {
        return String::new();
    };
    let clients = &first.clients;
    let pods = count(clients.pods, "client pod");
    let answered = clients.answered();
    let seconds = seconds(first.seconds);
    let requests = if clients.are_simulated {
        "simulated requests"
    } else {
        "requests"
    };
    let counted = match answered {
        _ if clients.asked == 0 => "no requests counted, no meshed client pods".to_owned(),
        0 => {
            let asked = count(clients.asked, "client pod");
            format!("no requests counted, none of {asked} answered")
        }
        _ if answered < clients.pods => {
            format!("{seconds} of {requests} from {answered} of {pods}")
        }
        _ => format!("{seconds} of {requests} from {pods}"),
    };
    let what = match reports {
        [only] => only.apex.clone(),
        many => count(many.len(), "group"),
    };
    let mut heading = format!("{what}: {counted}");
    if let Some(source) = &first.counted_by {
        heading += &format!(", by {source}");
    }
    clean(&heading)
}

/// How to show a table.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrafficStyle<'a> {
    pub wide: bool,
    /// The width of the terminal, if columns may be left out to fit it.
    pub columns: Option<u16>,
    /// The requests a second of each row in the last windows. Not a number: no client answered.
    pub history: Option<&'a [Vec<f64>]>,
}

/// The columns that are not numbers.
const NAME_COLUMNS: [&str; 3] = ["NAMESPACE", "GROUP", "NAME"];
const HISTORY_COLUMN: &str = "RPS_HISTORY";
/// The columns to leave out if there is no room, in this order.
const OPTIONAL_COLUMNS: [&str; 10] = [
    "MESHED",
    "TCP_CONN",
    "LATENCY_P50",
    "LATENCY_P99",
    HISTORY_COLUMN,
    "LATENCY_P95",
    "WAITING",
    "READY",
    "FAILFAST",
    "WEIGHT",
];

/// Returns the table. Rows of several groups begin with the group.
pub fn table(reports: &[TrafficReport], style: TrafficStyle<'_>) -> Vec<String> {
    let mut shown = columns(reports, style);
    let mut optional = OPTIONAL_COLUMNS.iter();
    loop {
        let table = right_aligned(&shown);
        let limit = style.columns.unwrap_or(u16::MAX);
        let excess = table.width().saturating_sub(limit.into());
        if excess == 0 {
            return table.lines();
        }
        if let Some(shorter) = with_shorter_history(&shown, excess) {
            return right_aligned(&shorter).lines();
        }
        match optional.next() {
            Some(name) => shown.retain(|(heading, _)| heading != name),
            // Only names are that long.
            None => return table.cut_to(limit).lines(),
        }
    }
}

/// Leaves the oldest windows out of the history, if that saves enough room.
fn with_shorter_history(shown: &[TrafficColumn], excess: usize) -> Option<Vec<TrafficColumn>> {
    let mut shown = shown.to_vec();
    let (heading, cells) = shown.iter_mut().find(|(name, _)| *name == HISTORY_COLUMN)?;
    let longest = cells.iter().map(|cell| cell.chars().count()).max()?;
    let room = longest.checked_sub(excess)?;
    if room < heading.width() {
        return None;
    }
    for cell in cells {
        let oldest = cell.chars().count().saturating_sub(room);
        *cell = cell.chars().skip(oldest).collect();
    }
    Some(shown)
}

/// Pads all columns but those with names on the left, as numbers are.
fn right_aligned(shown: &[TrafficColumn]) -> Columns {
    let width = |(heading, cells): &TrafficColumn| {
        let cells = cells.iter().map(|cell| cell.width());
        cells.chain([heading.width()]).max().unwrap_or_default()
    };
    let pad = |width: usize, text: &str| " ".repeat(width.saturating_sub(text.width())) + text;
    let is_name = |heading: &str| NAME_COLUMNS.contains(&heading);
    // The columns of names pad themselves.
    let widths = shown.iter().map(|column| match column.0 {
        heading if is_name(heading) => 0,
        _ => width(column),
    });
    let widths: Vec<usize> = widths.collect();
    let row = |texts: Vec<&str>| -> Vec<String> {
        let texts = texts.into_iter().zip(&widths);
        texts.map(|(text, width)| pad(*width, text)).collect()
    };
    let heading = row(shown.iter().map(|(heading, _)| *heading).collect());
    let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
    let rows = (0..shown.first().map_or(0, |(_, cells)| cells.len())).map(|index| {
        let cells = shown
            .iter()
            .filter_map(|(_, cells)| Some(cells.get(index)?.as_str()));
        row(cells.collect())
            .iter()
            .map(|text| Cell::new(text))
            .collect()
    });
    Columns::new(&heading, rows)
}

/// A heading, and a cell for each backend.
type TrafficColumn = (&'static str, Vec<String>);

fn columns(reports: &[TrafficReport], style: TrafficStyle<'_>) -> Vec<TrafficColumn> {
    let rows = reports
        .iter()
        .flat_map(|report| report.rows.iter().map(move |row| (report, row)));
    let rows: Vec<(&TrafficReport, &TrafficRow)> = rows.collect();
    let of_report =
        |heading: &'static str, cell: &dyn Fn(&TrafficReport, &TrafficRow) -> Option<String>| {
            let cell = |(report, row): &(&TrafficReport, &TrafficRow)| {
                cell(report, row).unwrap_or_else(|| NO_DATA.to_owned())
            };
            (heading, rows.iter().map(cell).collect())
        };
    let column = |heading: &'static str, cell: &dyn Fn(&TrafficRow) -> Option<String>| {
        of_report(heading, &|_, row| cell(row))
    };
    let has_data = |row: &TrafficRow| row.traffic.responses() > 0.0;
    let latency = |share: f64| move |row: &TrafficRow| latency(&row.traffic, share);
    let mut columns: Vec<TrafficColumn> = Vec::new();
    if spans_namespaces(reports) {
        columns.push(of_report("NAMESPACE", &|report, _| {
            Some(report.id.namespace.clone())
        }));
    }
    if reports.len() > 1 {
        columns.push(of_report("GROUP", &|report, _| {
            Some(report.id.short_name())
        }));
    }
    columns.extend([
        column("NAME", &|row| Some(row.name.clone())),
        column("WEIGHT", &|row| Some(row.weight.to_string())),
        of_report("SHARE", &share),
        column("MESHED", &|row| {
            row.meshed.map(|(meshed, all)| format!("{meshed}/{all}"))
        }),
        column("SUCCESS", &|row| success(&row.traffic)),
        column("RPS", &|row| {
            has_data(row).then(|| format!("{:.1}rps", row.traffic.rps))
        }),
        column("LATENCY_P50", &latency(0.5)),
        column("LATENCY_P95", &latency(0.95)),
        column("LATENCY_P99", &latency(0.99)),
        column("TCP_CONN", &|row| {
            let connections = row.traffic.connections;
            (has_data(row) || connections > 0.0).then(|| format!("{connections:.0}"))
        }),
    ]);
    if style.wide {
        let known = |report: &TrafficReport, number: f64| {
            (report.clients.answered() > 0).then(|| format!("{number:.0}"))
        };
        columns.extend([
            of_report("WAITING", &|report, row| known(report, row.traffic.waiting)),
            of_report("FAILFAST", &|report, row| {
                known(report, row.traffic.refused)
            }),
            column("READY", &|row| row.traffic.ready.map(ready)),
        ]);
    }
    if let Some(history) = style.history {
        let most = history.iter().flatten().copied().fold(0.0, f64::max);
        let sparks = history.iter().map(|history| sparkline(history, most));
        columns.push((HISTORY_COLUMN, sparks.collect()));
    }
    columns
}

fn spans_namespaces(reports: &[TrafficReport]) -> bool {
    let mut namespaces = reports.iter().map(|report| &report.id.namespace);
    let first = namespaces.next();
    namespaces.any(|namespace| Some(namespace) != first)
}

fn ready((fewest, most): (u64, u64)) -> String {
    if fewest == most {
        most.to_string()
    } else {
        format!("{fewest}-{most}")
    }
}

fn share(report: &TrafficReport, row: &TrafficRow) -> Option<String> {
    let share = report.share(row)?;
    Some(format!("{:.0}%", share * 100.0))
}

fn success(traffic: &BackendTraffic) -> Option<String> {
    let rate = traffic.success_rate()?;
    Some(format!("{:.2}%", rate * 100.0))
}

fn latency(traffic: &BackendTraffic, share: f64) -> Option<String> {
    let millis = traffic.latency.quantile(share)?;
    Some(format!("{:.0}ms", millis.round()))
}

fn sparkline(history: &[f64], most: f64) -> String {
    let spark = |rps: &f64| {
        if rps.is_nan() {
            return '?';
        }
        let height = if most > 0.0 { rps / most * 7.0 } else { 0.0 };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 7"
        )]
        SPARKS.get(height.ceil() as usize).copied().unwrap_or('█')
    };
    history.iter().map(spark).collect()
}

/// The findings in words, for below a table. `reach` has the flags of suggested commands, `columns` is
/// the width of the terminal, if there is one.
pub fn notes(
    reports: &[TrafficReport],
    reach: &ConnectionFlags,
    columns: Option<u16>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for found in findings_of_all(reports, |namespace| reach.for_plugin(namespace)) {
        let TrafficFinding { message, next, .. } = found.finding;
        let message = match found.groups.as_slice() {
            [] => message,
            [only] if spans_namespaces(reports) => format!("{only}: {message}"),
            [only] => format!("{}: {message}", only.short_name()),
            many => format!("{}: {message}", groups_named(many)),
        };
        match columns {
            Some(columns) => lines.extend(wrap(&clean(&message), columns.into())),
            None => lines.push(clean(&message)),
        }
        lines.extend(next.map(|next| format!("  next: {}", clean(&next))));
    }
    lines
}

/// What is wrong in a window, without its numbers.
pub type TrafficFaults = Vec<(TrafficFault, Vec<GroupId>)>;

/// Returns what is wrong.
pub fn faults(reports: &[TrafficReport]) -> TrafficFaults {
    let found = findings_of_all(reports, |_| String::new()).into_iter();
    let found = found.map(|found| {
        let groups = found.groups.into_iter().cloned().collect();
        (found.finding.fault, groups)
    });
    found.collect()
}

/// One line for each backend of one window, with how many of the client pods answered.
pub fn text_lines(reports: &[TrafficReport], at: Timestamp) -> Vec<String> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NO_DATA.to_owned());
    let line = |report: &TrafficReport, row: &TrafficRow| {
        let traffic = &row.traffic;
        let group = match reports {
            [_] => String::new(),
            _ => format!("{} ", report.id),
        };
        let is_known = report.clients.answered() > 0;
        let mut line = format!(
            "{at:.0} {group}{} weight={} share={} success={} rps={} p95={}",
            row.name,
            row.weight,
            or_none(share(report, row)),
            or_none(success(traffic)),
            or_none(is_known.then(|| format!("{:.1}", traffic.rps))),
            or_none(latency(traffic, 0.95))
        );
        if traffic.refused > 0.0 {
            line += &format!(" failfast={:.0}", traffic.refused);
        }
        let clients = &report.clients;
        line += &format!(" pods={}/{}", clients.answered(), clients.pods);
        clean(&line)
    };
    let rows = reports
        .iter()
        .flat_map(|report| report.rows.iter().map(move |row| (report, row)));
    rows.map(|(report, row)| line(report, row)).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::traffic::Clients;
    use crate::model::{GroupId, ServiceRef};

    fn report() -> TrafficReport {
        let row = |name: &str, weight, traffic| TrafficRow {
            name: name.to_owned(),
            service: ServiceRef::new("ns", name),
            weight,
            meshed: None,
            traffic,
        };
        let mut east = BackendTraffic {
            success: 93.04,
            failure: 6.96,
            rps: 1.94,
            connections: 1.0,
            ready: Some((1, 2)),
            ..BackendTraffic::default()
        };
        for (bound, count) in [(20.0, 0.0), (30.0, 100.0), (f64::INFINITY, 100.0)] {
            east.latency.add(bound, count);
        }
        TrafficReport {
            id: GroupId {
                namespace: "ns".to_owned(),
                kind: "trafficsplit",
                name: "web-svc-failover".to_owned(),
            },
            apex: "web-svc".to_owned(),
            primary: Some(0),
            rows: vec![
                TrafficRow {
                    meshed: Some((1, 1)),
                    ..row("web-svc", 0, BackendTraffic::default())
                },
                row("web-svc-east", 1, east),
            ],
            refused: 0.0,
            seconds: 10.2,
            clients: Clients {
                pods: 312,
                asked: 50,
                ..Clients::default()
            },
            has_moved: false,
            conflicts: Vec::new(),
            before: None,
            counted_by: None,
            unaccepted: None,
        }
    }

    #[test]
    fn the_table_rounds_as_linkerd_viz_does() {
        assert_eq!(
            heading(&[report()]),
            "web-svc: 10s of requests from 50 of 312 client pods"
        );
        assert_eq!(
            table(&[report()], TrafficStyle::default()),
            [
                "NAME          WEIGHT  SHARE  MESHED  SUCCESS     RPS  LATENCY_P50  LATENCY_P95  LATENCY_P99  TCP_CONN",
                "web-svc            0     0%     1/1        -       -            -            -            -         -",
                "web-svc-east       1   100%       -   93.04%  1.9rps         25ms         30ms         30ms         1",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_gets_fewer_columns() {
        let history = [vec![1.0; 20], vec![2.0; 20], vec![1.0; 20], vec![2.0; 20]];
        let reports = [report(), report()];
        for (groups, limit) in [(1, 100), (1, 80), (1, 60), (2, 200), (2, 80), (2, 60)] {
            let reports = &reports[..groups];
            for (wide, history) in [
                (false, None),
                (false, Some(&history[..])),
                (true, Some(&history)),
            ] {
                let style = TrafficStyle {
                    columns: Some(limit),
                    wide,
                    history,
                };
                let lines = table(reports, style);
                assert!(
                    lines.iter().all(|line| line.width() <= limit.into()),
                    "{lines:?}"
                );
                assert!(lines[0].contains("SUCCESS     RPS"), "{lines:?}");
                assert!(!lines.concat().contains('…') || limit == 60, "{lines:?}");
            }
        }
        let style = TrafficStyle {
            columns: Some(80),
            history: Some(&history),
            ..TrafficStyle::default()
        };
        assert_eq!(
            table(&reports, style)[0],
            "GROUP             NAME          WEIGHT  SHARE  SUCCESS     RPS  LATENCY_P95"
        );
        assert_eq!(
            table(&reports[..1], style)[0],
            "NAME          WEIGHT  SHARE  SUCCESS     RPS  LATENCY_P95           RPS_HISTORY"
        );
    }

    #[test]
    fn a_wide_table_ends_with_what_the_proxies_know_and_a_history() {
        let history = [vec![0.0, f64::NAN, 0.0], vec![1.0, f64::NAN, 8.0]];
        let style = TrafficStyle {
            wide: true,
            history: Some(&history),
            ..TrafficStyle::default()
        };
        let lines = table(&[report()], style);
        assert!(
            lines[0].ends_with("WAITING  FAILFAST  READY  RPS_HISTORY"),
            "{lines:?}"
        );
        assert!(
            lines[1].ends_with("0         0      -          ▁?▁"),
            "{lines:?}"
        );
        assert!(
            lines[2].ends_with("0         0    1-2          ▂?█"),
            "{lines:?}"
        );
    }
}
