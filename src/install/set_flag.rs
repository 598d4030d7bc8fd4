//! The flag `--set`, as Helm has it: `a.b=1,c={x,y}`. A backslash takes the meaning from a comma or
//! a dot. Indices of lists are not supported.

use serde_json::{Map, Value};

use crate::problem::Problem;

/// Returns a mapping for each pair.
///
/// # Errors
/// If a pair is not `key=value`.
pub fn parse(flag: &str) -> Result<Vec<Value>, Problem> {
    split(flag, ',')
        .iter()
        .map(|pair| one(pair, flag))
        .collect()
}

fn one(pair: &str, flag: &str) -> Result<Value, Problem> {
    let wrong = |why: &str| {
        Problem::usage(format!("--set {flag}: {why}"))
            .next("a value is set as in --set image.tag=1.0 or --set 'namespaces={web,shop}'")
    };
    let (path, text) = pair
        .split_once('=')
        .filter(|(path, _)| !path.is_empty())
        .ok_or_else(|| wrong("it is not KEY=VALUE"))?;
    if path.contains('[') {
        return Err(wrong("set the whole list, or use --values FILE"));
    }
    let list = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    let value = match list {
        Some("") => Value::Array(Vec::new()),
        Some(items) => split(items, ',').iter().map(|item| scalar(item)).collect(),
        None => scalar(text),
    };
    let keys = split(path, '.');
    Ok(keys.iter().rev().fold(value, |value, key| {
        Value::Object(Map::from_iter([(plain(key), value)]))
    }))
}

fn scalar(text: &str) -> Value {
    let number = || {
        let is_plain = text == "0" || !text.starts_with(['0', '+']);
        is_plain.then(|| text.parse::<i64>().ok()).flatten()
    };
    match (text, number()) {
        ("true", _) => Value::Bool(true),
        ("false", _) => Value::Bool(false),
        ("null", _) => Value::Null,
        (_, Some(number)) => Value::from(number),
        (text, None) => Value::from(plain(text)),
    }
}

/// Splits at separators that are neither in braces nor after a backslash.
fn split(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut depth, mut is_escaped) = (0_usize, false);
    for letter in text.chars() {
        match letter {
            '{' if !is_escaped => depth += 1,
            '}' if !is_escaped => depth = depth.saturating_sub(1),
            _ => {}
        }
        if letter == separator && depth == 0 && !is_escaped {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(letter);
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    parts.push(part);
    parts
}

/// Removes the backslashes.
fn plain(text: &str) -> String {
    let (mut plain, mut is_escaped) = (String::new(), false);
    for letter in text.chars() {
        is_escaped = letter == '\\' && !is_escaped;
        if !is_escaped {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pairs_as_helm_has_them() {
        for (flag, expected) in [
            ("a.b=1", json!([{"a": {"b": 1}}])),
            ("a=x,b=true", json!([{"a": "x"}, {"b": true}])),
            ("a={x,2},b=", json!([{"a": ["x", 2]}, {"b": ""}])),
            (r"a=x\,y", json!([{"a": "x,y"}])),
            (r"a.b\.c/d=1.0", json!([{"a": {"b.c/d": "1.0"}}])),
            ("a=null", json!([{"a": null}])),
            ("a=007", json!([{"a": "007"}])),
            ("selector=team=web", json!([{"selector": "team=web"}])),
            ("a={}", json!([{"a": []}])),
        ] {
            assert_eq!(Value::from(parse(flag).unwrap()), expected, "{flag}");
        }
        for wrong in ["a", "=1", "a[0]=1", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
