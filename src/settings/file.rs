//! The file of settings. Errors name the file, the line and the key, and never quote a value.

use std::io;
use std::path::Path;

use serde_yaml::Spanned;

use super::kept::{Setting, Settings, Source};
use super::node::Node;
use super::values::{SettingKey, color};
use crate::problem::Problem;
use crate::text::nearest::nearest;
use crate::text::{clean, without_code};

/// A larger file holds no settings.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What is wrong in a line.
struct BadLine {
    line: u64,
    message: String,
    next: Option<String>,
}

/// Reads the file into the settings. A missing file changes nothing.
///
/// # Errors
/// A `Problem` that says what is wrong, and where.
pub fn read(path: &Path, settings: &mut Settings) -> Result<(), Problem> {
    let name = clean(&path.display().to_string());
    let unreadable = |error: io::Error| {
        let why = without_code(&error);
        Problem::new(format!("the settings in {name} cannot be read: {why}"))
    };
    // Needs no file descriptor, unlike opening it.
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(file) if file.len() > MAX_FILE_BYTES => {
            return Err(Problem::new(format!("{name} is too large for settings")));
        }
        Ok(file) if !file.is_file() => {
            return Err(Problem::new(format!(
                "{name} is not a file, so it cannot hold settings"
            )));
        }
        found => found.map_err(unreadable)?,
    };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    parse(&text, settings).map_err(|bad| {
        let problem = Problem::new(format!("{name}, line {}: {}", bad.line, bad.message));
        problem.next_all(bad.next)
    })
}

fn parse(text: &str, settings: &mut Settings) -> Result<(), BadLine> {
    let node = Node::parse(text).map_err(|(line, message)| bad(line, &message))?;
    let entries = match node {
        None | Some(Node::Null) => return Ok(()),
        Some(Node::Map(entries)) => entries,
        Some(_) => return Err(bad(1, "keys are expected, such as contexts: [west, east]")),
    };
    for (key, node) in entries {
        let line = key.referenced.line();
        let known = SettingKey::ALL.iter().find(|it| it.name() == key.value);
        let Some(known) = known else {
            let names = SettingKey::ALL.map(SettingKey::name);
            let near = nearest(&key.value, names).map(|name| format!("did you mean {name}?"));
            let all = format!("keys: {}", names.join(", "));
            return Err(BadLine {
                line,
                message: format!("unknown key {:?}", clean(&key.value)),
                next: near.or(Some(all)),
            });
        };
        set(*known, line, node, settings)?;
    }
    Ok(())
}

fn set(key: SettingKey, line: u64, node: Node, settings: &mut Settings) -> Result<(), BadLine> {
    let source = Source::File(line);
    let wrong = |line: u64, expected: &str| bad(line, &format!("{}: {expected}", key.name()));
    match (key, node) {
        (_, Node::Null) => {}
        (SettingKey::Color, Node::Text(text)) => {
            let value = color(&text).map_err(|why| wrong(line, &why))?;
            settings.color = Setting { value, source };
        }
        (SettingKey::Contexts, Node::List(items)) => {
            let names = items.into_iter().map(Node::text);
            let names = names.map(|name| name.filter(|name| !name.is_empty()));
            let value = names.collect::<Option<_>>();
            let value = value.ok_or_else(|| wrong(line, "expected a list of names"))?;
            settings.contexts = Setting { value, source };
        }
        (SettingKey::Namespaces, Node::Map(entries)) => {
            let value = texts(entries, |line| wrong(line, "expected CONTEXT: NAMESPACE"))?;
            settings.namespaces = Setting { value, source };
        }
        (SettingKey::Remotes, Node::Map(entries)) => {
            let expected = |line| wrong(line, "expected CONTEXT: {CLUSTER: CONTEXT}");
            let mut value = Vec::new();
            for (context, node) in entries {
                let Node::Map(remotes) = node else {
                    return Err(expected(context.referenced.line()));
                };
                value.push((context.value, texts(remotes, expected)?));
            }
            settings.remotes = Setting { value, source };
        }
        (SettingKey::Color, _) => return Err(wrong(line, "expected auto, always or never")),
        (SettingKey::Contexts, _) => return Err(wrong(line, "expected a list of names")),
        (SettingKey::Namespaces, _) => return Err(wrong(line, "expected CONTEXT: NAMESPACE")),
        (SettingKey::Remotes, _) => {
            return Err(wrong(line, "expected CONTEXT: {CLUSTER: CONTEXT}"));
        }
    }
    Ok(())
}

fn bad(line: u64, message: &str) -> BadLine {
    BadLine {
        line,
        message: message.to_owned(),
        next: None,
    }
}

fn texts(
    entries: Vec<(Spanned<String>, Node)>,
    wrong: impl Fn(u64) -> BadLine,
) -> Result<Vec<(String, String)>, BadLine> {
    let entry = |(key, node): (Spanned<String>, Node)| match node.text() {
        Some(text) if !text.is_empty() => Ok((key.value, text)),
        _ => Err(wrong(key.referenced.line())),
    };
    entries.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use clap::ColorChoice;

    use super::*;

    fn parsed(text: &str) -> Result<Settings, String> {
        let mut settings = Settings::default();
        let show = |bad: BadLine| {
            format!(
                "{} {} {}",
                bad.line,
                bad.message,
                bad.next.unwrap_or_default()
            )
        };
        parse(text, &mut settings).map_err(show).map(|()| settings)
    }

    #[test]
    fn every_setting_is_read_with_its_line() {
        let settings = parsed(
            "# mine\ncolor: never\ncontexts: [west, east]\nnamespaces:\n  west: shop\nremotes:\n  west:\n    east: east-context\n",
        )
        .unwrap();
        assert_eq!(settings.color.value, ColorChoice::Never);
        assert_eq!(settings.color.source, Source::File(2));
        assert_eq!(settings.contexts.value, ["west", "east"]);
        assert_eq!(settings.namespace("west").unwrap(), "shop");
        assert_eq!(settings.namespace("east"), None);
        let remotes = settings.remotes("west").unwrap();
        assert_eq!(remotes, &[("east".to_owned(), "east-context".to_owned())]);
        for empty in ["", "# nothing\n", "color:\n", "{}"] {
            assert_eq!(parsed(empty).unwrap(), Settings::default(), "{empty:?}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line_and_no_value() {
        for (text, expected) in [
            (
                "color: auto\ncolour: never\n",
                "2 unknown key \"colour\" did you mean color?",
            ),
            ("token: secret\n", "1 unknown key \"token\" keys: color"),
            (
                "\ncolor: secret\n",
                "2 color: expected auto, always or never",
            ),
            ("contexts: secret\n", "1 contexts: expected a list"),
            ("contexts: ['']\n", "1 contexts: expected a list"),
            ("color: auto\ncolor: never\n", "2 the same key twice"),
            (
                "namespaces:\n  a: b\n  west: [secret]\n",
                "3 namespaces: expected",
            ),
            ("remotes:\n  west: secret\n", "2 remotes: expected"),
            ("remotes:\n  west:\n    east:\n", "3 remotes: expected"),
            ("- secret\n", "1 keys are expected"),
            ("color: [secret\n", "invalid YAML"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
