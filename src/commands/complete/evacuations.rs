//! Completes clusters and identifiers of `evacuate` and `return`.

use std::collections::BTreeMap;

use super::lookup;
use super::typed::Typed;
use crate::cli::GlobalArgs;
use crate::model::AvoidEntry;

/// A value and its help.
type Choice = (String, String);

/// The clusters that mirrors name, and the contexts of the kubeconfig.
pub fn clusters(typed: &Typed, _: &str) -> Vec<Choice> {
    let mirrored = lookup::mirrored_clusters(&flags(typed)).into_iter();
    let mirrored = mirrored.map(|name| (name, "its services are mirrored".to_owned()));
    let contexts = lookup::kubeconfig(&typed.flags).contexts.into_iter();
    let contexts = contexts.map(|entry| (entry.name, "context".to_owned()));
    mirrored.chain(contexts).collect()
}

/// The identifiers of the evacuations that stand.
pub fn identifiers(typed: &Typed, _: &str) -> Vec<Choice> {
    if typed.all("evacuated").is_empty() {
        return Vec::new();
    }
    let flags = GlobalArgs {
        all_namespaces: typed.flags.namespace.is_none(),
        ..flags(typed)
    };
    let mut known = BTreeMap::new();
    for record in lookup::groups(&flags) {
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

/// The flags, with the first of several contexts.
fn flags(typed: &Typed) -> GlobalArgs {
    let mut flags = typed.flags.clone();
    flags.context = typed.all("contexts").into_iter().next().or(flags.context);
    flags
}
