//! Finds the groups that an evacuation has missed: they have a backend in a cluster that others
//! avoid.

use super::findings::Finding;
use crate::cluster::Cluster;
use crate::cluster::queries::residences;
use crate::model::by_cluster::PlacedGroup;
use crate::model::evacuations::{DatedGroup, MissedGroup, StandingEvacuation, evacuations};
use crate::model::{AvoidStatus, Status};
use crate::resource::Record;
use crate::text::evacuation_command;

/// Where backends are is read only if there is an evacuation. `statuses` are in the records' order.
pub async fn find(cluster: &Cluster, records: &[Record], statuses: &[Status]) -> Vec<Finding> {
    let mut entries = statuses.iter().flat_map(|status| &status.avoid);
    if !entries.any(AvoidStatus::stands) {
        return Vec::new();
    }
    let residences = residences::read(cluster, records).await;
    let both = records.iter().zip(statuses);
    let dated: Vec<DatedGroup> = both
        .map(|(record, status)| DatedGroup {
            placed: PlacedGroup {
                context: &cluster.context,
                server: &cluster.server,
                own: &cluster.context,
                status,
                residences: residences.of_backends(status),
            },
            created: record.meta.creation_timestamp,
        })
        .collect();
    let evacuations = evacuations(&dated);
    let missed = evacuations.iter().flat_map(|evacuation| {
        let missed = evacuation.missed.iter();
        missed.map(move |group| {
            let flags = cluster.reach.within(&group.id.namespace);
            Finding::new(group.id, words(evacuation, group, &flags))
        })
    });
    missed.collect()
}

/// Says that the evacuation has missed a group, as a clause. `flags` are those by which a suggested
/// command reaches the group.
fn words(evacuation: &StandingEvacuation, group: &MissedGroup, flags: &str) -> String {
    let StandingEvacuation { cluster, entry, .. } = evacuation;
    let when = if group.is_newer {
        "was created after the evacuation"
    } else {
        "is not part of the evacuation"
    };
    let purpose = entry.purpose();
    let rest = match group.left {
        Some(why) => format!(", and would be left alone: it is {why}"),
        None => {
            let command = evacuation_command("evacuate", cluster, &entry.id, flags);
            format!("; to evacuate it too: {command}")
        }
    };
    format!("{when} of {cluster}{purpose}{rest}")
}
