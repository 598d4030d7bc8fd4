//! The one place that writes to a group's object.

use serde_json::Value;
use serde_json::value::RawValue;

use super::groups::endpoint;
use crate::cluster::transport::client::{Cluster, unreadable};
use crate::cluster::transport::error::RequestResult;
use crate::resource::FIELD_MANAGER;
use crate::resource::{Change, Kind, NewGroup, Record, patch};

/// Writes a change to the object as it was read: if it is another version by now, the server refuses.
/// Gives the object after it.
/// A `trial` is checked by the server, not stored.
pub async fn apply(
    cluster: &Cluster,
    record: &Record,
    change: &Change,
    trial: bool,
) -> RequestResult<Record> {
    let path = endpoint(record.kind).object(&record.meta.namespace, &record.meta.name);
    let path = crate::cluster::transport::path::with_query(&path, &write_parameters(trial));
    let raw: Box<RawValue> = cluster.patch(&path, &patch(record, change)).await?;
    record
        .kind
        .read(&raw)
        .map_err(|cause| unreadable(&path, &cause))
}

/// Makes the object of a group and gives it as the server has it; a `trial` is checked by the server, not stored.
pub async fn create(
    cluster: &Cluster,
    kind: &dyn Kind,
    group: &NewGroup,
    trial: bool,
) -> RequestResult<Value> {
    let path = endpoint(kind).collection(Some(&group.namespace));
    let path = crate::cluster::transport::path::with_query(&path, &write_parameters(trial));
    cluster.create(&path, &kind.manifest(group)).await
}

fn write_parameters(trial: bool) -> [(&'static str, &'static str); 2] {
    [
        ("fieldManager", FIELD_MANAGER),
        ("dryRun", if trial { "All" } else { "" }),
    ]
}
