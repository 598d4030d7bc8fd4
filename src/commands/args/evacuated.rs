//! Warns that a new group, or a group's new fallback, is in a cluster from which other groups of the
//! namespace are evacuated. Does not, once their return has begun.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::{AvoidEntry, LastReturn, Residence};
use crate::resource::Record;
use crate::text::{clean, evacuation_command};

/// An evacuation, and whether it is of the cluster of the namespace itself.
type Standing<'a> = (&'a AvoidEntry, bool);

/// `new` is what is new, in words, and `backends` are its backends. `records` are the groups of the
/// namespace, and `place` the flags that reach it.
pub fn warnings<'a>(
    new: &str,
    backends: &[(&str, Residence)],
    records: impl Iterator<Item = &'a Record>,
    now: Timestamp,
    place: &str,
) -> Vec<String> {
    let records: Vec<&Record> = records.collect();
    let standing = standing(&records, now);
    let warnings = standing.iter().filter_map(|(cluster, (entry, is_local))| {
        let is_there = |residence: &Residence| match residence {
            Residence::Local => *is_local,
            Residence::Mirrored { cluster: of, .. } => of == *cluster,
            _ => false,
        };
        let there = backends.iter().filter(|(_, it)| is_there(it));
        let there: Vec<&str> = there.map(|(name, _)| *name).collect();
        if there.is_empty() {
            return None;
        }
        let (by, purpose) = (entry.author(), entry.purpose());
        Some(clean(&format!(
            "{cluster}, where {} is, is evacuated by {by}{purpose}, and {new} is not; to evacuate it \
             too: {}",
            there.join(", "),
            evacuation_command("evacuate", cluster, &entry.id, place),
        )))
    });
    warnings.collect()
}

/// The latest evacuation of each cluster.
fn standing<'a>(records: &[&'a Record], now: Timestamp) -> BTreeMap<&'a str, Standing<'a>> {
    let mut found: BTreeMap<&str, Standing> = BTreeMap::new();
    for record in records.iter().filter(|record| record.is_controlled()) {
        let entries = record.group.iter().flat_map(|group| &group.avoid.entries);
        for entry in entries.filter(|entry| !entry.is_over(now)) {
            let Some(cluster) = entry.cluster.as_deref() else {
                continue;
            };
            // The service that clients call is no mirror.
            let is_local = entry.names(&record.apex);
            let known = found.entry(cluster).or_insert((entry, is_local));
            known.1 |= is_local;
            if entry.at > known.0.at {
                known.0 = entry;
            }
        }
    }
    let groups = records.iter().flat_map(|record| &record.group);
    let returns = LastReturn::of_each(groups.filter_map(|group| group.last_return.as_ref()));
    found.retain(|_, (entry, _)| {
        let last = returns.get(entry.id.as_str());
        last.is_none_or(|last| entry.at >= Some(last.at))
    });
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::resource::{Kind as _, TrafficSplit};

    fn record(name: &str, annotations: &Value) -> Record {
        let split = json!({
            "metadata": {
                "name": name, "namespace": "shop",
                "labels": {"failover.linkerd.io/controlled-by": "linkerd-failover"},
                "annotations": annotations,
            },
            "spec": {"service": name, "backends": [
                {"service": name, "weight": 0}, {"service": format!("{name}-west"), "weight": 1},
            ]},
        });
        let raw = serde_json::value::to_raw_value(&split).unwrap();
        TrafficSplit.read(&raw).unwrap()
    }

    #[test]
    fn an_evacuation_that_is_being_returned_is_not_warned_of() {
        let evacuated = json!([{
            "backends": ["web"], "cluster": "east", "id": "CHG-4", "by": "bob@laptop",
            "at": "2026-11-26T12:00:00Z",
        }]);
        let evacuated = json!({"failover.linkerd.io/avoid": evacuated.to_string()});
        let returned = |at: &str| {
            let last = json!({"id": "CHG-4", "by": "bob@laptop", "at": at});
            json!({"failover.linkerd.io/last-return": last.to_string()})
        };
        let now = "2026-11-26T13:00:00Z".parse().unwrap();
        for (back, count) in [
            (json!({}), 1),
            (returned("2026-11-26T11:00:00Z"), 1),
            (returned("2026-11-26T12:30:00Z"), 0),
        ] {
            let records = [record("web", &evacuated), record("mail", &back)];
            let new = [("new", Residence::Local)];
            let warnings = warnings("this group", &new, records.iter(), now, "-n shop");
            assert_eq!(warnings.len(), count, "{back}: {warnings:?}");
        }
    }
}
