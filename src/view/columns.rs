//! Text in columns as kubectl prints it, laid out by `comfy-table`: no borders, two spaces between
//! columns. On top of that, cells have colours, and long ones are cut to fit a terminal.

use std::ops::Range;

use comfy_table::{ContentArrangement, Table, presets};
use unicode_width::UnicodeWidthStr as _;

use crate::text::{MAX_LINE_CHARS, clean, cut, shorten};

const MAX_CELL_CHARS: usize = 120;
const COLUMN_GAP: u16 = 2;

#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    /// Parts of the text, by their first byte and the one after the last, in order.
    colours: Vec<(Range<usize>, Colour)>,
}

/// Colours by their numbers in an escape sequence.
#[derive(Debug, Clone, Copy)]
pub enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Cyan = 36,
}

impl Cell {
    pub fn new(text: &str) -> Self {
        Self {
            text: shorten(&clean(text), MAX_CELL_CHARS),
            colours: Vec::new(),
        }
    }

    /// Returns a cell of a text that may be long, for the last column.
    pub fn long(text: &str) -> Self {
        Self {
            text: shorten(&clean(text), MAX_LINE_CHARS),
            colours: Vec::new(),
        }
    }

    /// Returns a cell of parts, each in its colour.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = (&'a str, Option<Colour>)>) -> Self {
        let (mut text, mut colours) = (String::new(), Vec::new());
        for (part, colour) in parts {
            let start = text.len();
            text.push_str(&clean(part));
            colours.extend(colour.map(|colour| (start..text.len(), colour)));
        }
        Self {
            text: shorten(&text, MAX_CELL_CHARS),
            colours,
        }
    }

    #[must_use]
    pub fn coloured(mut self, colour: Colour) -> Self {
        self.colours = vec![(0..self.text.len(), colour)];
        self
    }

    /// The text with its colours. A part in which the text was cut goes on to the end.
    fn painted(&self) -> String {
        let mut painted = String::new();
        let mut end = 0;
        for (part, colour) in &self.colours {
            let whole = self.text.get(part.clone());
            let Some(coloured) = whole.or_else(|| self.text.get(part.start..)) else {
                break;
            };
            painted.push_str(self.text.get(end..part.start).unwrap_or_default());
            painted.push_str(&paint_text(coloured, *colour));
            end = part.start + coloured.len();
        }
        painted + self.text.get(end..).unwrap_or_default()
    }
}

/// A heading and rows with a cell for each column.
#[derive(Debug)]
pub struct Columns {
    /// The heading is the first row.
    rows: Vec<Vec<Cell>>,
}

impl Columns {
    pub fn new(heading: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        let heading = heading.iter().map(|name| Cell::new(name)).collect();
        Self {
            rows: std::iter::once(heading).chain(rows).collect(),
        }
    }

    /// How many columns of a terminal the lines take.
    pub fn width(&self) -> usize {
        total(&widths(&self.table()))
    }

    /// The heading and the rows as lines.
    pub fn lines(&self) -> Vec<String> {
        let table = self.table();
        let widths = widths(&table);
        let lines = table.lines().zip(&self.rows);
        lines
            .map(|(line, row)| paint(line, row, &widths).trim_end().to_owned())
            .collect()
    }

    /// Cuts the widest cells until the lines fit into `limit` columns of a terminal.
    #[must_use]
    pub fn cut_to(mut self, limit: u16) -> Self {
        let mut widths = widths(&self.table());
        squeeze(&mut widths, limit.into());
        for row in &mut self.rows {
            for (cell, width) in row.iter_mut().zip(&widths) {
                cell.text = cut(&cell.text, *width);
            }
        }
        self
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .add_rows(
                self.rows
                    .iter()
                    .map(|row| row.iter().map(|cell| &cell.text)),
            );
        for column in table.column_iter_mut() {
            column.set_padding((0, COLUMN_GAP));
        }
        table
    }
}

fn widths(table: &Table) -> Vec<usize> {
    let widths = table.column_max_content_widths().into_iter();
    widths.map(usize::from).collect()
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + usize::from(COLUMN_GAP) * widths.len().saturating_sub(1)
}

fn squeeze(widths: &mut [usize], limit: usize) {
    while total(widths) > limit {
        match widths.iter_mut().max() {
            Some(widest) if *widest > 1 => *widest -= 1,
            _ => return,
        }
    }
}

/// A text in a colour, for a terminal.
pub fn paint_text(text: &str, colour: Colour) -> String {
    format!("\u{1b}[{}m{text}\u{1b}[39m", colour as u8)
}

/// Colours the cells of a line after the layout, which would count escape sequences as width.
fn paint(mut line: String, row: &[Cell], widths: &[usize]) -> String {
    let mut start = 0;
    for (cell, width) in row.iter().zip(widths) {
        let mut length = cell.text.len();
        if !cell.colours.is_empty() {
            let painted = cell.painted();
            line.replace_range(start..start + length, &painted);
            length = painted.len();
        }
        let padding = width.saturating_sub(cell.text.width());
        start += length + padding + usize::from(COLUMN_GAP);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(heading: &[&str], rows: &[&[&str]]) -> Columns {
        let rows = rows
            .iter()
            .map(|row| row.iter().map(|text| Cell::new(text)).collect());
        Columns::new(heading, rows)
    }

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let columns = columns(
            &["A", "B", "C"],
            &[&["東京", "b", "c"], &["a", "bbbbb", ""]],
        );
        assert_eq!(
            columns.lines(),
            ["A     B      C", "東京  b      c", "a     bbbbb"]
        );
        assert_eq!(columns.width(), 14);
    }

    #[test]
    fn the_widest_cells_are_cut_first() {
        let columns = || columns(&["NAME", "STATE"], &[&["web-svc-failover", "Failover"]]);
        assert_eq!(
            columns().cut_to(20).lines(),
            ["NAME        STATE", "web-svc-f…  Failover"]
        );
        for limit in 4..40 {
            for line in columns().cut_to(limit).lines() {
                assert!(line.width() <= limit.into(), "{limit}: {line}");
            }
        }
    }

    #[test]
    fn parts_of_a_cell_have_colours_until_they_are_cut() {
        let cell = || {
            let parts = [
                ("web", Some(Colour::Red)),
                (" ", None),
                ("east", Some(Colour::Green)),
            ];
            Columns::new(&["X"], [vec![Cell::of_parts(parts)]])
        };
        assert_eq!(
            cell().lines()[1],
            "\u{1b}[31mweb\u{1b}[39m \u{1b}[32meast\u{1b}[39m"
        );
        for (width, cut) in [
            (6, "\u{1b}[31mweb\u{1b}[39m \u{1b}[32me…\u{1b}[39m"),
            (3, "\u{1b}[31mwe…\u{1b}[39m"),
        ] {
            assert_eq!(cell().cut_to(width).lines()[1], cut);
        }
    }

    #[test]
    fn colours_take_no_width() {
        let red = |text| Cell::new(text).coloured(Colour::Red);
        let columns = Columns::new(
            &["X", "YY", "Z"],
            [vec![red("東"), red("b"), Cell::new("c")]],
        );
        assert_eq!(
            columns.lines(),
            [
                "X   YY  Z",
                "\u{1b}[31m東\u{1b}[39m  \u{1b}[31mb\u{1b}[39m   c"
            ]
        );
    }
}
