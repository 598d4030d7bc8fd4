//! A whole Kubernetes object as JSON, YAML or a name, as kubectl prints it.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::formats::json;
use crate::resource::KindInfo;
use crate::text::clean_lines;

/// The formats in which `create` prints its object, as in kubectl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ObjectFormat {
    Yaml,
    Json,
    Name,
}

/// Returns the objects, each with its name: in JSON several are a List, as for kubectl.
///
/// # Errors
/// If an object cannot be serialised.
pub fn print(objects: &[(String, Value)], format: ObjectFormat) -> anyhow::Result<String> {
    let whole = || objects.iter().map(|(_, object)| without_managers(object));
    Ok(match format {
        ObjectFormat::Name => objects
            .iter()
            .map(|(name, _)| format!("{name}\n"))
            .collect(),
        ObjectFormat::Json => match whole().collect::<Vec<_>>().as_slice() {
            [only] => json(only)?,
            items => json(&json!({ "apiVersion": "v1", "kind": "List", "items": items }))?,
        },
        ObjectFormat::Yaml => {
            let documents = whole().map(|object| yaml(&object));
            documents.collect::<anyhow::Result<Vec<_>>>()?.join("---\n")
        }
    })
}

/// YAML as people write it. An object with characters that a terminal acts on is printed as JSON,
/// which is YAML too.
///
/// # Errors
/// If the object cannot be serialised.
pub fn yaml(object: &Value) -> anyhow::Result<String> {
    // Folded blocks lose the space at the end of a long text.
    let options = serde_yaml::ser_options! { prefer_block_scalars: false };
    let text = serde_yaml::to_string_with_options(object, options)?;
    if clean_lines(&text) == text {
        Ok(format!("{}\n", text.trim_end()))
    } else {
        Ok(json(object)?)
    }
}

/// The name that kubectl prints and takes: `trafficsplit.split.smi-spec.io/web-svc-failover`.
pub fn full_name(kind: &KindInfo, name: &str) -> String {
    format!("{}/{name}", kind.full_name())
}

/// Leaves out `managedFields`, as kubectl does.
fn without_managers(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::{Kind as _, TrafficSplit};

    fn printed(object: &Value, format: ObjectFormat) -> String {
        let name = full_name(TrafficSplit.info(), "web");
        print(&[(name, object.clone())], format).unwrap()
    }

    #[test]
    fn managed_fields_are_left_out_and_the_rest_is_kept() {
        let object = json!({"metadata": {"name": "web", "managedFields": [{"manager": "x"}]}, "spec": {"a": 1}});
        let expected = json!({"metadata": {"name": "web"}, "spec": {"a": 1}});
        let from_json: Value = serde_json::from_str(&printed(&object, ObjectFormat::Json)).unwrap();
        let from_yaml: Value = serde_yaml::from_str(&printed(&object, ObjectFormat::Yaml)).unwrap();
        assert_eq!((&from_json, &from_yaml), (&expected, &expected));
        assert_eq!(
            printed(&object, ObjectFormat::Name),
            "trafficsplit.split.smi-spec.io/web\n"
        );
    }

    #[test]
    fn strings_are_kept_and_control_characters_are_escaped() {
        let words = [
            "on",
            "y",
            "null",
            "true",
            "1e3",
            "0x1F",
            "1_000",
            "012",
            "0b1",
            "2025-01-01",
            "~",
            "",
        ];
        let nasty = [
            "a\u{1b}[2Jb",
            "a\u{9b}b",
            "a\u{202e}b",
            "a\nb\n",
            " a: b #c",
            "{\"to\":\"web\"}",
        ];
        let long = "word ".repeat(60);
        for text in words.into_iter().chain(nasty).chain([long.as_str()]) {
            let object = json!({ "metadata": { "annotations": { "key": text } } });
            for format in [ObjectFormat::Json, ObjectFormat::Yaml] {
                let out = printed(&object, format);
                let read: Value = match format {
                    ObjectFormat::Json => serde_json::from_str(&out).unwrap(),
                    _ => serde_yaml::from_str(&out).unwrap(),
                };
                assert_eq!(read, object, "{out}");
                assert_eq!(clean_lines(&out), out);
            }
        }
    }
}
