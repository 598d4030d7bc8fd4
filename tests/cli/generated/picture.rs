//! Draws the transcript of the demo as an SVG of a terminal.

use std::fmt::Write as _;

pub const FOLDER: &str = "docs/images";

const COLUMNS: usize = 108;
const CHARACTER_WIDTH: f64 = 7.8;
const LINE_HEIGHT: usize = 18;
const MARGIN: usize = 16;
const TITLE_HEIGHT: usize = 36;

const STYLE: &str = "\
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#c9d1d9}
.heading{fill:#79c0ff;font-weight:bold}
.command{fill:#ffffff;font-weight:bold}
.watch{fill:#7ee787}
.title{fill:#8b949e}";

/// Returns the picture. Lines longer than the terminal is wide are broken, as a terminal does.
pub fn svg(transcript: &str) -> String {
    let lines: Vec<(&str, String)> = transcript.lines().flat_map(drawn_lines).collect();
    let width = (COLUMNS as f64 * CHARACTER_WIDTH).ceil() as usize + 2 * MARGIN;
    let height = TITLE_HEIGHT + lines.len() * LINE_HEIGHT + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>The output of kubectl failover sandbox demo</title>\n\
         <style>\n{STYLE}\n</style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#0d1117\"/>\n"
    );
    for (index, colour) in ["#ff5f56", "#ffbd2e", "#27c93f"].iter().enumerate() {
        let x = MARGIN + 6 + index * 20;
        let _ = writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"18\" r=\"6\" fill=\"{colour}\"/>"
        );
    }
    let middle = width / 2;
    let _ = writeln!(
        svg,
        "<text class=\"title\" x=\"{middle}\" y=\"22\" text-anchor=\"middle\">\
         kubectl failover sandbox demo</text>"
    );
    for (index, (class, text)) in lines.iter().enumerate() {
        if text.is_empty() {
            continue;
        }
        let y = TITLE_HEIGHT + (index + 1) * LINE_HEIGHT - 5;
        let length = text.chars().count() as f64 * CHARACTER_WIDTH;
        let _ = writeln!(
            svg,
            "<text class=\"{class}\" x=\"{MARGIN}\" y=\"{y}\" textLength=\"{length:.1}\" \
             lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\">{}</text>",
            escaped(text)
        );
    }
    svg + "</svg>\n"
}

fn drawn_lines(line: &str) -> Vec<(&'static str, String)> {
    let class = if line.starts_with("$ ") {
        "command"
    } else if line.starts_with("watch: ") {
        "watch"
    } else if line.starts_with(|first: char| first.is_ascii_digit()) {
        "heading"
    } else {
        "output"
    };
    let characters: Vec<char> = line.chars().collect();
    if characters.is_empty() {
        return vec![(class, String::new())];
    }
    characters
        .chunks(COLUMNS)
        .map(|part| (class, part.iter().collect()))
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
