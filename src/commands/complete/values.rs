//! Completes the values of arguments from the kubeconfig and the cluster.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::sync::Arc;

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

use super::typed::Typed;
use super::{evacuations, lookup};
use crate::cluster::api::services::Service;
use crate::model::{Flags, State};
use crate::resource::{KINDS, Record};
use crate::sandbox::cli::up;
use crate::text::clean;
use crate::traffic::clients::workload_name;
use crate::view::explain;

/// How the help calls a backend that is not the primary.
const FALLBACK: &str = "fallback";

/// A value and its help.
type Choice = (String, String);
type Completer = fn(&Typed, &str) -> Vec<Choice>;

/// Adds completers to a command and its subcommands by the names of their arguments. A new command
/// that uses the same names is completed too.
pub fn add(command: Command, typed: &Arc<Typed>) -> Command {
    command
        .mut_args(|argument| with_values(argument, typed))
        .mut_subcommands(|inner| add(inner, typed))
}

fn with_values(argument: Arg, typed: &Arc<Typed>) -> Arg {
    let Some(completer) = completer(&argument) else {
        return argument;
    };
    let typed = typed.clone();
    let complete = move |begun: &OsStr| candidates(completer, &typed, begun);
    argument.add(ArgValueCompleter::new(complete))
}

fn completer(argument: &Arg) -> Option<Completer> {
    Some(
        match (argument.get_id().as_str(), argument.is_positional()) {
            ("context" | "contexts", false) => contexts,
            ("remote", false) => remotes,
            ("cluster", false) => clusters,
            ("evacuated", true) => evacuations::clusters,
            ("fallback_cluster", false) => evacuations::mirrored,
            ("id", false) => evacuations::identifiers,
            ("sandbox_cluster", true) => sandbox_clusters,
            ("conditions", false) => conditions,
            ("goals", false) => traffic_conditions,
            ("from", false) => workloads,
            ("from_namespace", false) => namespaces,
            ("selector", false) => labels,
            ("user", false) => users,
            ("namespace" | "namespaces", false) => namespaces,
            ("topic", true) => topics,
            ("name" | "names", true) => groups,
            ("to" | "home", false) => backends,
            ("service", true) => apexes,
            ("primary", false) => primaries,
            ("fallback", false) => fallbacks,
            ("add_fallback", false) => new_fallbacks,
            ("remove_fallback", false) => fallbacks_of_groups,
            ("weights", false) => weights,
            ("kind", false) => kinds,
            ("adopt", false) => adoptable,
            _ => return None,
        },
    )
}

/// Returns the choices that start with the typed text. Leaves out values with control characters,
/// which cannot be typed.
fn candidates(completer: Completer, typed: &Typed, begun: &OsStr) -> Vec<CompletionCandidate> {
    let Some(begun) = begun.to_str() else {
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    completer(typed, begun)
        .into_iter()
        .filter(|(value, _)| {
            value.starts_with(begun) && clean(value) == *value && seen.insert(value.clone())
        })
        .map(|(value, help)| {
            CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into()))
        })
        .collect()
}

fn contexts(typed: &Typed, _: &str) -> Vec<Choice> {
    let kubeconfig = lookup::kubeconfig(&typed.flags);
    let current = kubeconfig.current_context.unwrap_or_default();
    let contexts = kubeconfig.contexts.into_iter();
    let choice = |name| {
        let help = if name == current { "current" } else { "" };
        (name, help.to_owned())
    };
    contexts.map(|entry| choice(entry.name)).collect()
}

/// `CLUSTER=CONTEXT`; until the cluster is typed, each context with a cluster of its name.
fn remotes(typed: &Typed, begun: &str) -> Vec<Choice> {
    let named = begun.split_once('=').map(|(name, _)| name);
    let remote = |(context, _): Choice| format!("{}={context}", named.unwrap_or(&context));
    without_help(contexts(typed, begun).into_iter().map(remote))
}

fn clusters(typed: &Typed, _: &str) -> Vec<Choice> {
    let clusters = lookup::kubeconfig(&typed.flags).clusters.into_iter();
    without_help(clusters.map(|entry| entry.name))
}

fn sandbox_clusters(_: &Typed, _: &str) -> Vec<Choice> {
    let clusters = up::clusters().into_iter();
    clusters
        .map(|(name, gateway)| (name, format!("its gateway is {gateway}")))
        .collect()
}

fn topics(_: &Typed, _: &str) -> Vec<Choice> {
    let topics = explain::topics().into_iter();
    topics
        .map(|topic| (topic.name, topic.short.to_owned()))
        .collect()
}

/// Completes the last alternative of a condition. Keeps the text before it, and its `!`.
fn conditions(typed: &Typed, begun: &str) -> Vec<Choice> {
    let (before, last) = last_of_list(begun);
    let (bang, word) = last
        .strip_prefix('!')
        .map_or(("", last), |word| ("!", word));
    let lower = word.starts_with(|letter: char| letter.is_ascii_lowercase());
    let state = |state: State| {
        let name = state.to_string();
        if lower { name.to_lowercase() } else { name }
    };
    let states = State::ALL.map(|name| (state(name), "a state".to_owned()));
    let flags = Flags::NAMES.map(|name| (name.to_owned(), "a flag".to_owned()));
    let mut claims: Vec<Choice> = flags.into_iter().chain(states).collect();
    if "active=".starts_with(word) || word.starts_with("active=") {
        let backends = backends(typed, "").into_iter();
        claims.extend(backends.map(|(name, help)| (format!("active={name}"), help)));
    }
    claims
        .into_iter()
        .map(|(claim, help)| (format!("{before}{bang}{claim}"), help))
        .collect()
}

/// Conditions as they are usual, to be edited.
fn traffic_conditions(typed: &Typed, begun: &str) -> Vec<Choice> {
    let of_all = [
        "success>=99%",
        "rps>0",
        "p95<=200ms",
        "failfast<=0",
        "waiting<=0",
    ];
    let of_all = of_all.map(|condition| (condition.to_owned(), "of all backends".to_owned()));
    let mut choices = of_all.to_vec();
    if begun.is_empty() || "share(".starts_with(begun) || begun.starts_with("share(") {
        let backends = backends(typed, "").into_iter();
        choices.extend(backends.map(|(name, help)| (format!("share({name})>=95%"), help)));
    }
    choices
}

/// The workloads whose pods are meshed. Once a `p` is typed, also these pods.
fn workloads(typed: &Typed, begun: &str) -> Vec<Choice> {
    let namespace = typed.all("from_namespace").pop();
    let mut pods = lookup::pods(&typed.flags, namespace);
    pods.retain(|pod| pod.is_meshed && pod.is_running);
    let mut choices: Vec<String> = pods.iter().filter_map(workload_name).collect();
    if begun.starts_with('p') {
        choices.extend(pods.iter().map(|pod| format!("pod/{}", pod.name)));
    }
    without_help(choices)
}

/// The labels of the existing groups.
fn labels(typed: &Typed, begun: &str) -> Vec<Choice> {
    let (before, _) = last_of_list(begun);
    let records = lookup::groups(&typed.flags);
    let labels = records.iter().flat_map(|record| record.meta.labels.iter());
    let labels: BTreeSet<(&str, &str)> = labels.collect();
    let labels = labels.into_iter();
    without_help(labels.map(|(key, value)| format!("{before}{key}={value}")))
}

/// Splits a list after its last comma.
fn last_of_list(text: &str) -> (&str, &str) {
    text.split_at(text.rfind(',').map_or(0, |comma| comma + 1))
}

fn users(typed: &Typed, _: &str) -> Vec<Choice> {
    let users = lookup::kubeconfig(&typed.flags).auth_infos.into_iter();
    without_help(users.map(|entry| entry.name))
}

fn namespaces(typed: &Typed, _: &str) -> Vec<Choice> {
    without_help(lookup::namespaces(&typed.flags))
}

fn without_help(values: impl IntoIterator<Item = String>) -> Vec<Choice> {
    let values = values.into_iter();
    values.map(|value| (value, String::new())).collect()
}

/// Names of objects. Once a letter is typed, also `KIND/NAME` and the names of apexes.
fn groups(typed: &Typed, begun: &str) -> Vec<Choice> {
    let (mut names, mut others) = (Vec::new(), Vec::new());
    let named = typed.all("names");
    let mut records = lookup::groups(&typed.flags);
    records.retain(|record| !named.contains(&record.meta.name));
    for record in records {
        let (name, kind, help) = (&record.meta.name, record.kind.info(), summary(&record));
        others.push((record.apex.clone(), help.clone()));
        others.push((format!("{}/{name}", kind.name), help.clone()));
        others.push((format!("{}/{name}", kind.short), help.clone()));
        names.push((name.clone(), help));
    }
    if !begun.is_empty() {
        names.append(&mut others);
    }
    names
}

fn summary(record: &Record) -> String {
    match &record.group {
        Ok(group) => format!("{}: {}", group.apex, group.backend_names().join(", ")),
        Err(invalid) => format!("not a valid group: {}", invalid.reason),
    }
}

fn backends(typed: &Typed, _: &str) -> Vec<Choice> {
    let named = [typed.all("names"), typed.all("name")].concat();
    backends_of(&lookup::groups(&typed.flags), &named)
}

/// The backends of the named groups, or of all.
fn backends_of(records: &[Record], named: &[String]) -> Vec<Choice> {
    let is_meant =
        |record: &&Record| named.is_empty() || named.iter().any(|name| means(name, record));
    let meant = records.iter().filter(is_meant);
    let mut choices = Vec::new();
    for group in meant.filter_map(|record| record.group.as_ref().ok()) {
        for name in group.backend_names() {
            let is_primary = name == group.home_name();
            let role = if is_primary { "primary" } else { FALLBACK };
            choices.push((name.to_owned(), format!("{role} of {}", group.apex)));
        }
    }
    choices
}

fn means(name: &str, record: &Record) -> bool {
    let bare = name.rsplit('/').next().unwrap_or(name);
    record.meta.name == bare || record.apex == bare
}

/// Completes a list of weights: appends each backend that is not in the list yet.
fn weights(typed: &Typed, begun: &str) -> Vec<Choice> {
    let (before, _) = last_of_list(begun);
    let pairs = before.split(',');
    let named: Vec<&str> = pairs
        .filter_map(|pair| Some(pair.split_once('=')?.0))
        .collect();
    let mut left = if typed.all("service").is_empty() {
        backends(typed, begun)
    } else {
        without_help(
            ["service", "primary", "fallback"]
                .map(|id| typed.all(id))
                .concat(),
        )
    };
    left.retain(|(name, _)| !named.contains(&name.as_str()));
    let choices = left.into_iter();
    choices
        .map(|(name, help)| (format!("{before}{name}="), help))
        .collect()
}

fn kinds(_: &Typed, _: &str) -> Vec<Choice> {
    let kinds = KINDS.iter().map(|kind| kind.info());
    kinds
        .map(|kind| {
            (
                kind.name.to_owned(),
                format!("{} of {}", kind.kind, kind.api_version),
            )
        })
        .collect()
}

/// Objects that are not groups yet.
fn adoptable(typed: &Typed, _: &str) -> Vec<Choice> {
    let choice = |record: Record| {
        let name = format!("{}/{}", record.kind.info().name, record.meta.name);
        (name, summary(&record))
    };
    let records = lookup::adoptable(&typed.flags).into_iter();
    records.map(choice).collect()
}

/// Services that clients may call. Prefers services that are not mirrors, since clients seldom call
/// a mirror.
fn apexes(typed: &Typed, begun: &str) -> Vec<Choice> {
    preferred(lookup::services(&typed.flags), begun, |service| {
        !service.is_mirror
    })
}

fn primaries(typed: &Typed, begun: &str) -> Vec<Choice> {
    if !typed.all("names").is_empty() {
        return backends(typed, begun);
    }
    let taken = [typed.all("service"), typed.all("fallback")].concat();
    mirrors_first(typed, begun, &taken)
}

fn fallbacks(typed: &Typed, begun: &str) -> Vec<Choice> {
    let mut taken = [typed.all("primary"), typed.all("fallback")].concat();
    // With another primary, the service itself can be a fallback.
    if typed.all("primary").is_empty() {
        taken.extend(typed.all("service"));
    }
    mirrors_first(typed, begun, &taken)
}

/// Services that are no backends of the named groups yet.
fn new_fallbacks(typed: &Typed, begun: &str) -> Vec<Choice> {
    let named = typed.all("names");
    let mut groups = lookup::groups(&typed.flags);
    groups.retain(|record| named.iter().any(|name| means(name, record)));
    let mut taken = typed.all("add_fallback");
    taken.extend(
        backends_of(&groups, &named)
            .into_iter()
            .map(|(name, _)| name),
    );
    let origins: Vec<String> = groups.into_iter().map(|record| record.apex).collect();
    mirrors_of(typed, begun, &taken, &origins)
}

fn fallbacks_of_groups(typed: &Typed, begun: &str) -> Vec<Choice> {
    let mut backends = backends(typed, begun);
    backends.retain(|(_, help)| help.starts_with(FALLBACK));
    backends
}

fn mirrors_first(typed: &Typed, begun: &str, taken: &[String]) -> Vec<Choice> {
    mirrors_of(typed, begun, taken, &typed.all("service"))
}

/// Services that are not taken. Prefers the mirrors of the services that clients call.
fn mirrors_of(typed: &Typed, begun: &str, taken: &[String], origins: &[String]) -> Vec<Choice> {
    let mut services = lookup::services(&typed.flags);
    services.retain(|service| !taken.contains(&service.at.name));
    preferred(services, begun, |service| {
        let origin = service.mirrors.as_ref().filter(|_| service.is_mirror);
        origin.is_some_and(|origin| origins.contains(origin))
    })
}

/// Returns the likely services, or all services if no likely one starts with the typed text.
fn preferred(
    mut services: Vec<Service>,
    begun: &str,
    likely: impl Fn(&Service) -> bool,
) -> Vec<Choice> {
    services.retain(|service| service.at.name.starts_with(begun));
    if services.iter().any(&likely) {
        services.retain(likely);
    }
    let choice = |service: Service| {
        let help = match service.mirrors {
            Some(origin) if service.is_mirror => format!("mirrors {origin} in another cluster"),
            _ => String::new(),
        };
        (service.at.name, help)
    };
    services.into_iter().map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Kind as _, NewGroup, TrafficSplit};

    fn record(apex: &str) -> Record {
        let group = NewGroup {
            linkerds: [].into(),
            port: None,
            weights: Vec::new(),
            settings: [].into(),
            namespace: "ns".into(),
            name: format!("{apex}-failover"),
            apex: apex.into(),
            controlled_by: "linkerd-failover".into(),
            primary: apex.into(),
            backends: vec![apex.into(), format!("{apex}-east")],
        };
        let raw = serde_json::value::to_raw_value(&TrafficSplit.manifest(&group)).unwrap();
        TrafficSplit.read(&raw).unwrap()
    }

    #[test]
    fn backends_come_from_the_named_group() {
        let records = [record("web"), record("mail")];
        let offered = |named: &[&str]| -> Vec<String> {
            let named: Vec<String> = named.iter().map(ToString::to_string).collect();
            backends_of(&records, &named)
                .into_iter()
                .map(|(value, _)| value)
                .collect()
        };
        for name in ["web-failover", "ts/web-failover", "web"] {
            assert_eq!(offered(&[name]), ["web", "web-east"], "{name}");
        }
        assert_eq!(offered(&[]), ["web", "web-east", "mail", "mail-east"]);
        assert_eq!(offered(&["other"]), [""; 0]);
        assert_eq!(
            backends_of(&records, &["mail".into()])[1].1,
            "fallback of mail"
        );
    }

    #[test]
    fn completers_are_chosen_by_the_names_of_arguments() {
        let force = Command::new("force")
            .arg(Arg::new("name"))
            .arg(Arg::new("to").long("to"));
        let force = add(
            force.arg(Arg::new("reason").long("reason")),
            &Arc::default(),
        );
        let completed = |id: &str| {
            force
                .get_arguments()
                .find(|argument| argument.get_id() == id)
                .unwrap()
                .get::<ArgValueCompleter>()
        };
        assert!(completed("name").is_some() && completed("to").is_some());
        assert!(completed("reason").is_none());
    }
}
