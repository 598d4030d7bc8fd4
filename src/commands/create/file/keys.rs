//! The keys of a group, as the command line of `create`.

use clap::{Args as _, Command, FromArgMatches as _};
use serde_yaml::Spanned;

use super::mistakes::{BadLine, bad};
use crate::cli::CreateArgs;
use crate::commands::create::arguments;
use crate::resource::annotations::WEIGHTS;
use crate::resource::policy::bad_value;
use crate::settings::node::Node;
use crate::text::clean;
use crate::text::nearest::nearest;

/// The keys of a group that are flags of `create` with one value.
const FLAGS: [&str; 16] = [
    "primary",
    "kind",
    "port",
    "name",
    "policy",
    "weights",
    "min-ready",
    "failover-delay",
    "failback-delay",
    "failback",
    "failback-ready",
    "standby",
    "retries",
    "retry-limit",
    "breaker",
    "controlled-by",
];
/// The other keys of a group.
const OTHERS: [&str; 4] = ["service", "namespace", "fallbacks", "resilient"];

/// What the keys of a group say.
#[derive(Default)]
pub struct Keys {
    pub namespace: Option<String>,
    /// The words of the command line, each with its key and the line of the key.
    words: Vec<(String, String, u64)>,
}

impl Keys {
    /// Reads one key.
    pub fn read(&mut self, key: &Spanned<String>, node: Node) -> Result<(), BadLine> {
        let (at, key) = (key.referenced.line(), key.value.as_str());
        let wrong = |expected: &str| bad(at, format!("{key}: expected {expected}"));
        let mut push = |word: String| self.words.push((word, key.to_owned(), at));
        match key {
            "service" => push(filled(node).ok_or_else(|| wrong("the name of a service"))?),
            "namespace" => {
                let namespace = filled(node).ok_or_else(|| wrong("the name of a namespace"))?;
                self.namespace = Some(namespace);
            }
            "fallbacks" => {
                let Node::List(items) = node else {
                    return Err(wrong("a list of services"));
                };
                let names: Option<Vec<String>> = items.into_iter().map(filled).collect();
                let names = names.filter(|names| !names.is_empty());
                for fallback in names.ok_or_else(|| wrong("a list of services"))? {
                    push(format!("--fallback={fallback}"));
                }
            }
            "resilient" => match node.text().as_deref() {
                Some("true") => push("--resilient".to_owned()),
                Some("false") => {}
                _ => return Err(wrong("true or false")),
            },
            flag if FLAGS.contains(&flag) => {
                let value = value(flag, node).ok_or_else(|| wrong("a value"))?;
                push(format!("--{flag}={value}"));
            }
            unknown => {
                let known = || FLAGS.into_iter().chain(OTHERS);
                let near = nearest(unknown, known());
                let all = || format!("keys: {}", known().collect::<Vec<_>>().join(", "));
                return Err(BadLine {
                    next: Some(near.map_or_else(all, |it| format!("did you mean {it}?"))),
                    ..bad(at, format!("unknown key {:?}", clean(unknown)))
                });
            }
        }
        Ok(())
    }

    /// Parses the values. A value that is wrong is left out, to find the next one; what is missing
    /// in a group with mistakes is not another one.
    pub fn args(&self, line: u64, mistakes: &mut Vec<BadLine>) -> Option<CreateArgs> {
        let mut words: Vec<&(String, String, u64)> = self.words.iter().collect();
        words.sort_by_key(|(_, key, _)| key != "service");
        loop {
            let parsed = args(words.iter().map(|(word, ..)| word));
            let message = match parsed {
                Ok(args) => return Some(args),
                Err(message) => message,
            };
            let flag = |key: &str| match key {
                "fallbacks" => "'--fallback ".to_owned(),
                "service" => "'[SERVICE]'".to_owned(),
                key => format!("'--{key}"),
            };
            let named = words
                .iter()
                .position(|(_, key, _)| message.contains(&flag(key)));
            let Some(named) = named else {
                if mistakes.is_empty() {
                    mistakes.push(bad(line, format!("the group: {message}")));
                }
                return None;
            };
            let (_, key, at) = words.remove(named);
            mistakes.push(bad(*at, format!("{key}: {message}")));
        }
    }

    /// Finds the values of the policy that clap does not check, beside the mistakes that are known.
    /// Shares are checked if the backends are known.
    pub fn bad_values(&self, args: Option<&CreateArgs>, known: &[BadLine]) -> Vec<BadLine> {
        let value = |wanted: &str| {
            let (word, ..) = self.words.iter().find(|(_, key, _)| key == wanted)?;
            word.split_once('=').map(|(_, value)| value)
        };
        let backends = args.map(|args| arguments::backends(args).collect::<Vec<&str>>());
        let is_checked = |key: &str| key != WEIGHTS || backends.is_some();
        let is_known = |line: u64| known.iter().any(|it| it.line == line);
        let words = self.words.iter();
        let words = words.filter(|(_, key, line)| is_checked(key) && !is_known(*line));
        let bad_values = words.filter_map(|(_, key, line)| {
            let found = bad_value(key, value, backends.as_deref().unwrap_or_default())?;
            Some(BadLine {
                next: Some(format!("allowed are {}", found.allowed)),
                ..bad(*line, format!("{key} cannot be {:?}", found.value))
            })
        });
        bad_values.collect()
    }
}

fn filled(node: Node) -> Option<String> {
    node.text().filter(|text| !text.is_empty())
}

/// The value of a flag. Shares may be a map, and `standby` a truth value.
fn value(flag: &str, node: Node) -> Option<String> {
    match (flag, node) {
        ("weights", Node::Map(shares)) => {
            let shares = shares.into_iter();
            let shares =
                shares.map(|(name, share)| Some(format!("{}={}", name.value, filled(share)?)));
            let shares: Option<Vec<String>> = shares.collect();
            shares.map(|shares| shares.join(","))
        }
        ("standby", Node::Text(text)) => Some(match text.as_str() {
            "true" => "on".to_owned(),
            "false" => "off".to_owned(),
            _ => text,
        }),
        (_, node) => filled(node),
    }
}

/// Parses a group as the command line of `create`. An error is the first line of clap's, and the
/// values that are possible.
fn args<'a>(words: impl Iterator<Item = &'a String>) -> Result<CreateArgs, String> {
    let command = CreateArgs::augment_args(Command::new("create").no_binary_name(true));
    let matches = command.try_get_matches_from(words);
    let args = matches.and_then(|matches| CreateArgs::from_arg_matches(&matches));
    args.map_err(|error| {
        let text = error.render().to_string();
        let line = text.lines().next().unwrap_or_default();
        let possible = text.lines().map(str::trim);
        let mut possible = possible.filter(|line| line.starts_with("[possible values:"));
        let possible = possible.next().map(|values| format!(" {values}"));
        let line = line.trim_start_matches("error: ");
        clean(&format!("{line}{}", possible.unwrap_or_default()))
    })
}
