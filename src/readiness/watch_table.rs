//! The watches of the cache, indexed by cluster and namespace (like an indexer in client-go).

use std::collections::{BTreeMap, HashMap};

use super::scope::{SliceWatchId, WatchPlace};
use super::slice_watch::SliceWatch;
use crate::model::ServiceRef;

/// Watches, oldest first.
#[derive(Debug, Default)]
pub struct WatchTable {
    by_id: BTreeMap<SliceWatchId, SliceWatch>,
    by_place: HashMap<WatchPlace, Vec<SliceWatchId>>,
}

impl WatchTable {
    pub fn insert(&mut self, watch: SliceWatch) {
        let ids = self.by_place.entry(watch.scope.place()).or_default();
        ids.push(watch.id);
        self.by_id.insert(watch.id, watch);
    }

    pub fn get(&self, id: SliceWatchId) -> Option<&SliceWatch> {
        self.by_id.get(&id)
    }

    pub fn get_mut(&mut self, id: SliceWatchId) -> Option<&mut SliceWatch> {
        self.by_id.get_mut(&id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &SliceWatch> {
        self.by_id.values()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut SliceWatch> {
        self.by_id.values_mut()
    }

    /// Returns the watches of a namespace and those of its whole cluster.
    pub fn of_namespace(
        &self,
        cluster: Option<&str>,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &SliceWatch> {
        let place = |namespace: Option<&str>| {
            let place = (cluster.map(str::to_owned), namespace.map(str::to_owned));
            self.by_place.get(&place).map_or(&[][..], Vec::as_slice)
        };
        let within = namespace.map_or(&[][..], |namespace| place(Some(namespace)));
        let ids = within.iter().chain(place(None));
        ids.filter_map(|id| self.by_id.get(id))
    }

    /// Returns the watches that cover a service.
    pub fn covering(
        &self,
        cluster: Option<&str>,
        service: &ServiceRef,
    ) -> impl Iterator<Item = &SliceWatch> {
        self.of_namespace(cluster, Some(&service.namespace))
            .filter(move |watch| watch.scope.covers(cluster, service))
    }

    /// Removes these watches.
    pub fn remove(&mut self, ids: &[SliceWatchId]) {
        for id in ids {
            let Some(watch) = self.by_id.remove(id) else {
                continue;
            };
            let place = watch.scope.place();
            if let Some(ids) = self.by_place.get_mut(&place) {
                ids.retain(|other| other != id);
                if ids.is_empty() {
                    self.by_place.remove(&place);
                }
            }
        }
    }

    /// Removes all watches. Returns which.
    pub fn clear(&mut self) -> Vec<SliceWatchId> {
        self.by_place.clear();
        std::mem::take(&mut self.by_id).into_keys().collect()
    }
}
