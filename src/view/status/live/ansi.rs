//! Coloured text as spans of ratatui. The other views colour text by escape sequences, so that they
//! can print it.

use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

const SEQUENCE_START: &str = "\u{1b}[";

/// Returns a line of which the colours are styles. Text from a cluster holds no escape sequences.
pub fn line(text: &str) -> Line<'static> {
    let mut parts = text.split(SEQUENCE_START);
    let plain = parts.next().map(|part| Span::raw(part.to_owned()));
    let coloured = parts.filter_map(|part| {
        let (code, text) = part.split_once('m')?;
        Some(Span::styled(text.to_owned(), style(code)))
    });
    Line::from_iter(plain.into_iter().chain(coloured))
}

/// Whether a line is already laid out, and holds colours.
pub fn is_coloured(text: &str) -> bool {
    text.contains(SEQUENCE_START)
}

fn style(code: &str) -> Style {
    let colour = match code {
        "31" => Color::Red,
        "32" => Color::Green,
        "33" => Color::Yellow,
        "36" => Color::Cyan,
        _ => return Style::new(),
    };
    Style::new().fg(colour)
}
