//! Completes clusters, and identifiers of evacuations.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use super::lookup;
use super::typed::Typed;
use crate::cli::GlobalArgs;
use crate::model::AvoidEntry;

/// A shell waits for the answers of at most this many contexts.
const MAX_CONTEXTS: usize = 16;

/// A value and its help.
type Choice = (String, String);

/// The clusters that mirrors name, and the contexts of the kubeconfig.
pub fn clusters(typed: &Typed, begun: &str) -> Vec<Choice> {
    let kubeconfig = lookup::kubeconfig(&typed.flags);
    let current = typed.flags.context.clone().or(kubeconfig.current_context);
    let contexts = kubeconfig.contexts.into_iter().map(|entry| {
        let is_current = current.as_ref() == Some(&entry.name);
        let help = if is_current {
            "this context"
        } else {
            "context"
        };
        (entry.name, help.to_owned())
    });
    mirrored(typed, begun).into_iter().chain(contexts).collect()
}

/// The clusters that mirrors name.
pub fn mirrored(typed: &Typed, _: &str) -> Vec<Choice> {
    let mirrored = in_each_context(typed, lookup::mirrored_clusters);
    let mirrored: BTreeSet<String> = mirrored.into_iter().flatten().collect();
    let mirrored = mirrored.into_iter();
    let mirrored = mirrored.map(|name| (name, "its services are mirrored".to_owned()));
    mirrored.collect()
}

/// The identifiers of the evacuations that stand.
pub fn identifiers(typed: &Typed, _: &str) -> Vec<Choice> {
    if typed.all("evacuated").is_empty() {
        return Vec::new();
    }
    let all_namespaces = typed.flags.namespace.is_none();
    let groups = in_each_context(typed, |flags| {
        lookup::groups(&GlobalArgs {
            all_namespaces,
            ..flags.clone()
        })
    });
    let mut known = BTreeMap::new();
    for record in groups.into_iter().flatten() {
        let group = record.group.ok();
        for entry in group.into_iter().flat_map(|group| group.avoid.entries) {
            let help = help(&entry);
            known.entry(entry.id).or_insert(help);
        }
    }
    known.into_iter().collect()
}

fn help(entry: &AvoidEntry) -> String {
    let reason = entry.reason.as_ref();
    let reason = reason.map(|reason| format!(": {reason}"));
    format!("by {}{}", entry.author(), reason.unwrap_or_default())
}

/// Looks a value up in each context that the command is for, in all at the same time.
fn in_each_context<T: Send>(typed: &Typed, look: impl Fn(&GlobalArgs) -> T + Sync) -> Vec<T> {
    let contexts = if typed.is_set("all_contexts") {
        let known = lookup::kubeconfig(&typed.flags).contexts.into_iter();
        known.map(|entry| entry.name).collect()
    } else {
        typed.all("contexts")
    };
    let of = |context: &String| GlobalArgs {
        context: Some(context.clone()),
        ..typed.flags.clone()
    };
    let mut each: Vec<GlobalArgs> = contexts.iter().take(MAX_CONTEXTS).map(of).collect();
    if each.is_empty() {
        each.push(typed.flags.clone());
    }
    let look = &look;
    thread::scope(|scope| {
        let looks = each.iter().map(|flags| scope.spawn(move || look(flags)));
        let looks: Vec<_> = looks.collect();
        let answers = looks.into_iter().filter_map(|it| it.join().ok());
        answers.collect()
    })
}
