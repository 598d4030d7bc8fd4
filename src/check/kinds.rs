//! Checks which kinds that can define groups the cluster serves.

use futures::future::join_all;

use super::complaints::complaints;
use crate::cluster::api::discovery::ApiGroups;
use crate::cluster::{Cluster, RequestResult};
use crate::model::check::{Category, CheckResult};
use crate::resource::{KINDS, KindInfo};

/// Checks the kinds. Also returns whether groups can exist.
pub async fn check(cluster: &Cluster, apis: &ApiGroups) -> (Category, bool) {
    let infos = KINDS.iter().map(|kind| kind.info());
    let served = infos.map(async |info| (info, cluster.served_version(info).await));
    let kinds = join_all(served).await;
    let can_have_groups = kinds
        .iter()
        .any(|(_, served)| matches!(served, Ok(Some(_))));
    let checks = kinds
        .iter()
        .map(|(info, served)| kind(cluster, apis, info, served, can_have_groups));
    let category = Category {
        name: "failover-kinds",
        checks: checks.collect(),
    };
    (category, can_have_groups)
}

/// One kind is enough: a missing kind is an error only if the cluster serves no other kind.
fn kind(
    cluster: &Cluster,
    apis: &ApiGroups,
    info: &KindInfo,
    served: &RequestResult<Option<&'static str>>,
    is_optional: bool,
) -> CheckResult {
    let KindInfo { kind, crd, .. } = info;
    let group = info.group();
    let versions = apis.versions(group).join(", ");
    let named = format!("{kind}s of {group}");
    let complaints = match served {
        Ok(Some(version)) => {
            return CheckResult::success(format!("{named} can be used ({version})"));
        }
        Ok(None) if !versions.is_empty() && !apis.serve_kind(info) => {
            let usable = info.versions.join(" or ");
            vec![format!(
                "{crd} is served as {versions}, not as {usable}; upgrade the \
                 CustomResourceDefinition"
            )]
        }
        Ok(None) if is_optional => {
            return CheckResult::success(format!("{named}: not installed (optional)"));
        }
        Ok(None) => vec![if versions.is_empty() {
            format!("the CustomResourceDefinition {crd} is not installed")
        } else {
            format!("{crd} is listed but not served: it is being installed or removed; check again")
        }],
        Err(error) => complaints(cluster, error),
    };
    let description = format!("{named} can be used");
    if is_optional {
        return CheckResult::warning(description, complaints);
    }
    CheckResult::error(description, complaints).hint(info.source.1)
}
