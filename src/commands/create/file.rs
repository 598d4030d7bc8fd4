//! `create -f`: reads a file that lists groups. The keys of a group are the flags of `create`, whose
//! definition also checks the values. Errors name the file, the line and the key.

use std::io::Read as _;
use std::path::Path;

use clap::{Args as _, Command, FromArgMatches as _};
use serde_yaml::Spanned;

use crate::cli::CreateArgs;
use crate::problem::Problem;
use crate::settings::node::Node;
use crate::text::nearest::nearest;
use crate::text::{clean, without_code};

/// A larger file is not a list of groups.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// The most groups of a file.
const MAX_GROUPS: usize = 10_000;

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

type Entries = Vec<(Spanned<String>, Node)>;

/// A group of the file.
#[derive(Debug)]
pub struct FileGroup {
    /// None: the namespace of the command.
    pub namespace: Option<String>,
    pub args: CreateArgs,
    /// The file and the line, for messages.
    pub place: String,
}

/// Reads the groups of a file; `-` is the standard input.
///
/// # Errors
/// A usage error that says what is wrong, and where.
pub fn read(path: &Path) -> Result<Vec<FileGroup>, Problem> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        let input = std::io::stdin().lock().take(MAX_FILE_BYTES + 1);
        let read = { input }.read_to_string(&mut text);
        return checked("standard input", read.map(|_| text));
    }
    let name = path.display().to_string();
    let file = std::fs::File::open(path);
    let text = file.and_then(|file| {
        let mut text = String::new();
        file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
        Ok(text)
    });
    checked(&name, text)
}

fn checked(name: &str, text: std::io::Result<String>) -> Result<Vec<FileGroup>, Problem> {
    let name = clean(name);
    let text = text.map_err(|error| {
        Problem::new(format!("{name} cannot be read: {}", without_code(&error)))
    })?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(Problem::usage(format!(
            "{name} is too large for a list of groups"
        )));
    }
    parse(&name, &text)
}

/// What is wrong in a line.
struct BadLine {
    line: u64,
    message: String,
    next: Option<String>,
}

fn bad(line: u64, message: impl Into<String>) -> BadLine {
    BadLine {
        line,
        message: message.into(),
        next: None,
    }
}

fn parse(name: &str, text: &str) -> Result<Vec<FileGroup>, Problem> {
    let groups = groups(text).and_then(|groups| {
        let mut read = Vec::new();
        for entries in groups {
            read.push(group(name, entries)?);
        }
        twice(&read).map_or(Ok(read), Err)
    });
    groups.map_err(
        |BadLine {
             line,
             message,
             next,
         }| { Problem::usage(format!("{name}, line {line}: {message}")).next_all(next) },
    )
}

/// The entries of each group.
fn groups(text: &str) -> Result<Vec<(u64, Entries)>, BadLine> {
    const EXAMPLE: &str = "groups: [{service: web-svc, fallbacks: [web-svc-east]}]";
    let node = Node::parse(text).map_err(|(line, message)| bad(line, message))?;
    let Some(Node::Map(entries)) = node else {
        return Err(bad(
            1,
            format!("expected a list of groups, such as {EXAMPLE}"),
        ));
    };
    let mut found = None;
    for (key, node) in entries {
        let line = key.referenced.line();
        match (key.value.as_str(), node) {
            ("groups", Node::List(items)) => found = Some((line, items)),
            ("groups", _) => return Err(bad(line, format!("groups: expected a list: {EXAMPLE}"))),
            (other, _) => {
                return Err(BadLine {
                    next: Some("keys: groups".to_owned()),
                    ..bad(line, format!("unknown key {:?}", clean(other)))
                });
            }
        }
    }
    let (line, items) = found.ok_or_else(|| bad(1, format!("no groups: expected {EXAMPLE}")))?;
    if items.is_empty() || items.len() > MAX_GROUPS {
        return Err(bad(
            line,
            format!("groups: expected 1 to {MAX_GROUPS} groups"),
        ));
    }
    let mut last = line;
    items
        .into_iter()
        .map(|item| match item {
            Node::Map(entries) if !entries.is_empty() => {
                last = entries
                    .first()
                    .map_or(last, |(key, _)| key.referenced.line());
                Ok((last, entries))
            }
            _ => Err(bad(
                last,
                "groups: each group needs keys, such as service and fallbacks",
            )),
        })
        .collect()
}

fn group(name: &str, (line, entries): (u64, Entries)) -> Result<FileGroup, BadLine> {
    let (mut words, mut namespace, mut lines) = (Vec::new(), None, Vec::new());
    let (mut has_service, mut has_fallback) = (false, false);
    for (key, node) in entries {
        let at = key.referenced.line();
        let key = key.value;
        lines.push((key.clone(), at));
        let wrong = |expected: &str| bad(at, format!("{key}: expected {expected}"));
        match key.as_str() {
            "service" => {
                let service = filled(node).ok_or_else(|| wrong("the name of a service"))?;
                words.insert(0, service);
                has_service = true;
            }
            "namespace" => {
                namespace = Some(filled(node).ok_or_else(|| wrong("the name of a namespace"))?);
            }
            "fallbacks" => {
                let Node::List(items) = node else {
                    return Err(wrong("a list of services"));
                };
                let names: Option<Vec<String>> = items.into_iter().map(filled).collect();
                let names = names.filter(|names| !names.is_empty());
                for fallback in names.ok_or_else(|| wrong("a list of services"))? {
                    words.push(format!("--fallback={fallback}"));
                }
                has_fallback = true;
            }
            "resilient" => match node.text().as_deref() {
                Some("true") => words.push("--resilient".to_owned()),
                Some("false") => {}
                _ => return Err(wrong("true or false")),
            },
            flag if FLAGS.contains(&flag) => {
                let value = value(flag, node).ok_or_else(|| wrong("a value"))?;
                words.push(format!("--{flag}={value}"));
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
    }
    for (has, key) in [(has_service, "service"), (has_fallback, "fallbacks")] {
        if !has {
            return Err(bad(line, format!("the group has no {key}")));
        }
    }
    let args = args(&words).map_err(|message| {
        let flag = |key: &str| match key {
            "fallbacks" => "'--fallback ".to_owned(),
            "service" => "'[SERVICE]'".to_owned(),
            key => format!("'--{key}"),
        };
        let named = lines.iter().find(|(key, _)| message.contains(&flag(key)));
        let (at, key) = named.map_or((line, "the group"), |(key, at)| (*at, key.as_str()));
        bad(at, format!("{key}: {message}"))
    })?;
    Ok(FileGroup {
        namespace,
        args,
        place: format!("{name}, line {line}"),
    })
}

/// Finds a Service that two groups of the file have.
fn twice(groups: &[FileGroup]) -> Option<BadLine> {
    let mut known = std::collections::HashMap::new();
    for group in groups {
        let service = group.args.service.clone().unwrap_or_default();
        let key = (group.namespace.clone(), service.clone(), group.args.port);
        if let Some(first) = known.insert(key, &group.place) {
            let line = |place: &str| place.rsplit(' ').next().and_then(|it| it.parse().ok());
            return Some(bad(
                line(&group.place).unwrap_or(1),
                format!(
                    "service {} has a group already, in line {}",
                    clean(&service),
                    line(first).unwrap_or(1)
                ),
            ));
        }
    }
    None
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

/// Parses a group as the command line of `create`. An error is the first line of clap's.
fn args(words: &[String]) -> Result<CreateArgs, String> {
    let command = CreateArgs::augment_args(Command::new("create").no_binary_name(true));
    let matches = command.try_get_matches_from(words);
    let args = matches.and_then(|matches| CreateArgs::from_arg_matches(&matches));
    args.map_err(|error| {
        let text = error.render().to_string();
        let line = text.lines().next().unwrap_or_default();
        clean(line.trim_start_matches("error: "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(text: &str) -> String {
        let problem = parse("groups.yaml", text).unwrap_err();
        [vec![problem.message], problem.next].concat().join("; ")
    }

    #[test]
    fn the_keys_of_a_group_are_the_flags_of_create() {
        let text = "\
groups:
  - service: web-svc
    fallbacks: [web-svc-east, web-svc-north]
    policy: ordered
    min-ready: 2
    failback-delay: 30s
    standby: true
  - namespace: shop
    service: api
    fallbacks:
      - api-east
    kind: httproute
    port: 80
    weights: {api: 3, api-east: 1}
    policy: active-active
";
        let groups = parse("groups.yaml", text).unwrap();
        let [web, api] = groups.as_slice() else {
            panic!("{groups:?}")
        };
        assert_eq!(web.args.service.as_deref(), Some("web-svc"));
        assert_eq!(web.args.fallback, ["web-svc-east", "web-svc-north"]);
        assert_eq!(web.args.policy.min_ready.as_deref(), Some("2"));
        assert_eq!(web.args.resilience.standby.as_deref(), Some("on"));
        assert_eq!(
            (web.namespace.as_deref(), api.namespace.as_deref()),
            (None, Some("shop"))
        );
        assert_eq!(api.args.policy.weights.as_deref(), Some("api=3,api-east=1"));
        assert_eq!(api.args.port, Some(80));
        assert_eq!(api.place, "groups.yaml, line 8");
    }

    #[test]
    fn errors_name_the_line_and_the_key() {
        let group = "groups:\n  - service: web\n    fallbacks: [web-east]\n";
        for (text, expected) in [
            ("groups:\n  - service: [web\n", "groups.yaml, line"),
            (
                "service: web\n",
                "line 1: unknown key \"service\"; keys: groups",
            ),
            ("- service: web\n", "line 1: expected a list of groups"),
            ("groups: []\n", "line 1: groups: expected 1 to 10000 groups"),
            (
                "groups:\n  - web\n",
                "line 1: groups: each group needs keys",
            ),
            (
                "groups:\n  - service: web\n",
                "line 2: the group has no fallbacks",
            ),
            (
                "groups:\n  - fallbacks: [a]\n",
                "line 2: the group has no service",
            ),
            (
                &format!("{group}    min_ready: 2\n"),
                "line 4: unknown key \"min_ready\"; did you mean min-ready?",
            ),
            (
                &format!("{group}    policy: fastest\n"),
                "line 4: policy: invalid value 'fastest'",
            ),
            (&format!("{group}    port: 70000\n"), "line 4: port: "),
            (
                &format!("{group}    resilient: maybe\n"),
                "line 4: resilient: expected true or false",
            ),
            (
                "groups:\n  - service: web\n    fallbacks: web-east\n",
                "line 3: fallbacks: expected a list",
            ),
            (
                &format!("{group}  - service: web\n    fallbacks: [x]\n"),
                "line 4: service web has a group already, in line 2",
            ),
            (&format!("{group}    service: api\n"), "the same key twice"),
        ] {
            let said = failure(text);
            assert!(said.contains(expected), "{text}: {said}");
        }
    }
}
