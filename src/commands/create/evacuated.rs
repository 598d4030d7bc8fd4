//! Warns that a new group has a backend in a cluster from which others of its namespace are
//! evacuated.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::existing::ExistingObjects;
use super::requirements::RequiredServices;
use crate::model::{AvoidEntry, Residence};
use crate::resource::{NewGroup, Record};
use crate::text::{clean, word};

/// An evacuation, and whether it is of the cluster of the namespace itself.
type Standing<'a> = (&'a AvoidEntry, bool);

/// `place` are the flags that reach the group's namespace.
pub fn warnings(
    group: &NewGroup,
    existing: &ExistingObjects,
    services: &RequiredServices,
    now: Timestamp,
    place: &str,
) -> Vec<String> {
    let standing = standing(existing.records(), now);
    let warnings = standing.iter().filter_map(|(cluster, (entry, is_local))| {
        let is_there = |name: &&String| {
            let service = services.find(&group.service(name));
            match service.map(|service| (service.is_mirror, service.residence())) {
                Some((false, _)) => *is_local,
                Some((true, Residence::Mirrored { cluster: of, .. })) => of == *cluster,
                _ => false,
            }
        };
        let there: Vec<&str> = {
            let backends = group.backends.iter().filter(is_there);
            backends.map(String::as_str).collect()
        };
        if there.is_empty() {
            return None;
        }
        let (by, purpose) = (entry.author(), entry.purpose());
        Some(clean(&format!(
            "{cluster}, where {} is, is evacuated by {by}{purpose}, and this group is not; to \
             evacuate it too: kubectl failover evacuate {} --id {} {place}",
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
