//! The past of groups as a table, the newest event first.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::cells::{by, sources};
use super::folded::FoldedRow;
use crate::text::{clean, wrap};
use crate::view::age::age;
use crate::view::columns::{Cell, Colour, Columns};

/// How to draw the table.
#[derive(Debug, Clone)]
pub struct HistoryStyle {
    pub contexts: bool,
    pub namespaces: bool,
    pub colour: bool,
    /// Also show the weights, the time, in this zone, and where each event is known from.
    pub wide: Option<TimeZone>,
    /// The width of the terminal, if the table goes to one.
    pub columns: Option<u16>,
}

/// A row for each event, or for the same one of many groups. If a terminal is too narrow, the reasons
/// are on lines of their own.
pub fn table(rows: &[FoldedRow], style: &HistoryStyle, now: Timestamp) -> String {
    let mut header = vec!["AGE", "NAME", "EVENT", "FROM", "TO", "FOR", "BY", "WHY"];
    if style.namespaces {
        header.insert(1, "NAMESPACE");
    }
    if style.contexts {
        header.insert(1, "CONTEXT");
    }
    if style.wide.is_some() {
        header.insert(0, "TIME");
        header.push("KNOWN FROM");
    }
    let cells = rows.iter().filter_map(|told| row(told, style, now));
    let table = Columns::new(&header, cells);
    let is_too_wide = |columns: &u16| style.wide.is_none() && table.width() > (*columns).into();
    let lines = match style.columns.filter(is_too_wide) {
        Some(columns) => with_reasons_below(rows, &header, style, now, columns),
        None => table.lines(),
    };
    lines.join("\n") + "\n"
}

fn with_reasons_below(
    rows: &[FoldedRow],
    header: &[&str],
    style: &HistoryStyle,
    now: Timestamp,
    columns: u16,
) -> Vec<String> {
    // The reason is the last column.
    let kept = header.len().saturating_sub(1);
    let cells = rows.iter().filter_map(|told| {
        let mut cells = row(told, style, now)?;
        cells.truncate(kept);
        Some(cells)
    });
    let header = header.get(..kept).unwrap_or_default();
    let mut lines = Columns::new(header, cells)
        .cut_to(columns)
        .lines()
        .into_iter();
    let heading = lines.next();
    let reason = |row: &FoldedRow| wrap(&format!("  {}", clean(&row.why())), columns.into());
    let known = rows.iter().filter(|row| row.first().is_some());
    let blocks = lines
        .zip(known)
        .flat_map(|(line, row)| std::iter::once(line).chain(reason(row)));
    heading.into_iter().chain(blocks).collect()
}

fn row(folded: &FoldedRow, style: &HistoryStyle, now: Timestamp) -> Option<Vec<Cell>> {
    let told = folded.first()?;
    let event = &told.row.event;
    let (from, to) = folded.traffic(style.wide.is_some());
    let kind = Cell::new(event.kind.name());
    let kind = match event.kind {
        kind if !style.colour => (kind, Cell::new(kind.name())).1,
        _ if event.kind.is_outage() => kind.coloured(Colour::Red),
        _ if event.kind.is_warning() => kind.coloured(Colour::Yellow),
        _ => kind,
    };
    let mut cells = vec![
        Cell::new(&age(event.at, now)),
        Cell::new(&folded.name()),
        kind,
        Cell::new(&from),
        Cell::new(&to),
        Cell::new(&folded.lasted()),
        Cell::new(by(event)),
        Cell::long(&folded.why()),
    ];
    if style.namespaces {
        cells.insert(1, Cell::new(&folded.namespaces()));
    }
    if style.contexts {
        cells.insert(1, Cell::new(told.context));
    }
    if let Some(zone) = &style.wide {
        let local = event.at.to_zoned(zone.clone());
        let local = local.strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
        cells.insert(0, Cell::new(&local));
        cells.push(Cell::new(&sources(told.row).join(",")));
    }
    Some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::{EventSource, HistoryRow};
    use crate::model::{EventKind, GroupEvent, GroupId};
    use crate::view::history::ClusterRow;
    use crate::view::history::folded::folded;

    #[test]
    fn a_long_reason_is_whole_without_a_terminal_too() {
        let why = "the evacuation of east has ended, ".repeat(8) + "written in 4 ms";
        let event = GroupEvent {
            kind: EventKind::Returned,
            group: GroupId {
                namespace: "shop".to_owned(),
                kind: "trafficsplit",
                name: "web".to_owned(),
            },
            apex: Some("web".to_owned()),
            at: Timestamp::UNIX_EPOCH,
            from: Some("web=0,web-east=1".to_owned()),
            to: Some("web=1,web-east=0".to_owned()),
            by: "admin@vm".to_owned(),
            why: why.clone(),
            unverified: false,
            took: None,
        };
        let row = HistoryRow::new(event, EventSource::Event);
        let rows = [ClusterRow {
            context: "west",
            row: &row,
        }];
        let style = HistoryStyle {
            contexts: false,
            namespaces: false,
            colour: false,
            wide: None,
            columns: None,
        };
        let text = table(&folded(&rows, false), &style, Timestamp::UNIX_EPOCH);
        assert!(text.contains(&why), "{text}");
    }
}
