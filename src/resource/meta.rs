//! The part of an object's metadata that the tool reads, decoded without the rest.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::annotations::{LAST_MOVE, LAST_RETURN, OVERRIDE, PREFIX, PRIMARY_SERVICE};
use crate::model::{LastMove, LastReturn};

/// The part of an object's metadata that the tool reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Meta {
    /// The object's name.
    pub name: String,
    /// The object's namespace; empty for a cluster-scoped object.
    pub namespace: String,
    /// The UID, which differs for another object of the same name.
    pub uid: String,
    /// The version that a patch requires.
    pub resource_version: String,
    /// When the object was created, in whole seconds.
    pub creation_timestamp: Option<Timestamp>,
    /// Set while finalizers delay the object's deletion.
    pub deletion_timestamp: Option<Timestamp>,
    /// The labels.
    pub labels: Labels,
    /// The annotations.
    pub annotations: Annotations,
    /// The objects that this one depends on.
    pub owner_references: Vec<OwnerReference>,
    /// Who wrote which fields.
    pub managed_fields: Vec<ManagedFields>,
}

/// An entry of `metadata.ownerReferences`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OwnerReference {
    /// Such as `flagger.app/v1beta1`.
    pub api_version: String,
    /// Such as `Canary`.
    pub kind: String,
    /// The owner's name.
    pub name: String,
    /// The owner is the controller that manages the object.
    pub controller: bool,
}

impl Meta {
    /// Returns the last move; none if the annotation is missing or cannot be parsed.
    pub fn last_move(&self) -> Option<LastMove> {
        serde_json::from_str(self.annotations.get(LAST_MOVE)?).ok()
    }

    /// Returns the last return; none if the annotation is missing or cannot be parsed.
    pub fn last_return(&self) -> Option<LastReturn> {
        serde_json::from_str(self.annotations.get(LAST_RETURN)?).ok()
    }
}

/// An entry of `metadata.managedFields`: who wrote fields of the object, and when last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedFields {
    /// The field manager.
    pub manager: String,
    /// When it wrote last, in whole seconds.
    pub time: Option<Timestamp>,
    /// Such as `status`; empty for the object itself.
    pub subresource: String,
    /// The fields that it owns.
    #[serde(rename = "fieldsV1")]
    pub owned: OwnedFields,
}

/// The fields that a manager owns, as far as they matter here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnedFields {
    /// The list of backends.
    pub backends: bool,
    /// The annotation of the override, or that of the primary.
    pub orders: bool,
}

impl<'de> Deserialize<'de> for OwnedFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(fields) = Option::<Box<RawValue>>::deserialize(deserializer)? else {
            return Ok(Self::default());
        };
        let has = |key: &str| fields.get().contains(key);
        let owns_annotation = |key: &str| has(PREFIX) && has(&format!("\"f:{PREFIX}{key}\""));
        Ok(Self {
            backends: has("\"f:backends\"") || has("\"f:rules\""),
            orders: owns_annotation(OVERRIDE) || owns_annotation(PRIMARY_SERVICE),
        })
    }
}

/// The labels of an object. A list is smaller than a map, since an object has few.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    /// Returns the value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.as_str())
    }

    /// Whether there is such a label.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Whether there are no labels.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns keys and values.
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

/// The prefixes of the annotations of GitOps tools that say whether they own an object.
const GITOPS_PREFIXES: [&str; 4] = [
    "argocd.argoproj.io/tracking-id",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "meta.helm.sh/release-name",
];

/// The prefixes of Linkerd's annotations for retries and circuit breakers.
const LINKERD_PREFIXES: [&str; 2] = ["retry.linkerd.io/", "balancer.linkerd.io/failure-accrual"];

/// The annotations with the prefix of this tool, those of GitOps tools, and those of Linkerd for
/// retries and circuit breakers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations {
    /// The object has annotations, this tool's or others: a patch has to create a missing map.
    pub exist: bool,
    /// The annotations of GitOps tools that matter to [`Meta::gitops_owner`].
    gitops: Vec<(String, String)>,
    linkerds: Vec<(String, String)>,
    own: Vec<(String, String)>,
}

impl Annotations {
    /// Returns the value of an annotation of a GitOps tool.
    pub(super) fn gitops(&self, key: &str) -> Option<&str> {
        find(&self.gitops, key)
    }

    /// Returns the value of an annotation of Linkerd's for retries or circuit breakers.
    pub fn linkerds(&self, key: &str) -> Option<&str> {
        find(&self.linkerds, key)
    }

    /// Whether an annotation of this tool's or of Linkerd's exists, by full key.
    pub(super) fn has(&self, full_key: &str) -> bool {
        let own = full_key.strip_prefix(PREFIX);
        own.map_or_else(|| self.linkerds(full_key), |key| self.get(key))
            .is_some()
    }

    /// Returns the value of `failover.linkerd.io/KEY`.
    pub fn get(&self, key: &str) -> Option<&str> {
        find(&self.own, key)
    }
}

fn find<'a>(annotations: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let mut known = annotations.iter();
    known
        .find(|(known, _)| known == key)
        .map(|(_, value)| value.as_str())
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
                    if let Some(own) = key.strip_prefix(PREFIX) {
                        annotations.own.push((own.to_owned(), value));
                    } else if GITOPS_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
                        annotations.gitops.push((key, value));
                    } else if LINKERD_PREFIXES
                        .iter()
                        .any(|prefix| key.starts_with(prefix))
                    {
                        annotations.linkerds.push((key, value));
                    }
                }
                annotations.own.shrink_to_fit();
                Ok(annotations)
            }
        }
        deserializer.deserialize_any(OwnOnly)
    }
}
