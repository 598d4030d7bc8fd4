//! Which kinds of objects there are that can carry a group.

use futures::future::join_all;

use super::complaints;
use crate::cluster::discovery::{self, ApiGroups};
use crate::cluster::{Cluster, RequestResult};
use crate::model::check::{Category, CheckResult};
use crate::resource::{KINDS, KindInfo};

const SMI: &str = "https://linkerd.io/2/tasks/linkerd-smi/";

/// The routes that Linkerd knows; no group can be carried by them yet.
const ROUTES: [(&str, &str, &str); 3] = [
    ("HTTPRoute", "gateway.networking.k8s.io/v1", "httproutes"),
    ("GRPCRoute", "gateway.networking.k8s.io/v1", "grpcroutes"),
    ("HTTPRoute", "policy.linkerd.io/v1beta3", "httproutes"),
];

/// Tells too whether there can be groups at all.
pub async fn check(cluster: &Cluster, apis: &ApiGroups) -> (Category, bool) {
    let mut category = Category::new("failover-kinds");
    let kinds = KINDS.iter().map(|kind| async move {
        let info = kind.info();
        (info, discovery::serves(cluster, info.api_version, info.plural).await)
    });
    let mut can_have_groups = false;
    for (info, served) in join_all(kinds).await {
        can_have_groups |= matches!(served, Ok(true));
        category.checks.push(kind(cluster, apis, info, &served));
    }
    let routes = ROUTES
        .iter()
        .map(|(kind, api, plural)| async move { (kind, api, discovery::serves(cluster, api, plural).await) });
    for (kind, api, served) in join_all(routes).await {
        category.checks.push(route(cluster, kind, api, &served));
    }
    (category, can_have_groups)
}

fn kind(cluster: &Cluster, apis: &ApiGroups, info: &KindInfo, served: &RequestResult<bool>) -> CheckResult {
    let KindInfo { kind, api_version, crd, .. } = info;
    let (group, version) = api_version.split_once('/').unwrap_or_default();
    let versions = apis.versions(group).join(", ");
    let complaints = match served {
        Ok(true) => return CheckResult::success(format!("{kind}s can be used ({versions})")),
        Ok(false) if versions.is_empty() => {
            vec![format!(
                "the CustomResourceDefinition {crd} is not installed; Linkerd's SMI extension has it"
            )]
        }
        Ok(false) if apis.versions(group).contains(&version) => {
            vec![format!("{crd} is listed, but not served: it is coming, or on its way out; check again")]
        }
        Ok(false) => vec![format!("{crd} is served as {versions}, not as {version}; upgrade its definition")],
        Err(error) => complaints(cluster, error),
    };
    CheckResult::error(format!("{kind}s can be used"), complaints).hint(SMI)
}

/// For information alone.
fn route(cluster: &Cluster, kind: &str, api: &str, served: &RequestResult<bool>) -> CheckResult {
    let found = match served {
        Ok(true) => "present; groups cannot be carried by it yet",
        Ok(false) => "absent, and not needed",
        Err(error) => {
            return CheckResult::warning(format!("{kind} of {api} is known"), complaints(cluster, error));
        }
    };
    CheckResult::success(format!("{kind} of {api}: {found}"))
}
