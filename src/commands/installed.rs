//! Finds the objects of an installation in the cluster: those with the chart's label, in all
//! namespaces.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::Value;

use crate::cluster::api::workloads::{NAME_LABEL, OWN_NAME};
use crate::cluster::{Cluster, RequestError};
use crate::error::explain;
use crate::install::{Possible, collection, path, reference, resource_name};
use crate::problem::Problem;
use crate::text::{clean, word};

const CONCURRENT_READS: usize = 8;
const SHARED_ROLES: [&str; 2] = ["failover-view", "failover-operator"];

/// The objects of an installation that exist.
#[derive(Debug, Default)]
pub struct Installed {
    /// In the order in which they can be deleted. Only what is needed to delete them.
    pub objects: Vec<Value>,
    /// The kinds that the user cannot list in all namespaces: more of them may exist.
    pub unlisted: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Items {
    items: Vec<Value>,
}

/// Finds the objects of the installation in `namespace`, but for the namespace itself.
/// `limited_to`: the namespaces whose groups it runs. Only these are searched for kinds that the
/// user cannot list in all namespaces.
pub async fn find(
    cluster: &Cluster,
    namespace: &str,
    limited_to: &[String],
) -> Result<Installed, Problem> {
    let possible = Possible::new(namespace, limited_to)?;
    let mut kinds: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for object in &possible.objects {
        kinds.entry(collection(object)).or_default().push(object);
    }
    let lists = kinds.values().map(|kind| list(cluster, &possible, kind));
    let lists: Vec<_> = stream::iter(lists)
        .buffered(CONCURRENT_READS)
        .collect()
        .await;
    let mut found = Installed::default();
    for list in lists {
        let Installed { objects, unlisted } = list.map_err(|error| explain(cluster, &error))?;
        found.objects.extend(objects);
        found.unlisted.extend(unlisted);
    }
    found
        .objects
        .sort_by_key(|object| possible.position(object));
    Ok(found)
}

/// Finds the objects of one kind, of which `kind` are those with names that are known.
async fn list(
    cluster: &Cluster,
    possible: &Possible,
    kind: &[&Value],
) -> Result<Installed, RequestError> {
    let Some(first) = kind.first() else {
        return Ok(Installed::default());
    };
    let labels = format!("labelSelector={NAME_LABEL}%3D{OWN_NAME}");
    let listed = cluster
        .get_path::<Items>(&format!("{}?{labels}", collection(first)))
        .await;
    let (found, unlisted) = match listed {
        Ok(Items { items }) => (items, None),
        // The server has no such kind.
        Err(error) if error.is_not_found() => (Vec::new(), None),
        Err(error) if error.is_forbidden() => {
            let found = get_each(cluster, kind).await?;
            (found, Some(resource_name(first)))
        }
        Err(error) => return Err(error),
    };
    // The objects of a list are without these.
    let known = found.into_iter().map(|mut object| {
        object["apiVersion"] = first["apiVersion"].clone();
        object["kind"] = first["kind"].clone();
        reference(&object)
    });
    Ok(Installed {
        objects: known.filter(|object| possible.has(object)).collect(),
        unlisted: unlisted.into_iter().collect(),
    })
}

/// Reads objects by their names, with the label of the chart and as far as that is allowed.
async fn get_each(cluster: &Cluster, objects: &[&Value]) -> Result<Vec<Value>, RequestError> {
    let mut found = Vec::new();
    for object in objects {
        match cluster.get_path::<Value>(&path(object)).await {
            Ok(object) if object["metadata"]["labels"][NAME_LABEL] == OWN_NAME => {
                found.push(object);
            }
            Ok(_) => {}
            Err(error) if error.is_not_found() || error.is_forbidden() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Whether all installations of a cluster share the object: a role for people.
pub fn is_shared(object: &Value) -> bool {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    SHARED_ROLES.contains(&name)
}

/// Returns the commands that delete these objects, one for each namespace.
pub fn delete_commands(cluster: &Cluster, objects: &[&Value]) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for object in objects {
        let place = object["metadata"]["namespace"].as_str().unwrap_or_default();
        places.entry(place).or_default().push(short_name(object));
    }
    let command = |(place, names): (&&str, &Vec<String>)| {
        let reach = match *place {
            "" => cluster.reach.all().to_owned(),
            place => cluster.reach.within(place),
        };
        command_line(&["kubectl", &reach, "delete", &names.join(" ")])
    };
    places.iter().map(command).collect()
}

/// Joins the words that are not empty.
pub fn command_line(words: &[&str]) -> String {
    let words: Vec<&str> = words.iter().copied().filter(|it| !it.is_empty()).collect();
    words.join(" ")
}

/// Such as `role/linkerd-failover-watch`: kubectl takes it, and the chart has no two kinds of one
/// name.
fn short_name(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    word(&format!("{kind}/{name}"))
}

/// Names an object in a sentence.
pub fn name_in_words(object: &Value) -> String {
    let name = short_name(object);
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{name} in namespace {}", clean(namespace)),
        None => name,
    }
}
