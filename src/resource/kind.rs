//! The names of a kind of object that defines groups.

use crate::model::Carrier;

/// The names of a kind of object.
#[derive(Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// As in a manifest: `TrafficSplit`.
    pub kind: &'static str,
    /// How Linkerd's proxies treat the kind.
    pub carrier: Carrier,
    /// The unique name: the singular, with the API group if another kind has the same singular.
    pub name: &'static str,
    /// As in a manifest, with the preferred version: `split.smi-spec.io/v1alpha2`.
    pub api_version: &'static str,
    /// The versions that have every field that a group needs, the preferred one first.
    pub versions: &'static [&'static str],
    /// As in a URL, with the preferred version: `apis/split.smi-spec.io/v1alpha2`.
    pub api: &'static str,
    /// Such as `trafficsplits`.
    pub plural: &'static str,
    /// Such as `trafficsplit`.
    pub singular: &'static str,
    /// The short name, such as `ts`, or empty.
    pub short: &'static str,
    /// Name of the CustomResourceDefinition.
    pub crd: &'static str,
    /// The annotation with the responses that Linkerd retries; none if it retries none.
    pub retry_key: Option<&'static str>,
    /// What installs that definition, and the URL of its installation guide.
    pub source: (&'static str, &'static str),
}

impl KindInfo {
    /// Returns the API group.
    pub fn group(&self) -> &'static str {
        self.api_version.split('/').next().unwrap_or_default()
    }

    /// Returns the preferred version.
    pub fn version(&self) -> &'static str {
        self.api_version.split('/').nth(1).unwrap_or_default()
    }

    /// Returns the name that is unambiguous for kubectl: `httproute.gateway.networking.k8s.io`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.singular, self.group())
    }

    /// Whether `word` is a name of the kind. Two kinds may share one.
    pub fn is_called(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        !word.is_empty()
            && ([self.name, self.singular, self.plural, self.short, self.crd]
                .contains(&word.as_str())
                || self.full_name() == word)
    }
}
