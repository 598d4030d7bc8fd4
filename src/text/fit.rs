//! Text within a number of characters or of columns of a terminal.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The longest line about one group. Every line with names of usual length is shorter.
pub const MAX_LINE_CHARS: usize = 1000;

/// The start of a text, with an ellipsis where it is cut.
pub fn shorten(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let start: String = text.chars().take(characters.saturating_sub(1)).collect();
    format!("{start}…")
}

/// As much of a text as fits into `columns` of a terminal, with an ellipsis where it is cut.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |character: &char| {
        used += character.width().unwrap_or(0);
        used <= columns
    };
    format!("{}…", text.chars().take_while(fits).collect::<String>())
}

/// Breaks a line at spaces so that each piece fits into `columns` of a terminal. A word that is too
/// long is broken anywhere. Pieces after the first one are indented.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    const INDENT: &str = "    ";
    let columns = columns.max(2 * INDENT.len());
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_inclusive(' ') {
        if line.width() + word.trim_end().width() > columns && !line.trim().is_empty() {
            lines.push(std::mem::replace(&mut line, INDENT.to_owned()));
        }
        for character in word.chars() {
            if line.width() + character.width().unwrap_or(0) > columns {
                if character == ' ' {
                    continue;
                }
                lines.push(std::mem::replace(&mut line, INDENT.to_owned()));
            }
            line.push(character);
        }
    }
    lines.push(line);
    lines
        .into_iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Wraps lines between words to the width of a terminal. Commands stay whole, to be copied.
pub fn fitted(lines: Vec<String>, columns: Option<u16>) -> Vec<String> {
    let Some(columns) = columns else {
        return lines;
    };
    let fit = |line: String| {
        if line.contains("kubectl ") {
            vec![line]
        } else {
            wrap(&line, columns.into())
        }
    };
    lines.into_iter().flat_map(fit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut() {
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("abcd", 4), "abcd");
        assert_eq!(cut("東京都", 5), "東京…");
    }

    #[test]
    fn long_lines_are_broken_and_indented() {
        assert_eq!(wrap("one two three", 9), ["one two", "    three"]);
        assert_eq!(wrap("abcdefghijkl", 9), ["abcdefghi", "    jkl"]);
    }
}
