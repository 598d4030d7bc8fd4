//! Which of the planned changes the user may not write: asked before the plan is shown.

use std::collections::{HashMap, HashSet};

use futures::{StreamExt as _, stream};

use crate::changes::plan::PlannedChange;
use crate::changes::preflight::MAX_CONCURRENT_GROUPS;
use crate::changes::refusal::Refusal;
use crate::cluster::Cluster;
use crate::cluster::api::access_review::{ResourceAction, allows};
use crate::resource::{Kind, Record};
use crate::text::word;

/// The kinds of objects, by their plurals, that the user may not patch in all namespaces.
pub struct DeniedKinds(HashSet<Place>);

/// Asks about the kinds of these objects.
pub async fn review(cluster: &Cluster, records: &[Record]) -> DeniedKinds {
    let kinds = records
        .iter()
        .map(|record| (record.kind.info().plural, record.kind));
    let kinds: HashMap<&str, &dyn Kind> = kinds.collect();
    let everywhere = kinds.into_values().map(|kind| (None, kind));
    DeniedKinds(denied(cluster, everywhere).await)
}

/// A namespace, or none for all, and the plural of a kind.
type Place = (Option<String>, &'static str);

impl DeniedKinds {
    /// Refuses the changes that the user may not write in their namespaces either. What the API
    /// server does not tell is left to the write.
    pub async fn refuse(&self, cluster: &Cluster, command: &str, planned: &mut [PlannedChange]) {
        let changes = planned.iter().filter(|change| change.is_change());
        let places = changes.map(|change| {
            let kind = change.record.kind;
            let namespace = change.record.meta.namespace.clone();
            ((Some(namespace), kind.info().plural), kind)
        });
        let places = places.filter(|((_, plural), _)| self.0.contains(&(None, *plural)));
        let places: HashMap<Place, &dyn Kind> = places.collect();
        let places = places.into_iter();
        let places = places.map(|((namespace, _), kind)| (namespace, kind));
        let forbidden = denied(cluster, places).await;
        for change in planned.iter_mut().filter(|change| change.is_change()) {
            let namespace = &change.record.meta.namespace;
            let plural = change.record.kind.info().plural;
            if forbidden.contains(&(Some(namespace.clone()), plural)) {
                change.plan = Err(refusal(cluster, command, plural, namespace));
            }
        }
    }
}

fn refusal(cluster: &Cluster, command: &str, plural: &str, namespace: &str) -> Refusal {
    Refusal::new(
        format!(
            "Forbidden: cannot patch {plural} in namespace {}",
            word(namespace)
        ),
        format!(
            "ask an administrator to grant it: kubectl failover check --rbac {command} {}",
            cluster.reach.within(namespace)
        ),
    )
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
