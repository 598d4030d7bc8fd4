//! Fits the table of `status` to a terminal: leaves out columns, then uses two lines for each
//! group.

use super::table;
use super::table::{ClusterStatuses, StatusColumn, TableStyle, counts, readiness_colour};
use crate::model::{BackendStatus, Status};
use crate::text::{clean, wrap};
use crate::view::columns::paint_text;

/// The columns to leave out if there is no room, in this order.
const OPTIONAL_COLUMNS: [StatusColumn; 5] = [
    StatusColumn::Apex,
    StatusColumn::Moved,
    StatusColumn::By,
    StatusColumn::Why,
    StatusColumn::Flags,
];
/// The columns of the first of two lines, the most important one first.
const FIRST_LINE_COLUMNS: [StatusColumn; 5] = [
    StatusColumn::Name,
    StatusColumn::State,
    StatusColumn::Active,
    StatusColumn::Since,
    StatusColumn::Watch,
];
/// The width that a first line needs for each of its columns.
const MIN_COLUMN_WIDTH: usize = 9;

/// The lines of a table, apart for each group.
#[derive(Debug)]
pub struct Blocks {
    pub heading: String,
    pub groups: Vec<Vec<String>>,
}

/// One line for each group if that fits, two otherwise.
pub fn rows(groups: ClusterStatuses, style: TableStyle, columns: u16) -> Vec<String> {
    let Blocks { heading, groups } = blocks(&[groups], style, columns);
    std::iter::once(heading).chain(groups.concat()).collect()
}

/// Like [`rows`], for the groups of several clusters.
pub fn blocks(clusters: &[ClusterStatuses], style: TableStyle, columns: u16) -> Blocks {
    let mut shown = StatusColumn::of(style);
    let fitting = std::iter::once(None)
        .chain(OPTIONAL_COLUMNS.map(Some))
        .find_map(|optional| {
            shown.retain(|column| Some(*column) != optional);
            let table = table::columns(&shown, clusters, style);
            (table.width() <= columns.into()).then(|| table.lines())
        });
    let Some(lines) = fitting else {
        return two_lines(clusters, style, columns);
    };
    let mut lines = lines.into_iter();
    Blocks {
        heading: lines.next().unwrap_or_default(),
        groups: lines.map(|line| vec![line]).collect(),
    }
}

fn two_lines(clusters: &[ClusterStatuses], style: TableStyle, columns: u16) -> Blocks {
    let room = (usize::from(columns) / MIN_COLUMN_WIDTH).clamp(1, FIRST_LINE_COLUMNS.len());
    let table = table::columns(&FIRST_LINE_COLUMNS[..room], clusters, style);
    let mut lines = table.cut_to(columns).lines().into_iter();
    let heading = lines.next().unwrap_or_default();
    let statuses = clusters.iter().flat_map(|groups| {
        groups
            .statuses
            .iter()
            .map(move |status| (groups.context, status))
    });
    let block = |(line, (context, status))| {
        let second = second_line(context, status, style);
        let mut lines = wrap(&second, columns.into());
        if style.colour {
            paint_counts(&mut lines, status);
        }
        std::iter::once(line).chain(lines).collect()
    };
    Blocks {
        heading,
        groups: lines.zip(statuses).map(block).collect(),
    }
}

/// Colours the counts in the lines of [`second_line`], which are words of their own and in the order
/// of the backends.
fn paint_counts(lines: &mut [String], status: &Status) {
    let mut backends = status.backends.iter().peekable();
    for line in lines {
        let words = line.split(' ').map(|word| {
            let backend = backends.next_if(|backend| counts(backend) == word);
            backend.map_or(word.to_owned(), |backend| {
                paint_text(word, readiness_colour(&backend.readiness))
            })
        });
        *line = words.collect::<Vec<_>>().join(" ");
    }
}

/// Such as `0/2 web-svc, 1/1 web-svc-east`, after the namespace if that is shown.
fn second_line(context: &str, status: &Status, style: TableStyle) -> String {
    let mut place = String::new();
    if style.clusters {
        place.push_str(&format!("{context}: "));
    }
    if style.namespaces {
        place.push_str(&format!("{}: ", status.id.namespace));
    }
    let one = |backend: &BackendStatus| {
        let weight = if style.wide {
            format!(" (w{})", backend.weight_on_object)
        } else {
            String::new()
        };
        format!("{} {}{weight}", counts(backend), backend.name)
    };
    let backends: Vec<String> = status.backends.iter().map(one).collect();
    clean(&format!("  {place}{}", backends.join(", ")))
}
