//! Computes every JSON patch (RFC 6902) that the tool writes to a group's object.

use std::collections::BTreeMap;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::{Map, Value, json};

use super::annotations::{CONTROLLED_BY, LinkerdAnnotations, PREFIX};
use super::change::Change;
use super::meta::{Annotations, Meta};
use super::record::Record;

/// Returns the patch for a change. Its first operation replaces the resource version with the one
/// that the record was read at, so that the API server answers 409 Conflict on any other version:
/// optimistic concurrency, see
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>.
pub fn patch(record: &Record, change: &Change) -> Patch {
    let mut operations = vec![same_version(&record.meta)];
    if let Some(weights) = &change.weights {
        let each = record.weight_paths.iter().zip(weights);
        operations.extend(each.flat_map(|(paths, weight)| {
            paths
                .iter()
                .map(move |path| add(path.clone(), json!(weight)))
        }));
        let namespace = |path: &PointerBuf| add(path.clone(), json!(record.meta.namespace));
        operations.extend(record.bare_backends.iter().map(namespace));
    }
    operations.extend(change.backends.operations.iter().cloned());
    operations.extend(
        change
            .controlled_by
            .as_ref()
            .map(|value| label_operation(record, value)),
    );
    let own = change.annotations.iter();
    let own = own.map(|(key, value)| (format!("{PREFIX}{key}"), value.as_ref()));
    let annotations = own.chain(with_keys(&change.linkerds)).collect();
    operations.extend(annotation_operations(
        &record.meta.annotations,
        &annotations,
    ));
    Patch(operations)
}

/// Returns the patch of an object's annotations, for this version of it alone.
pub fn annotation_patch(meta: &Meta, annotations: &LinkerdAnnotations) -> Patch {
    let annotations = with_keys(annotations).collect();
    let changes = annotation_operations(&meta.annotations, &annotations);
    Patch([vec![same_version(meta)], changes].concat())
}

fn with_keys(annotations: &LinkerdAnnotations) -> impl Iterator<Item = (String, Option<&String>)> {
    let each = annotations.iter();
    each.map(|(key, value)| ((*key).to_owned(), value.as_ref()))
}

/// Returns the compare-and-swap of the version, with which every patch begins.
pub(super) fn same_version(meta: &Meta) -> PatchOperation {
    PatchOperation::Replace(ReplaceOperation {
        path: PointerBuf::from_tokens(["metadata", "resourceVersion"]),
        value: json!(meta.resource_version),
    })
}

/// Returns the object as it is after the patch; none if the patch does not apply to it.
pub fn patched(object: &Value, patch: &Patch) -> Option<Value> {
    let mut object = object.clone();
    json_patch::patch(&mut object, patch).ok()?;
    Some(object)
}

pub(super) fn add(path: PointerBuf, value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation { path, value })
}

fn label_operation(record: &Record, value: &str) -> PatchOperation {
    if record.meta.labels.is_empty() {
        let labels = json!({ CONTROLLED_BY: value });
        return add(PointerBuf::from_tokens(["metadata", "labels"]), labels);
    }
    add(
        PointerBuf::from_tokens(["metadata", "labels", CONTROLLED_BY]),
        json!(value),
    )
}

/// Returns the operations for annotations by full key.
fn annotation_operations(
    existing: &Annotations,
    annotations: &BTreeMap<String, Option<&String>>,
) -> Vec<PatchOperation> {
    if !existing.exist {
        let set: Map<String, Value> = annotations
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), json!((*value)?))))
            .collect();
        let path = PointerBuf::from_tokens(["metadata", "annotations"]);
        return (!set.is_empty())
            .then(|| add(path, Value::Object(set)))
            .into_iter()
            .collect();
    }
    let operation = |(key, value): (&String, &Option<&String>)| {
        let path = PointerBuf::from_tokens(["metadata", "annotations", key.as_str()]);
        match value {
            Some(value) => Some(add(path, json!(value))),
            None => existing
                .has(key)
                .then_some(PatchOperation::Remove(RemoveOperation { path })),
        }
    };
    annotations.iter().filter_map(operation).collect()
}
