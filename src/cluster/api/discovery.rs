//! Discovery: the API server's version, and the groups and resources that it serves.

use serde::Deserialize;

use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::cluster::transport::served_versions::ResourceList;
use crate::resource::KindInfo;

/// The API server's version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    pub git_version: String,
    major: String,
    /// Some providers add a `+`.
    minor: String,
}

impl Version {
    /// Returns the major and minor version, if they are numbers.
    pub fn numbers(&self) -> Option<(u32, u32)> {
        let digits = |text: &str| {
            let end = text
                .find(|character: char| !character.is_ascii_digit())
                .unwrap_or(text.len());
            text.get(..end)?.parse().ok()
        };
        Some((digits(&self.major)?, digits(&self.minor)?))
    }
}

pub async fn version(cluster: &Cluster) -> RequestResult<Version> {
    cluster.get_path("/version").await
}

/// The API groups and their versions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApiGroups {
    groups: Vec<ApiGroup>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct ApiGroup {
    name: String,
    #[serde(default)]
    versions: Vec<ApiVersion>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct ApiVersion {
    version: String,
}

impl ApiGroups {
    /// Returns the versions of a group, the preferred one first. Empty if the server does not serve
    /// the group.
    pub fn versions(&self, name: &str) -> Vec<&str> {
        let group = self.groups.iter().find(|group| group.name == name);
        group
            .into_iter()
            .flat_map(|group| &group.versions)
            .map(|version| version.version.as_str())
            .collect()
    }

    /// Returns true if the server serves a version of the kind's group that has every field that a
    /// group needs.
    pub fn serve_kind(&self, kind: &KindInfo) -> bool {
        let served = self.versions(kind.group());
        kind.versions.iter().any(|version| served.contains(version))
    }

    /// Returns true if the server serves this version of a group, such as `discovery.k8s.io/v1`.
    pub fn serve(&self, api_version: &str) -> bool {
        api_version
            .split_once('/')
            .is_some_and(|(group, version)| self.versions(group).contains(&version))
    }
}

pub async fn api_groups(cluster: &Cluster) -> RequestResult<ApiGroups> {
    cluster.get_path("/apis").await
}

/// Returns true if the server serves a resource in a version of a group, such as
/// `serviceprofiles` in `linkerd.io/v1alpha2`.
pub async fn serves(cluster: &Cluster, api_version: &str, plural: &str) -> RequestResult<bool> {
    let path = format!("/apis/{api_version}");
    match cluster.get_path::<ResourceList>(&path).await {
        Ok(list) => Ok(list.has(plural)),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_with_a_provider_suffix_are_numbers() {
        let numbers = |major: &str, minor: &str| {
            let version = Version {
                git_version: String::new(),
                major: major.into(),
                minor: minor.into(),
            };
            version.numbers()
        };
        assert_eq!(numbers("1", "33"), Some((1, 33)));
        assert_eq!(numbers("1", "27+"), Some((1, 27)));
        assert_eq!(numbers("", ""), None);
    }
}
