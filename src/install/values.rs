//! The values that the chart is rendered with: its own, those of files and those of flags.

use serde_json::Value;

use super::{schema, set_flag};
use crate::problem::Problem;

const DEFAULTS: &str = include_str!("../../deploy/helm/linkerd-failover/values.yaml");
const HA: &str = include_str!("../../deploy/helm/linkerd-failover/values-ha.yaml");
const SCHEMA: &str = include_str!("../../deploy/helm/linkerd-failover/values.schema.json");

/// What the user wants to be different from the chart's own values. Later ones win.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// The values for production.
    pub ha: bool,
    /// Names and contents of files.
    pub files: &'a [(String, String)],
    /// `key=value`, as for Helm.
    pub set: &'a [String],
}

/// Returns all values.
///
/// # Errors
/// If a value cannot be parsed, or the chart has no such value.
pub fn values(sources: &Sources<'_>) -> Result<Value, Problem> {
    let mut values = parse("values.yaml", DEFAULTS)?;
    if sources.ha {
        merge(&mut values, parse("values-ha.yaml", HA)?);
    }
    for (name, content) in sources.files {
        merge(&mut values, parse(name, content)?);
    }
    for flag in sources.set {
        for value in set_flag::parse(flag)? {
            merge(&mut values, value);
        }
    }
    schema::check(&values, &parse_schema()?, "")?;
    Ok(values)
}

/// # Errors
/// If no namespace can have this name. `path`: where it was given.
pub(super) fn check_namespace(name: &str, path: &str) -> Result<(), Problem> {
    let names = &parse_schema()?["properties"]["namespaces"]["items"];
    schema::check(&Value::from(name), names, path)
}

fn parse_schema() -> Result<Value, Problem> {
    serde_json::from_str(SCHEMA)
        .map_err(|cause| Problem::new(format!("the schema of the chart: {cause}")))
}

fn parse(name: &str, content: &str) -> Result<Value, Problem> {
    let cannot = |why: &str| Problem::usage(format!("{name} is not a file of values: {why}"));
    match serde_yaml::from_str(content) {
        Ok(values @ Value::Object(_)) => Ok(values),
        Ok(Value::Null) => Ok(Value::Object(serde_json::Map::new())),
        Ok(_) => Err(cannot("it is not a mapping")),
        Err(cause) => Err(cannot(&cause.to_string())),
    }
}

/// Merges mappings; other values replace the old ones, and null removes them.
fn merge(values: &mut Value, newer: Value) {
    match (values, newer) {
        (Value::Object(values), Value::Object(newer)) => {
            for (key, value) in newer {
                if value.is_null() {
                    values.remove(&key);
                } else {
                    merge(values.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (values, newer) => *values = newer,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(flags: &[&str]) -> Result<Value, Problem> {
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        values(&Sources {
            set: &flags,
            ..Sources::default()
        })
    }

    #[test]
    fn later_values_win_and_mappings_are_merged() {
        let files = [(
            "a.yaml".to_owned(),
            "replicas: 5\nimage: {tag: x}".to_owned(),
        )];
        let flags = ["image.tag=y".to_owned(), "nodeSelector=null".to_owned()];
        let found = values(&Sources {
            ha: true,
            files: &files,
            set: &flags,
        });
        let found = found.unwrap();
        assert_eq!(found["replicas"], 5);
        assert_eq!(found["image"]["tag"], "y");
        assert_eq!(found["image"]["pullPolicy"], "IfNotPresent");
        assert_eq!(found["priorityClassName"], "system-cluster-critical");
        assert_eq!(found.get("nodeSelector"), None);
    }

    #[test]
    fn a_typo_is_refused_and_the_right_name_suggested() {
        let problem = set(&["podMonitor.creat=true"]).unwrap_err();
        assert_eq!(problem.message, "the chart has no value podMonitor.creat");
        assert_eq!(problem.next[0], "did you mean podMonitor.create?");
        for wrong in [
            "replicas=two",
            "replicas=0",
            "logFormat=xml",
            "metrics.port=70000",
            "namespaces=a",
            "image.repository=",
            "podLabels.a=1",
            "namespaces={a,b,a}",
            "maxMoves=20perminute",
        ] {
            assert!(set(&[wrong]).is_err(), "{wrong}");
        }
        for right in [
            "replicas=1",
            "namespaces={a,b}",
            "podLabels.a=b",
            "affinity.x=1",
        ] {
            assert!(set(&[right]).is_ok(), "{right}");
        }
    }

    #[test]
    fn a_file_that_holds_no_values_is_refused() {
        for content in ["[1]", "a: [", "text"] {
            let files = [("a.yaml".to_owned(), content.to_owned())];
            let sources = Sources {
                files: &files,
                ..Sources::default()
            };
            let problem = values(&sources).unwrap_err();
            assert!(problem.message.starts_with("a.yaml is not"), "{problem:?}");
        }
        assert_eq!(set(&[]).unwrap()["global"], json!(null));
    }
}
