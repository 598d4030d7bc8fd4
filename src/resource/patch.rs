//! Computes every JSON patch (RFC 6902) that the tool writes to a group's object.

use std::collections::BTreeMap;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::{Map, Value, json};

use super::annotations::{CONTROLLED_BY, PREFIX};
use super::change::Change;
use super::record::Record;

/// Returns the patch for a change. Its first operation replaces the resource version with the one
/// that the record was read at, so that the API server answers 409 Conflict on any other version:
/// optimistic concurrency, see
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>.
pub fn patch(record: &Record, change: &Change) -> Patch {
    let mut operations = vec![PatchOperation::Replace(ReplaceOperation {
        path: PointerBuf::from_tokens(["metadata", "resourceVersion"]),
        value: json!(record.meta.resource_version),
    })];
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
    operations.extend(
        change
            .controlled_by
            .as_ref()
            .map(|value| label_operation(record, value)),
    );
    operations.extend(annotation_operations(record, &change.annotations));
    Patch(operations)
}

/// Returns the object as it is after the patch; none if the patch does not apply to it.
pub fn patched(object: &Value, patch: &Patch) -> Option<Value> {
    let mut object = object.clone();
    json_patch::patch(&mut object, patch).ok()?;
    Some(object)
}

fn add(path: PointerBuf, value: Value) -> PatchOperation {
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

fn annotation_operations(
    record: &Record,
    annotations: &BTreeMap<&'static str, Option<String>>,
) -> Vec<PatchOperation> {
    let existing = &record.meta.annotations;
    if !existing.exist {
        let set: Map<String, Value> = annotations
            .iter()
            .filter_map(|(key, value)| Some((format!("{PREFIX}{key}"), json!(value.as_ref()?))))
            .collect();
        let path = PointerBuf::from_tokens(["metadata", "annotations"]);
        return (!set.is_empty())
            .then(|| add(path, Value::Object(set)))
            .into_iter()
            .collect();
    }
    let operation = |(key, value): (&&'static str, &Option<String>)| {
        let full_key = format!("{PREFIX}{key}");
        let path = PointerBuf::from_tokens(["metadata", "annotations", full_key.as_str()]);
        match value {
            Some(value) => Some(add(path, json!(value))),
            None => existing
                .get(key)
                .map(|_| PatchOperation::Remove(RemoveOperation { path })),
        }
    };
    annotations.iter().filter_map(operation).collect()
}
