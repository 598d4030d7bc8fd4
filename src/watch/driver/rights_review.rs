//! The review of the user's rights to patch groups (SelfSubjectAccessReview).

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use futures::future::join_all;

use crate::cluster::Cluster;
use crate::cluster::api::access_review;
use crate::cluster::api::access_review::ResourceAction;
use crate::resource::KINDS;

/// The time limit of a review.
const REVIEW_TIMEOUT: Duration = Duration::from_secs(5);

/// What is known of the rights to patch groups.
#[derive(Debug, Default)]
pub struct RightsReview {
    /// The kinds that may not be patched in the whole scope of the `watch`, but perhaps in some
    /// namespaces of it.
    pub(super) limited: BTreeSet<&'static str>,
    /// The namespaces whose Leases wait for a review.
    pub(super) waiting: HashSet<String>,
    /// The namespaces that are being reviewed.
    pub(super) in_flight: HashSet<String>,
    pub(super) asked: Duration,
}

impl RightsReview {
    /// `limited`: the kinds that may not be patched in the whole scope.
    pub fn after(limited: BTreeSet<&'static str>) -> Self {
        Self {
            limited,
            ..Self::default()
        }
    }
}

/// Returns the kinds that may not be patched. If that cannot be found out, a write
/// will show it.
pub async fn denied_kinds(cluster: &Cluster, namespace: Option<&str>) -> BTreeSet<&'static str> {
    let cluster = cluster.limited(REVIEW_TIMEOUT);
    let infos = KINDS.iter().map(|kind| kind.info());
    let reviews = infos.map(|info| {
        let action = ResourceAction {
            verb: "patch",
            group: info.group(),
            resource: info.plural,
            name: None,
            namespace: namespace.map(str::to_owned),
        };
        let cluster = &cluster;
        async move {
            let answer = access_review::allows(cluster, &action).await;
            matches!(answer, Ok(false)).then_some(info.name)
        }
    });
    join_all(reviews).await.into_iter().flatten().collect()
}
