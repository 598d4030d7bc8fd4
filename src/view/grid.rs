//! Text in columns.

use std::io::Write as _;

use tabwriter::TabWriter;
use unicode_width::UnicodeWidthStr as _;

use crate::text::{clean, cut, shorten};

/// The longest text in one cell.
const LONGEST: usize = 120;
/// Columns of the terminal between two columns of the grid.
const GAP: usize = 2;

/// One place of a grid.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    colour: Option<Colour>,
}

/// By their numbers in an escape sequence.
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
            text: shorten(&clean(text), LONGEST),
            colour: None,
        }
    }

    #[must_use]
    pub fn coloured(self, colour: Colour) -> Self {
        Self {
            colour: Some(colour),
            ..self
        }
    }

    /// At most so many columns of it.
    fn print(&self, width: usize) -> String {
        let text = cut(&self.text, width);
        match self.colour {
            Some(colour) => format!("\u{1b}[{}m{text}\u{1b}[39m", colour as u8),
            None => text,
        }
    }
}

/// How many columns of the terminal a grid takes.
pub fn width(header: &[&str], rows: &[Vec<Cell>]) -> usize {
    total(&widths(header, rows))
}

/// A line for the header and one for each row. Where there is a limit, the widest cells are cut until they fit.
pub fn grid(header: &[&str], rows: &[Vec<Cell>], limit: Option<u16>) -> Vec<String> {
    let mut widths = widths(header, rows);
    if let Some(limit) = limit {
        squeeze(&mut widths, limit.into());
    }
    let header: Vec<Cell> = header.iter().map(|name| Cell::new(name)).collect();
    let print = |row: &Vec<Cell>| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| cell.print(*width))
            .collect();
        cells.join("\t")
    };
    let lines: Vec<String> = std::iter::once(&header).chain(rows).map(print).collect();
    // Memory takes all that is written to it.
    let aligned = align(&(lines.join("\n") + "\n")).unwrap_or_default();
    String::from_utf8_lossy(&aligned)
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn align(text: &str) -> std::io::Result<Vec<u8>> {
    let mut columns = TabWriter::new(Vec::new())
        .padding(GAP)
        .minwidth(0)
        .ansi(true);
    columns.write_all(text.as_bytes())?;
    columns.flush()?;
    columns
        .into_inner()
        .map_err(|cause| std::io::Error::other(cause.to_string()))
}

fn widths(header: &[&str], rows: &[Vec<Cell>]) -> Vec<usize> {
    let widest = |(column, name): (usize, &&str)| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.text.width());
        cells.chain([name.width()]).max().unwrap_or_default()
    };
    header.iter().enumerate().map(widest).collect()
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

fn squeeze(widths: &mut [usize], limit: usize) {
    while total(widths) > limit {
        match widths.iter_mut().max() {
            Some(widest) if *widest > 1 => *widest -= 1,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&[&str]]) -> Vec<Vec<Cell>> {
        texts
            .iter()
            .map(|row| row.iter().map(|text| Cell::new(text)).collect())
            .collect()
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = rows(&[&["東京", "b", "c"], &["a", "bbbbb", ""]]);
        assert_eq!(
            grid(&["A", "B", "C"], &rows, None),
            ["A     B      C", "東京  b      c", "a     bbbbb"]
        );
        assert_eq!(width(&["A", "B", "C"], &rows), 14);
    }

    #[test]
    fn what_is_widest_is_cut_first() {
        let rows = rows(&[&["web-svc-failover", "Failover"]]);
        assert_eq!(
            grid(&["NAME", "STATE"], &rows, Some(20)),
            ["NAME        STATE", "web-svc-f…  Failover"]
        );
        for limit in 4..40 {
            for line in grid(&["NAME", "STATE"], &rows, Some(limit)) {
                assert!(line.width() <= limit.into(), "{limit}: {line}");
            }
        }
    }

    #[test]
    fn a_colour_takes_no_room() {
        let rows = [vec![Cell::new("ab").coloured(Colour::Red), Cell::new("c")]];
        assert_eq!(
            grid(&["X", "Y"], &rows, None)[1],
            "\u{1b}[31mab\u{1b}[39m  c"
        );
    }
}
