use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::annotations::{OVERRIDE, PREFIX, PRIMARY_SERVICE};

/// The part of an object's metadata that the tool reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Meta {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    pub resource_version: String,
    pub creation_timestamp: Option<Timestamp>,
    /// Set while the object waits for finalizers to let it go.
    pub deletion_timestamp: Option<Timestamp>,
    pub labels: Labels,
    pub annotations: Annotations,
    pub managed_fields: Vec<ManagedFields>,
}

/// Who wrote fields of an object, and when last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedFields {
    pub manager: String,
    pub time: Option<Timestamp>,
    #[serde(rename = "fieldsV1")]
    pub owned: Owned,
}

/// What matters of the fields that a manager owns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Owned {
    /// The list of backends.
    pub backends: bool,
    /// The annotation of an override, or that of the primary.
    pub orders: bool,
}

impl<'de> Deserialize<'de> for Owned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(fields) = Option::<Box<RawValue>>::deserialize(deserializer)? else {
            return Ok(Self::default());
        };
        let has = |key: &str| fields.get().contains(key);
        let notes = |key: &str| has(PREFIX) && has(&format!("\"f:{PREFIX}{key}\""));
        Ok(Self {
            backends: has("\"f:backends\"") || has("\"f:rules\""),
            orders: notes(OVERRIDE) || notes(PRIMARY_SERVICE),
        })
    }
}

/// A few at most: a list is smaller than a map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.as_str())
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Labels {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(labels: I) -> Self {
        Self(labels.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let labels = BTreeMap::<String, String>::deserialize(deserializer)?;
        Ok(labels.into_iter().collect())
    }
}

/// Our own annotations, and whether the object has any at all: a patch must make the map where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations {
    pub exist: bool,
    /// The GitOps tool whose tracking mark is among them.
    pub tracked_by: Option<&'static str>,
    own: Vec<(String, String)>,
}

impl Annotations {
    /// The value of `failover.linkerd.io/KEY`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.own
            .iter()
            .find(|(own, _)| own == key)
            .map(|(_, value)| value.as_str())
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OwnOnly;
        impl<'de> Visitor<'de> for OwnOnly {
            type Value = Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("annotations")
            }

            fn visit_unit<E>(self) -> Result<Annotations, E> {
                Ok(Annotations::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut annotations = Annotations {
                    exist: true,
                    ..Annotations::default()
                };
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    annotations.tracked_by = annotations.tracked_by.or(match key.as_str() {
                        "argocd.argoproj.io/tracking-id" => Some("Argo CD"),
                        "meta.helm.sh/release-name" => Some("Helm"),
                        _ => None,
                    });
                    if let Some(own) = key.strip_prefix(PREFIX) {
                        annotations.own.push((own.to_owned(), value));
                    }
                }
                annotations.own.shrink_to_fit();
                Ok(annotations)
            }
        }
        deserializer.deserialize_any(OwnOnly)
    }
}
