//! The requests to the backends of groups as a table, with the columns of `linkerd viz stat`.

use unicode_width::UnicodeWidthStr as _;

use super::cells::{NO_DATA, latency, share, spans_namespaces, success};
use crate::model::traffic::{TrafficReport, TrafficRow};
use crate::view::columns::{Cell, Columns};

/// The heights of a sparkline.
const SPARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

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

fn ready((fewest, most): (u64, u64)) -> String {
    if fewest == most {
        most.to_string()
    } else {
        format!("{fewest}-{most}")
    }
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
