//! Which of the planned changes the user may not write: asked before the plan is shown.

use std::collections::{HashMap, HashSet};

use futures::{StreamExt as _, stream};

use crate::changes::order::ChangePlan;
use crate::changes::plan::PlannedChange;
use crate::changes::preflight::MAX_CONCURRENT_GROUPS;
use crate::changes::refusal::Refusal;
use crate::cluster::Cluster;
use crate::cluster::api::access_review::{ResourceAction, allows};
use crate::resource::Kind;
use crate::text::word;

/// Refuses the changes that the user may not write. What the API server does not tell is left to
/// the write.
pub async fn refuse_forbidden(cluster: &Cluster, command: &str, planned: &mut [PlannedChange]) {
    let forbidden = forbidden(cluster, planned).await;
    for change in planned.iter_mut().filter(|change| change.is_change()) {
        let namespace = &change.record.meta.namespace;
        let info = change.record.kind.info();
        if !forbidden.contains(&(Some(namespace.clone()), info.plural)) {
            continue;
        }
        let namespace = word(namespace);
        change.plan = Err::<ChangePlan, _>(Refusal::new(
            format!(
                "Forbidden: cannot patch {} in namespace {namespace}",
                info.plural
            ),
            format!(
                "ask an administrator to grant it: kubectl failover check --rbac {command} {}",
                cluster.reach.within(&change.record.meta.namespace)
            ),
        ));
    }
}

/// A namespace, or none for all, and the plural of a kind.
type Place = (Option<String>, &'static str);

async fn forbidden(cluster: &Cluster, planned: &[PlannedChange]) -> HashSet<Place> {
    let changes = planned.iter().filter(|change| change.is_change());
    let kinds: HashMap<&str, &dyn Kind> = changes
        .clone()
        .map(|change| (change.record.kind.info().plural, change.record.kind))
        .collect();
    let everywhere = kinds.values().map(|kind| (None, *kind));
    let denied = denied(cluster, everywhere).await;
    let places: HashMap<Place, &dyn Kind> = changes
        .map(|change| {
            let kind = change.record.kind;
            let namespace = change.record.meta.namespace.clone();
            ((Some(namespace), kind.info().plural), kind)
        })
        .filter(|((_, plural), _)| denied.contains(&(None, *plural)))
        .collect();
    let places = places
        .into_iter()
        .map(|((namespace, _), kind)| (namespace, kind));
    self::denied(cluster, places).await
}

/// Returns where the user may not patch objects of a kind.
async fn denied(
    cluster: &Cluster,
    places: impl IntoIterator<Item = (Option<String>, &'static dyn Kind)>,
) -> HashSet<Place> {
    let reviews = places.into_iter().map(async |(namespace, kind)| {
        let info = kind.info();
        let action = ResourceAction {
            verb: "patch",
            group: info.group(),
            resource: info.plural,
            name: None,
            namespace: namespace.clone(),
        };
        let is_allowed = allows(cluster, &action).await.unwrap_or(true);
        (!is_allowed).then_some((namespace, info.plural))
    });
    let reviews = stream::iter(reviews).buffer_unordered(MAX_CONCURRENT_GROUPS);
    reviews.filter_map(async |it| it).collect().await
}
