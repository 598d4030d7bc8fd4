//! The journal of a namespace: a ConfigMap with the last events of its groups, which outlives
//! Kubernetes Events. It is written with compare-and-swap, and bounded in entries and bytes.

use std::collections::BTreeMap;

use kube::api::PostParams;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::cluster::listwatch::collection::Collection;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::api_resource::CONFIG_MAPS;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::model::GroupEvent;
use crate::resource::RecordedEvent;

/// The name of the ConfigMap.
pub const JOURNAL_NAME: &str = "kubectl-failover-journal";
/// The key of its data: JSON Lines, the oldest entry first.
const JOURNAL_KEY: &str = "events.jsonl";
/// How many entries it keeps.
const MAX_JOURNAL_ENTRIES: usize = 200;
/// How many bytes of entries it keeps: far below the 1 MiB that an object can have.
const MAX_JOURNAL_BYTES: usize = 256 * 1024;
/// How often a write is tried again after a conflict.
const MAX_JOURNAL_CONFLICTS: usize = 5;

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
struct ConfigMap {
    metadata: Map<String, Value>,
    data: BTreeMap<String, String>,
    /// The rest, which a write keeps.
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Reads the journals of a namespace or, without one, of the cluster.
///
/// # Errors
/// If the list fails.
pub async fn read(cluster: &Cluster, namespace: Option<&str>) -> RequestResult<Vec<RecordedEvent>> {
    let decode = |raw: &RawValue| serde_json::from_str::<ConfigMap>(raw.get());
    let maps = Collection::new(CONFIG_MAPS, namespace, "", decode)
        .with_fields(format!("metadata.name={JOURNAL_NAME}"));
    let maps = list_objects(cluster, &maps).await?;
    Ok(maps.iter().flat_map(entries).collect())
}

/// Adds entries to the journal of a namespace, and drops the oldest ones beyond its bounds.
///
/// # Errors
/// If it cannot be read or written, or others write it all the time.
pub async fn append(
    cluster: &Cluster,
    namespace: &str,
    added: &[RecordedEvent],
) -> RequestResult<()> {
    let decode = |raw: &RawValue| serde_json::from_str::<ConfigMap>(raw.get());
    let mut conflicts = 0;
    loop {
        let found = cluster.find(CONFIG_MAPS, namespace, JOURNAL_NAME, decode);
        let written = match found.await? {
            Some(map) => {
                let added = news(&entries(&map), added);
                if added.is_empty() {
                    return Ok(());
                }
                let map = with_entries(map, &added);
                let name = JOURNAL_NAME;
                let written = cluster.replace(CONFIG_MAPS, namespace, name, &map).await;
                written.map(|_: IgnoredAny| ())
            }
            None => {
                let map = with_entries(new_map(namespace), &news(&[], added));
                let params = PostParams::default();
                let created = cluster.create(CONFIG_MAPS, Some(namespace), &params, &map);
                created.await.map(|_: IgnoredAny| ())
            }
        };
        match written {
            Err(error) if error.is_conflict() && conflicts < MAX_JOURNAL_CONFLICTS => {
                conflicts += 1;
            }
            result => return result,
        }
    }
}

fn new_map(namespace: &str) -> ConfigMap {
    let mut map = ConfigMap::default();
    let mut put = |key: &str, value: &str| map.metadata.insert(key.to_owned(), value.into());
    put("name", JOURNAL_NAME);
    put("namespace", namespace);
    map
}

fn entries(map: &ConfigMap) -> Vec<RecordedEvent> {
    let text = map.data.get(JOURNAL_KEY).map_or("", String::as_str);
    let namespace = map.metadata.get("namespace").and_then(Value::as_str);
    let entries = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    // Who may write a ConfigMap of one namespace cannot tell of another one.
    entries
        .filter(|entry: &RecordedEvent| Some(entry.namespace.as_str()) == namespace)
        .take(MAX_JOURNAL_ENTRIES)
        .collect()
}

/// Returns the entries that do not just repeat what a group's last entry says: a `watch` that is
/// restarted again and again must not push the others out.
fn news(known: &[RecordedEvent], added: &[RecordedEvent]) -> Vec<RecordedEvent> {
    let mut last: BTreeMap<(&str, &str), GroupEvent> = BTreeMap::new();
    let is_added = |index: usize| index >= known.len();
    let mut news = Vec::new();
    for (index, entry) in known.iter().chain(added).enumerate() {
        let Some(event) = entry.clone().event() else {
            continue;
        };
        let group = (entry.object.as_str(), entry.name.as_str());
        let is_repeated = last.get(&group).is_some_and(|it| it.is_repeated_by(&event));
        if is_added(index) && !is_repeated {
            news.push(entry.clone());
        }
        last.insert(group, event);
    }
    news
}

fn with_entries(mut map: ConfigMap, added: &[RecordedEvent]) -> ConfigMap {
    let known = map.data.remove(JOURNAL_KEY).unwrap_or_default();
    let added = added.iter().filter_map(|it| serde_json::to_string(it).ok());
    let lines: Vec<String> = known.lines().map(str::to_owned).chain(added).collect();
    let mut bytes = 0;
    let kept = lines.iter().rev().take(MAX_JOURNAL_ENTRIES);
    let kept = kept.take_while(|line| {
        bytes += line.len() + 1;
        bytes <= MAX_JOURNAL_BYTES
    });
    let mut kept: Vec<&str> = kept.map(String::as_str).collect();
    kept.reverse();
    let text = kept.iter().map(|line| format!("{line}\n")).collect();
    map.data.insert(JOURNAL_KEY.to_owned(), text);
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EventKind;

    fn entry(number: i64, why: &str) -> RecordedEvent {
        let entry = serde_json::json!({
            "at": jiff::Timestamp::from_second(number).unwrap(), "event": "moved",
            "object": "trafficsplit", "namespace": "ns", "name": "web", "why": why,
        });
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn the_last_entries_are_kept() {
        let mut map = new_map("ns");
        map.others.insert("immutable".to_owned(), false.into());
        for number in 0..250 {
            map = with_entries(map, &[entry(number, "")]);
        }
        let kept = entries(&map);
        assert_eq!(kept.len(), MAX_JOURNAL_ENTRIES);
        assert_eq!(kept[0].at.as_second(), 50);
        assert_eq!(kept[199].at.as_second(), 249);
        assert!(map.others.contains_key("immutable"), "the rest is kept");
        let many: Vec<RecordedEvent> = (0..150).map(|it| entry(it, &"x".repeat(4096))).collect();
        map = with_entries(map, &many);
        assert!(map.data[JOURNAL_KEY].len() <= MAX_JOURNAL_BYTES);
        assert_eq!(entries(&map).last().unwrap().at.as_second(), 149);
    }

    #[test]
    fn what_a_restarted_watch_reports_again_is_no_news() {
        let of = |number, event: EventKind, name: &str| RecordedEvent {
            event,
            name: name.to_owned(),
            ..entry(number, "")
        };
        let known = [
            of(1, EventKind::Unavailable, "web"),
            of(2, EventKind::Moved, "mail"),
        ];
        let added = [
            of(3, EventKind::Unavailable, "web"),
            of(4, EventKind::Unavailable, "mail"),
            of(5, EventKind::Moved, "mail"),
            of(6, EventKind::Recovered, "web"),
            of(7, EventKind::Unavailable, "web"),
            of(8, EventKind::Unavailable, "web"),
        ];
        let told = news(&known, &added);
        let told: Vec<i64> = told.iter().map(|it| it.at.as_second()).collect();
        assert_eq!(told, [4, 5, 6, 7]);
        assert_eq!(news(&known, &added[..1]), []);
    }

    #[test]
    fn lines_of_others_and_of_other_namespaces_are_left_out() {
        let mut map = with_entries(new_map("ns"), &[entry(1, "")]);
        let text = map.data.get_mut(JOURNAL_KEY).unwrap();
        let foreign = serde_json::to_string(&entry(2, "")).unwrap();
        text.push_str("not JSON\n");
        text.push_str(&foreign.replace("\"ns\"", "\"other\""));
        assert_eq!(entries(&map).len(), 1);
    }
}
