//! The heading of a table, the lines of a window, and what is wrong, in words.

use jiff::Timestamp;

use super::cells::{NO_DATA, latency, share, spans_namespaces, success};
use crate::model::GroupId;
use crate::model::fold::groups_named;
use crate::model::traffic::{TrafficReport, TrafficRow};
use crate::model::traffic_findings::{
    TrafficFault, TrafficFinding, count, findings_of_all, seconds,
};
use crate::text::{ConnectionFlags, clean, wrap};

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
