//! Splits Rust source into names and signs, without comments and the text of literals.

/// Stands for a string or character literal.
const LITERAL: &str = "\"\"";

/// The tokens of a source text: names and numbers whole, `::` as one, any other sign alone.
pub fn tokens(source: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(length) = comment(rest) {
            rest = &rest[length..];
            continue;
        } else if let Some(length) = literal(rest) {
            tokens.push(LITERAL);
            rest = &rest[length..];
            continue;
        } else if is_name(first) {
            rest.find(|letter| !is_name(letter)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        if !first.is_whitespace() {
            tokens.push(token);
        }
        rest = after;
    }
    tokens
}

fn is_name(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}

/// The length of the comment that the text begins with.
fn comment(text: &str) -> Option<usize> {
    let end = if text.starts_with("//") {
        text.find('\n')
    } else if text.starts_with("/*") {
        text.find("*/").map(|end| end + 2)
    } else {
        return None;
    };
    Some(end.unwrap_or(text.len()))
}

/// The length of the string or character literal that the text begins with.
fn literal(text: &str) -> Option<usize> {
    let body = text.trim_start_matches(['b', 'c', 'r']);
    let prefix = text.len() - body.len();
    let raw = text[..prefix].ends_with('r');
    let hashes = body.len() - body.trim_start_matches('#').len();
    match body[hashes..].chars().next()? {
        '"' if raw => {
            let end = format!("\"{}", &body[..hashes]);
            let start = prefix + hashes + 1;
            Some(
                text[start..]
                    .find(&end)
                    .map_or(text.len(), |at| start + at + end.len()),
            )
        }
        '"' if hashes == 0 => Some(prefix + quoted(body, '"')),
        '\'' if hashes == 0 && is_character(body) => Some(prefix + quoted(body, '\'')),
        _ => None,
    }
}

/// The length of what the quote at the text's start opens.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        if letter == quote && !escaped {
            return at + 1;
        }
        escaped = letter == '\\' && !escaped;
    }
    text.len()
}

/// Whether the text begins with a character and not with a lifetime.
fn is_character(text: &str) -> bool {
    let mut letters = text.chars().skip(1);
    letters.next() == Some('\\') || letters.next() == Some('\'')
}

#[test]
fn comments_and_the_text_of_literals_are_left_out() {
    let source = r##"use a::b; // use c::d;
        /* crate::e */ x: &'a str = "crate::f"; '"'; r#"crate::"g"#; b'\''; h"##;
    let expected = "use a :: b ; x : & ' a str = \"\" ; \"\" ; \"\" ; \"\" ; h";
    assert_eq!(tokens(source), expected.split(' ').collect::<Vec<_>>());
}
