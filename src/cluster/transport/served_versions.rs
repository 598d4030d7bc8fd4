//! API discovery for the kinds that carry groups: in which of its versions the server serves each
//! kind. Requests name the preferred version. Where the server does not have it, they are sent to
//! another version with the same fields.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use crate::resource::{KINDS, KindInfo};

/// The versions that the server serves instead of the preferred ones, as far as they are known.
#[derive(Debug, Default)]
pub struct ServedVersions(Mutex<HashMap<&'static str, &'static str>>);

/// The response of `/apis/GROUP`.
#[derive(Deserialize)]
pub struct GroupVersions {
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
}

/// The response of `/apis/GROUP/VERSION`.
#[derive(Deserialize)]
pub struct ResourceList {
    #[serde(default)]
    resources: Vec<ResourceName>,
}

#[derive(Deserialize)]
struct ResourceName {
    name: String,
}

impl ResourceList {
    pub fn has(&self, plural: &str) -> bool {
        self.resources
            .iter()
            .any(|resource| resource.name == plural)
    }
}

impl GroupVersions {
    /// Returns the versions of a kind that the server has for the API group, the preferred first.
    pub fn candidates(&self, kind: &KindInfo) -> Vec<&'static str> {
        let has = |version: &&'static str| self.versions.iter().any(|has| has.version == *version);
        kind.versions.iter().copied().filter(has).collect()
    }
}

impl ServedVersions {
    /// Returns the version in which requests for the kind are sent.
    pub fn of(&self, kind: &KindInfo) -> &'static str {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(kind.crd)
            .copied()
            .unwrap_or_else(|| kind.version())
    }

    pub fn set(&self, kind: &KindInfo, version: &'static str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(kind.crd, version);
    }

    /// Returns the path for the version that the server has.
    pub fn path(&self, kind: &KindInfo, path: &str) -> String {
        let (prefix, rest) = prefix(kind, path).unwrap_or_default();
        format!("{prefix}{}{rest}", self.of(kind))
    }
}

/// Returns the kind whose objects a path names, in its preferred version.
pub fn kind_of(path: &str) -> Option<&'static KindInfo> {
    let is_of = |kind: &&KindInfo| {
        let rest = prefix(kind, path).map(|(_, rest)| rest.split('?').next().unwrap_or_default());
        let segments: Vec<&str> = rest.unwrap_or_default().split('/').collect();
        match segments.as_slice() {
            ["", "namespaces", _, plural, ..] | ["", plural, ..] => *plural == kind.plural,
            _ => false,
        }
    };
    KINDS.iter().map(|kind| kind.info()).find(is_of)
}

/// Splits a path around the preferred version of a kind.
fn prefix<'a>(kind: &KindInfo, path: &'a str) -> Option<(&'a str, &'a str)> {
    let rest = path.strip_prefix(&format!("/{}", kind.api))?;
    let until_version = path.len() - rest.len() - kind.version().len();
    Some((path.get(..until_version)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{HTTP_ROUTE, Kind as _};

    #[test]
    fn paths_name_the_version_that_is_served() {
        let kind = HTTP_ROUTE.info();
        let served = ServedVersions::default();
        served.set(kind, "v1beta1");
        for (path, sent) in [
            ("httproutes?limit=500", "httproutes?limit=500"),
            ("namespaces/ns/httproutes", "namespaces/ns/httproutes"),
            (
                "namespaces/ns/httproutes/web",
                "namespaces/ns/httproutes/web",
            ),
        ] {
            let path = format!("/apis/gateway.networking.k8s.io/v1/{path}");
            assert_eq!(kind_of(&path), Some(kind), "{path}");
            let sent = format!("/apis/gateway.networking.k8s.io/v1beta1/{sent}");
            assert_eq!(served.path(kind, &path), sent);
        }
        for other in [
            "/apis/gateway.networking.k8s.io/v1",
            "/apis/gateway.networking.k8s.io/v1/gateways",
            "/apis/gateway.networking.k8s.io/v1beta1/httproutes",
            "/api/v1/namespaces/httproutes/services/httproutes",
        ] {
            assert_eq!(kind_of(other), None, "{other}");
        }
    }
}
