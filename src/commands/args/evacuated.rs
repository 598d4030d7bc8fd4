//! Warns that a new group, or a group's new fallback, is in a cluster from which other groups of the
//! namespace are evacuated.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::{AvoidEntry, Residence};
use crate::resource::Record;
use crate::text::{clean, word};

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
    let standing = standing(records, now);
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
             too: kubectl failover evacuate {} --id {} {place}",
            there.join(", "),
            word(cluster),
            word(&entry.id),
        )))
    });
    warnings.collect()
}

/// The latest evacuation of each cluster.
fn standing<'a>(
    records: impl Iterator<Item = &'a Record>,
    now: Timestamp,
) -> BTreeMap<&'a str, Standing<'a>> {
    let mut found: BTreeMap<&str, Standing> = BTreeMap::new();
    for record in records.filter(|record| record.is_controlled()) {
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
    found
}
