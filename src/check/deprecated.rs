//! Checks whether groups rest on TrafficSplits where Linkerd has deprecated them.

use crate::cluster::Cluster;
use crate::cluster::api::workloads::Deployment;
use crate::model::Carrier;
use crate::model::check::CheckResult;
use crate::model::fold::name_some;
use crate::resource::Record;

/// The first version whose documentation marks TrafficSplits as deprecated, and the month of the
/// edge releases that it was made of.
const DEPRECATED_SINCE: (u32, u32) = (2, 18);
const EDGE_DEPRECATED_SINCE: (u32, u32) = (25, 4);

/// Returns the version of Linkerd's control plane, as its Deployments have it.
pub fn version_of<'a>(deployments: impl IntoIterator<Item = &'a Deployment>) -> Option<String> {
    let mut deployments = deployments.into_iter();
    let destination = deployments.find(|it| it.name == "linkerd-destination")?;
    destination.version.clone()
}

/// Hints at `migrate` if there are TrafficSplits. None if Linkerd is older, or its version is not
/// known.
pub fn check(cluster: &Cluster, version: Option<&str>, records: &[Record]) -> Option<CheckResult> {
    let version = version.filter(|version| is_deprecating(version))?;
    let splits: Vec<&Record> = records
        .iter()
        .filter(|record| record.kind.info().carrier == Carrier::Split)
        .collect();
    let description = "no group rests on a TrafficSplit, which Linkerd has deprecated";
    let Some(first) = splits.first() else {
        return Some(CheckResult::success(description));
    };
    let names = name_some(splits.iter().map(|record| record.id().to_string()));
    let line = format!("Linkerd is {version}; TrafficSplits: {names}");
    let namespace = &first.meta.namespace;
    let is_one = splits
        .iter()
        .all(|split| split.meta.namespace == *namespace);
    let place = if is_one {
        cluster.reach.for_plugin(namespace)
    } else {
        cluster.reach.scoped(None)
    };
    let hint = format!("kubectl failover migrate --all --dry-run=client {place}");
    Some(CheckResult::warning(description, vec![line]).hint(hint))
}

/// Whether the documentation of this version, such as `stable-2.18.1`, `enterprise-2.19.0` or
/// `edge-26.8.3`, marks TrafficSplits as deprecated.
fn is_deprecating(version: &str) -> bool {
    let (channel, number) = version.rsplit_once('-').unwrap_or(("", version));
    let mut parts = number.split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
        return false;
    };
    if channel == "edge" {
        (major, minor) >= EDGE_DEPRECATED_SINCE
    } else {
        (major, minor) >= DEPRECATED_SINCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_channel_are_compared() {
        for version in [
            "stable-2.18.0",
            "enterprise-2.19.1",
            "2.20",
            "edge-25.4.1",
            "edge-26.8.3",
        ] {
            assert!(is_deprecating(version), "{version}");
        }
        for version in [
            "stable-2.14.10",
            "edge-25.3.4",
            "edge-24.11.8",
            "git-abc",
            "dev",
            "",
        ] {
            assert!(!is_deprecating(version), "{version}");
        }
    }
}
