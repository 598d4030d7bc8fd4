//! `create -f`: reads a file that lists groups. The keys of a group are the flags of `create`, whose
//! definition also checks the values. Errors name the file, the line and the key.

use std::io::Read as _;
use std::path::Path;

use clap::{Args as _, Command, FromArgMatches as _};
use serde_yaml::Spanned;

use super::arguments;
use crate::cli::CreateArgs;
use crate::problem::Problem;
use crate::resource::annotations::WEIGHTS;
use crate::resource::policy::bad_value;
use crate::settings::node::Node;
use crate::text::nearest::nearest;
use crate::text::{clean, without_code};

/// A larger file is not a list of groups.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// The most groups of a file.
const MAX_GROUPS: usize = 10_000;
/// Mistakes beyond this number are only counted.
const MAX_MISTAKES: usize = 20;

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
    let groups = groups(text).map_err(|mistake| problem(name, vec![mistake]))?;
    let (mut read, mut mistakes) = (Vec::new(), Vec::new());
    for entries in groups {
        match group(name, entries) {
            Ok(group) => read.push(group),
            Err(found) => mistakes.extend(found),
        }
    }
    mistakes.extend(twice(&read));
    if mistakes.is_empty() {
        return Ok(read);
    }
    Err(problem(name, mistakes))
}

/// Reports all mistakes of a file: one in the message, or several below it.
fn problem(name: &str, mut mistakes: Vec<BadLine>) -> Problem {
    mistakes.sort_by_key(|it| it.line);
    if let [BadLine { line, message, .. }] = mistakes.as_slice() {
        let problem = Problem::usage(format!("{name}, line {line}: {message}"));
        return problem.next_all(mistakes.into_iter().flat_map(|it| it.next));
    }
    let more = mistakes.len().saturating_sub(MAX_MISTAKES);
    let more = (more > 0).then(|| format!("… and {more} more"));
    let problem = Problem::usage(format!("{name} has {} mistakes", mistakes.len()));
    let lines = mistakes.into_iter().take(MAX_MISTAKES).map(|it| {
        let next = it.next.map(|next| format!("; {next}")).unwrap_or_default();
        format!("line {}: {}{next}", it.line, it.message)
    });
    problem.next_all(lines.chain(more))
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

/// What the keys of a group say.
#[derive(Default)]
struct Keys {
    namespace: Option<String>,
    /// The words of the command line, each with its key and the line of the key.
    words: Vec<(String, String, u64)>,
}

/// Reads a group, or finds all mistakes in it.
fn group(name: &str, (line, entries): (u64, Entries)) -> Result<FileGroup, Vec<BadLine>> {
    let mut keys = Keys::default();
    let named: Vec<String> = entries.iter().map(|(key, _)| key.value.clone()).collect();
    let read = entries.into_iter().map(|(key, node)| keys.read(&key, node));
    let mut mistakes: Vec<BadLine> = read.filter_map(Result::err).collect();
    let needed = ["service", "fallbacks"].into_iter();
    let missing = needed.filter(|key| !named.iter().any(|it| it == key));
    mistakes.extend(missing.map(|key| bad(line, format!("the group has no {key}"))));
    let args = keys.args(line, &mut mistakes);
    mistakes.extend(keys.bad_values(args.as_ref(), &mistakes));
    if let (true, Some(args)) = (mistakes.is_empty(), &args)
        && let Err(problem) = arguments::check_group(args)
    {
        let next = problem.next.join("; ");
        mistakes.push(BadLine {
            next: Some(next).filter(|next| !next.is_empty()),
            ..bad(line, problem.message)
        });
    }
    match args.filter(|_| mistakes.is_empty()) {
        Some(args) => Ok(FileGroup {
            namespace: keys.namespace,
            args,
            place: format!("{name}, line {line}"),
        }),
        None => Err(mistakes),
    }
}

impl Keys {
    fn read(&mut self, key: &Spanned<String>, node: Node) -> Result<(), BadLine> {
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
    fn args(&self, line: u64, mistakes: &mut Vec<BadLine>) -> Option<CreateArgs> {
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
    fn bad_values(&self, args: Option<&CreateArgs>, known: &[BadLine]) -> Vec<BadLine> {
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
    fn all_mistakes_of_a_file_are_reported_at_once() {
        let text = "\
groups:
  - service: web
    fallbacks: [web]
  - service: api
    fallback: [api-east]
    policy: fastest
    port: 70000
    min-ready: x
  - fallbacks: [x]
    failback-delay: 3
    weights: {x: 2}
";
        let said = failure(text);
        let lines: Vec<&str> = said.split("; line ").collect();
        let [
            first,
            web,
            missing,
            unknown,
            policy,
            port,
            min_ready,
            service,
            delay,
        ] = lines.as_slice()
        else {
            panic!("{lines:#?}")
        };
        assert_eq!(*first, "groups.yaml has 8 mistakes");
        assert!(
            web.starts_with("2: web is the service that clients call"),
            "{web}"
        );
        assert_eq!(*missing, "4: the group has no fallbacks");
        assert_eq!(
            *unknown,
            "5: unknown key \"fallback\"; did you mean fallbacks?"
        );
        assert!(
            policy.starts_with("6: policy: invalid value 'fastest'")
                && policy.ends_with(" [possible values: spread, ordered, active-active]"),
            "{policy}"
        );
        assert!(port.starts_with("7: port: "), "{port}");
        assert!(
            min_ready.starts_with("8: min-ready cannot be \"x\"; allowed are "),
            "{min_ready}"
        );
        assert_eq!(*service, "9: the group has no service");
        assert!(
            delay.starts_with("10: failback-delay cannot be \"3\"; allowed are "),
            "{delay}"
        );
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
                &format!("{group}    min-ready: 0%\n"),
                "line 4: min-ready cannot be \"0%\"; allowed are ",
            ),
            (
                &format!("{group}    weights: {{web-est: 2}}\n"),
                "line 4: weights cannot be \"web-est=2\"; allowed are ",
            ),
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
