//! Splits a template into text and actions, and an action into tokens.

use super::TemplateResult;

/// A part of a template. White space beside `{{-` and `-}}` is trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    Action(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A name or a keyword.
    Word(String),
    /// A path, such as `.Values.image`, or `$` and a path.
    Path {
        is_root: bool,
        keys: Vec<String>,
    },
    Text(String),
    Number(i64),
    Open,
    Close,
    Pipe,
}

pub fn pieces(template: &str) -> TemplateResult<Vec<Piece>> {
    let mut pieces = Vec::new();
    let (mut rest, mut trims_start) = (template, false);
    while let Some((text, after)) = rest.split_once("{{") {
        let trims_end = after.starts_with("- ");
        push_text(&mut pieces, text, trims_start, trims_end);
        let (action, next) = after
            .split_once("}}")
            .ok_or_else(|| format!("an action does not end: {after:.40}"))?;
        trims_start = action.ends_with(" -");
        let action = action.strip_prefix("- ").unwrap_or(action);
        let action = action.strip_suffix(" -").unwrap_or(action).trim();
        if !action.starts_with("/*") {
            pieces.push(Piece::Action(tokens(action)?));
        }
        rest = next;
    }
    push_text(&mut pieces, rest, trims_start, false);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str, trims_start: bool, trims_end: bool) {
    let text = if trims_start { text.trim_start() } else { text };
    let text = if trims_end { text.trim_end() } else { text };
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

fn tokens(action: &str) -> TemplateResult<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = action.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '|' => (Token::Pipe, 1),
            '"' => quoted(rest)?,
            _ => bare(rest)?,
        };
        tokens.push(token);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

/// A text in quotes, as JSON has it.
fn quoted(rest: &str) -> TemplateResult<(Token, usize)> {
    let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    match texts.next() {
        Some(Ok(text)) => Ok((Token::Text(text), texts.byte_offset())),
        _ => Err(format!("a text does not end: {rest}")),
    }
}

fn bare(rest: &str) -> TemplateResult<(Token, usize)> {
    let ends = |it: char| it.is_whitespace() || matches!(it, '(' | ')' | '|');
    let length = rest.find(ends).unwrap_or(rest.len());
    let word = rest.get(..length).unwrap_or_default();
    let keys = |path: &str| {
        let keys = path.split('.').filter(|key| !key.is_empty());
        keys.map(str::to_owned).collect()
    };
    let token = if let Some(path) = word.strip_prefix('$') {
        if !path.is_empty() && !path.starts_with('.') {
            return Err(format!("variables are not supported: {word}"));
        }
        Token::Path {
            is_root: true,
            keys: keys(path),
        }
    } else if word.starts_with('.') {
        Token::Path {
            is_root: false,
            keys: keys(word),
        }
    } else if let Ok(number) = word.parse() {
        Token::Number(number)
    } else {
        Token::Word(word.to_owned())
    };
    Ok((token, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_trimmed_where_the_template_says_so() {
        let path = |key: &str| {
            Piece::Action(vec![Token::Path {
                is_root: false,
                keys: vec![key.to_owned()],
            }])
        };
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(
            pieces("a \n {{- .b }} c {{ .d -}} \n e{{/* no */}}").unwrap(),
            [text("a"), path("b"), text(" c "), path("d"), text("e")]
        );
        assert!(pieces("a {{ .b").is_err());
        assert!(pieces("{{ $x }}").is_err());
    }

    #[test]
    fn an_action_has_tokens() {
        let pieces = pieces(r#"{{printf "a\"%v" (eq $.x 12)|quote}}"#).unwrap();
        let [Piece::Action(tokens)] = pieces.as_slice() else {
            panic!("{pieces:?}")
        };
        let word = |word: &str| Token::Word(word.to_owned());
        assert_eq!(
            *tokens,
            [
                word("printf"),
                Token::Text("a\"%v".to_owned()),
                Token::Open,
                word("eq"),
                Token::Path {
                    is_root: true,
                    keys: vec!["x".to_owned()]
                },
                Token::Number(12),
                Token::Close,
                Token::Pipe,
                word("quote"),
            ]
        );
    }
}
