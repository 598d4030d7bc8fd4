//! A whole object, as programs read it.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::Value;

use crate::resource::KindInfo;
use crate::text::is_harmless;

/// The formats in which `create` prints its object, as in kubectl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ObjectFormat {
    Yaml,
    Json,
    Name,
}

/// An object of this kind and name in a format of kubectl's, with a line end.
///
/// # Errors
/// Where the object can't be serialised.
pub fn print(
    object: &Value,
    kind: &KindInfo,
    name: &str,
    format: ObjectFormat,
) -> anyhow::Result<String> {
    Ok(match format {
        ObjectFormat::Name => format!("{}\n", full_name(kind, name)),
        ObjectFormat::Json => json(&without_managers(object))?,
        ObjectFormat::Yaml => yaml(&without_managers(object))?,
    })
}

fn json(object: &Value) -> anyhow::Result<String> {
    Ok(format!(
        "{}\n",
        escape(&serde_json::to_string_pretty(object)?)
    ))
}

/// YAML as people write it; where that would have characters in it that a terminal acts on, the YAML that JSON is.
///
/// # Errors
/// Where the object can't be serialised.
pub fn yaml(object: &Value) -> anyhow::Result<String> {
    // Folded blocks lose the space at the end of a long text.
    let options = serde_yaml::ser_options! { prefer_block_scalars: false };
    let text = serde_yaml::to_string_with_options(object, options)?;
    if text.chars().all(is_printable) {
        Ok(format!("{}\n", text.trim_end()))
    } else {
        json(object)
    }
}

fn is_printable(character: char) -> bool {
    is_harmless(character) || character == '\n'
}

/// The name that kubectl prints and takes: `trafficsplit.split.smi-spec.io/web-svc-failover`.
pub fn full_name(kind: &KindInfo, name: &str) -> String {
    format!("{}/{name}", kind.full_name())
}

/// Who wrote which field is long and of no use to a reader; kubectl leaves it out too.
fn without_managers(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// JSON that means the same without characters that a terminal would act on: they stand in strings alone, where
/// each can be written as an escape.
fn escape(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if is_printable(character) {
            out.push(character);
        } else {
            // All of them lie below U+10000: one unit each.
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::{Kind as _, TrafficSplit};

    fn printed(object: &Value, format: ObjectFormat) -> String {
        print(object, TrafficSplit.info(), "web", format).unwrap()
    }

    #[test]
    fn managers_are_left_out_and_the_rest_stays() {
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
    fn strings_stay_strings_and_nothing_moves_a_cursor() {
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
                assert!(out.chars().all(is_printable), "{out:?}");
            }
        }
    }
}
