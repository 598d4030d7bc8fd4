//! Creates, patches and deletes the objects of groups. Nothing else writes to them.

use json_patch::Patch;
use kube::api::{DeleteParams, PatchParams, PostParams, Preconditions};
use serde_json::Value;
use serde_json::value::RawValue;

use super::groups::{api_resource, manifest};
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{Cause, RequestError, RequestResult};
use crate::resource::{Change, FIELD_MANAGER, Kind, NewGroup, Record, patch};

/// Patches an object and returns the result. The server rejects the patch if the object has changed
/// since it was read. With `dry_run` the server checks the change without storing it.
///
/// A change that the server accepts but does not keep, because an admission webhook or policy
/// mutates the object, is an error.
///
/// If the object has no room for the note of a move, traffic moves without it.
pub async fn apply(
    cluster: &Cluster,
    record: &Record,
    change: &Change,
    dry_run: bool,
) -> RequestResult<Record> {
    match send(cluster, record, change, dry_run).await {
        Err(error) if error.is_too_large() => match change.without_last_move() {
            Some(shorter) => send(cluster, record, &shorter, dry_run).await,
            None => Err(error),
        },
        result => result,
    }
}

async fn send(
    cluster: &Cluster,
    record: &Record,
    change: &Change,
    dry_run: bool,
) -> RequestResult<Record> {
    let after = apply_patch(cluster, record, patch(record, change), dry_run).await?;
    match change.missing_in(&after) {
        Some(what) => Err(failed(record, Cause::Undone { what })),
        None => Ok(after),
    }
}

/// Applies a patch to an object and returns the result. With `dry_run` the server checks the patch
/// without storing it.
pub async fn apply_patch(
    cluster: &Cluster,
    record: &Record,
    patch: Patch,
    dry_run: bool,
) -> RequestResult<Record> {
    let (kind, meta) = (record.kind, &record.meta);
    let resource = api_resource(kind);
    let params = PatchParams {
        dry_run,
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patched: Box<RawValue> = cluster
        .for_writes()
        .patch(resource, &meta.namespace, &meta.name, &params, patch)
        .await?;
    kind.read(&patched)
        .map_err(|cause| failed(record, Cause::unreadable(&cause)))
}

fn failed(record: &Record, cause: Cause) -> RequestError {
    RequestError::new(&http::Method::PATCH, &path(record), cause)
}

/// Returns the path of a group's object, for an error.
pub fn path(record: &Record) -> String {
    let collection = api_resource(record.kind).collection(Some(&record.meta.namespace));
    format!("{collection}/{}", record.meta.name)
}

/// Creates the object of a group and returns it as the server stored it. With `dry_run` the server
/// checks the object without storing it.
pub async fn create(
    cluster: &Cluster,
    kind: &dyn Kind,
    group: &NewGroup,
    dry_run: bool,
) -> RequestResult<Value> {
    let manifest = manifest(cluster, kind, group);
    create_object(cluster, kind, &group.namespace, &manifest, dry_run).await
}

/// Creates an object from a manifest and returns it as the server stored it. With `dry_run` the
/// server checks the object without storing it.
pub async fn create_object(
    cluster: &Cluster,
    kind: &dyn Kind,
    namespace: &str,
    manifest: &Value,
    dry_run: bool,
) -> RequestResult<Value> {
    let params = PostParams {
        dry_run,
        field_manager: Some(FIELD_MANAGER.to_owned()),
    };
    cluster
        .for_writes()
        .create(api_resource(kind), Some(namespace), &params, manifest)
        .await
}

/// Deletes an object if it is still the version that was read; otherwise the server answers 409.
/// With `dry_run` the server checks the deletion without carrying it out.
pub async fn delete(cluster: &Cluster, record: &Record, dry_run: bool) -> RequestResult<()> {
    let meta = &record.meta;
    let params = DeleteParams {
        dry_run,
        preconditions: Some(Preconditions {
            resource_version: Some(meta.resource_version.clone()),
            uid: Some(meta.uid.clone()),
        }),
        ..DeleteParams::default()
    };
    cluster
        .for_writes()
        .delete(
            api_resource(record.kind),
            &meta.namespace,
            &meta.name,
            &params,
        )
        .await
}
