//! Finds migrations that have not finished: two objects carry, or are to carry, the same group.

use std::collections::{BTreeSet, HashMap};

use futures::future;

use crate::cluster::api::groups;
use crate::cluster::listwatch::list::{MAX_NAMESPACED_LISTS, list_objects};
use crate::cluster::transport::client::Cluster;
use crate::model::{Carrier, GroupId};
use crate::resource::{KINDS, Record};
use crate::text::word;

/// Returns a line for each group that another object is taking over from, with the commands that go
/// on and that cancel it. Kinds that cannot be listed are skipped.
pub async fn unfinished(cluster: &Cluster, records: &[Record]) -> HashMap<GroupId, Vec<String>> {
    let namespaces = records.iter().map(|record| record.meta.namespace.as_str());
    let namespaces: BTreeSet<&str> = namespaces.collect();
    let scopes: Vec<Option<&str>> = match namespaces.len() {
        0..=MAX_NAMESPACED_LISTS => namespaces.into_iter().map(Some).collect(),
        _ => vec![None],
    };
    let places = scopes
        .iter()
        .flat_map(|scope| KINDS.iter().map(move |kind| (*kind, *scope)));
    let lists = places.map(|(kind, scope)| async move {
        let listed = list_objects(cluster, &groups::all(kind, scope)).await;
        let mut objects = listed.unwrap_or_default();
        objects.retain(|object| object.meta.migrated_from().is_some());
        objects
    });
    let successors: Vec<Record> = future::join_all(lists)
        .await
        .into_iter()
        .flatten()
        .collect();
    let line = |record: &Record| {
        let mut successors = successors.iter();
        let successor = successors.find(|other| other.is_successor_of(record))?;
        Some((record.id(), vec![words(cluster, record, successor)]))
    };
    records.iter().filter_map(line).collect()
}

fn words(cluster: &Cluster, record: &Record, successor: &Record) -> String {
    let (from, to) = (record.id(), successor.id());
    let place = cluster.reach.for_plugin(&from.namespace);
    let command = |flag: &str| {
        let name = word(&from.short_name());
        format!("kubectl failover migrate {name}{flag} {place}")
    };
    let (finish, cancel) = match successor.kind.info().carrier {
        Carrier::Route => (command(""), command(" --undo")),
        Carrier::Split => (command(" --undo"), command("")),
    };
    format!(
        "its migration to {}/{} has not finished; to go on: {finish}; to cancel it: {cancel}",
        to.kind, to.name
    )
}
