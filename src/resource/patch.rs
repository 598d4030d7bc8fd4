//! The one place where a patch is computed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::annotations::{CONTROLLED_BY, PREFIX};
use super::change::Change;
use super::record::Record;

/// An operation of a JSON patch (RFC 6902).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Operation {
    Add { path: String, value: Value },
    Replace { path: String, value: Value },
    Remove { path: String },
}

/// The patch for a change. It holds only for the version of the object that the record was read from: replacing
/// the resource version with that one makes the server refuse it on any other.
pub fn patch(record: &Record, change: &Change) -> Vec<Operation> {
    let version = json!(record.meta.resource_version);
    let mut operations = vec![Operation::Replace {
        path: "/metadata/resourceVersion".to_owned(),
        value: version,
    }];
    if let Some(weights) = &change.weights {
        let each = record.weight_paths.iter().zip(weights);
        operations.extend(each.flat_map(|(paths, weight)| {
            paths.iter().map(move |path| Operation::Add {
                path: path.clone(),
                value: json!(weight),
            })
        }));
        let namespace = |path: &String| Operation::Add {
            path: path.clone(),
            value: json!(record.meta.namespace),
        };
        operations.extend(record.bare_backends.iter().map(namespace));
    }
    operations.extend(
        change
            .controlled_by
            .as_ref()
            .map(|value| label_operation(record, value)),
    );
    operations.extend(annotation_operations(record, &change.annotations));
    operations
}

/// The object as it would be after the patch, where all that it names is there.
pub fn patched(object: &Value, operations: &[Operation]) -> Option<Value> {
    let mut object = object.clone();
    for operation in operations {
        let (path, value) = match operation {
            Operation::Add { path, value } | Operation::Replace { path, value } => {
                (path, Some(value))
            }
            Operation::Remove { path } => (path, None),
        };
        let (parent, key) = path.rsplit_once('/')?;
        let parent = object.pointer_mut(parent)?.as_object_mut()?;
        let key = key.replace("~1", "/").replace("~0", "~");
        match value {
            Some(value) => parent.insert(key, value.clone()),
            None => parent.remove(&key),
        };
    }
    Some(object)
}

fn label_operation(record: &Record, value: &str) -> Operation {
    if record.meta.labels.is_empty() {
        let path = "/metadata/labels".to_owned();
        return Operation::Add {
            path,
            value: json!({ CONTROLLED_BY: value }),
        };
    }
    let path = format!("/metadata/labels/{}", pointer_token(CONTROLLED_BY));
    Operation::Add {
        path,
        value: json!(value),
    }
}

fn annotation_operations(
    record: &Record,
    annotations: &BTreeMap<&'static str, Option<String>>,
) -> Vec<Operation> {
    let existing = &record.meta.annotations;
    if !existing.exist {
        let set: serde_json::Map<String, Value> = annotations
            .iter()
            .filter_map(|(key, value)| Some((format!("{PREFIX}{key}"), json!(value.as_ref()?))))
            .collect();
        let path = "/metadata/annotations".to_owned();
        return if set.is_empty() {
            Vec::new()
        } else {
            vec![Operation::Add {
                path,
                value: Value::Object(set),
            }]
        };
    }
    annotations
        .iter()
        .filter_map(|(key, value)| {
            let path = format!(
                "/metadata/annotations/{}",
                pointer_token(&format!("{PREFIX}{key}"))
            );
            match value {
                Some(value) => Some(Operation::Add {
                    path,
                    value: json!(value),
                }),
                None => existing.get(key).map(|_| Operation::Remove { path }),
            }
        })
        .collect()
}

/// Escapes one step of a JSON pointer (RFC 6901).
fn pointer_token(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}
