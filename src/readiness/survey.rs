//! Reads the backends of groups once and determines each group's status.

use futures::future;
use jiff::Timestamp;

use super::backends::Readings;
use super::prefetch::PrefetchedSlices;
use super::{backends, read_once};
use crate::cluster::Clusters;
use crate::cluster::queries::runners::Runners;
use crate::model::{ApexClaims, Invalid, OverrideStatus, Runner, Status};
use crate::resource::Record;
use crate::resource::annotations::CONTROLLED_BY;

/// Reads the backends of these groups and returns each group's status. `rivals` are all groups of
/// their namespaces, to find apexes that two groups claim.
pub async fn survey(
    cluster: &Clusters,
    records: &[Record],
    rivals: &[Record],
    prefetched: PrefetchedSlices,
) -> Vec<Status> {
    let wanted = backends::destinations_of(records);
    let namespaces: Vec<&str> = records
        .iter()
        .map(|record| record.meta.namespace.as_str())
        .collect();
    let (readiness, runners) = future::join(
        read_once::read_with(cluster, &wanted, prefetched),
        Runners::read(cluster, &namespaces),
    )
    .await;
    let claims = claims_of(rivals);
    let now = cluster.clock().now();
    records
        .iter()
        .map(|record| status(record, &readiness, &claims, runners.of(record, now), now))
        .collect()
}

/// Returns the status of one group. Backends that are not among `readiness` are unknown.
pub fn status(
    record: &Record,
    readiness: &Readings,
    claims: &ApexClaims<'_>,
    runner: Runner,
    now: Timestamp,
) -> Status {
    let invalid = match (&record.group, claims.oldest_rival(&record.claim())) {
        (Err(invalid), _) => invalid.clone(),
        (Ok(_), _) if claims.are_too_many(&record.claim()) => {
            Invalid::claimed_too_often(&record.apex)
        }
        (Ok(_), Some(rival)) if record.takes_over_from(&rival.group()) => {
            Invalid::taking_over(&rival.group())
        }
        (Ok(_), Some(rival)) => {
            Invalid::claimed_twice(&record.apex, &rival.group(), rival.ports, CONTROLLED_BY)
        }
        (Ok(group), None) => {
            let backends = backends::in_order(group, readiness);
            let mut status = Status::of(group, &backends, record.weights_origin(), runner, now);
            status.flags.contested = record.is_contested();
            let turning_points = backends::turning_points(group, readiness);
            for (backend, since) in status.backends.iter_mut().zip(turning_points) {
                backend.since = since;
            }
            status.since = status.state_since(record.last_edit());
            status.warnings.extend_from_slice(&record.warnings);
            if let Some(OverrideStatus::Broken { edited_by, .. }) = &mut status.order {
                *edited_by = record.order_editor().map(str::to_owned);
            }
            return status;
        }
    };
    let status = Status::invalid(
        record.id(),
        record.apex.clone(),
        invalid,
        record.weights_origin(),
        runner,
    );
    Status {
        warnings: record.warnings.clone(),
        since: status.state_since(record.last_edit()),
        ..status
    }
}

/// Returns the apex claims of the valid groups.
pub fn claims_of<'a>(records: impl IntoIterator<Item = &'a Record>) -> ApexClaims<'a> {
    let valid = records.into_iter().filter(|record| record.group.is_ok());
    valid.map(Record::claim).collect()
}
